//! The laws of leased numbers find what they are there to find: each planted defect of a store is
//! caught by the law it breaks.
#![cfg(feature = "conformance")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, sequence};
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Every seventh lease repeats the one before.
    SameRangeTwice,
    /// The same, but only between two handles.
    HandlesApart,
    /// A reopen finds an empty store.
    Forgetful,
    /// A hand-back that was taken is taken again, and its ground granted again.
    TailTwice,
    /// An unknown name is reported as an outage.
    UnknownAsOutage,
    /// At the end it starts over.
    Wraps,
    /// A name ends at its first NUL.
    CutNames,
    /// Creating with another definition is no conflict.
    NoConflict,
    /// The offset is one off.
    OffByOne,
    /// The caller's `above` is not looked at.
    ForgetsAbove,
    /// A tail goes to whoever comes first.
    TailBelowAbove,
    /// A deletion forgets the mark.
    ForgetsMark,
    /// What was moved away is leased on.
    LeasesOn,
    /// The tombstone tells of another place.
    WrongPlace,
    /// A sequence comes in one number too low.
    LowArrival,
    /// One that comes in again is lowered to where it came from.
    Lowers,
}

#[derive(Clone)]
struct Flawed {
    inner: MemoryStore,
    flaw: Flaw,
    last: Arc<Mutex<(u64, Option<Lease>)>>,
    deletions: Arc<Mutex<u64>>,
}

fn copy(lease: &Lease) -> Lease {
    Lease { range: lease.range, serial: lease.serial }
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self { inner: MemoryStore::new(), flaw, last: Arc::default(), deletions: Arc::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    /// The name that the inner store knows.
    fn name(&self, name: &Name) -> Name {
        let text = name.as_str();
        match self.flaw {
            Flaw::CutNames => Name::new(text.split('\0').next().unwrap()).unwrap(),
            Flaw::ForgetsMark => {
                Name::new(&format!("{}{text}", self.deletions.lock().unwrap())).unwrap()
            }
            _ => name.clone(),
        }
    }

    /// Counts the lease; every seventh one is the one before again.
    fn repeat(&self, lease: Lease) -> Lease {
        let mut last = self.last.lock().unwrap();
        last.0 += 1;
        match last.1.take() {
            Some(before) if last.0.is_multiple_of(7) => Lease { serial: lease.serial, ..before },
            _ => {
                last.1 = Some(copy(&lease));
                lease
            }
        }
    }
}

#[async_trait]
impl SequenceStore for Flawed {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        SequenceStore::identity(&self.inner).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        match self.inner.create(&self.name(name), definition).await {
            Err(StoreError::Conflict { .. }) if self.is(Flaw::NoConflict) => Ok(Created::Unchanged),
            other => other,
        }
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        if self.is(Flaw::TailTwice)
            && let Some(lease) = self.last.lock().unwrap().1.take()
        {
            return Ok(Lease { serial: lease.serial + 1000, ..lease });
        }
        let above = if self.is(Flaw::ForgetsAbove) { 0 } else { above };
        let forgets = self.is(Flaw::TailBelowAbove)
            && self.inner.describe(&self.name(name)).await?.returned > 0;
        let above = if forgets { 0 } else { above };
        match self.inner.lease(&self.name(name), len, above).await {
            Err(StoreError::Moved { .. }) if self.is(Flaw::LeasesOn) => {
                Ok(Lease { range: IdRange::one(31), serial: 4 })
            }
            Err(StoreError::Exhausted { .. }) if self.is(Flaw::Wraps) => {
                Ok(Lease { range: IdRange::one(1), serial: 1 })
            }
            Err(StoreError::Unknown { .. }) if self.is(Flaw::UnknownAsOutage) => {
                Err(StoreError::Unavailable("no answer".to_owned()))
            }
            Ok(lease) if matches!(self.flaw, Flaw::SameRangeTwice | Flaw::HandlesApart) => {
                Ok(self.repeat(lease))
            }
            Ok(lease) if self.is(Flaw::OffByOne) => {
                let range = lease.range;
                let range = IdRange::new(range.start() - 1, range.step(), range.len()).unwrap();
                Ok(Lease { range, ..lease })
            }
            other => other,
        }
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        match self.inner.hand_back(&self.name(name), tail).await {
            Err(StoreError::NotCurrent { .. }) if self.is(Flaw::TailTwice) => {
                // What was never granted is still refused: only the repeat is not noticed.
                let bound = self.inner.last(name).await?;
                if tail.range.last() > bound || tail.serial > 3 {
                    return Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial });
                }
                self.last.lock().unwrap().1 = Some(copy(tail));
                Ok(())
            }
            other => other,
        }
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.inner.last(&self.name(name)).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.inner.advance_to(&self.name(name), above).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.inner.alter(&self.name(name), alteration).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        SequenceStore::list(&self.inner).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.inner.describe(&self.name(name)).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.inner.delete(&self.name(name)).await?;
        *self.deletions.lock().unwrap() += 1;
        Ok(())
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let to = if self.is(Flaw::WrongPlace) { to.trim_end_matches('"') } else { to };
        self.inner.move_away(&self.name(name), to).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let mut arrival = arrival.clone();
        if self.is(Flaw::LowArrival) {
            arrival.bound = arrival.bound.saturating_sub(1);
        }
        let mut info = self.inner.move_in(&self.name(name), &arrival).await?;
        if self.is(Flaw::Lowers) {
            info.bound = arrival.bound;
        }
        Ok(info)
    }
}

