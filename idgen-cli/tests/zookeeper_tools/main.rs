//! `GET /sequence` of the binary on a real ZooKeeper: the original's script, originals beside,
//! servers that stand still or die, a ZooKeeper that stops.
//!
//! `IDGEN_TEST_ZOOKEEPER_URL` names a server whose node `/sequence` nobody else uses meanwhile.
//! `IDGEN_BIN` names another binary to test.

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use clients::{Answer, once};
use harness::{Place, Server};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use zookeeper_client::{Acls, Client, CreateMode, Error};

/// Of these servers, whose lost sessions are to end soon.
const SESSION: Duration = Duration::from_millis(1500);
/// Until something must have happened.
const PATIENCE: Duration = Duration::from_secs(15);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn address() -> String {
    let url = servers::server("IDGEN_TEST_ZOOKEEPER_URL");
    url.split_once("://").unwrap().1.to_owned()
}

/// A node's host: its directory, and a server on it or none.
struct Node {
    place: Place,
    server: Option<Server>,
    zookeeper: String,
}

impl Node {
    fn start(zookeeper: &str) -> Self {
        let mut node = Self { place: Place::new(), server: None, zookeeper: zookeeper.to_owned() };
        node.start_again();
        node
    }

    fn start_again(&mut self) {
        let session = SESSION.as_millis().to_string();
        let more = [
            ["--sequence-zookeeper", &self.zookeeper],
            ["--sequence-session-timeout-ms", &session],
        ];
        let server = self.place.serve_with(&[&DOOR[..], more.as_flattened()].concat(), &[]);
        self.server = Some(server);
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn ask(&self) -> Answer {
        once(self.server().addr("sequence-http"), "GET", "/sequence")
    }

    /// The number that is answered now.
    fn number(&self) -> u64 {
        let answer = self.ask();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
        let number: u64 = answer.body.parse().unwrap();
        assert_eq!(number.to_string(), answer.body);
        number
    }

    /// The number that is answered within a time.
    fn number_soon(&self) -> u64 {
        let until = Instant::now() + PATIENCE;
        while self.ask().status != 200 {
            assert!(Instant::now() < until, "no number: {}", self.server().log());
        }
        self.number()
    }

    fn refuses(&self) {
        let answer = self.ask();
        assert_eq!(answer.cause(), (503, "store_down".to_owned()), "{answer:?}");
        assert!(answer.header("Retry-After").is_some());
        assert!(!answer.body.contains("127.0.0.1"), "{answer:?}");
    }

    /// Until it hears that the connection is gone it may tell its number, and no other.
    fn hears_of_the_stop(&self, number: u64) {
        let until = Instant::now() + SESSION;
        while self.ask().status == 200 {
            assert_eq!(self.ask().body.parse().unwrap_or(number), number);
            assert!(Instant::now() < until, "told for longer than its session may live");
        }
    }

    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.server().pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Returns when all of its threads stand still, which takes a moment from the signal on.
    fn stand_still(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.server().pid());
        let is_still = |task: &Path| {
            let stat = fs::read_to_string(task.join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        let until = Instant::now() + PATIENCE;
        while !fs::read_dir(&tasks).unwrap().all(|task| is_still(&task.unwrap().path())) {
            assert!(Instant::now() < until, "the server does not stand still");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The one door that these servers have.
const DOOR: [&str; 10] = [
    "--http",
    "off",
    "--tcp",
    "off",
    "--admin",
    "off",
    "--layout",
    "off",
    "--sequence-http",
    "127.0.0.1:0",
];

/// An original: it creates its node itself.
struct Original {
    client: Client,
    parent: String,
}

impl Original {
    fn below(above: &str) -> Self {
        let client = RUNTIME.block_on(Client::connect(&address())).unwrap();
        Self { client, parent: format!("{above}/sequence") }
    }

    fn children(&self) -> BTreeSet<String> {
        RUNTIME.block_on(async {
            self.client.sync(&self.parent).await.unwrap();
            match self.client.list_children(&self.parent).await {
                Err(Error::NoNode) => BTreeSet::new(),
                names => names.unwrap().into_iter().collect(),
            }
        })
    }

    fn sees(&self, names: &[&str]) -> bool {
        self.children() == names.iter().map(|&name| name.to_owned()).collect()
    }

    fn wait_until_gone(&self, name: &str) {
        let until = Instant::now() + PATIENCE;
        while self.children().contains(name) {
            assert!(Instant::now() < until, "node {name} stays");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn take(&self, name: &str) {
        let all = Acls::anyone_all();
        RUNTIME.block_on(async {
            let above = CreateMode::Persistent.with_acls(all);
            self.client.mkdir(&self.parent, &above).await.unwrap();
            let own = CreateMode::Ephemeral.with_acls(all);
            let path = format!("{}/{name}", self.parent);
            self.client.create(&path, b"an-original", &own).await.unwrap();
        });
    }

    fn leave(&self, name: &str) {
        let path = format!("{}/{name}", self.parent);
        RUNTIME.block_on(self.client.delete(&path, None)).unwrap();
    }
}

/// Where a test has its numbers: connection string, and the node above.
fn apart() -> (String, String) {
    let above = format!("/{}", servers::unique());
    (format!("{}{above}", address()), above)
}

#[test]
fn the_script_of_the_original_is_kept() {
    let _turn = servers::together();
    let zookeeper = address();
    let original = Original::below("");
    assert!(original.sees(&[]), "somebody uses this ZooKeeper: {:?}", original.children());
    let mut nodes = [0; 4].map(|_| Node::start(&zookeeper));
    assert!(original.sees(&[]), "a number was claimed before the first GET");
    for (node, number) in nodes[..3].iter().zip(1..) {
        assert_eq!(node.number(), number);
    }
    nodes[1].stop();
    assert!(original.sees(&["1", "3"]), "{:?}", original.children());
    assert_eq!(nodes[3].number(), 2);
    nodes[1].start_again();
    assert_eq!(nodes[1].number(), 4);
    let now: Vec<u64> = nodes.iter().map(Node::number).collect();
    assert_eq!(now, [1, 4, 3, 2], "each keeps its number");
    assert!(original.sees(&["1", "2", "3", "4"]), "nothing but numbers");
    nodes.iter_mut().for_each(Node::stop);
    assert!(original.sees(&[]), "{:?}", original.children());
}

#[test]
fn originals_beside_share_the_numbers() {
    let _turn = servers::together();
    let (zookeeper, above) = apart();
    let original = Original::below(&above);
    for name in ["3", "1", "lock", "node-0000000002"] {
        original.take(name);
    }
    let (two, four) = (Node::start(&zookeeper), Node::start(&zookeeper));
    assert_eq!((two.number(), four.number()), (2, 4));
    original.leave("1");
    let mut one = Node::start(&zookeeper);
    assert_eq!(one.number(), 1);
    one.stop();
    original.take("1");
    assert_eq!((two.number(), four.number()), (2, 4));
    let (data, stat) =
        RUNTIME.block_on(original.client.get_data(&format!("{above}/sequence/2"))).unwrap();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert_eq!(String::from_utf8(data).unwrap(), host);
    assert_ne!(stat.ephemeral_owner, 0);
}

#[test]
fn beat_3_first_requests_at_once_create_one_node() {
    let _turn = servers::together();
    let (zookeeper, above) = apart();
    let (node, original) = (Node::start(&zookeeper), Original::below(&above));
    thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| node.number())).collect();
        assert!(asking.into_iter().all(|asked| asked.join().unwrap() == 1));
    });
    assert!(original.sees(&["1"]), "{:?}", original.children());
}

#[test]
fn beat_6_a_server_that_stood_still_does_not_answer_the_number_it_lost() {
    let _turn = servers::together();
    let (zookeeper, above) = apart();
    let (still, original) = (Node::start(&zookeeper), Original::below(&above));
    assert_eq!(still.number(), 1);
    still.stand_still();
    // Asked while it stands still: the question waits in its socket.
    let waiting = thread::scope(|scope| {
        let waiting = scope.spawn(|| still.ask());
        original.wait_until_gone("1");
        let other = Node::start(&zookeeper);
        assert_eq!(other.number(), 1);
        still.signal(Signal::CONT);
        let answer = waiting.join().unwrap();
        assert_eq!(still.number_soon(), 2);
        assert_eq!(other.number(), 1);
        answer
    });
    assert!(waiting.status == 503 || waiting.body == "2", "{waiting:?}");
    // Where nobody has taken it meanwhile, it is had again.
    still.stand_still();
    original.wait_until_gone("2");
    still.signal(Signal::CONT);
    assert_eq!(still.number_soon(), 2);
}

#[test]
fn the_number_of_a_killed_server_is_free_when_its_session_ends() {
    let _turn = servers::together();
    let (zookeeper, above) = apart();
    let (mut one, original) = (Node::start(&zookeeper), Original::below(&above));
    assert_eq!(one.number(), 1);
    one.server.as_mut().unwrap().kill();
    let two = Node::start(&zookeeper);
    assert_eq!(two.number(), 2);
    original.wait_until_gone("1");
    one.start_again();
    assert_eq!((one.number(), two.number()), (1, 2));
}

#[test]
fn with_zookeeper_stopped_every_request_fails_and_then_each_has_its_number() {
    let _turn = servers::alone();
    let (zookeeper, above) = apart();
    let nodes = [0; 3].map(|_| Node::start(&zookeeper));
    let numbers: Vec<u64> = nodes.iter().map(Node::number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let late = Node::start(&zookeeper);
    servers::order("stop", "zookeeper");
    for (node, number) in nodes.iter().zip(1..) {
        node.hears_of_the_stop(number);
    }
    let until = Instant::now() + 2 * SESSION;
    while Instant::now() < until {
        thread::scope(|scope| {
            for node in nodes.iter().chain([&late]) {
                scope.spawn(|| node.refuses());
            }
        });
    }
    servers::order("start", "zookeeper");
    let again: Vec<u64> = nodes.iter().rev().map(Node::number_soon).collect();
    assert_eq!(again, [3, 2, 1]);
    assert_eq!(late.number_soon(), 4);
    let original = Original::below(&above);
    assert!(original.sees(&["1", "2", "3", "4"]), "{:?}", original.children());
}

#[test]
fn the_originals_environment_is_taken_where_no_flag_says_otherwise() {
    let _turn = servers::together();
    let (zookeeper, above) = apart();
    let (place, original) = (Place::new(), Original::below(&above));
    let wrong = [("Zookeeper__ConnectionString", "127.0.0.1:1")];
    let envs = [
        ("Zookeeper__ConnectionString", zookeeper.as_str()),
        ("Zookeeper__SessionTimeoutMs", "60000"),
    ];
    let server = place.serve_with(&DOOR, &envs);
    let ask = |server: &Server| once(server.addr("sequence-http"), "GET", "/Sequence");
    assert_eq!(ask(&server).body, "1");
    let session = original_session(&original);
    drop(server);
    // The session is as long as the environment says.
    thread::sleep(3 * SESSION);
    assert_eq!(original_session(&original), session);
    let other = Place::new();
    let args = [&DOOR[..], &["--sequence-zookeeper", &zookeeper]].concat();
    let server = other.serve_with(&args, &wrong);
    assert_eq!(ask(&server).body, "2");
    server.stop();
    let data = format!("{above}/sequence/1");
    RUNTIME.block_on(original.client.delete(&data, None)).unwrap();
}

/// The session that has number 1.
fn original_session(original: &Original) -> i64 {
    let path = format!("{}/1", original.parent);
    RUNTIME.block_on(original.client.check_stat(&path)).unwrap().unwrap().ephemeral_owner
}
