//! Numbers of processes, beside originals, through cuts, silence and restarts.
//!
//! Tests named `beat_N` show that defect N of the original's list is absent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_store::zookeeper::node_number;
use idgen_store::{NoNumber, NodeNumber};
use zookeeper_client::{Acls, Client, CreateMode, Error};

use crate::network::proxy::Proxy;
use crate::network::{Place, address, alone, services, wait};
use crate::{ZooKeeper, fresh};

type Number = Arc<dyn NodeNumber>;

/// Short, so that a lost session is lost soon.
const SESSION: Duration = Duration::from_millis(1200);

/// A process's number at a server.
fn at<T>(place: &Place<ZooKeeper, T>, server: &str) -> Number {
    node_number(&format!("{server}/{}", place.node), Some(millis(SESSION))).unwrap()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn own<T>(place: &Place<ZooKeeper, T>) -> Number {
    at(place, &address(&place.server))
}

fn through<T>(place: &Place<ZooKeeper, T>, proxy: &Proxy) -> Number {
    at(place, &format!("127.0.0.1:{}", proxy.port()))
}

fn told(number: &Number) -> Result<u64, NoNumber> {
    wait(number.number())
}

fn numbers<'a>(all: impl IntoIterator<Item = &'a Number>) -> Vec<u64> {
    all.into_iter().map(|number| told(number).unwrap()).collect()
}

/// The number, which must be told within a time.
fn soon(number: &Number) -> u64 {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match told(number) {
            Ok(number) => return number,
            Err(_) if Instant::now() < until => {}
            Err(refused) => panic!("{refused}"),
        }
    }
}

/// What somebody beside sees, and does as an original does.
struct Beside {
    client: Client,
    parent: String,
}

impl Beside {
    fn new<T>(place: &Place<ZooKeeper, T>) -> Self {
        let client = wait(place.client());
        Self { client, parent: format!("/{}/sequence", place.node) }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.parent)
    }

    fn children(&self) -> BTreeSet<String> {
        wait(async {
            self.client.sync(&self.parent).await.unwrap();
            match self.client.list_children(&self.parent).await {
                Err(Error::NoNode) => BTreeSet::new(),
                names => names.unwrap().into_iter().collect(),
            }
        })
    }

    fn are(&self, names: &[&str]) -> bool {
        self.children() == names.iter().map(|&name| name.to_owned()).collect()
    }

    fn owner(&self, name: &str) -> i64 {
        let stat = wait(self.client.check_stat(&self.path(name))).unwrap();
        stat.unwrap_or_else(|| panic!("there is no node {name}")).ephemeral_owner
    }

    fn take(&self, name: &str) {
        let all = Acls::anyone_all();
        wait(async {
            let above = CreateMode::Persistent.with_acls(all);
            self.client.mkdir(&self.parent, &above).await.unwrap();
            let own = CreateMode::Ephemeral.with_acls(all);
            self.client.create(&self.path(name), b"elsewhere", &own).await.unwrap();
        });
    }

    fn leave(&self, name: &str) {
        wait(self.client.delete(&self.path(name), None)).unwrap();
    }

    fn wait_until_gone(&self, name: &str) {
        let until = Instant::now() + Duration::from_secs(10);
        while self.children().contains(name) {
            assert!(Instant::now() < until, "node {name} stays");
            sleep(Duration::from_millis(20));
        }
    }
}

