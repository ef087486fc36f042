//! Masters that are cut off and killed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::{SequenceStore, StoreError};
use redis::Value;

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::services::{Alone, order};
use crate::network::{alone, assert_disjoint, load_time, orders, wait};
use crate::{Node, Place, Sentinel};

/// How long sentinels take at most: 1 s until they give a master up, then votes and a promotion. A
/// vote without a majority is repeated after 10 s, and a sentinel whose timers came late, on a busy
/// machine, does nothing for 30 s.
const PATIENCE: Duration = Duration::from_secs(150);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not hold after {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}

/// A set whose master is the only one to have what it grants from here on.
fn cut_off(place: &Place<Alone>) -> Node {
    let master = place.master();
    // Replicas ask with these; sentinels do not.
    master.command::<Value>(&["ACL", "SETUSER", "default", "-psync", "-replconf", "-sync"]);
    master.command::<Value>(&["CLIENT", "KILL", "TYPE", "replica"]);
    wait_until("the cut", || {
        let info: String = master.command(&["INFO", "replication"]);
        info.contains("connected_slaves:0")
    });
    master
}

/// Kills the master, waits for another and gets the old one back as its replica.
fn fail_over(place: &Place<Alone>, master: &Node) {
    order("kill", &master.service());
    wait_until("the promotion", || {
        let now = place.master();
        now.port != master.port && now.role() == "master"
    });
    order("start", &master.service());
    // Sentinels would do so after ten seconds.
    master.command::<Value>(&["REPLICAOF", "127.0.0.1", &place.master().port]);
    wait_until("replication", || {
        let info: String = place.master().command(&["INFO", "replication"]);
        info.matches("state=online").count() == 2
    });
}

fn next_lease(store: &dyn SequenceStore) -> IdRange {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match wait(store.lease(&orders(), 5, 0)) {
            Ok(lease) => return lease.range,
            Err(StoreError::Unavailable(_)) if Instant::now() < deadline => {
                sleep(Duration::from_millis(50));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Where replicas confirm, a master that is cut off grants nothing, and its successor has all.
#[test]
fn what_replicas_have_confirmed_outlives_the_master() {
    let place = alone::<Sentinel>();
    let store = place.stocked();
    let before = wait(store.identity()).unwrap();
    let mut told = vec![wait(store.lease(&orders(), 5, 0)).unwrap().range];
    let limited = crate::network::with_option(&place.url(), "answer_timeout_ms=400");
    let limited = idgen_store::open(&limited).unwrap().sequences;
    told.push(wait(limited.lease(&orders(), 5, 0)).unwrap().range);
    let master = cut_off(&place);
    for _ in 0..3 {
        let short = wait(limited.lease(&orders(), 5, 0)).unwrap_err();
        assert!(matches!(short, StoreError::Unavailable(_)), "{short}");
    }
    fail_over(&place, &master);
    told.push(next_lease(&*store));
    told.push(next_lease(&*limited));
    assert_disjoint(told);
    let after = wait(store.identity()).unwrap();
    assert_eq!(after.id, before.id);
    assert_ne!(after.incarnation, before.incarnation, "another server grants now");
}

/// Without, what the master granted last is lost; that this was so shows in the incarnation.
#[test]
fn what_was_lost_shows_in_the_incarnation() {
    let place = alone::<Sentinel>();
    let store = idgen_store::open(&place.waiting_for(0)).unwrap().sequences;
    wait(store.create(&orders(), &Default::default())).unwrap();
    place.stocked();
    let before = wait(store.identity()).unwrap();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
    // It comes to the replicas with a lease that they confirm.
    assert_eq!(wait(place.store().lease(&orders(), 5, 0)).unwrap().range.last(), 10);
    let master = cut_off(&place);
    let lost = wait(store.lease(&orders(), 5, 0)).unwrap();
    assert_eq!(wait(store.identity()).unwrap().incarnation, before.incarnation);
    fail_over(&place, &master);
    // The same ground again: this store says so by what a runtime compares.
    assert_eq!(next_lease(&*store), lost.range);
    let after = wait(store.identity()).unwrap();
    assert_eq!(after.id, before.id);
    assert_ne!(after.incarnation, before.incarnation);
}

#[test]
fn a_master_killed_under_load_repeats_nothing() {
    as_child();
    let place = alone::<Sentinel>();
    let store = place.stocked();
    // All of them: sentinels may promote the other one.
    let (url, name) = (place.waiting_for(2), orders());
    let time = load_time() + Duration::from_secs(6);
    let job = Job { url: &url, name: &name, len: 5, until: Until::Elapsed(time) };
    let test = "fail_over::a_master_killed_under_load_repeats_nothing";
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let mut told = vec![next_lease(&*store)];
    sleep(load_time() / 2);
    fail_over(&place, &place.master());
    told.push(next_lease(&*store));
    let leased: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(leased.iter().all(|leases| leases.len() > 5), "every process leased");
    assert_disjoint([leased.concat(), told].concat());
}
