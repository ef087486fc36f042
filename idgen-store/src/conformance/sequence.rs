//! The laws of leased numbers, S1 to S12.

use std::collections::HashSet;
use std::sync::Arc;

use idgen_core::IdRange;

use super::{
    CALLERS, SequenceSubject, Verdict, Violation, at_once, ensure, ensure_eq, name,
    send_and_forget, wait,
};
use crate::{Alteration, Created, Definition, Lease, Name, Order, SequenceStore, StoreError};

/// One law.
pub type Law = fn(&dyn SequenceSubject) -> Verdict;

/// Every law with its name.
pub const LAWS: [(&str, Law); 12] = [
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

fn ensure_disjoint_ranges(mut ranges: Vec<IdRange>) -> Verdict {
    ranges.sort_by_key(IdRange::start);
    for pair in ranges.windows(2) {
        let said = || format!("{:?} and {:?} were both granted", pair[0], pair[1]);
        ensure(pair[0].last() < pair[1].start(), said)?;
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
        send_and_forget(scene.store.lease(&scene.name, 10, 0));
        send_and_forget(scene.store.hand_back(&scene.name, &tail));
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

/// S6: near the end a store leases what is left, then answers *exhausted*, and stays so.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s06_ends_exhausted(subject: &dyn SequenceSubject) -> Verdict {
    let mut scene = Scene::new(subject, &definition(1, 3, 1, 30))?;
    ensure_eq("ids before the end", &scene.lease(7, 0)?.range.len(), &7)?;
    let rest = scene.lease(7, 0)?.range;
    ensure_eq("ids left at the end", &(rest.len(), rest.last()), &(3, 28))?;
    for _ in 0..3 {
        scene.ensure_exhausted()?;
    }
    scene.name = name("to the end of all numbers");
    wait(subject, scene.store.create(&scene.name, &Definition::default()))?;
    wait(subject, scene.store.advance_to(&scene.name, u64::MAX - 5))?;
    ensure_eq("ids left of 2^64", &scene.lease(u64::MAX, 0)?.range.last(), &u64::MAX)?;
    scene.ensure_exhausted()?;
    scene.store = subject.reopen()?;
    scene.ensure_exhausted()?;
    ensure_eq("the bound at the end", &scene.last()?, &u64::MAX)
}

/// Names that a careless backend mixes up.
const NAMES: [&str; 16] = [
    "a",
    "A",
    "a ",
    " a",
    "a%",
    "a_",
    "a'b",
    "a\"b",
    "a;--",
    "a\0",
    "a\0b",
    "a/b",
    "../a",
    "\u{1f980}",
    "\u{e9}",
    "e\u{301}",
];

/// S7: names do not touch each other, whatever bytes they hold, up to 128 of them.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s07_names_do_not_touch(subject: &dyn SequenceSubject) -> Verdict {
    let store = subject.open()?;
    let longest = ["x".repeat(128), format!("{}y", "x".repeat(127))];
    let texts = NAMES.into_iter().chain(longest.iter().map(String::as_str));
    let names: Vec<Name> = texts.map(name).collect();
    for (name, first) in names.iter().zip(1_u64..) {
        wait(subject, store.create(name, &definition(first * 1000, 1, 0, u64::MAX)))?;
    }
    for (name, first) in names.iter().zip(1_u64..) {
        let start = wait(subject, store.lease(name, 100, 0))?.range.start();
        ensure_eq(&format!("the first id of {name}"), &start, &(first * 1000))?;
    }
    let mut listed: Vec<Name> =
        wait(subject, store.list())?.into_iter().map(|info| info.name).collect();
    listed.sort();
    wait(subject, store.delete(&names[0]))?;
    for (name, first) in names.iter().zip(1_u64..).skip(1) {
        let bound = wait(subject, store.last(name))?;
        ensure_eq(&format!("the bound of {name}"), &bound, &(first * 1000 + 99))?;
    }
    let mut due = names;
    due.sort();
    ensure_eq("the names listed", &listed, &due)
}

/// S8: creating again with the same definition changes nothing, with another is *conflict*.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s08_create_is_repeatable(subject: &dyn SequenceSubject) -> Verdict {
    let was = definition(5, 2, 1, 999);
    let scene = Scene::new(subject, &was)?;
    scene.lease(10, 0)?;
    let before = wait(subject, scene.store.describe(&scene.name))?;
    let again = wait(subject, scene.store.create(&scene.name, &was))?;
    ensure_eq("the same definition again", &again, &Created::Unchanged)?;
    let strict = Definition::new(5, 2, 1, 999, Order::Strict).expect("the laws' numbers fit");
    let others = [
        definition(7, 2, 1, 999),
        definition(5, 3, 1, 999),
        definition(5, 2, 0, 999),
        definition(5, 2, 1, 9999),
        strict,
    ];
    for other in others {
        match wait(subject, scene.store.create(&scene.name, &other)) {
            Err(StoreError::Conflict { existing, .. }) if existing == was => {}
            answer => return Err(Violation(format!("created as {other}: {answer:?}"))),
        }
    }
    let after = wait(subject, scene.store.describe(&scene.name))?;
    ensure_eq("the sequence after it", &after, &before)
}