fn host() -> String {
    let output = std::process::Command::new("uname").arg("-n").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_number_is_an_ephemeral_node_with_the_hosts_name() {
    let place = fresh();
    let (number, beside) = (own(&place), Beside::new(&place));
    assert!(beside.are(&[]), "claimed before it was asked for");
    assert_eq!(told(&number).unwrap(), 1);
    assert!(beside.are(&["1"]));
    let (data, stat) = wait(beside.client.get_data(&beside.path("1"))).unwrap();
    assert_eq!(String::from_utf8(data).unwrap(), host());
    assert_ne!(stat.ephemeral_owner, 0);
    let parent = wait(beside.client.check_stat(&beside.parent)).unwrap().unwrap();
    assert_eq!(parent.ephemeral_owner, 0, "the parent is persistent");
}

#[test]
fn a_number_that_is_given_back_is_free_at_once() {
    let place = fresh();
    let (one, two, beside) = (own(&place), own(&place), Beside::new(&place));
    assert_eq!(numbers([&one, &two]), [1, 2]);
    wait(one.give_back());
    assert!(beside.are(&["2"]), "the session has ended with its node");
    assert!(told(&one).unwrap_err().reason.contains("given back"));
    assert_eq!(told(&own(&place)).unwrap(), 1);
    // Without a word, it is the driver that ends the session.
    drop(two);
    beside.wait_until_gone("2");
}

#[test]
fn beat_1_a_number_of_another_is_never_told() {
    let place = fresh();
    let all: Vec<Number> = (0..24).map(|_| own(&place)).collect();
    let asked = all.iter().cloned().map(|number| async move { number.number().await.unwrap() });
    let told: BTreeSet<u64> = wait(async {
        let tasks: Vec<_> = asked.map(tokio::spawn).collect();
        let mut told = BTreeSet::new();
        for task in tasks {
            assert!(told.insert(task.await.unwrap()), "one number was told to two");
        }
        told
    });
    assert_eq!(told, (1..=24).collect());
    let beside = Beside::new(&place);
    let owners: BTreeSet<i64> = told.iter().map(|n| beside.owner(&n.to_string())).collect();
    assert_eq!(owners.len(), 24, "each node has an owner of its own");
}

#[test]
fn beat_2_number_1_is_used_again_and_unsorted_children_confuse_nobody() {
    let place = fresh();
    let beside = Beside::new(&place);
    for name in ["10", "3", "1", "2"] {
        beside.take(name);
    }
    let (four, five) = (own(&place), own(&place));
    assert_eq!(numbers([&four, &five]), [4, 5]);
    beside.leave("1");
    beside.leave("3");
    let (one, three, six) = (own(&place), own(&place), own(&place));
    assert_eq!(numbers([&one, &three, &six]), [1, 3, 6]);
}

#[test]
fn beat_3_many_first_requests_make_one_node_in_one_session() {
    let place = fresh();
    let proxy = Proxy::to(&address(&place.server));
    let number = through(&place, &proxy);
    let told = wait(async {
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let number = Arc::clone(&number);
                tokio::spawn(async move { number.number().await.unwrap() })
            })
            .collect();
        let mut told = BTreeSet::new();
        for task in tasks {
            told.insert(task.await.unwrap());
        }
        told
    });
    assert_eq!(told, BTreeSet::from([1]));
    assert!(Beside::new(&place).are(&["1"]));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn beat_4_a_reconnect_leaves_neither_session_nor_node_behind() {
    let place = fresh();
    let proxy = Proxy::to(&address(&place.server));
    let (number, beside) = (through(&place, &proxy), Beside::new(&place));
    assert_eq!(told(&number).unwrap(), 1);
    let session = beside.owner("1");
    for _ in 0..5 {
        proxy.lose_all();
        assert_eq!(soon(&number), 1);
        assert!(beside.are(&["1"]));
        assert_eq!(beside.owner("1"), session, "the session goes on");
    }
    assert_eq!(told(&own(&place)).unwrap(), 2, "new numbers come next, not after the last");
}

#[test]
fn beat_4_a_lost_answer_to_the_creation_leaves_no_second_node() {
    let place = fresh();
    let beside = Beside::new(&place);
    beside.take("lock");
    for requests in 1..=8 {
        let proxy = Proxy::to(&address(&place.server));
        let number = through(&place, &proxy);
        // The answer to each of the first requests is lost in its turn, that to the creation too.
        let asked = Arc::clone(&number);
        let asking = std::thread::spawn(move || soon(&asked));
        while proxy.round_trips() < requests && !asking.is_finished() {
            std::hint::spin_loop();
        }
        proxy.cut(crate::network::proxy::Cut::After);
        assert_eq!(asking.join().unwrap(), 1);
        assert_eq!(soon(&number), 1);
        assert!(beside.are(&["1", "lock"]), "{:?}", beside.children());
        wait(number.give_back());
        beside.wait_until_gone("1");
    }
}

#[test]
fn beat_5_a_child_that_is_no_number_breaks_nothing() {
    let place = fresh();
    let beside = Beside::new(&place);
    for name in ["lock", "node-0000000001", "01", "+1", "0", "-1", "1.0"] {
        beside.take(name);
    }
    let (one, two) = (own(&place), own(&place));
    assert_eq!(numbers([&one, &two]), [1, 2]);
}

