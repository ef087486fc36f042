//! What all nodes are held to, and a node that is killed.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_store::{Definition, Durability, Name, SequenceStore, StoreError};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::services::order;
use crate::network::{
    alone, as_user, assert_disjoint, fresh, load_time, orders, wait, with_option,
};
use crate::{Cluster, Place};

fn open(url: &str) -> Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

fn refusal(store: &dyn SequenceStore) -> String {
    match wait(store.lease(&orders(), 1, 0)).unwrap_err() {
        StoreError::Refused(why) => why,
        other => panic!("{other}"),
    }
}

#[test]
fn identity_names_all_masters() {
    let place: Place = fresh();
    let identity = wait(place.store().identity()).unwrap();
    for node in place.nodes() {
        let info: String = node.command(&["INFO", "server"]);
        let run = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap();
        assert!(identity.incarnation.contains(run.trim()), "{identity:?} lacks {run}");
    }
    assert_eq!((identity.backend, identity.durability), ("redis", Durability::Keeps));
    assert_eq!(wait(place.store().notes()).unwrap(), Vec::<String>::new());
}

/// Whichever node it is: the one with a sequence's slot is not known at start.
#[test]
fn one_node_that_is_unfit_makes_the_cluster_unfit() {
    let place = alone::<Cluster>();
    for node in place.nodes() {
        node.command::<()>(&["CONFIG", "SET", "appendfsync", "everysec"]);
        let why = refusal(&*place.store());
        let lossy = idgen_store::open(&with_option(&place.url(), "durability=lossy")).unwrap();
        let taken = wait(lossy.sequences.identity());
        node.command::<()>(&["CONFIG", "SET", "appendfsync", "always"]);
        assert!(why.contains("appendfsync is everysec"), "{why}");
        assert!(matches!(taken.unwrap().durability, Durability::MayLose(_)));
        node.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
        let why = refusal(&*place.store());
        node.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        assert!(why.contains("allkeys-lru"), "{why}");
    }
    place.stocked();
    let (_, owner, _) = place.owner(&place.key("mark"));
    owner.command::<u64>(&["EXPIRE", &place.key("mark"), "1000"]);
    assert!(refusal(&*place.store()).contains("PERSIST"));
}

#[test]
fn a_node_is_no_single_server_and_the_other_way_round() {
    let place: Place = fresh();
    let port = &place.nodes()[0].port;
    let single = idgen_store::open(&format!("redis://127.0.0.1:{port}")).unwrap();
    assert!(refusal(&*single.sequences).contains("redis-cluster://"));
    let server = crate::network::server("IDGEN_TEST_REDIS_URL");
    let cluster = idgen_store::open(&server.replace("redis://", "redis-cluster://")).unwrap();
    let told = wait(cluster.sequences.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(told, StoreError::Refused(_) | StoreError::Unavailable(_)), "{told}");
}

/// Everywhere: a connection to another node is made when a key is there.
#[test]
fn a_login_holds_for_every_node() {
    let place: Place = fresh();
    let user = crate::network::unique();
    for node in place.nodes() {
        node.command::<()>(&["ACL", "SETUSER", &user, "on", ">sesame", "~*", "+@all"]);
    }
    let store = open(&as_user(&place.url(), &format!("{user}:sesame")));
    for name in ["a", "b", "c", "d", "e", "f"] {
        let name = Name::new(name).unwrap();
        wait(store.create(&name, &Definition::default())).unwrap();
        assert_eq!(wait(store.lease(&name, 2, 0)).unwrap().range.last(), 2);
    }
    let refused = wait(open(&as_user(&place.url(), &user)).list()).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    for node in place.nodes() {
        node.command::<u64>(&["ACL", "DELUSER", &user]);
    }
}

#[test]
fn a_killed_node_repeats_nothing() {
    as_child();
    let place = alone::<Cluster>();
    let store = place.stocked();
    let (url, name) = (place.url(), orders());
    let time = load_time() + Duration::from_secs(4);
    let job = Job { url: &url, name: &name, len: 5, until: Until::Elapsed(time) };
    let test = "nodes::a_killed_node_repeats_nothing";
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let mut own = vec![wait(store.lease(&name, 5, 0)).unwrap().range];
    sleep(load_time() / 2);
    let (_, owner, _) = place.owner(&place.key("mark"));
    order("kill", &owner.service());
    let lost = wait(store.lease(&name, 5, 0)).unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    order("start", &owner.service());
    let deadline = Instant::now() + Duration::from_secs(20);
    let next = loop {
        match wait(store.lease(&name, 5, 0)) {
            Ok(lease) => break lease.range,
            Err(StoreError::Unavailable(_)) if Instant::now() < deadline => {
                sleep(Duration::from_millis(50));
            }
            Err(other) => panic!("{other}"),
        }
    };
    own.push(next);
    let told: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    assert_disjoint([told.concat(), own].concat());
}

/// Counted by the server: the nodes name one another past any proxy.
#[test]
fn a_lease_is_one_command() {
    let place = alone::<Cluster>();
    let store = place.stocked();
    wait(store.lease(&orders(), 10, 0)).unwrap();
    let scripts = || -> u64 {
        let calls = |node: &crate::Node| {
            let stats: String = node.command(&["INFO", "commandstats"]);
            let calls = |line: &str| {
                let calls = line.strip_prefix("cmdstat_eval")?.split_once("calls=")?.1;
                calls.split(',').next()?.parse::<u64>().ok()
            };
            stats.lines().filter_map(calls).sum::<u64>()
        };
        place.nodes().iter().map(calls).sum()
    };
    let before = scripts();
    for _ in 0..50 {
        wait(store.lease(&orders(), 10, 0)).unwrap();
    }
    assert_eq!(scripts() - before, 50);
}
