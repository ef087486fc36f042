//! What a sequence store decides, apart from where it keeps its rows.
//!
//! A sequence is one row, its *mark*: definition, bound, serial, deleted or not, and where it was
//! moved to, if it was: then it is deleted too, so that a lease needs to look at one flag only.
//! Beside it stand two small sets:
//!
//! - *tails*: stretches below the bound that came back and may be granted once more;
//! - *remembered leases*: serial and range of the last [`REMEMBERED`] leases. A hand-back is taken
//!   only if it names one of them and ends where that lease ends; the lease is then forgotten. So
//!   the same tail sent twice, or sent again after its ground went to another node, is refused:
//!   without that memory a repeat would look like any stretch below the bound.
//!
//! `lease` grants the lowest tail above the caller's `above`, cut to the length asked for, else
//! fresh ground above both `above` and the bound. Whatever moves the bound by hand or changes the
//! progression (advance, alter, delete) drops tails and remembered leases together: a late
//! hand-back must not bring back ground that an operator has moved past.

use idgen_core::IdRange;

use crate::{Alteration, Definition, Lease, Name, Order, SequenceInfo, StoreError};

/// How many serials back a lease may be handed back; an older rest is a gap.
pub(crate) const REMEMBERED: u64 = 16_384;

/// The row of one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) definition: Definition,
    pub(crate) bound: u64,
    pub(crate) serial: u64,
    pub(crate) deleted: bool,
    pub(crate) moved_to: Option<String>,
}

/// Where a lease was cut from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Above the bound.
    Fresh,
    /// A returned tail that started there; what the lease leaves of it stays a tail.
    Tail { start: u64, rest: Option<IdRange> },
}

/// One granted lease, to be written down before it is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) range: IdRange,
    pub(crate) serial: u64,
    pub(crate) ground: Ground,
}

impl Grant {
    /// Whether the lease may be handed back; strict sequences take nothing back.
    pub(crate) fn remembered(&self, mark: &Mark) -> bool {
        mark.definition.order() == Order::Leased
    }

    /// The highest serial that is forgotten with this grant.
    pub(crate) fn forgotten(&self) -> Option<u64> {
        self.serial.checked_sub(REMEMBERED)
    }
}

