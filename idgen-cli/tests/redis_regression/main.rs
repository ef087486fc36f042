//! Redis that loses what it granted, under nodes that run: they freeze, and no id comes twice.
//!
//! `IDGEN_TEST_REDIS_SENTINEL_URL` names sentinels of a master `idgen` with replicas,
//! `IDGEN_TEST_REDIS_VOLATILE_URL` a server that keeps nothing; both are run by
//! `cargo xtask services`, since they are killed here. `IDGEN_TEST_REDIS_URL` names one that keeps.

use std::collections::HashSet;
use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use idgen_runtime::store::{self, Definition, Name, StoreError};
use idgen_runtime::{Cause, PeerMark, PeerMarks, Peers, Runtime, Sequence, Settings};
use services::order;

#[path = "../../../idgen-store/tests/network/services.rs"]
#[allow(dead_code, reason = "each program's tests use their part")]
mod services;

/// How long a fail-over or a restart may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!(
            "{variable} is not set: run `cargo xtask services up redis \
            redis-sentinel redis-volatile` and set what it prints"
        ),
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not hold after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(200)
}

/// What a server on this host says to a line.
fn say(port: &str, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Sentinels know no QUIT.
    stream.write_all(format!("{line}\r\nPING\r\n").as_bytes())?;
    let (mut said, mut part) = (String::new(), [0; 4096]);
    while !said.ends_with("+PONG\r\n") {
        let len = stream.read(&mut part)?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        said.push_str(&String::from_utf8_lossy(&part[..len]));
    }
    Ok(said)
}

/// One process of a service that leases from a sequence.
struct Node {
    runtime: Runtime,
    sequence: Arc<Sequence>,
    _journal: tempfile::TempDir,
}

/// Nodes that ask one another for their marks; one that is down is `None`.
#[derive(Clone, Default)]
struct Listed(Arc<Mutex<Vec<Option<Runtime>>>>);

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the nodes of this test")
    }
}

impl Peers for Listed {
    fn marks(&self, name: &Name) -> PeerMarks {
        let (nodes, name) = (self.0.lock().unwrap().clone(), name.clone());
        Box::pin(async move {
            let mut told = Vec::new();
            for (at, node) in nodes.iter().enumerate() {
                let mark = match node {
                    Some(node) => node.mark(&name).await.map_err(|why| why.to_string()),
                    None => Err("it is down".to_owned()),
                };
                told.push(PeerMark { peer: format!("node {at}"), mark });
            }
            told
        })
    }
}

impl Node {
    fn start(url: &str) -> Self {
        Self::of(url, "orders", &Definition::default())
    }

    fn of(url: &str, name: &str, definition: &Definition) -> Self {
        Self::among(None, url, name, definition)
    }

    fn among(listed: Option<&Listed>, url: &str, name: &str, definition: &Definition) -> Self {
        let peers = listed.map(|listed| Arc::new(listed.clone()) as Arc<dyn Peers>);
        let journal = tempfile::tempdir().unwrap();
        let state_dir = Some(journal.path().to_owned());
        // So short that a lease is soon used up.
        let settings =
            Settings { state_dir, min_step: 10, max_step: 10, peers, ..Settings::default() };
        let runtime = Runtime::start(store::open(url).unwrap(), settings).unwrap();
        let sequence = runtime.create_blocking(name, definition).unwrap();
        Self { runtime, sequence, _journal: journal }
    }

    fn take(&self, ids: &mut Vec<u64>, count: u64) {
        let count = NonZeroU64::new(count).unwrap();
        let taken = self.sequence.take_all_blocking(count, Instant::now() + PATIENCE).unwrap();
        ids.extend(taken.iter().flat_map(|range| range.iter()));
    }

    /// Takes ids for as long as there are any, until the sequence is frozen; what it says then.
    fn take_until_frozen(&self, ids: &mut Vec<u64>) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.sequence.next_id_blocking(soon()) {
                Ok(id) => ids.push(id),
                Err(refused) if refused.cause() == Cause::Frozen => return refused.to_string(),
                Err(other) => assert!(Instant::now() < deadline, "{other}"),
            }
            assert!(ids.len() < 100_000, "it goes on");
        }
    }

    /// A look is due half a second after a freeze.
    fn take_once_thawed(&self, ids: &mut Vec<u64>) {
        wait_until("the thaw", || {
            let id = self.sequence.next_id_blocking(soon());
            ids.extend(id.as_ref().ok());
            id.is_ok()
        });
        self.take(ids, 100);
    }

    /// The store may be higher than any mark: it tells, and what it has is above them then.
    fn thaw(&self, above: u64) {
        let thaw = |above| wait(self.runtime.thaw(self.sequence.name(), above));
        match thaw(above) {
            Err(StoreError::WouldLower { bound, .. }) => thaw(bound).unwrap(),
            thawed => thawed.unwrap(),
        }
    }
}

/// Runs a future of a store, whose driver wants a tokio runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The highest id that a frozen node was granted.
fn mark(said: &str) -> u64 {
    said.rsplit_once("--above ").unwrap().1.trim().parse().unwrap()
}

/// Both nodes have been frozen: merges their marks by hand, and goes on.
fn thaw_and_go_on(nodes: &[Node; 2], said: [String; 2], ids: &mut Vec<u64>) {
    let highest = said.iter().map(|said| mark(said)).max().unwrap();
    assert!(ids.iter().all(|id| *id <= highest), "a mark lies below an id");
    for node in nodes {
        node.thaw(highest);
    }
    for node in nodes {
        node.take_once_thawed(ids);
    }
}

fn assert_distinct(ids: &[u64]) {
    let mut seen = HashSet::new();
    for id in ids {
        assert!(seen.insert(id), "{id} was issued twice");
    }
}

