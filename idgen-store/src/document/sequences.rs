//! Leases of numbers over documents.

use async_trait::async_trait;

use super::{Decision, DocumentStore, Documents};
use crate::grant::Mark;
use crate::ledger::Ledger;
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

/// The ledger of a sequence that is there, to be changed.
fn live(found: Option<&Ledger>, name: &Name) -> Result<Ledger, StoreError> {
    let known = found.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
    known.mark.check_live(name)?;
    Ok(known.clone())
}

/// A change by hand, which gives up tails and remembered leases.
fn by_hand<T>(
    found: Option<&Ledger>,
    name: &Name,
    by: impl FnOnce(&mut Mark) -> Result<T, StoreError>,
) -> Decision<T> {
    let mut ledger = live(found, name)?;
    let told = by(&mut ledger.mark)?;
    ledger.give_up_tails();
    Ok((told, Some(ledger)))
}

fn create(found: Option<&Ledger>, name: &Name, definition: &Definition) -> Decision<Created> {
    let existing = found.map(|ledger| ledger.mark.clone());
    Ok(match Mark::create(existing, name, definition)? {
        Some(mark) => (Created::New, Some(Ledger::of(mark))),
        None => (Created::Unchanged, None),
    })
}

/// A mark that was made anew, or stands as it is, and what is told of the sequence then.
fn placed(
    found: Option<&Ledger>,
    name: &Name,
    made: Result<Option<Mark>, StoreError>,
) -> Decision<SequenceInfo> {
    let made = made?.map(Ledger::of);
    let now = made.as_ref().or(found).ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
    Ok((now.info(name), made))
}

#[async_trait]
impl<D: Documents> SequenceStore for DocumentStore<D> {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.limited(self.documents.identity()).await
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.documents.notes())
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.change(name, |found| create(found, name, definition)).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        let lease = |found: Option<&Ledger>| {
            let mut ledger = live(found, name)?;
            let lease = ledger.lease(name, len, above)?;
            Ok((lease, Some(ledger)))
        };
        self.change(name, lease).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        let hand_back = |found: Option<&Ledger>| {
            let mut ledger = live(found, name)?;
            ledger.hand_back(name, tail)?;
            Ok(((), Some(ledger)))
        };
        self.change(name, hand_back).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.look(name).await.map(|info| info.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let advance = |mark: &mut Mark| mark.advance_to(name, above);
        self.change(name, |found| by_hand(found, name, advance)).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        let alter = |mark: &mut Mark| mark.alter(name, alteration);
        self.change(name, |found| by_hand(found, name, alter)).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.list_all().await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.look(name).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let delete = |mark: &mut Mark| {
            mark.deleted = true;
            Ok(())
        };
        self.change(name, |found| by_hand(found, name, delete)).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let decide = |found: Option<&Ledger>| {
            let mark = found.map(|ledger| ledger.mark.clone());
            placed(found, name, Mark::move_away(mark, name, to))
        };
        self.change(name, decide).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let decide = |found: Option<&Ledger>| {
            let mark = found.map(|ledger| ledger.mark.clone());
            placed(found, name, Mark::move_in(mark, name, arrival))
        };
        self.change(name, decide).await
    }
}
