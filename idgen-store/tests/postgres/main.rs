//! The PostgreSQL store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_POSTGRES_URL` names a database whose user may create schemas and tables; each test
//! works in a schema of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Task, Violation};
use idgen_store::postgres::PostgresStore;
use idgen_store::{Definition, Name, SequenceStore, StoreError};
use tokio_postgres::NoTls;

#[path = "../network/mod.rs"]
mod network;
#[path = "../twin/mod.rs"]
mod twin;

mod connections;
mod crash;
mod own;
mod twins;

use network::processes::{Job, Until, Worker};
use network::services::{self, Alone, Together};

const SERVER: &str = "IDGEN_TEST_POSTGRES_URL";

/// A schema of the database, dropped in the end.
struct Place<T = Together> {
    server: String,
    schema: String,
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
    let schema = format!("t{pid}_{count}_{now}");
    let place = Place { server: network::server(SERVER), schema, _turn: turn };
    place.sql(&format!("CREATE SCHEMA {}", place.schema));
    place
}

impl<T> Place<T> {
    /// The store's URL in this schema.
    fn url(&self) -> String {
        let option = format!("options=-c%20search_path%3D{}", self.schema);
        network::with_option(&self.server, &option)
    }

    fn store(&self) -> PostgresStore {
        PostgresStore::new(&self.url()).unwrap()
    }

    fn sql(&self, sql: &str) -> Vec<tokio_postgres::SimpleQueryMessage> {
        network::wait(async {
            let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
            let driven = tokio::spawn(connection);
            let said = client.simple_query(sql).await.unwrap();
            drop(client);
            driven.await.unwrap().unwrap();
            said
        })
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the schema may be worth a look.
            return;
        }
        self.sql(&format!("SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE", self.schema));
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
        Some(Arc::new(PostgresStore::new(&url).unwrap()))
    }
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

/// A store with a sequence `orders`.
fn stocked<T>(place: &Place<T>) -> PostgresStore {
    let store = place.store();
    network::wait(store.create(&orders(), &Definition::default())).unwrap();
    store
}

idgen_store::sequence_laws!(fresh);