fn unique() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    format!("t{}_{now}", std::process::id())
}

#[test]
fn a_fail_over_that_loses_leases_freezes_all_nodes() {
    let _turn = services::alone();
    let server = server("IDGEN_TEST_REDIS_SENTINEL_URL");
    let url = format!("{server}?durability=lossy&prefix={}", unique());
    let (_, hosts) = server.split_once("://127.0.0.1:").unwrap();
    let sentinel = &hosts[..hosts.find([',', '/']).unwrap()];
    let master = || {
        let said = say(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME idgen").unwrap();
        said.lines().nth(4).unwrap().to_owned()
    };
    let nodes = [Node::start(&url), Node::start(&url)];
    let mut ids = Vec::new();
    for node in &nodes {
        node.take(&mut ids, 100);
    }
    let old = master();
    // Replicas ask with these; sentinels do not.
    say(&old, "ACL SETUSER default -psync -replconf -sync").unwrap();
    say(&old, "CLIENT KILL TYPE replica").unwrap();
    wait_until("the cut", || say(&old, "INFO replication").unwrap().contains("connected_slaves:0"));
    for node in &nodes {
        node.take(&mut ids, 1_000);
    }
    order("kill", &service(&old));
    wait_until("the promotion", || {
        let now = master();
        now != old && say(&now, "ROLE").is_ok_and(|said| said.contains("\r\nmaster\r\n"))
    });
    let said = [&nodes[0], &nodes[1]].map(|node| node.take_until_frozen(&mut ids));
    order("start", &service(&old));
    say(&old, &format!("REPLICAOF 127.0.0.1 {}", master())).unwrap();
    thaw_and_go_on(&nodes, said, &mut ids);
    assert_distinct(&ids);
}

#[test]
fn a_server_that_comes_back_empty_freezes_all_nodes() {
    let _turn = services::alone();
    let server = server("IDGEN_TEST_REDIS_VOLATILE_URL");
    let url = format!("{server}?durability=lossy&prefix={}", unique());
    let nodes = [Node::start(&url), Node::start(&url)];
    let mut ids = Vec::new();
    for node in &nodes {
        node.take(&mut ids, 1_000);
    }
    order("kill", "redis-volatile");
    order("start", "redis-volatile");
    let said = [&nodes[0], &nodes[1]].map(|node| node.take_until_frozen(&mut ids));
    let anew = store::open(&url).unwrap().sequences;
    let name = Name::new("orders").unwrap();
    let last = wait(anew.last(&name));
    assert!(matches!(last, Err(StoreError::Unknown { .. })), "{last:?}");
    let anew = store::open(&url).unwrap().sequences;
    wait(anew.create(&name, &Definition::default())).unwrap();
    for node in &nodes {
        let refused = node.sequence.next_id_blocking(Instant::now() + PATIENCE).unwrap_err();
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    }
    thaw_and_go_on(&nodes, said, &mut ids);
    assert_distinct(&ids);
}

/// Nobody makes the sequence anew but the nodes themselves, above all their marks.
#[test]
fn nodes_that_list_one_another_thaw_by_themselves() {
    let _turn = services::alone();
    let server = server("IDGEN_TEST_REDIS_VOLATILE_URL");
    let url = format!("{server}?durability=lossy&prefix={}", unique());
    let listed = Listed::default();
    let node = || Node::among(Some(&listed), &url, "orders", &Definition::default());
    let nodes = [node(), node()];
    let up = |second: bool| {
        let other = second.then(|| nodes[1].runtime.clone());
        *listed.0.lock().unwrap() = vec![Some(nodes[0].runtime.clone()), other];
    };
    up(false);
    let mut ids = Vec::new();
    for node in &nodes {
        node.take(&mut ids, 1_000);
    }
    order("kill", "redis-volatile");
    order("start", "redis-volatile");
    for node in &nodes {
        node.take_until_frozen(&mut ids);
    }
    let until = Instant::now() + Duration::from_millis(1_500);
    let mut said = String::new();
    while Instant::now() < until {
        for node in &nodes {
            said = node.sequence.next_id_blocking(soon()).unwrap_err().to_string();
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(said.contains("frozen") && said.contains("node 1 (it is down)"), "{said}");
    let highest = *ids.iter().max().unwrap();
    let before = ids.len();
    up(true);
    for node in &nodes {
        node.take_once_thawed(&mut ids);
    }
    assert!(ids[before..].iter().all(|id| *id > highest), "an id below a mark");
    assert_distinct(&ids);
    // They hold one another.
    listed.0.lock().unwrap().clear();
}

/// On a server that keeps what it answers: another program wrote the key.
#[test]
fn a_counter_that_is_set_back_freezes_who_knows_better() {
    let server = server("IDGEN_TEST_REDIS_URL");
    let (_, port) = server.rsplit_once(':').unwrap();
    let key = unique();
    say(port, &format!("SET {key} 1000")).unwrap();
    let even = Definition::new(1, 2, 0, i64::MAX.cast_unsigned(), Default::default()).unwrap();
    let node = Node::of(&format!("{server}?key={key}"), &key, &even);
    let mut ids = Vec::new();
    node.take(&mut ids, 200);
    say(port, &format!("SET {key} 1000")).unwrap();
    let said = node.take_until_frozen(&mut ids);
    node.thaw(mark(&said));
    node.take_once_thawed(&mut ids);
    assert_distinct(&ids);
}

/// What `services` calls the server on a port.
fn service(port: &str) -> String {
    let state = std::fs::read_to_string(server("IDGEN_TEST_SERVICES")).unwrap();
    let port = format!("\nport = {port}\n");
    let process = state.split("[[process]]").find(|process| process.contains(&port)).unwrap();
    let name = process.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
    name.trim_matches('"').to_owned()
}
