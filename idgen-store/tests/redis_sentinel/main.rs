//! The Redis store on a master that sentinels watch: every law, replicas that have to confirm, and
//! fail-overs.
//!
//! `IDGEN_TEST_REDIS_SENTINEL_URL` names three sentinels that watch a master and two replicas; each
//! test works under a prefix of its own.

use network::{Backend, network_suite};
use redis::{FromRedisValue, Value};

#[path = "../network/mod.rs"]
mod network;

mod confirmed;
mod fail_over;

/// A prefix on the servers, whose keys stay until they are taken down.
struct Sentinel {
    server: String,
    prefix: String,
}

impl Backend for Sentinel {
    const SERVICE: &'static str = "redis-sentinel";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    const TWIN_CASES: u32 = 16;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_REDIS_SENTINEL_URL");
        Self { server, prefix: network::unique() }
    }

    fn url(&self) -> String {
        self.waiting_for(1)
    }
}

/// One of the servers.
#[derive(Clone, Debug)]
struct Node {
    port: String,
}

impl Node {
    fn command<A: FromRedisValue>(&self, words: &[&str]) -> A {
        A::from_redis_value(self.told(words).unwrap()).unwrap()
    }

    fn told(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_connection()?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }

    fn role(&self) -> String {
        let Ok(Value::Array(role)) = self.told(&["ROLE"]) else { return "away".to_owned() };
        String::from_redis_value(role[0].clone()).unwrap()
    }

    /// What `services` calls it.
    fn service(&self) -> String {
        let state = std::fs::read_to_string(network::server("IDGEN_TEST_SERVICES")).unwrap();
        let port = format!("\nport = {}\n", self.port);
        let process = state.split("[[process]]").find(|process| process.contains(&port)).unwrap();
        let name = process.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
        name.trim_matches('"').to_owned()
    }
}

impl Sentinel {
    /// The store's URL where so many replicas have to confirm.
    fn waiting_for(&self, replicas: u64) -> String {
        let options = format!("durability=lossy&wait={replicas}&prefix={}", self.prefix);
        network::with_option(&self.server, &options)
    }

    fn asked(&self, words: &[&str]) -> Value {
        let first = network::address(&self.server);
        let port = first.rsplit_once(':').unwrap().1.to_owned();
        Node { port }.command(&[&["SENTINEL"], words].concat())
    }

    /// The master that the first sentinel names.
    fn master(&self) -> Node {
        let told = self.asked(&["GET-MASTER-ADDR-BY-NAME", "idgen"]);
        let (_, port) = <(String, String)>::from_redis_value(told).unwrap();
        Node { port }
    }
}

type Place<T = network::services::Together> = network::Place<Sentinel, T>;

// The sentinels name the master past any proxy, so the wire is looked at in `confirmed`.
network_suite!(Sentinel: laws, sharing, outage);
idgen_store::worker_laws!(network::fresh::<Sentinel>);
network_suite!(@@ workers Sentinel:
    processes_get_different_worker_ids, id_spaces_do_not_touch, every_worker_id_is_granted_once);
