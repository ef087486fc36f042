//! The Redis store on a cluster: every law, keys that move, nodes that are killed.
//!
//! `IDGEN_TEST_REDIS_CLUSTER_URL` names a cluster of three masters without replicas, which append
//! and sync always; each test works under a prefix of its own.

use network::{Backend, network_suite};
use redis::{FromRedisValue, Value};

#[path = "../network/mod.rs"]
mod network;

mod counter;
mod nodes;
mod slots;

/// A prefix on the cluster, whose keys stay until it is taken down.
struct Cluster {
    server: String,
    prefix: String,
}

impl Backend for Cluster {
    const SERVICE: &'static str = "redis-cluster";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    const TWIN_CASES: u32 = 16;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_REDIS_CLUSTER_URL");
        Self { server, prefix: network::unique() }
    }

    fn url(&self) -> String {
        network::with_option(&self.server, &format!("prefix={}", self.prefix))
    }
}

/// A master of the cluster, as the others see it.
#[derive(Clone, Debug)]
struct Node {
    id: String,
    port: String,
    /// Its place among the services' processes.
    number: usize,
}

impl Node {
    fn command<A: FromRedisValue>(&self, words: &[&str]) -> A {
        A::from_redis_value(self.told(words).unwrap()).unwrap()
    }

    /// Sends a command to this node, and follows nothing.
    fn told(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_connection()?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }

    fn service(&self) -> String {
        format!("redis-cluster-{}", self.number)
    }
}

impl Cluster {
    fn nodes(&self) -> Vec<Node> {
        let (_, hosts) = self.server.split_once("://").unwrap();
        let ports = hosts.split(',').map(|host| host.rsplit_once(':').unwrap().1.to_owned());
        let node = |(number, port)| {
            let unnamed = Node { id: String::new(), port, number };
            Node { id: unnamed.command(&["CLUSTER", "MYID"]), ..unnamed }
        };
        (1..).zip(ports).map(node).collect()
    }

    /// The slot of a key, the node that has it and the other nodes.
    fn owner(&self, key: &str) -> (String, Node, Vec<Node>) {
        let mut nodes = self.nodes();
        let slot: u64 = nodes[0].command(&["CLUSTER", "KEYSLOT", key]);
        let has = |node: &Node| {
            let told = node.told(&["TTL", key]);
            told.is_ok()
        };
        let at = nodes.iter().position(has).expect("one node has the slot");
        let owner = nodes.remove(at);
        (slot.to_string(), owner, nodes)
    }

    /// A key of the sequence `orders`.
    fn key(&self, what: &str) -> String {
        format!("{}:{{orders}}:{what}", self.prefix)
    }
}

type Place<T = network::services::Together> = network::Place<Cluster, T>;

// The nodes name one another past any proxy, so the wire is not looked at; `nodes` kills one.
network_suite!(Cluster: laws, sharing, outage);
idgen_store::worker_laws!(network::fresh::<Cluster>);
network_suite!(@@ workers Cluster:
    processes_get_different_worker_ids, id_spaces_do_not_touch, every_worker_id_is_granted_once);
