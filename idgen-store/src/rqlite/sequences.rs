//! Leases of numbers: the common one in one transaction and round trip; all else is decided here on
//! what a look showed, and written by a transaction that does nothing if that has changed.
//!
//! What each write insists on is as little as keeps it sound, so that a stream of leases by others
//! cannot hold it up for ever: a hand-back on the remembered lease, a tail's lease on that tail, a
//! change by hand on a bound that is not above the new one; each on the version, which every change
//! by hand draws anew. Only a lease of fresh ground that the common one left to us insists on the
//! bound itself; such are rare (near the end, very long or very wide).
//!
//! Each write draws a token and leaves it in the row, so that the look behind it in the same
//! transaction tells whether it was made. A lease may be sent again when its answer was lost: that
//! costs a gap. Nothing else is.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use idgen_core::IdRange;

use super::RqliteStore;
use super::fault::Fault;
use super::rows::{self, Found, Sequence, live};
use super::statement::Statement;
use crate::grant::Mark;
use crate::retry::pause_within;
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 64;
/// The pause before a later try at the longest.
const PAUSE: Duration = Duration::from_millis(8);

/// Lets those who met part.
async fn part(made: u32) {
    if made > 1 {
        tokio::time::sleep(pause_within(PAUSE)).await;
    }
}

fn in_the_way(name: &Name) -> Fault {
    Fault::Answer(StoreError::Unavailable(format!(
        "others changed sequence '{name}' {TRIES} times before this request could; retry"
    )))
}

type Seen = Option<(Found, Option<IdRange>)>;

impl RqliteStore {
    /// Makes a change whose last statement looks at the row.
    async fn made(&self, statements: &[Statement], repeatable: bool) -> Result<Seen, Fault> {
        let rows = self.cluster.change(statements, repeatable).await?;
        rows::seen(rows.last().expect("a look is among them"))
    }

    async fn look(&self, sequence: &Sequence<'_>, above: u64) -> Result<Seen, Fault> {
        rows::seen(&self.cluster.look(&[sequence.look(above)]).await?[0])
    }

    async fn grant(&self, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
        let sequence = self.sequence(name);
        let token = rows::token();
        let mut seen = match sequence.lease(&token, len, above) {
            Some(common) => self.made(&common, true).await?,
            None => self.look(&sequence, above).await?,
        };
        if let Some((found, _)) = seen.as_ref().filter(|(found, _)| found.is_of(&token)) {
            return found.granted(len);
        }
        for made in 0..TRIES {
            let (found, tail) = live(name, seen)?;
            let mut mark = found.mark.clone();
            let grant = mark.lease(name, len, above, tail)?;
            let token = rows::token();
            let write = sequence.grant(&token, &found, &mark, &grant, tail);
            match self.made(&write, true).await? {
                Some((found, _)) if found.is_of(&token) => {
                    return Ok(Lease { range: grant.range, serial: found.mark.serial });
                }
                _ => part(made).await,
            }
            seen = self.look(&sequence, above).await?;
        }
        Err(in_the_way(name))
    }

    async fn take_back(&self, name: &Name, tail: &Lease) -> Result<(), Fault> {
        let sequence = self.sequence(name);
        for made in 0..TRIES {
            let look = [sequence.look(u64::MAX), sequence.remembered(tail.serial)];
            let told = self.cluster.look(&look).await?;
            let (mut found, _) = live(name, rows::seen(&told[0])?)?;
            let lease = told[1].first().map(|row| rows::range(&found, row)).transpose()?;
            let end = found.mark.hand_back(name, lease, tail)?;
            let token = rows::token();
            let write = sequence.hand_back(&token, &found, tail, &end);
            match self.made(&write, false).await? {
                Some((found, _)) if found.is_of(&token) => return Ok(()),
                _ => part(made).await,
            }
        }
        Err(in_the_way(name))
    }

