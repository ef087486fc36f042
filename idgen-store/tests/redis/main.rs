//! The Redis store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_REDIS_URL` names a server that appends and syncs always, and whose user may run any
//! command; each test works under a prefix of its own. `IDGEN_TEST_REDIS_VOLATILE_URL` names one
//! that keeps nothing. `IDGEN_FULL=1` runs the lengths that are promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Task, Violation};
use idgen_store::redis::RedisStore;
use idgen_store::{Definition, Name, SequenceStore, StoreError};
use redis::{AsyncConnectionConfig, FromRedisValue, Value};

#[path = "../network/mod.rs"]
mod network;
#[path = "../twin/mod.rs"]
mod twin;

mod connections;
mod counter;
mod crash;
mod fitness;
mod own;
mod twins;

use network::processes::{Job, Until, Worker};
use network::services::{self, Alone, Together};

const SERVER: &str = "IDGEN_TEST_REDIS_URL";

/// A prefix on the server, whose keys are removed in the end.
struct Place<T = Together> {
    server: String,
    prefix: String,
    _turn: T,
}

fn fresh() -> Place {
    place(services::together())
}

/// A place on a server that no other test uses meanwhile.
fn alone() -> Place<Alone> {
    place(services::alone())
}

fn place<T>(turn: T) -> Place<T> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (count, pid) = (COUNT.fetch_add(1, Ordering::SeqCst), std::process::id());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    Place { server: network::server(SERVER), prefix: format!("t{pid}:{count}:{now}"), _turn: turn }
}

impl<T> Place<T> {
    /// The store's URL under this prefix.
    fn url(&self) -> String {
        network::with_option(&self.server, &format!("prefix={}", self.prefix))
    }

    fn store(&self) -> RedisStore {
        RedisStore::new(&self.url()).unwrap()
    }

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

impl<T> Drop for Place<T> {
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

impl Subject for Place {
    fn run(&self, task: Task<'_>) {
        network::run(task);
    }
}

impl SequenceSubject for Place {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(idgen_store::open(&self.url())?.sequences)
    }

    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let job = Job { url: &self.url(), name, len, until: Until::Leases(times) };
        Ok(Worker::start("own::processes_lease_disjoint_ground", &job).finish())
    }

    fn out_of_reach(&self) -> Option<Arc<dyn SequenceStore>> {
        let url = network::through(&self.url(), network::closed_port());
        Some(Arc::new(RedisStore::new(&url).unwrap()))
    }
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

/// A store with a sequence `orders`.
fn stocked<T>(place: &Place<T>) -> RedisStore {
    let store = place.store();
    network::wait(store.create(&orders(), &Definition::default())).unwrap();
    store
}

idgen_store::sequence_laws!(fresh);
