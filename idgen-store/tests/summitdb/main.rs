//! SummitDB's store passes every law, and goes on when another node leads.
//!
//! `IDGEN_TEST_SUMMITDB_URL` names a node of a cluster, the one that leads; each test works under a
//! prefix of its own. What is done to the cluster itself is ordered by `STANDIN`, a command that
//! only the project's own stand-in has; all other tests run on the real SummitDB as well.
//! `IDGEN_FULL=1` runs the lengths that are promised.

use network::services::{Alone, Together};
use network::{Backend, network_suite};
use redis::{ErrorKind, FromRedisValue, RedisResult, Value};

#[path = "../network/mod.rs"]
mod network;

mod counter;
mod events;
mod failover;

/// A prefix on the cluster, whose keys are removed in the end.
struct SummitDb {
    server: String,
    prefix: String,
}

impl Backend for SummitDb {
    const SERVICE: &'static str = "summitdb";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    const LAST_MESSAGE_BYTES: usize = 4;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_SUMMITDB_URL");
        Self { server, prefix: network::unique() }
    }

    /// Few retries, so that what cannot be had is told soon.
    fn url(&self) -> String {
        network::with_option(&self.server, &format!("prefix={}&retries=3", self.prefix))
    }

    /// The nodes would name one another beside the proxy.
    fn by_port(&self, port: u16) -> String {
        network::with_option(&network::through(&self.url(), port), "peers=listed")
    }
}

impl SummitDb {
    /// Sends a command to the node that leads, on a connection of its own.
    fn command<A: FromRedisValue>(&self, words: &[&str]) -> A {
        let mut at = network::address(&self.server);
        for _ in 0..10 {
            match send(&at, words) {
                Ok(answer) => return answer,
                Err(error) if error.code() == Some("TRY") => {
                    error.detail().unwrap().clone_into(&mut at);
                }
                Err(error) => panic!("{words:?}: {error}"),
            }
        }
        panic!("{words:?}: nobody leads")
    }
}

/// Sends a command to a node, as an original does.
fn send<A: FromRedisValue>(at: &str, words: &[&str]) -> RedisResult<A> {
    let mut connection = redis::Client::open(format!("redis://{at}"))?.get_connection()?;
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
}

/// Orders something of the stand-in; a failure says that there is none.
fn order(at: &str, words: &[&str]) {
    let told: RedisResult<Value> = send(at, &[&["STANDIN"], words].concat());
    if let Err(error) = told {
        assert_ne!(error.kind(), ErrorKind::Io, "{error}");
        panic!("this test needs the stand-in (`cargo xtask services up summitdb`): {error}");
    }
}

impl Drop for SummitDb {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the keys may be worth a look.
            return;
        }
        let pattern = format!("{}*", self.prefix);
        let keys: Vec<String> = self.command(&["KEYS", &pattern, "LIMIT", "10000"]);
        for key in &keys {
            self.command::<Value>(&["DEL", key]);
        }
    }
}

type Place<T = Together> = network::Place<SummitDb, T>;

fn fresh() -> Place {
    network::fresh()
}

/// A place on a cluster that no other test uses meanwhile.
fn alone() -> Place<Alone> {
    network::alone()
}

network_suite!(SummitDb);
