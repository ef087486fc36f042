//! Another node leads, nobody leads, nodes name one another: what a client does, and how long.

use std::time::{Duration, Instant};

use idgen_store::StoreError;
use redis::Value;

use crate::counter::{counter, open, stocked};
use crate::events::Heard;
use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{address, assert_disjoint, load_time, orders, wait, with_option};
use crate::{Place, alone, order, send};

/// Addresses of the nodes, and the cluster as it was when the test is over.
struct Cluster {
    nodes: Vec<String>,
}

impl Cluster {
    fn of<T>(place: &Place<T>) -> Self {
        let told: Vec<String> = send(&address(&place.server), &["RAFTPEERS"]).unwrap();
        let nodes: Vec<String> = told.chunks(2).map(|pair| pair[0].clone()).collect();
        assert_eq!(nodes.len(), 3, "{told:?}");
        Self { nodes }
    }

    fn order(&self, words: &[&str]) {
        order(&self.nodes[2], words);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let words = ["UP 1", "UP 2", "MISLEAD OFF", "LOSE 0", "LEADER 1"];
        for words in words.map(|line| line.split(' ').collect::<Vec<_>>()) {
            self.order(&words);
        }
    }
}

#[test]
fn a_follower_names_the_leader_and_is_followed() {
    let place = alone();
    let cluster = Cluster::of(&place);
    let (name, _) = stocked(&place, "", 0);
    let (_, url) = counter(&place, "");
    let begin = format!("summitdb://{}?", cluster.nodes[1]);
    let store = open(&url.replace(&format!("{}?", place.server), &begin));
    assert_eq!(wait(store.lease(&name, 1, 0)).unwrap().range.start(), 2);
    cluster.order(&["LEADER", "2"]);
    assert_eq!(wait(store.lease(&name, 1, 0)).unwrap().range.start(), 4);
    let listed = open(&with_option(&url, "peers=listed"));
    let kept = wait(listed.lease(&name, 1, 0)).unwrap_err().to_string();
    assert!(kept.contains("no node leads") && kept.contains(&cluster.nodes[0]), "{kept}");
}

#[test]
fn each_step_is_told() {
    let place = alone();
    let (cluster, store) = (Cluster::of(&place), place.stocked());
    let lease = || wait(store.lease(&orders(), 1, 0));
    cluster.order(&["LEADER", "2"]);
    let (leased, told) = Heard::during(lease);
    leased.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    let [node, other, ..] = &cluster.nodes[..] else { panic!("no nodes") };
    let due = format!("node={node} other={other}");
    assert!(told[0].contains("named another") && told[0].contains(&due), "{told:?}");
    cluster.order(&["DOWN", "2"]);
    cluster.order(&["LEADER", "NONE"]);
    let (leased, told) = Heard::during(lease);
    leased.unwrap_err();
    let about = |what: &str| told.iter().filter(|line| line.contains(what)).count();
    let again = "the leader cannot be reached, so the peers are asked again";
    assert_eq!(about(again), 3, "{told:?}");
    assert!(told.iter().any(|line| line.contains(&format!("{again} store="))), "{told:?}");
    assert!(about("attempt=1 of=3") == 1 && about("attempt=3 of=3") == 1, "{told:?}");
    assert!(about(&format!("node={other} why=")) >= 1, "{told:?}");
    assert!(about("knows no leader") >= 4, "{told:?}");
}