/// S9: every id of a lease is a member of the sequence's progression, from its first on.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s09_ids_are_members(subject: &dyn SequenceSubject) -> Verdict {
    let mut scene = Scene::new(subject, &definition(12, 5, 3, 100_000))?;
    ensure_eq("the first lease", &scene.lease(3, 0)?.range, &progression(13, 5, 3))?;
    ensure_eq("the next lease", &scene.lease(2, 0)?.range, &progression(28, 5, 2))?;
    ensure_eq("a lease above 50", &scene.lease(2, 50)?.range, &progression(53, 5, 2))?;
    wait(subject, scene.store.advance_to(&scene.name, 1000))?;
    ensure_eq("a lease after 1000", &scene.lease(2, 0)?.range, &progression(1003, 5, 2))?;
    let change =
        Alteration { increment: Some(10), offset: Some(7), above: 2000, ..Alteration::default() };
    let altered = wait(subject, scene.store.alter(&scene.name, &change))?;
    ensure_eq("the altered definition", &altered, &definition(12, 10, 7, 100_000))?;
    ensure_eq("a lease after it", &scene.lease(2, 0)?.range, &progression(2007, 10, 2))?;
    let lower = Alteration { above: 2016, ..change };
    let answer = wait(subject, scene.store.alter(&scene.name, &lower));
    let refused = matches!(answer, Err(StoreError::WouldLower { bound: 2017, .. }));
    ensure(refused, || format!("altered below the bound: {answer:?}"))?;
    scene.name = name("high");
    let high = definition(u64::MAX - 20, 7, 0, u64::MAX);
    wait(subject, scene.store.create(&scene.name, &high))?;
    let range = scene.lease(100, 0)?.range;
    let members = range.iter().all(|id| id % 7 == 0 && id >= u64::MAX - 20);
    ensure(members && range.len() == 3, || format!("{range:?} instead of three multiples of 7"))
}

fn progression(start: u64, step: u64, len: u64) -> IdRange {
    IdRange::new(start, step, len).expect("the laws' numbers fit")
}

/// S10: a hand-back names its lease's serial and counts once; a tail is granted at most once more,
/// and only to a caller whose `above` lies below it.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s10_a_tail_is_granted_once(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &definition(1, 2, 1, u64::MAX))?;
    let lease = scene.lease(10, 0)?;
    let tail = lease.range.part(4, 6).expect("6 of 10");
    let middle = lease.range.part(4, 3).expect("3 of 10");
    scene.ensure_not_current("a serial of the future", tail, lease.serial + 1)?;
    scene.ensure_not_current("a stretch that is no end", middle, lease.serial)?;
    scene.ensure_not_current("ground never granted", progression(101, 2, 3), lease.serial)?;
    scene.hand_back(tail, lease.serial)?;
    scene.ensure_not_current("the same tail again", tail, lease.serial)?;
    let above = scene.lease(3, tail.start())?;
    ensure(above.range.start() > lease.range.last(), || {
        format!("{above:?} holds ids at or below {}", tail.start())
    })?;
    ensure(above.serial > lease.serial + 1, || "a hand-back raised no serial".to_owned())?;
    let part = scene.lease(4, tail.start() - 1)?;
    ensure_eq("a part of the tail", &Some(part.range), &tail.part(0, 4))?;
    scene.ensure_not_current("a tail granted to another", tail, lease.serial)?;
    let rest = scene.lease(4, 0)?;
    ensure_eq("the rest of the tail", &Some(rest.range), &tail.part(4, 2))?;
    let fresh = scene.lease(4, 0)?;
    ensure(fresh.range.start() > above.range.last(), || format!("{fresh:?} is no fresh ground"))?;
    // What came from a tail is a lease like any other.
    scene.hand_back(rest.range, rest.serial)?;
    ensure_eq("a tail of a tail", &scene.lease(9, 0)?.range, &rest.range)?;
    scene.hand_back(fresh.range, fresh.serial)?;
    wait(subject, scene.store.advance_to(&scene.name, 1001))?;
    ensure_eq("a lease after an advance", &scene.lease(1, 0)?.range.start(), &1003)?;
    scene.ensure_not_current("a lease from before an advance", above.range, above.serial)?;
    strict_takes_nothing_back(subject)
}