impl Mark {
    /// The row after a creation; `None` if it stands as it is.
    pub(crate) fn create(
        existing: Option<Self>,
        name: &Name,
        definition: &Definition,
    ) -> Result<Option<Self>, StoreError> {
        let start = definition.start_bound();
        let Some(mut mark) = existing else {
            let (definition, bound) = (*definition, start);
            return Ok(Some(Self { definition, bound, serial: 0, deleted: false, moved_to: None }));
        };
        if mark.is_listed() {
            mark.check_live(name)?;
            if mark.definition == *definition {
                return Ok(None);
            }
            return Err(StoreError::Conflict { name: name.clone(), existing: mark.definition });
        }
        mark.bound = mark.bound.max(start);
        if definition.next_after(mark.bound).is_none() {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' was deleted after it had granted ids up to {}; a new one goes \
                 on above that, so choose an end that leaves room or another name",
                mark.bound
            )));
        }
        mark.definition = *definition;
        mark.deleted = false;
        Ok(Some(mark))
    }

    /// A lease of up to `len` ids above `above`, from `tail` (the lowest that lies above `above`)
    /// or from fresh ground.
    pub(crate) fn lease(
        &mut self,
        name: &Name,
        len: u64,
        above: u64,
        tail: Option<IdRange>,
    ) -> Result<Grant, StoreError> {
        if len == 0 {
            return Err(StoreError::Refused(format!(
                "a lease of sequence '{name}' holds at least 1 id, not 0; ask for 1 or more"
            )));
        }
        let tail =
            tail.filter(|tail| tail.start() > above && self.definition.order() == Order::Leased);
        let (range, ground) = match tail {
            Some(tail) => split(tail, len),
            None => (self.fresh(name, len, above)?, Ground::Fresh),
        };
        self.bound = self.bound.max(range.last());
        self.serial = self.next_serial(name)?;
        Ok(Grant { range, serial: self.serial, ground })
    }

    fn fresh(&self, name: &Name, len: u64, above: u64) -> Result<IdRange, StoreError> {
        let exhausted = || StoreError::Exhausted { name: name.clone(), end: self.definition.end() };
        self.definition.range_after(self.bound.max(above), len).ok_or_else(exhausted)
    }

    fn next_serial(&self, name: &Name) -> Result<u64, StoreError> {
        let used_up = || {
            StoreError::Refused(format!(
                "sequence '{name}' has counted 2^64-1 leases; use another sequence"
            ))
        };
        self.serial.checked_add(1).ok_or_else(used_up)
    }

    /// Takes back the end of `lease`, the range remembered under the serial that `tail` names.
    pub(crate) fn hand_back(
        &mut self,
        name: &Name,
        lease: Option<IdRange>,
        tail: &Lease,
    ) -> Result<IdRange, StoreError> {
        let not_current = || StoreError::NotCurrent { name: name.clone(), serial: tail.serial };
        let end = lease.and_then(|lease| end_of(&lease, &tail.range)).ok_or_else(not_current)?;
        if end.last() > self.bound {
            return Err(StoreError::Damaged(format!(
                "sequence '{name}' has the bound {} but granted {}; advance it above every id \
                 issued",
                self.bound,
                end.last()
            )));
        }
        self.serial = self.next_serial(name)?;
        Ok(end)
    }

    /// Moves the bound up by hand.
    pub(crate) fn advance_to(&mut self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.check_not_lower(name, above)?;
        let end = self.definition.end();
        // A bound past the end can stand only where an older version wrote it.
        if above > end.max(self.bound) {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' ends at {end}; {above} lies past it, choose {end} or less"
            )));
        }
        self.bound = above;
        Ok(())
    }

    fn check_not_lower(&self, name: &Name, asked: u64) -> Result<(), StoreError> {
        if asked < self.bound {
            return Err(StoreError::WouldLower { name: name.clone(), bound: self.bound, asked });
        }
        Ok(())
    }

    /// Changes settings; ids of the new ones lie above `alteration.above`.
    pub(crate) fn alter(
        &mut self,
        name: &Name,
        alteration: &Alteration,
    ) -> Result<Definition, StoreError> {
        self.check_not_lower(name, alteration.above)?;
        let was = self.definition;
        let definition = Definition::new(
            was.first(),
            alteration.increment.unwrap_or(was.increment()),
            alteration.offset.unwrap_or(was.offset()),
            alteration.end.unwrap_or(was.end()),
            alteration.order.unwrap_or(was.order()),
        )
        .map_err(|error| StoreError::Refused(format!("sequence '{name}': {error}")))?;
        if definition.next_after(alteration.above).is_none() {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' would have no id above {} ({definition}); raise the end",
                alteration.above
            )));
        }
        self.definition = definition;
        self.bound = alteration.above;
        Ok(definition)
    }

    /// What the store tells about the sequence; `returned` counts the ids in tails.
    pub(crate) fn info(&self, name: &Name, returned: u64) -> SequenceInfo {
        let Self { definition, bound, serial, .. } = *self;
        let (name, moved_to) = (name.clone(), self.moved_to.clone());
        SequenceInfo { name, definition, bound, serial, returned, moved_to }
    }
}

fn split(tail: IdRange, len: u64) -> (IdRange, Ground) {
    let whole = (tail, Ground::Tail { start: tail.start(), rest: None });
    let Some(range) = tail.part(0, len) else { return whole };
    let rest = tail.part(len, tail.len() - len);
    (range, Ground::Tail { start: tail.start(), rest })
}

/// `tail` in the step of `lease`, if it is an end of it.
fn end_of(lease: &IdRange, tail: &IdRange) -> Option<IdRange> {
    let index = lease.len().checked_sub(tail.len())?;
    let end = lease.part(index, tail.len())?;
    (end.start() == tail.start() && end.last() == tail.last()).then_some(end)
}