/// Four processes lease while the leader changes, from time to time because it went down.
fn under_changes(test: &str, url: &str, place: &Place<crate::Alone>, name: &idgen_store::Name) {
    let cluster = Cluster::of(place);
    let job = Job { url, name, len: 7, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let (began, mut changes) = (Instant::now(), 0);
    while began.elapsed() < load_time() {
        std::thread::sleep(Duration::from_millis(40));
        changes += 1;
        let (leader, other) = if changes % 2 == 0 { ("1", "2") } else { ("2", "1") };
        match changes % 3 {
            0 => cluster.order(&["LEADER", leader]),
            1 => {
                cluster.order(&["DOWN", other]);
                cluster.order(&["LEADER", "NONE"]);
                cluster.order(&["LOSE", "2"]);
                cluster.order(&["LEADER", leader]);
            }
            _ => {
                cluster.order(&["UP", leader]);
                cluster.order(&["LEADER", leader]);
            }
        }
    }
    drop(cluster);
    let told: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    assert!(changes > 10);
    assert_disjoint(told.concat());
}

#[test]
fn leaders_change_under_leases() {
    as_child();
    let place = alone();
    place.stocked();
    under_changes("failover::leaders_change_under_leases", &place.url(), &place, &orders());
}

#[test]
fn leaders_change_under_leases_of_a_counter() {
    as_child();
    let place = alone();
    let (name, url) = counter(&place, "");
    place.command::<Value>(&["SET", name.as_str(), "0"]);
    under_changes("failover::leaders_change_under_leases_of_a_counter", &url, &place, &name);
}

/// The write took effect and its answer did not come: it is not done twice.
#[test]
fn a_document_is_replaced_once() {
    let place = alone();
    let (cluster, store) = (Cluster::of(&place), place.stocked());
    let lease = || wait(store.lease(&orders(), 10, 0)).unwrap().range;
    assert_eq!(lease().last(), 10);
    cluster.order(&["LOSE", "1"]);
    assert_eq!(lease().start(), 11, "asked again, it was found done");
    cluster.order(&["LOSE", "1"]);
    assert_eq!(lease().last(), 30);
    assert_eq!(wait(store.describe(&orders())).unwrap().serial, 3);
}

#[test]
fn without_a_leader_there_is_one_error_in_time() {
    let place = alone();
    let (cluster, store) = (Cluster::of(&place), place.stocked());
    let limited = open(&with_option(&place.url(), "answer_timeout_ms=700"));
    wait(limited.lease(&orders(), 1, 0)).unwrap();
    cluster.order(&["LEADER", "NONE"]);
    for store in [&store, &limited] {
        let began = Instant::now();
        let error = wait(store.lease(&orders(), 1, 0)).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        let said = error.to_string();
        assert!(said.contains("of 3 nodes 3 answered") && said.contains("2 are needed"), "{said}");
    }
    cluster.order(&["DOWN", "1"]);
    cluster.order(&["DOWN", "2"]);
    let said = wait(store.lease(&orders(), 1, 0)).unwrap_err().to_string();
    let (lost, left) = cluster.nodes.split_at(2);
    assert!(said.contains(&format!("of 3 nodes 1 answered ({})", left[0])), "{said}");
    assert!(lost.iter().all(|node| said.contains(node)), "{said}");
    cluster.order(&["UP", "1"]);
    cluster.order(&["LEADER", "1"]);
    assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.len(), 1);
}

/// A leader that comes back while a request waits for it.
#[test]
fn an_election_is_waited_for() {
    let place = alone();
    let (cluster, _) = (Cluster::of(&place), place.stocked());
    let store = open(&place.url().replace("retries=3", "retries=100"));
    wait(store.lease(&orders(), 1, 0)).unwrap();
    cluster.order(&["DOWN", "1"]);
    cluster.order(&["LEADER", "NONE"]);
    std::thread::scope(|scope| {
        let leased = scope.spawn(|| wait(store.lease(&orders(), 1, 0)).unwrap().range);
        std::thread::sleep(Duration::from_millis(600));
        cluster.order(&["LEADER", "3"]);
        assert_eq!(leased.join().unwrap().start(), 2);
    });
}

#[test]
fn nodes_that_name_one_another_end_it() {
    let place = alone();
    let (cluster, store) = (Cluster::of(&place), place.stocked());
    wait(store.lease(&orders(), 1, 0)).unwrap();
    // A node, one that is not there, itself, and no address.
    for named in [cluster.nodes[1].as_str(), "127.0.0.1:1", ":7481"] {
        cluster.order(&["MISLEAD", named]);
        let began = Instant::now();
        let error = wait(store.lease(&orders(), 1, 0)).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("no node leads"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
    }
    cluster.order(&["MISLEAD", "OFF"]);
    assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.len(), 1);
}
