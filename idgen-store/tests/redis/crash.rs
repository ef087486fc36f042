//! kill -9 of the server under load: what was told is never granted again.

use std::thread::sleep;
use std::time::Duration;

use idgen_store::{SequenceStore, StoreError};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::services::order;
use crate::network::{assert_disjoint, load_time, wait};
use crate::{alone, orders, stocked};

const ROUNDS: u32 = 3;
const SERVICE: &str = "redis";

#[test]
fn a_killed_server_repeats_nothing() {
    as_child();
    let place = alone();
    let store = stocked(&place);
    let identity = wait(store.identity()).unwrap();
    let (url, name) = (place.url(), orders());
    let time = load_time() + Duration::from_secs(u64::from(ROUNDS) * 2);
    let job = Job { url: &url, name: &name, len: 5, until: Until::Elapsed(time) };
    let workers: Vec<Worker> =
        (0..4).map(|_| Worker::start("crash::a_killed_server_repeats_nothing", &job)).collect();
    let mut own = Vec::new();
    for _ in 0..ROUNDS {
        sleep(load_time() / ROUNDS);
        own.push(wait(store.lease(&name, 5, 0)).unwrap().range);
        order("kill", SERVICE);
        let lost = wait(store.lease(&name, 5, 0)).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
        order("start", SERVICE);
        own.push(wait(store.lease(&name, 5, 0)).unwrap().range);
    }
    let told: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    assert_disjoint([told.concat(), own].concat());
    let after = wait(store.identity()).unwrap();
    assert_eq!((after.id, after.durability), (identity.id, identity.durability));
    assert_ne!(after.incarnation, identity.incarnation, "another run of the server");
}