fn strict_takes_nothing_back(subject: &dyn SequenceSubject) -> Verdict {
    let strict = Definition::new(1, 1, 0, u64::MAX, Order::Strict).expect("the laws' numbers fit");
    let mut scene = Scene { subject, store: subject.open()?, name: name("strict") };
    wait(subject, scene.store.create(&scene.name, &strict))?;
    let lease = scene.lease(10, 0)?;
    scene.ensure_not_current("a strict lease", lease.range, lease.serial)?;
    ensure_eq("the next strict lease", &scene.lease(2, 0)?.range, &progression(11, 1, 2))?;
    scene.store = subject.reopen()?;
    ensure_eq("the one after it", &scene.lease(1, 0)?.range, &progression(13, 1, 1))
}

/// S11: a lease starts above the caller's `above`, and the skipped ground is not granted later.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s11_a_lease_starts_above(subject: &dyn SequenceSubject) -> Verdict {
    let scene = Scene::new(subject, &definition(1, 1, 0, 1000))?;
    scene.lease(10, 0)?;
    ensure_eq("a lease above 500", &scene.lease(10, 500)?.range, &progression(501, 1, 10))?;
    ensure_eq("the bound", &scene.last()?, &510)?;
    ensure_eq("a lease above 3", &scene.lease(10, 3)?.range, &progression(511, 1, 10))?;
    for above in [1000, 1001, u64::MAX] {
        let answer = scene.lease(1, above);
        let exhausted = matches!(answer, Err(StoreError::Exhausted { .. }));
        ensure(exhausted, || format!("a lease above {above}: {answer:?}"))?;
    }
    ensure_eq("the lease of another", &scene.lease(1, 0)?.range, &progression(521, 1, 1))?;
    wait(subject, scene.store.advance_to(&scene.name, 600))?;
    let answer = wait(subject, scene.store.advance_to(&scene.name, 599));
    let refused = matches!(answer, Err(StoreError::WouldLower { bound: 600, asked: 599, .. }));
    ensure(refused, || format!("advanced to below the bound: {answer:?}"))?;
    ensure_eq("a lease after 600", &scene.lease(1, 0)?.range, &progression(601, 1, 1))
}

/// S12: a deleted name leaves its mark: created again it starts above it.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s12_a_deleted_name_leaves_its_mark(subject: &dyn SequenceSubject) -> Verdict {
    let mut scene = Scene::new(subject, &Definition::default())?;
    let lease = scene.lease(100, 0)?;
    let other = scene.lease(100, 0)?;
    scene.hand_back(other.range, other.serial)?;
    wait(subject, scene.store.delete(&scene.name))?;
    let gone = wait(subject, scene.store.describe(&scene.name));
    let unknown = matches!(gone, Err(StoreError::Unknown { .. }));
    ensure(unknown, || format!("after its deletion: {gone:?}"))?;
    ensure_eq("sequences listed", &wait(subject, scene.store.list())?.len(), &0)?;
    scene.store = subject.reopen()?;
    let created = wait(subject, scene.store.create(&scene.name, &definition(3, 7, 0, 5000)))?;
    ensure_eq("created after a deletion", &created, &Created::New)?;
    scene.ensure_not_current("a lease from before", lease.range, lease.serial)?;
    let next = scene.lease(10, 0)?;
    ensure_eq("the first id above the mark", &next.range.start(), &203)?;
    ensure(next.serial > other.serial, || "serials started over".to_owned())?;
    wait(subject, scene.store.delete(&scene.name))?;
    wait(subject, scene.store.create(&scene.name, &definition(9000, 1, 0, u64::MAX)))?;
    ensure_eq("a first id above the mark", &scene.lease(1, 0)?.range.start(), &9000)
}
