//! The client against real servers, in this process: both protocols, fail-over, drains.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use idgen_client::{GenIdClient, NativeClient, Prefetch, Settings};
use idgen_core::Cause;
use idgen_runtime::snowflake::Preset;
use idgen_runtime::store::{Definition, Name, OpenStore, Wish, open};
use idgen_runtime::{Runtime, SnowflakeSettings};
use idgen_server::{Desk, Doors, Limits, Server};
use tokio::net::TcpListener;

struct Node {
    server: Server,
    native: SocketAddr,
    genid: SocketAddr,
}

/// A server on this store, as this GenID machine.
async fn node(store: OpenStore, machine: u64) -> Node {
    let runtime = Runtime::start(store, Default::default()).unwrap();
    let claim = async |name: &str, wish: Wish| {
        let preset = Preset::named(name).unwrap();
        let mut settings = SnowflakeSettings::new(preset.name, &preset.layout).unwrap();
        settings.wish = wish;
        runtime.snowflakes(settings).await.unwrap()
    };
    let machine = Preset::named("genid").unwrap().layout.worker(&[
        ("zone", 0),
        ("dc", 0),
        ("machine", machine),
    ]);
    let desk = Desk {
        pool: Name::new("default").unwrap(),
        integers: Name::new("integers").unwrap(),
        snowflakes: Some((claim("standard", Wish::Any).await, "standard")),
        genid: Some(claim("genid", Wish::Exactly(machine.unwrap())).await),
        number: None,
        request_deadline: Duration::from_secs(5),
        runtime: runtime.clone(),
    };
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (native, genid) = (bind().await.unwrap(), bind().await.unwrap());
    let addrs = [&native, &genid].map(|listener| listener.local_addr().unwrap());
    let doors = Doors { native: Some(native), genid: Some(genid), ..Doors::default() };
    let server = Server::start(desk, doors, Limits::default());
    Node { server, native: addrs[0], genid: addrs[1] }
}

/// A store in memory with these sequences.
async fn store(names: &[&str]) -> OpenStore {
    let store = open("memory:").unwrap();
    for name in names {
        store.sequences.create(&Name::new(name).unwrap(), &Definition::default()).await.unwrap();
    }
    store
}

fn native(nodes: &[&Node]) -> NativeClient {
    NativeClient::new(Settings::new(nodes.iter().map(|node| node.native.to_string()))).unwrap()
}

fn genid(nodes: &[&Node]) -> GenIdClient {
    GenIdClient::new(Settings::new(nodes.iter().map(|node| node.genid.to_string()))).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(8)
}

fn assert_distinct(mut ids: Vec<u64>) {
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id came twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_and_snowflakes_come_as_ranges() {
    let node = node(store(&["orders"]).await, 1).await;
    let client = native(&[&node]);
    let orders = client.sequence("orders").unwrap();
    assert_eq!(orders.name(), "orders");
    assert_eq!(orders.next_id(soon()).await, Ok(1));
    let taken = orders.take(1000, soon()).await.unwrap();
    assert_eq!(taken.ids().collect::<Vec<_>>(), (2..=1001).collect::<Vec<_>>());
    // More than one frame takes.
    let many = client.snowflakes(1_000_000, soon()).await.unwrap();
    assert!(many.ranges().len() > 200, "{} ranges", many.ranges().len());
    let ids: Vec<u64> = many.ids().collect();
    assert!(ids.len() == 1_000_000 && ids.is_sorted_by(|a, b| a < b));
    assert!(client.snowflake(soon()).await.unwrap() > ids[999_999]);
    assert!(client.health(soon()).await.unwrap().is_ready);
    assert_eq!(client.losses().requests, 0);
    node.server.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_carry_their_cause_and_the_next_step() {
    let node = node(store(&[]).await, 1).await;
    let client = native(&[&node]);
    let unknown = client.sequence("nobody").unwrap().next_id(soon()).await.unwrap_err();
    assert_eq!(unknown.cause(), Some(Cause::Unknown), "{unknown}");
    assert!(unknown.to_string().contains("nobody"), "{unknown}");
    let too_many = client.snowflakes(1_000_001, soon()).await.unwrap_err();
    assert_eq!(too_many.cause(), Some(Cause::BadRequest));
    assert!(too_many.to_string().contains("ask for fewer"), "{too_many}");
    for name in ["", &"x".repeat(129)] {
        assert!(client.sequence(name).is_err(), "{name}");
    }
    assert!(client.snowflakes(0, soon()).await.is_err());
    node.server.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_delays_no_other() {
    let node = node(store(&["orders"]).await, 1).await;
    let client = native(&[&node]);
    // Far more than a tick has: it takes the server a second.
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.snowflakes(1_000_000, soon()).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let orders = client.sequence("orders").unwrap();
    for id in 1..=20 {
        assert_eq!(orders.next_id(soon()).await, Ok(id));
    }
    assert!(slow.iter().any(|slow| !slow.is_finished()), "the slow ones were answered first");
    for slow in slow {
        slow.await.unwrap();
    }
    node.server.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_carry_on_when_a_node_drains() {
    let store = store(&["orders"]).await;
    let (one, two) = (node(store.clone(), 1).await, node(store, 2).await);
    let (native, genid) = (native(&[&one, &two]), genid(&[&one, &two]));
    let orders = native.sequence("orders").unwrap();
    let until = Instant::now() + Duration::from_millis(1500);
    let mut callers = Vec::new();
    for _ in 0..4 {
        let (genid, orders) = (genid.clone(), orders.clone());
        callers.push(tokio::spawn(async move {
            let (mut serial, mut stamped) = (Vec::new(), Vec::new());
            let mut last = (0, 0);
            while Instant::now() < until {
                serial.extend(orders.take(3, soon()).await.unwrap().ids());
                let taken = genid.take(2, soon()).await.unwrap();
                let first = taken.ids().next().unwrap();
                let is_same = taken.connection() == last.0;
                assert!(!is_same || first > last.1, "not rising on connection {}", last.0);
                last = (taken.connection(), taken.ids().last().unwrap());
                stamped.extend(taken.ids());
            }
            (serial, stamped)
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    one.server.drain().await;
    let (mut serial, mut stamped) = (Vec::new(), Vec::new());
    for caller in callers {
        let (a, b) = caller.await.unwrap();
        serial.extend(a);
        stamped.extend(b);
    }
    assert!(serial.len() > 100 && stamped.len() > 100, "{} {}", serial.len(), stamped.len());
    assert_distinct(serial);
    assert_distinct(stamped);
    two.server.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefetched_ids_are_the_sequences_own() {
    let node = node(store(&["orders"]).await, 1).await;
    let client = native(&[&node]);
    let orders = client.sequence("orders").unwrap();
    assert!(Prefetch::new(orders.clone(), 0).is_err());
    let at_hand = std::sync::Arc::new(Prefetch::new(orders.clone(), 100).unwrap());
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let at_hand = at_hand.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..500 {
                    ids.push(at_hand.next_id(soon()).await.unwrap());
                }
                assert!(ids.is_sorted_by(|a, b| a < b), "a caller's ids do not rise");
                ids
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (1..=2000).collect::<Vec<_>>(), "no id twice, none left out between");
    let beside = orders.next_id(soon()).await.unwrap();
    assert!(beside > 2000 && beside <= 2151, "{beside}: more than a batch and a half at hand");
    node.server.drain().await;
}
