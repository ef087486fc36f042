//! The laws about what was granted before: returned tails, the caller's `above`, deleted names.

use super::{Scene, definition, progression};
use crate::conformance::{SequenceSubject, Verdict, ensure, ensure_eq, name, wait};
use crate::{Created, Definition, Order, StoreError};

/// S10: a hand-back names its lease's serial and counts once; a tail is granted at most once more,
/// and only to a caller whose `above` lies below it.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
