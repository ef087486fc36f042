//! Names, numbers, many callers, many processes.

use std::collections::HashSet;

use idgen_store::{Created, Definition, Lease, Name, SequenceStore, StoreError};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{assert_disjoint, load_time, wait};
use crate::{fresh, orders, stocked};

#[test]
fn processes_lease_disjoint_ground() {
    as_child();
    let place = fresh();
    let store = stocked(&place);
    let (url, name) = (place.url(), orders());
    let job = Job { url: &url, name: &name, len: 7, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> =
        (0..8).map(|_| Worker::start("own::processes_lease_disjoint_ground", &job)).collect();
    let told: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    let ids = assert_disjoint(told.concat());
    assert_eq!(wait(store.last(&name)).unwrap(), ids, "and nothing was skipped");
}

#[test]
fn every_name_is_a_name() {
    let place = fresh();
    let store = place.store();
    let long = "\u{1f980}".repeat(32);
    let texts = [
        "'",
        "\"",
        "'); redis.call('FLUSHALL') --",
        "{",
        "}",
        "{a}",
        "a}:mark",
        ":mark",
        " ",
        "  ",
        "a\0b",
        "a",
        "A",
        "%",
        "%41",
        "*",
        "\\",
        "\r\n\t",
        "\u{e9}",
        "e\u{301}",
        &long,
    ];
    for (turn, text) in (1..).zip(texts) {
        let name = Name::new(text).unwrap();
        let unknown = wait(store.lease(&name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        let definition = Definition::new(turn * 1000, 1, 0, u64::MAX, Default::default()).unwrap();
        assert_eq!(wait(store.create(&name, &definition)).unwrap(), Created::New);
        assert_eq!(wait(store.lease(&name, 2, 0)).unwrap().range.start(), turn * 1000, "{name}");
    }
    let listed = wait(store.list()).unwrap();
    let listed: HashSet<&str> = listed.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(listed, HashSet::from(texts));
}

/// Lua's own numbers would lose the last digits from 2^53 on, and Redis' sign from 2^63 on.
#[test]
fn numbers_are_exact_over_all_64_bits() {
    let place = fresh();
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
            let mut bound = definition.start_bound();
            for len in [1, 2, 100, 1 << 33, 3] {
                match (wait(store.lease(&name, len, 0)), definition.range_after(bound, len)) {
                    (Ok(lease), Some(due)) => {
                        assert_eq!(lease.range, due);
                        bound = due.last();
                    }
                    (Err(StoreError::Exhausted { .. }), None) => break,
                    other => panic!("{middle} {step} {len}: {other:?}"),
                }
                assert_eq!(wait(store.last(&name)).unwrap(), bound);
            }
        }
    }
}

#[test]
fn a_thousand_callers_wait_their_turn() {
    let place = fresh();
    let store = std::sync::Arc::new(stocked(&place));
    let leases = wait(async {
        let callers: Vec<_> = (0..1000)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.lease(&orders(), 10, 0).await })
            })
            .collect();
        let mut leases = Vec::new();
        for caller in callers {
            leases.push(caller.await.unwrap().unwrap().range);
        }
        leases
    });
    assert_eq!(assert_disjoint(leases), 10_000);
}

/// Whoever changes a sequence by hand, or hands back, gets through a stream of leases.
#[test]
fn changes_get_through_a_stream_of_leases() {
    let place = fresh();
    let store = std::sync::Arc::new(stocked(&place));
    let told = wait(async {
        let lessees: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut told = Vec::new();
                    for _ in 0..200 {
                        told.push(store.lease(&orders(), 10, 0).await.unwrap().range);
                    }
                    told
                })
            })
            .collect();
        let mut told = Vec::new();
        for turn in 1..=20 {
            let granted = store.lease(&orders(), 10, 0).await.unwrap();
            let kept = granted.range.part(0, 1).unwrap();
            if let Some(rest) = granted.range.part(1, granted.range.len() - 1) {
                let tail = Lease { range: rest, serial: granted.serial };
                match store.hand_back(&orders(), &tail).await {
                    // An advance came between.
                    Ok(()) | Err(StoreError::NotCurrent { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            told.push(kept);
            store.advance_to(&orders(), turn * 1_000_000).await.unwrap();
        }
        for lessee in lessees {
            told.extend(lessee.await.unwrap());
        }
        told
    });
    assert_disjoint(told);
}

#[test]
fn many_that_start_at_once_are_one_store() {
    let place = fresh();
    let identities = wait(async {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let store = place.store();
                tokio::spawn(async move { store.identity().await })
            })
            .collect();
        let mut identities = Vec::new();
        for asked in asked {
            identities.push(asked.await.unwrap().unwrap());
        }
        identities
    });
    assert!(identities.iter().all(|identity| *identity == identities[0]));
}