    /// Has `decide` make the row anew, without tails or remembered leases; `None` if it stands as
    /// it is.
    async fn place<T>(
        &self,
        name: &Name,
        decide: impl Fn(Option<Mark>) -> Result<(Option<Mark>, T), StoreError>,
    ) -> Result<T, Fault> {
        let sequence = self.sequence(name);
        for made in 0..TRIES {
            let found = self.look(&sequence, u64::MAX).await?.map(|(found, _)| found);
            let (mark, told) = decide(found.as_ref().map(|found| found.mark.clone()))?;
            let Some(mark) = mark else { return Ok(told) };
            let token = rows::token();
            let write = sequence.place(&token, found.as_ref(), &mark);
            match self.made(&write, false).await? {
                Some((found, _)) if found.is_of(&token) => return Ok(told),
                _ => part(made).await,
            }
        }
        Err(in_the_way(name))
    }

    /// Applies a change by hand to a sequence that is there.
    async fn change<T>(
        &self,
        name: &Name,
        by: impl Fn(&mut Mark) -> Result<T, StoreError>,
    ) -> Result<T, Fault> {
        let unknown = || StoreError::Unknown { name: name.clone() };
        self.place(name, |mark| {
            let mut mark = mark.ok_or_else(unknown)?;
            mark.check_live(name)?;
            let told = by(&mut mark)?;
            Ok((Some(mark), told))
        })
        .await
    }

    /// Has `decide` make the row anew and tells of it.
    async fn placed(
        &self,
        name: &Name,
        decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
    ) -> Result<SequenceInfo, Fault> {
        self.place(name, |mark| Ok((decide(mark)?, ()))).await?;
        let found = self.infos(Some(name)).await?.pop();
        found.ok_or_else(|| StoreError::Unknown { name: name.clone() }.into())
    }

    /// The sequences that are told of: that of a name, or all, in one look.
    async fn infos(&self, name: Option<&Name>) -> Result<Vec<SequenceInfo>, Fault> {
        let rows = self.cluster.look(&[rows::listing(&self.cluster.settings.prefix, name)]).await?;
        let mut found = BTreeMap::new();
        for row in &rows[0] {
            let (name, one) = rows::read(row)?;
            if !one.mark.is_listed() {
                continue;
            }
            let info = found.entry(name.clone()).or_insert_with(|| one.mark.info(&name, 0));
            let sum = info.returned.checked_add(rows::returned(row)?);
            info.returned = sum.ok_or_else(|| Fault::Damaged("its tails overlap".to_owned()))?;
        }
        Ok(found.into_values().collect())
    }

    fn sequence(&self, name: &Name) -> Sequence<'_> {
        Sequence::new(&self.cluster.settings.prefix, name)
    }

    /// Waits for a request's work, once the tables are there.
    async fn run<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, StoreError> {
        let place = &self.cluster.settings.place;
        self.ensure().await.map_err(|fault| fault.tell(place))?;
        work.await.map_err(|fault| fault.tell(place))
    }
}

#[async_trait]
impl SequenceStore for RqliteStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.run(self.read_identity()).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let create = |mark| {
            let mark = Mark::create(mark, name, definition)?;
            let told = if mark.is_some() { Created::New } else { Created::Unchanged };
            Ok((mark, told))
        };
        self.run(self.place(name, create)).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.run(self.grant(name, len, above)).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.run(self.take_back(name, tail)).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.run(self.change(name, |mark| mark.advance_to(name, above))).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.run(self.change(name, |mark| mark.alter(name, alteration))).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.run(self.infos(None)).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let found = self.run(self.infos(Some(name))).await?.pop();
        found.ok_or_else(|| StoreError::Unknown { name: name.clone() })
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let delete = |mark: &mut Mark| {
            mark.deleted = true;
            Ok(())
        };
        self.run(self.change(name, delete)).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        self.run(self.placed(name, |mark| Mark::move_away(mark, name, to))).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.run(self.placed(name, |mark| Mark::move_in(mark, name, arrival))).await
    }
}
