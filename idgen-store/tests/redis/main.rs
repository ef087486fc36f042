//! The Redis store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_REDIS_URL` names a server that appends and syncs always, and whose user may run any
//! command; each test works under a prefix of its own. `IDGEN_TEST_REDIS_VOLATILE_URL` names one
//! that keeps nothing. `IDGEN_FULL=1` runs the lengths that are promised.

use network::services::Alone;
use network::{Backend, network_suite};
use redis::{AsyncConnectionConfig, FromRedisValue, Value};

#[path = "../network/mod.rs"]
mod network;

mod counter;
mod fitness;
mod workers;

/// A prefix on the server, whose keys are removed in the end.
struct Redis {
    server: String,
    prefix: String,
}

impl Backend for Redis {
    const SERVICE: &'static str = "redis";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    const LAST_MESSAGE_BYTES: usize = 20;
    const TWIN_CASES: u32 = 48;
    // Another run of the server.
    const INCARNATION_SURVIVES: bool = false;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_REDIS_URL");
        Self { server, prefix: network::unique() }
    }

    fn url(&self) -> String {
        network::with_option(&self.server, &format!("prefix={}", self.prefix))
    }
}

impl Redis {
    /// Sends a command on a connection of its own.
    fn command<A: FromRedisValue>(&self, words: &[&str]) -> A {
        command(&self.server, words)
    }

    /// A key of the sequence `orders`.
    fn key(&self, what: &str) -> String {
        format!("{}:{{orders}}:{what}", self.prefix)
    }
}

fn command<A: FromRedisValue>(server: &str, words: &[&str]) -> A {
    network::wait(async {
        let client = redis::Client::open(server).unwrap();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut connection).await.unwrap()
    })
}

impl Drop for Redis {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the keys may be worth a look.
            return;
        }
        let keys: Vec<String> = self.command(&["KEYS", &format!("{}:*", self.prefix)]);
        for key in &keys {
            self.command::<Value>(&["DEL", key]);
        }
    }
}

type Place<T = network::services::Together> = network::Place<Redis, T>;

fn fresh() -> Place {
    network::fresh()
}

/// A place on a server that no other test uses meanwhile.
fn alone() -> Place<Alone> {
    network::alone()
}

network_suite!(Redis);
network_suite!(Redis: workers);
