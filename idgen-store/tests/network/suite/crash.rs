//! `kill -9` of the server under load: what was told is never granted again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::{SequenceStore, StoreError};

use super::super::processes::{Job, Until, Worker, as_child};
use super::super::{Backend, alone, assert_disjoint, load_time, orders, wait};
use super::{CHILD, lease};

const ROUNDS: u32 = 3;

pub(crate) fn a_killed_server_repeats_nothing<B: Backend>() {
    as_child();
    let place = alone::<B>();
    let store = place.stocked();
    let before = wait(store.identity()).unwrap();
    let (url, name) = (place.url(), orders());
    let time = load_time() + (Duration::from_secs(1) + B::RECOVERY) * ROUNDS;
    let job = Job { url: &url, name: &name, len: 5, until: Until::Elapsed(time) };
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(CHILD, &job)).collect();
    let mut own = Vec::new();
    for _ in 0..ROUNDS {
        sleep(load_time() / ROUNDS);
        own.push(lease(&*store, 5).unwrap().range);
        B::kill();
        let lost = lease(&*store, 5).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
        B::start();
        own.push(first_lease(&*store, B::RECOVERY));
    }
    let told: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    assert_disjoint([told.concat(), own].concat());
    let after = wait(store.identity()).unwrap();
    assert_eq!((after.id, after.durability), (before.id, before.durability));
    let survived = after.incarnation == before.incarnation;
    assert_eq!(survived, B::INCARNATION_SURVIVES, "{} {}", before.incarnation, after.incarnation);
}

/// The first lease once the server is back, which it has to be within `limit`.
pub(super) fn first_lease(store: &dyn SequenceStore, limit: Duration) -> IdRange {
    let began = Instant::now();
    loop {
        match lease(store, 5) {
            Ok(lease) => return lease.range,
            Err(StoreError::Unavailable(_)) if began.elapsed() < limit => {
                sleep(Duration::from_millis(20));
            }
            Err(other) => panic!("after it came back: {other}"),
        }
    }
}
