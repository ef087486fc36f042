//! The laws about which ids a sequence has: its end, its name, its definition, its progression.

use super::{Scene, definition, progression};
use crate::conformance::{SequenceSubject, Verdict, Violation, ensure, ensure_eq, name, wait};
use crate::{Alteration, Created, Definition, Name, Order, StoreError};

/// S6: near the end a store leases what is left, then answers *exhausted*, and stays so.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
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
/// [`Violation`](crate::conformance::Violation) if the store breaks the law.
pub fn s09_ids_are_members(subject: &dyn SequenceSubject) -> Verdict {
    let mut scene = Scene::new(subject, &definition(12, 5, 3, 100_000))?;
    ensure_eq("the first lease", &scene.lease(3, 0)?.range, &progression(13, 5, 3))?;
    ensure_eq("the next lease", &scene.lease(2, 0)?.range, &progression(28, 5, 2))?;
    ensure_eq("a lease above 50", &scene.lease(2, 50)?.range, &progression(53, 5, 2))?;
    let none = scene.lease(0, 0);
    let refused = matches!(none, Err(StoreError::Refused(_)));
    ensure(refused, || format!("a lease of no ids: {none:?}"))?;
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
