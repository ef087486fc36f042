//! The laws of leased numbers, S1 to S14.

use std::collections::HashSet;
use std::sync::Arc;

use idgen_core::IdRange;

use super::{
    CALLERS, SequenceSubject, Verdict, Violation, at_once, ensure, ensure_eq, name,
    send_and_forget, wait,
};
use crate::{Alteration, Definition, Lease, Name, Order, SequenceStore, StoreError};

mod moves;
mod progression;
mod tails;

pub use moves::{s13_a_moved_sequence_says_where, s14_a_sequence_comes_in_above};
pub use progression::{
    s06_ends_exhausted, s07_names_do_not_touch, s08_create_is_repeatable, s09_ids_are_members,
};
pub use tails::{
    s10_a_tail_is_granted_once, s11_a_lease_starts_above, s12_a_deleted_name_leaves_its_mark,
};

/// One law.
pub type Law = fn(&dyn SequenceSubject) -> Verdict;

/// Every law with its name.
pub const LAWS: [(&str, Law); 14] = [
    ("S1", s01_leases_are_disjoint),
    ("S2", s02_two_connections_and_processes),
    ("S3", s03_survives_a_reopen),
    ("S4", s04_a_lost_reply_is_a_gap),
    ("S5", s05_unknown_is_not_unavailable),
    ("S6", s06_ends_exhausted),
    ("S7", s07_names_do_not_touch),
    ("S8", s08_create_is_repeatable),
    ("S9", s09_ids_are_members),
    ("S10", s10_a_tail_is_granted_once),
    ("S11", s11_a_lease_starts_above),
    ("S12", s12_a_deleted_name_leaves_its_mark),
    ("S13", s13_a_moved_sequence_says_where),
    ("S14", s14_a_sequence_comes_in_above),
];

/// A store under test with one sequence to lease from.
struct Scene<'a> {
    subject: &'a dyn SequenceSubject,
    store: Arc<dyn SequenceStore>,
    name: Name,
}

impl<'a> Scene<'a> {
    fn new(subject: &'a dyn SequenceSubject, definition: &Definition) -> Result<Self, Violation> {
        let scene = Self { subject, store: subject.open()?, name: name("orders") };
        wait(subject, scene.store.create(&scene.name, definition))?;
        Ok(scene)
    }

    fn lease(&self, len: u64, above: u64) -> Result<Lease, StoreError> {
        wait(self.subject, self.store.lease(&self.name, len, above))
    }

    fn hand_back(&self, tail: IdRange, serial: u64) -> Result<(), StoreError> {
        wait(self.subject, self.store.hand_back(&self.name, &Lease { range: tail, serial }))
    }

    fn last(&self) -> Result<u64, StoreError> {
        wait(self.subject, self.store.last(&self.name))
    }

    fn ensure_not_current(&self, what: &str, tail: IdRange, serial: u64) -> Verdict {
        match self.hand_back(tail, serial) {
            Err(StoreError::NotCurrent { .. }) => Ok(()),
            other => Err(Violation(format!("{what} was handed back: {other:?}"))),
        }
    }

    fn ensure_exhausted(&self) -> Verdict {
        match self.lease(1, 0) {
            Err(StoreError::Exhausted { .. }) => Ok(()),
            other => Err(Violation(format!("behind the end: {other:?} instead of exhausted"))),
        }
    }
}

fn ensure_disjoint(leases: &[Lease]) -> Verdict {
    let mut serials = HashSet::new();
    for lease in leases {
        ensure(serials.insert(lease.serial), || format!("serial {} came twice", lease.serial))?;
    }
    ensure_disjoint_ranges(leases.iter().map(|lease| lease.range).collect())
}

/// Ranges of one step and different residues have no id in common, however they lie.
fn ensure_disjoint_ranges(mut ranges: Vec<IdRange>) -> Verdict {
    let step = ranges.first().map_or(1, IdRange::step);
    let one_step = ranges.iter().all(|range| range.step() == step);
    let residue = |range: &IdRange| if one_step { range.start() % step } else { 0 };
    ranges.sort_by_key(|range| (residue(range), range.start()));
    for pair in ranges.windows(2) {
        let said = || format!("{:?} and {:?} were both granted", pair[0], pair[1]);
        let apart = residue(&pair[0]) != residue(&pair[1]);
        ensure(apart || pair[0].last() < pair[1].start(), said)?;
    }
    Ok(())
}

fn definition(first: u64, increment: u64, offset: u64, end: u64) -> Definition {
    Definition::new(first, increment, offset, end, Order::Leased).expect("the laws' numbers fit")
}

