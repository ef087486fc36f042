//! Slots that move while sequences are leased from them.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{alone, assert_disjoint, fresh, load_time, orders, wait};
use crate::{Cluster, Node, Place};

const CHILD: &str = "slots::a_slot_that_moves_repeats_nothing";

/// Moves a slot with its keys, as `redis-cli --cluster reshard` does.
fn migrate(slot: &str, from: &Node, to: &Node, others: &[Node]) {
    to.command::<()>(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &from.id]);
    from.command::<()>(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &to.id]);
    loop {
        let keys: Vec<String> = from.command(&["CLUSTER", "GETKEYSINSLOT", slot, "100"]);
        if keys.is_empty() {
            break;
        }
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &to.port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.iter().map(String::as_str));
        let _ok_or_nokey: String = from.command(&migrate);
    }
    for node in [to, from].into_iter().chain(others) {
        node.command::<()>(&["CLUSTER", "SETSLOT", slot, "NODE", &to.id]);
    }
}

#[test]
fn keys_of_a_sequence_lie_in_one_slot() {
    let place: Place = fresh();
    let store = place.stocked();
    let leased = wait(store.lease(&orders(), 5, 0)).unwrap();
    let rest = leased.range.part(2, 3).unwrap();
    let tail = idgen_store::Lease { range: rest, serial: leased.serial };
    wait(store.lease(&orders(), 5, 0)).unwrap();
    wait(store.hand_back(&orders(), &tail)).unwrap();
    let (slot, owner, _) = place.owner(&place.key("mark"));
    let keys: Vec<String> = owner.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
    for what in ["mark", "tails", "leases"] {
        assert!(keys.contains(&place.key(what)), "{what} is not in slot {slot}: {keys:?}");
    }
}

#[test]
fn a_slot_that_moves_repeats_nothing() {
    as_child();
    let place = alone::<Cluster>();
    let store = place.stocked();
    let own = wait(store.lease(&orders(), 5, 0)).unwrap().range;
    let (url, name) = (place.url(), orders());
    let job = Job { url: &url, name: &name, len: 5, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(CHILD, &job)).collect();
    let done = AtomicBool::new(false);
    let (moves, told) = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let (slot, mut at, others) = place.owner(&place.key("mark"));
            let [mut next, last] = <[Node; 2]>::try_from(others).unwrap();
            let mut moves = 0;
            while !done.load(Ordering::SeqCst) {
                migrate(&slot, &at, &next, std::slice::from_ref(&last));
                std::mem::swap(&mut at, &mut next);
                moves += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            moves
        });
        let told: Vec<_> = workers.into_iter().map(Worker::finish).collect();
        done.store(true, Ordering::SeqCst);
        (mover.join().unwrap(), told)
    });
    assert!(moves > 3, "{moves} moves");
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    let mut told = told.concat();
    told.extend([own, wait(store.lease(&name, 5, 0)).unwrap().range]);
    assert_disjoint(told);
}

/// A script is sent by its digest, which a node that has just got the slot does not know.
#[test]
fn a_node_that_has_never_seen_the_scripts_runs_them() {
    let place = alone::<Cluster>();
    let store = place.stocked();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
    let (slot, from, others) = place.owner(&place.key("mark"));
    others[0].command::<()>(&["SCRIPT", "FLUSH"]);
    migrate(&slot, &from, &others[0], &others[1..]);
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.start(), 6);
    assert_eq!(wait(place.store().last(&orders())).unwrap(), 10);
    migrate(&slot, &others[0], &from, &others[1..]);
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.start(), 11);
}
