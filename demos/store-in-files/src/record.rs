//! What a sequence is, and what every request makes of it; no file is touched here.

use std::collections::BTreeMap;

use idgen_core::IdRange;
use idgen_store::{Alteration, Arrival, Definition, Lease, Name, Order, SequenceInfo, StoreError};

/// How many of the last leases may be handed back; an older rest is a gap.
const REMEMBERED: usize = 64;

/// The longest place that a tombstone names, in bytes.
const LONGEST_PLACE: usize = 1024;

/// Whether a sequence is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Live,
    /// It keeps its bound: created again it starts above.
    Deleted,
    /// It goes on in another store, whose URL this is.
    Moved(String),
}

/// One sequence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: Name,
    pub(crate) definition: Definition,
    /// The highest number that was ever granted, or the number before the first.
    pub(crate) bound: u64,
    /// The count of grants and hand-backs.
    pub(crate) serial: u64,
    pub(crate) life: Life,
    /// What came back and may be granted once more, by its first id.
    pub(crate) tails: BTreeMap<u64, IdRange>,
    /// The last leases by their serials. A hand-back has to name one of them and end where it ends,
    /// and makes it forgotten: so a tail that is sent twice counts once.
    pub(crate) leases: BTreeMap<u64, IdRange>,
}

impl Record {
    /// The sequence after a creation; `None` if it stands as it is.
    pub(crate) fn create(
        existing: Option<Self>,
        name: &Name,
        definition: &Definition,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(was) = existing.as_ref().filter(|was| was.is_listed()) {
            was.check_live()?;
            if was.definition == *definition {
                return Ok(None);
            }
            return Err(was.conflict());
        }
        let made = Self::begun(existing, name, definition, 0);
        check_room(name, definition, made.bound)?;
        Ok(Some(made))
    }

    /// A sequence that goes on above `bound`, and above and with the serial of what was there.
    fn begun(existing: Option<Self>, name: &Name, definition: &Definition, bound: u64) -> Self {
        let (mut bound, mut serial) = (bound.max(definition.start_bound()), 0);
        if let Some(was) = existing {
            (bound, serial) = (bound.max(was.bound), was.serial);
        }
        Self {
            name: name.clone(),
            definition: *definition,
            bound,
            serial,
            life: Life::Live,
            tails: BTreeMap::new(),
            leases: BTreeMap::new(),
        }
    }

    /// The tombstone that names `to`; `None` if it stands already.
    pub(crate) fn move_away(mut self, to: &str) -> Result<Option<Self>, StoreError> {
        if to.is_empty() || to.len() > LONGEST_PLACE || to.contains(char::is_control) {
            return Err(refused(&self.name, "no place to move to; name a store's URL"));
        }
        if self.life == Life::Moved(to.to_owned()) {
            return Ok(None);
        }
        self.check_live()?;
        self.life = Life::Moved(to.to_owned());
        self.forget_tails();
        Ok(Some(self))
    }

    /// The sequence after it has come in; `None` if it stands as it is.
    pub(crate) fn move_in(
        existing: Option<Self>,
        name: &Name,
        arrival: &Arrival,
    ) -> Result<Option<Self>, StoreError> {
        let (definition, bound) = (&arrival.definition, arrival.bound);
        let comes_back = |was: &Self| was.life == Life::Moved(arrival.from.clone());
        if let Some(was) = existing.as_ref().filter(|was| was.is_listed() && !comes_back(was)) {
            was.check_live()?;
            let but_first = |of: &Definition| (of.increment(), of.offset(), of.end(), of.order());
            if but_first(&was.definition) != but_first(definition) {
                return Err(was.conflict());
            }
            if was.bound >= bound.max(definition.start_bound()) {
                return Ok(None);
            }
            let definition = was.definition;
            return Ok(Some(Self::begun(existing, name, &definition, bound)));
        }
        Ok(Some(Self::begun(existing, name, definition, bound)))
    }

    /// All but deleted sequences are told of.
    pub(crate) fn is_listed(&self) -> bool {
        self.life != Life::Deleted
    }

    /// Only a live sequence grants and changes.
    pub(crate) fn check_live(&self) -> Result<(), StoreError> {
        let name = self.name.clone();
        match &self.life {
            Life::Live => Ok(()),
            Life::Deleted => Err(StoreError::Unknown { name }),
            Life::Moved(to) => Err(StoreError::Moved { name, to: to.clone() }),
        }
    }

    fn conflict(&self) -> StoreError {
        StoreError::Conflict { name: self.name.clone(), existing: self.definition }
    }

