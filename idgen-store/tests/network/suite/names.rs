//! Every name names a sequence of its own, and every number of 64 bits is exact.

use std::collections::BTreeSet;

use idgen_store::{Created, Definition, Name, SequenceStore, StoreError};

use super::super::{Backend, fresh, orders, wait};

/// What has a meaning in SQL, in scripts, in paths and URLs, or looks like another name to those
/// who fold, trim, cut or normalize texts.
const TEXTS: [&str; 40] = [
    "'",
    "\"",
    "`",
    "''",
    "';DROP TABLE idgen_sequence;--",
    "\" or \"\"=\"",
    "'); redis.call('FLUSHALL') --",
    "$1",
    "?",
    ":name",
    "{",
    "}",
    "{a}",
    "a}:mark",
    ":mark",
    "*",
    "_",
    "%",
    "%41",
    "%2F",
    "\\",
    "\\x41",
    "\\0",
    "/",
    "a/b",
    "//",
    ".",
    "..",
    "../a",
    " ",
    "  ",
    "a ",
    "\0",
    "a\0b",
    "a",
    "A",
    "\r\n\t",
    "\u{e9}",
    "e\u{301}",
    "\u{fffd}",
];

/// These, and 128 bytes that differ in the last character only, and such a name's beginning.
pub(super) fn texts() -> BTreeSet<String> {
    let mut texts: BTreeSet<String> = TEXTS.into_iter().map(str::to_owned).collect();
    let long = "\u{1f980}".repeat(31);
    texts.extend([format!("{long}\u{1f980}"), format!("{long}\u{1f981}"), long]);
    texts
}

pub(crate) fn every_name_is_a_name<B: Backend>() {
    let place = fresh::<B>();
    let store = place.store();
    let texts = texts();
    for (turn, text) in (1..).zip(&texts) {
        let name = Name::new(text).unwrap();
        let unknown = wait(store.lease(&name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        let definition = Definition::new(turn * 1000, 1, 0, u64::MAX, Default::default()).unwrap();
        assert_eq!(wait(store.create(&name, &definition)).unwrap(), Created::New, "{text:?}");
        let leased = wait(store.lease(&name, 2, 0)).unwrap().range;
        assert_eq!(leased.start(), turn * 1000, "{text:?}");
    }
    let listed = wait(place.store().list()).unwrap();
    let listed: BTreeSet<String> = listed.iter().map(|info| info.name.as_str().into()).collect();
    assert_eq!(listed, texts);
    for (turn, text) in (1..).zip(&texts) {
        let name = Name::new(text).unwrap();
        assert_eq!(wait(store.last(&name)).unwrap(), turn * 1000 + 1, "{text:?} stayed as it was");
    }
}

/// All of 64 bits are ids, and the arithmetic near the end neither wraps nor fails.
pub(crate) fn the_top_of_u64_is_reached<B: Backend>() {
    let place = fresh::<B>();
    let store = place.store();
    let (top, name) = (u64::MAX, orders());
    let steps = Definition::new(top - 100, 7, top % 7, top, Default::default()).unwrap();
    wait(store.create(&name, &steps)).unwrap();
    let first = wait(store.lease(&name, 10, 0)).unwrap().range;
    assert_eq!((first.start(), first.len(), first.step()), (top - 98, 10, 7));
    let rest = wait(store.lease(&name, u64::MAX, 0)).unwrap().range;
    assert_eq!((rest.start(), rest.last()), (top - 28, top));
    let ended = wait(store.lease(&name, 1, u64::MAX)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
}

/// Doubles lose the last digits from 2^53 on, and signed numbers their sign from 2^63 on.
pub(crate) fn numbers_are_exact_over_all_64_bits<B: Backend>() {
    let place = fresh::<B>();
    let store = place.store();
    let around = [1 << 32, 9_999_999_990, 10_000_000_000, 1 << 53, 1 << 63, u64::MAX - 1000];
    for (turn, middle) in (0..).zip(around) {
        for (step, offset) in [(1, 0), (7, 3), ((1 << 53) + 1, 5), (1 << 62, 0)] {
            let name = Name::new(&format!("n{turn} {step}")).unwrap();
            let order = Default::default();
            let definition = Definition::new(middle - 500, step, offset, u64::MAX, order);
            // The widest steps have no number so near the end.
            let Ok(definition) = definition else { continue };
            wait(store.create(&name, &definition)).unwrap();
            counts_as_defined(&*store, &name, &definition);
        }
    }
}

fn counts_as_defined(store: &dyn SequenceStore, name: &Name, definition: &Definition) {
    let mut bound = definition.start_bound();
    for len in [1, 2, 100, 1 << 33, 3] {
        match (wait(store.lease(name, len, 0)), definition.range_after(bound, len)) {
            (Ok(lease), Some(due)) => {
                assert_eq!(lease.range, due);
                bound = due.last();
            }
            (Err(StoreError::Exhausted { .. }), None) => break,
            other => panic!("{definition} {len}: {other:?}"),
        }
        assert_eq!(wait(store.last(name)).unwrap(), bound);
    }
}

/// For every handle, whatever is asked for, and after the rest was granted in one piece.
pub(crate) fn exhausted_stays_exhausted<B: Backend>() {
    let place = fresh::<B>();
    let (one, other, name) = (place.store(), place.store(), orders());
    let short = Definition::new(1, 1, 0, 15, Default::default()).unwrap();
    wait(one.create(&name, &short)).unwrap();
    assert_eq!(wait(one.lease(&name, 10, 0)).unwrap().range.last(), 10);
    let rest = wait(other.lease(&name, 10, 0)).unwrap().range;
    assert_eq!((rest.start(), rest.last()), (11, 15), "what is left");
    for store in [one, other, place.store()] {
        for (len, above) in [(1, 0), (1, 15), (u64::MAX, 0), (10, u64::MAX)] {
            let ended = wait(store.lease(&name, len, above)).unwrap_err();
            assert!(matches!(ended, StoreError::Exhausted { end: 15, .. }), "{ended}");
        }
        assert_eq!(wait(store.last(&name)).unwrap(), 15);
        assert_eq!(wait(store.create(&name, &short)).unwrap(), Created::Unchanged);
    }
}