/// S1: leases are disjoint under 8 concurrent callers of one handle, and so are their serials.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s01_leases_are_disjoint(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &Definition::default())?;
    let leases = at_once(|caller| {
        (0..25).map(|turn| scene.lease(1 + (caller + turn) % 17, 0)).collect::<Result<Vec<_>, _>>()
    });
    let leases = leases.into_iter().collect::<Result<Vec<_>, _>>()?;
    ensure_disjoint(&leases.into_iter().flatten().collect::<Vec<_>>())
}

/// S2: leases are disjoint over several connections and two processes at once.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s02_two_connections_and_processes(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &Definition::default())?;
    let granted = at_once(|caller| {
        if caller == 0 {
            return subject.lease_elsewhere(&scene.name, 25, 7);
        }
        let own = subject.open()?;
        (0..10).map(|_| Ok(wait(subject, own.lease(&scene.name, caller, 0))?.range)).collect()
    });
    let granted = granted.into_iter().collect::<Result<Vec<_>, Violation>>()?;
    let granted: Vec<_> = granted.into_iter().flatten().collect();
    let due = 25 + 10 * usize::try_from(CALLERS - 1).expect("a handful");
    ensure_eq("leases of all callers", &granted.len(), &due)?;
    ensure_disjoint_ranges(granted)
}

/// S3: leases, bounds, serials and returned tails survive a reopen.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s03_survives_a_reopen(subject: &dyn SequenceSubject) -> Verdict {
    let mut scene = Scene::new(subject, &definition(10, 3, 1, 10_000))?;
    let first = scene.lease(20, 0)?;
    let tail = first.range.part(15, 5).expect("20 ids have a tail of 5");
    scene.hand_back(tail, first.serial)?;
    let before = wait(subject, scene.store.describe(&scene.name))?;
    let Scene { store, .. } = scene;
    drop(store);
    scene = Scene { subject, store: subject.reopen()?, name: name("orders") };
    let after = wait(subject, scene.store.describe(&scene.name))?;
    ensure_eq("the sequence after a reopen", &after, &before)?;
    ensure_eq("the tail after a reopen", &scene.lease(5, 0)?.range, &tail)?;
    let fresh = scene.lease(5, 0)?;
    ensure(fresh.range.start() > first.range.last(), || {
        format!("{fresh:?} was granted after a reopen, {first:?} before it")
    })
}

/// S4: a lost reply costs a gap, never a repeat.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s04_a_lost_reply_is_a_gap(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &Definition::default())?;
    let mut leases = Vec::new();
    for _ in 0..10 {
        let lease = scene.lease(10, 0)?;
        let tail = Lease { range: lease.range.part(6, 4).expect("4 of 10"), serial: lease.serial };
        send_and_forget(subject, scene.store.lease(&scene.name, 10, 0));
        send_and_forget(subject, scene.store.hand_back(&scene.name, &tail));
        // What is sent again after an unknown outcome may succeed, but never twice.
        let again = wait(subject, scene.store.hand_back(&scene.name, &tail));
        let once = matches!(again, Ok(()) | Err(StoreError::NotCurrent { .. }));
        ensure(once, || format!("a hand-back sent again: {again:?}"))?;
        let range = lease.range.part(0, 6).expect("6 of 10");
        leases.push(Lease { range, serial: lease.serial });
        leases.push(scene.lease(7, 0)?);
        leases.push(scene.lease(7, 0)?);
    }
    ensure_disjoint(&leases)
}

/// S5: an unknown name is *unknown*, an outage is *unavailable*.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s05_unknown_is_not_unavailable(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &Definition::default())?;
    let (store, other) = (&scene.store, name("other"));
    let tail = Lease { range: IdRange::one(1), serial: 1 };
    let answers = [
        wait(subject, store.lease(&other, 1, 0)).map(|_| ()),
        wait(subject, store.hand_back(&other, &tail)),
        wait(subject, store.last(&other)).map(|_| ()),
        wait(subject, store.advance_to(&other, 5)),
        wait(subject, store.alter(&other, &Alteration::default())).map(|_| ()),
        wait(subject, store.describe(&other)).map(|_| ()),
        wait(subject, store.delete(&other)),
    ];
    for answer in answers {
        let unknown = matches!(&answer, Err(StoreError::Unknown { name }) if *name == other);
        ensure(unknown, || format!("{answer:?} instead of unknown"))?;
    }
    let Some(cut_off) = subject.out_of_reach() else { return Ok(()) };
    for name in [&scene.name, &other] {
        let answer = wait(subject, cut_off.lease(name, 1, 0));
        let outage = matches!(answer, Err(StoreError::Unavailable(_)));
        ensure(outage, || format!("{answer:?} instead of unavailable"))?;
    }
    Ok(())
}

fn progression(start: u64, step: u64, len: u64) -> IdRange {
    IdRange::new(start, step, len).expect("the laws' numbers fit")
}
