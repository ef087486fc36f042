//! What a store decides when a sequence moves to another store, or comes from one.
//!
//! A moved sequence leaves a *tombstone*: its mark, deleted as far as a lease can see, with the
//! place where it goes on. The place is set before the sequence is taken in there, so that at every
//! moment one store at most leases. Taking in is one step as well, and raises only: both may be
//! repeated after a death at any point.

use crate::grant::Mark;
use crate::{Arrival, Definition, Name, SequenceInfo, SequenceStore, StoreError};

/// The longest place that a tombstone names, in bytes.
const LONGEST_PLACE: usize = 1024;

impl Definition {
    /// Whether both count the same numbers from some number on, in the same order over nodes.
    pub(crate) fn goes_on_as(&self, other: &Self) -> bool {
        let but_first = |of: &Self| (of.increment(), of.offset(), of.end(), of.order());
        but_first(self) == but_first(other)
    }
}

impl Mark {
    /// Whether the sequence is told of: all but those that were deleted.
    pub(crate) fn is_listed(&self) -> bool {
        !self.deleted || self.moved_to.is_some()
    }

    /// Why nothing can be done with a sequence that was moved or deleted.
    pub(crate) fn check_live(&self, name: &Name) -> Result<(), StoreError> {
        match &self.moved_to {
            Some(to) => Err(StoreError::Moved { name: name.clone(), to: to.clone() }),
            None if self.deleted => Err(StoreError::Unknown { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// The row as a tombstone that names `to`; `None` if it is that one already.
    pub(crate) fn move_away(
        existing: Option<Self>,
        name: &Name,
        to: &str,
    ) -> Result<Option<Self>, StoreError> {
        check_place(name, to)?;
        let unknown = || StoreError::Unknown { name: name.clone() };
        let mut mark = existing.ok_or_else(unknown)?;
        if mark.moved_to.as_deref() == Some(to) {
            return Ok(None);
        }
        mark.check_live(name)?;
        mark.deleted = true;
        mark.moved_to = Some(to.to_owned());
        Ok(Some(mark))
    }

    /// The row after the sequence has come in; `None` if it stands as it is.
    pub(crate) fn move_in(
        existing: Option<Self>,
        name: &Name,
        arrival: &Arrival,
    ) -> Result<Option<Self>, StoreError> {
        let definition = arrival.definition;
        let bound = arrival.bound.max(definition.start_bound());
        let Some(mut mark) = existing else {
            return Ok(Some(Self { definition, bound, serial: 0, deleted: false, moved_to: None }));
        };
        if mark.moved_to.as_ref().is_some_and(|to| *to == arrival.from) {
            (mark.deleted, mark.moved_to, mark.definition) = (false, None, definition);
        } else if mark.deleted && mark.moved_to.is_none() {
            (mark.deleted, mark.definition) = (false, definition);
        } else {
            mark.check_live(name)?;
            check_fits(name, &mark.definition, arrival)?;
            if mark.bound >= bound {
                return Ok(None);
            }
        }
        mark.bound = mark.bound.max(bound);
        Ok(Some(mark))
    }
}

pub(crate) fn check_place(name: &Name, to: &str) -> Result<(), StoreError> {
    if !to.is_empty() && to.len() <= LONGEST_PLACE && !to.contains(char::is_control) {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "the place that sequence '{name}' moves to has 1 to {LONGEST_PLACE} bytes and no control \
         characters, unlike this one of {} bytes; write its URL otherwise",
        to.len()
    )))
}

/// Whether a sequence that stands as `existing` may go on as the one that comes.
pub(crate) fn check_fits(
    name: &Name,
    existing: &Definition,
    arrival: &Arrival,
) -> Result<(), StoreError> {
    if existing.goes_on_as(&arrival.definition) {
        return Ok(());
    }
    Err(StoreError::Conflict { name: name.clone(), existing: *existing })
}

/// Whether a store would take the sequence in, as far as it tells.
pub(crate) async fn check_arrival<S: SequenceStore + ?Sized>(
    store: &S,
    name: &Name,
    arrival: &Arrival,
) -> Result<(), StoreError> {
    match store.describe(name).await {
        Err(StoreError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(SequenceInfo { moved_to: Some(to), .. }) if to == arrival.from => Ok(()),
        Ok(SequenceInfo { moved_to: Some(to), .. }) => {
            Err(StoreError::Moved { name: name.clone(), to })
        }
        Ok(info) => check_fits(name, &info.definition, arrival),
    }
}

/// Taking in for a form without a step of its own for it.
pub(crate) async fn move_in<S: SequenceStore + ?Sized>(
    store: &S,
    name: &Name,
    arrival: &Arrival,
) -> Result<SequenceInfo, StoreError> {
    store.check_arrival(name, arrival).await?;
    if let Err(StoreError::Unknown { .. }) = store.describe(name).await {
        store.create(name, &begun_above(name, arrival)?).await?;
    }
    let info = store.describe(name).await?;
    if info.bound >= arrival.bound {
        return Ok(info);
    }
    match store.advance_to(name, arrival.bound).await {
        // Others have raised it further meanwhile.
        Ok(()) | Err(StoreError::WouldLower { .. }) => store.describe(name).await,
        Err(error) => Err(error),
    }
}

/// The definition of a sequence all of whose ids lie above the bound.
pub(crate) fn begun_above(name: &Name, arrival: &Arrival) -> Result<Definition, StoreError> {
    let Arrival { definition, bound, .. } = arrival;
    let Some(first) = definition.next_after(*bound) else {
        return Err(StoreError::Refused(format!(
            "sequence '{name}' has granted its last id, {bound}, and this form cannot hold a \
             sequence without ids; leave it where it is"
        )));
    };
    Definition::new(
        first,
        definition.increment(),
        definition.offset(),
        definition.end(),
        definition.order(),
    )
    .map_err(|error| StoreError::Refused(format!("sequence '{name}': {error}")))
}