/// Asks until the node is seen to be gone; returns when the number was told last.
fn told_until_gone(number: &Number, beside: &Beside) -> (Instant, Instant) {
    let mut last = Instant::now();
    loop {
        let asked = Instant::now();
        match told(number) {
            Ok(told) => {
                assert_eq!(told, 1);
                last = Instant::now();
            }
            Err(refused) => assert!(refused.reason.contains("; "), "{refused}"),
        }
        if !beside.children().contains("1") {
            return (last, asked);
        }
    }
}

#[test]
fn beat_6_a_number_is_not_told_once_its_session_is_lost() {
    let place = fresh();
    let proxy = Proxy::to(&address(&place.server));
    let (number, beside) = (through(&place, &proxy), Beside::new(&place));
    assert_eq!(told(&number).unwrap(), 1);
    proxy.set_silent(true);
    let silent = Instant::now();
    let (last, gone) = told_until_gone(&number, &beside);
    assert!(last - silent < SESSION && last < gone, "told for {:?}", last - silent);
    // Another has it now, and may keep it.
    beside.take("1");
    assert!(told(&number).is_err());
    proxy.set_silent(false);
    assert_eq!(soon(&number), 2);
    assert!(beside.are(&["1", "2"]));
}

#[test]
fn beat_7_an_outage_is_told_with_a_reason_and_the_number_is_had_again() {
    let place = fresh();
    let proxy = Proxy::to(&address(&place.server));
    let (number, beside) = (through(&place, &proxy), Beside::new(&place));
    let other = own(&place);
    assert_eq!(numbers([&other, &number]), [1, 2]);
    proxy.set_down(true);
    beside.wait_until_gone("2");
    let refused = told(&number).unwrap_err();
    assert!(refused.reason.contains("see that a server runs"), "{refused}");
    assert!(!refused.reason.contains("127.0.0.1") && refused.place.contains("127.0.0.1"));
    // 1 is free as well, and lower.
    wait(other.give_back());
    proxy.set_down(false);
    assert_eq!(soon(&number), 2);
    assert!(beside.are(&["2"]));
}

#[test]
fn a_node_removed_by_hand_is_made_again() {
    let place = fresh();
    let (one, beside) = (own(&place), Beside::new(&place));
    assert_eq!(told(&one).unwrap(), 1);
    beside.leave("1");
    sleep(SESSION);
    assert_eq!(told(&one).unwrap(), 1);
    assert!(beside.are(&["1"]));
    wait(beside.client.delete(&beside.path("1"), None)).unwrap();
    beside.take("1");
    sleep(SESSION);
    assert_eq!(soon(&one), 2);
}

#[test]
fn with_a_login_nodes_are_for_that_user() {
    let place = fresh();
    let server = format!("zookeeper://me:secret@{}/{}", address(&place.server), place.node);
    let number = node_number(&server, None).unwrap();
    assert_eq!(told(&number).unwrap(), 1);
    let refused = told(&own(&place)).unwrap_err();
    assert!(refused.reason.contains("not authorized"), "{refused}");
    assert!(refused.reason.contains("the node /sequence"), "{refused}");
    wait(number.give_back());
}

#[test]
fn when_the_server_is_back_each_has_the_number_it_had() {
    let place = alone::<ZooKeeper>();
    let session = Duration::from_secs(3);
    let server = format!("{}/{}?answer_timeout_ms=300", place.server, place.node);
    let number = || node_number(&server, Some(millis(session))).unwrap();
    let all = [number(), number(), number()];
    assert_eq!(numbers(&all), [1, 2, 3]);
    // The driver outlasts the first outage; by the end of the second it has given the session up.
    for outage in [Duration::ZERO, 2 * session] {
        services::order("kill", "zookeeper");
        let until = Instant::now() + outage;
        // Until the driver hears of it, the number may be told, and no other.
        let heard = Instant::now() + session;
        for (number, own) in all.iter().zip(1..) {
            while let Ok(told) = told(number) {
                assert!(told == own && Instant::now() < heard, "{told} told for too long");
            }
        }
        loop {
            for number in &all {
                let refused = told(number).expect_err("told without a server");
                assert!(refused.reason.contains("; "), "{refused}");
            }
            if Instant::now() >= until {
                break;
            }
        }
        services::order("start", "zookeeper");
        // The last one first, as it happens.
        let again: Vec<u64> = all.iter().rev().map(soon).collect();
        assert_eq!(again, [3, 2, 1]);
        assert!(Beside::new(&place).are(&["1", "2", "3"]), "a node was left behind");
    }
}