impl Subject for Flawed {}

impl SequenceSubject for Flawed {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        let mut handle = self.clone();
        if self.is(Flaw::HandlesApart) {
            handle.last = Arc::default();
        }
        Ok(Arc::new(handle))
    }

    fn reopen(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        if self.is(Flaw::Forgetful) { Ok(Arc::new(Self::new(self.flaw))) } else { self.open() }
    }
}

fn check(flaw: Flaw, law: sequence::Law, said: &str) {
    let violation = law(&Flawed::new(flaw)).expect_err("the law sees the defect").to_string();
    assert!(violation.contains(said), "{flaw:?} was found for another reason: {violation}");
}

#[test]
fn without_a_defect_every_law_holds() {
    for (number, law) in sequence::LAWS {
        assert_eq!(law(&Flawed::new(Flaw::None)), Ok(()), "{number}");
    }
}

#[test]
fn a_range_granted_twice() {
    check(Flaw::SameRangeTwice, sequence::s01_leases_are_disjoint, "both granted");
    check(Flaw::HandlesApart, sequence::s02_two_connections_and_processes, "both granted");
}

#[test]
fn a_store_that_forgets() {
    check(Flaw::Forgetful, sequence::s03_survives_a_reopen, "no such sequence");
    check(Flaw::ForgetsMark, sequence::s12_a_deleted_name_leaves_its_mark, "above the mark");
}

#[test]
fn a_tail_granted_twice_or_to_the_wrong_caller() {
    check(Flaw::TailTwice, sequence::s04_a_lost_reply_is_a_gap, "both granted");
    check(Flaw::TailTwice, sequence::s10_a_tail_is_granted_once, "was handed back");
    check(Flaw::TailBelowAbove, sequence::s10_a_tail_is_granted_once, "at or below");
}

#[test]
fn an_outage_confused_with_an_unknown_name() {
    check(Flaw::UnknownAsOutage, sequence::s05_unknown_is_not_unavailable, "instead of unknown");
}

#[test]
fn an_end_that_is_none() {
    check(Flaw::Wraps, sequence::s06_ends_exhausted, "instead of exhausted");
}

#[test]
fn names_that_touch() {
    check(Flaw::CutNames, sequence::s07_names_do_not_touch, "another definition");
}

#[test]
fn a_conflict_passed_over() {
    check(Flaw::NoConflict, sequence::s08_create_is_repeatable, "created as");
}

#[test]
fn ids_beside_the_progression() {
    check(Flaw::OffByOne, sequence::s09_ids_are_members, "the first lease");
}

#[test]
fn a_tombstone_that_does_not_hold() {
    check(Flaw::LeasesOn, sequence::s13_a_moved_sequence_says_where, "a lease of a moved");
    check(Flaw::WrongPlace, sequence::s13_a_moved_sequence_says_where, "the tombstone");
}

#[test]
fn an_arrival_too_low() {
    check(Flaw::LowArrival, sequence::s14_a_sequence_comes_in_above, "come in at");
    check(Flaw::Lowers, sequence::s14_a_sequence_comes_in_above, "the same again");
}

#[test]
fn an_above_that_is_ignored() {
    check(Flaw::ForgetsAbove, sequence::s11_a_lease_starts_above, "a lease above 500");
}