    /// The lowest tail above `above`, or fresh ground above both `above` and the bound.
    pub(crate) fn lease(&mut self, len: u64, above: u64) -> Result<Lease, StoreError> {
        if len == 0 {
            return Err(refused(&self.name, "a lease of no ids; ask for 1 or more"));
        }
        let range = match self.tail_above(above) {
            Some(tail) => {
                self.tails.remove(&tail.start());
                let granted = len.min(tail.len());
                let rest = tail.part(granted, tail.len() - granted);
                self.tails.extend(rest.map(|rest| (rest.start(), rest)));
                tail.part(0, granted)
            }
            None => self.definition.range_after(self.bound.max(above), len),
        };
        let (name, end) = (&self.name, self.definition.end());
        let range = range.ok_or_else(|| StoreError::Exhausted { name: name.clone(), end })?;
        self.bound = self.bound.max(range.last());
        let serial = self.raise_serial()?;
        if self.definition.order() == Order::Leased {
            self.leases.insert(serial, range);
        }
        while self.leases.len() > REMEMBERED {
            self.leases.pop_first();
        }
        Ok(Lease { range, serial })
    }

    fn tail_above(&self, above: u64) -> Option<IdRange> {
        let (_, tail) = self.tails.range(above.checked_add(1)?..).next()?;
        Some(*tail)
    }

    fn raise_serial(&mut self) -> Result<u64, StoreError> {
        let used_up = || refused(&self.name, "all serials are used up; use another sequence");
        self.serial = self.serial.checked_add(1).ok_or_else(used_up)?;
        Ok(self.serial)
    }

    pub(crate) fn hand_back(&mut self, tail: &Lease) -> Result<(), StoreError> {
        let lease = self.leases.get(&tail.serial).filter(|lease| is_end_of(&tail.range, lease));
        if lease.is_none() {
            return Err(StoreError::NotCurrent { name: self.name.clone(), serial: tail.serial });
        }
        self.leases.remove(&tail.serial);
        self.raise_serial()?;
        self.tails.insert(tail.range.start(), tail.range);
        Ok(())
    }

    pub(crate) fn advance_to(&mut self, above: u64) -> Result<(), StoreError> {
        self.check_not_lower(above)?;
        if above > self.definition.end().max(self.bound) {
            return Err(refused(&self.name, "it ends below that; choose its end or less"));
        }
        self.bound = above;
        self.forget_tails();
        Ok(())
    }

    pub(crate) fn alter(&mut self, change: &Alteration) -> Result<Definition, StoreError> {
        self.check_not_lower(change.above)?;
        let was = self.definition;
        let definition = Definition::new(
            was.first(),
            change.increment.unwrap_or(was.increment()),
            change.offset.unwrap_or(was.offset()),
            change.end.unwrap_or(was.end()),
            change.order.unwrap_or(was.order()),
        )
        .map_err(|error| refused(&self.name, &error.to_string()))?;
        check_room(&self.name, &definition, change.above)?;
        (self.definition, self.bound) = (definition, change.above);
        self.forget_tails();
        Ok(definition)
    }

    pub(crate) fn delete(&mut self) {
        self.life = Life::Deleted;
        self.forget_tails();
    }

    /// Ground below a bound that was moved by hand does not come back, not even late.
    fn forget_tails(&mut self) {
        self.tails.clear();
        self.leases.clear();
    }

    fn check_not_lower(&self, asked: u64) -> Result<(), StoreError> {
        let (name, bound) = (self.name.clone(), self.bound);
        if asked < bound { Err(StoreError::WouldLower { name, bound, asked }) } else { Ok(()) }
    }

    pub(crate) fn info(&self) -> SequenceInfo {
        SequenceInfo {
            name: self.name.clone(),
            definition: self.definition,
            bound: self.bound,
            serial: self.serial,
            returned: self.tails.values().map(IdRange::len).sum(),
            moved_to: match &self.life {
                Life::Moved(to) => Some(to.clone()),
                Life::Live | Life::Deleted => None,
            },
        }
    }
}

fn check_room(name: &Name, definition: &Definition, above: u64) -> Result<(), StoreError> {
    let why = format!("it would have no id above {above}; raise its end or use another name");
    definition.next_after(above).map(|_| ()).ok_or_else(|| refused(name, &why))
}

fn refused(name: &Name, why: &str) -> StoreError {
    StoreError::Refused(format!("sequence '{name}': {why}"))
}

fn is_end_of(tail: &IdRange, lease: &IdRange) -> bool {
    let skipped = lease.len().checked_sub(tail.len());
    skipped.and_then(|skipped| lease.part(skipped, tail.len())).as_ref() == Some(tail)
}
