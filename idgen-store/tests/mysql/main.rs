//! The MySQL store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_MYSQL_URL` names a database whose user may create others and change settings; each
//! test works in a database of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Task, Violation};
use idgen_store::mysql::MysqlStore;
use idgen_store::{Definition, Name, SequenceStore, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row};

#[path = "../network/mod.rs"]
mod network;
#[path = "../twin/mod.rs"]
mod twin;

mod connections;
mod crash;
mod idpool;
mod own;
mod twins;

use network::processes::{Job, Until, Worker};
use network::services::{self, Alone, Together};

const SERVER: &str = "IDGEN_TEST_MYSQL_URL";

/// A database of the server, dropped in the end.
struct Place<T = Together> {
    server: String,
    database: String,
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
    let database = format!("t{pid}_{count}_{now}");
    let server = network::server(SERVER);
    sql_at(&server, &format!("CREATE DATABASE {database}"));
    Place { server, database, _turn: turn }
}

impl<T> Place<T> {
    /// The store's URL in this database.
    fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.database)
    }

    fn store(&self) -> MysqlStore {
        MysqlStore::new(&self.url()).unwrap()
    }

    /// The rows of the last statement.
    fn sql(&self, sql: &str) -> Vec<Row> {
        sql_at(&self.url(), sql)
    }

    /// The first column of the first row.
    fn number(&self, sql: &str) -> u64 {
        self.sql(sql)[0].get(0).unwrap()
    }
}

fn sql_at(url: &str, sql: &str) -> Vec<Row> {
    network::wait(async {
        let mut conn = Conn::new(Opts::from_url(url).unwrap()).await.unwrap();
        let mut result = conn.query_iter(sql).await.unwrap();
        let mut rows = Vec::new();
        while !result.is_empty() {
            rows = result.collect().await.unwrap();
        }
        drop(result);
        conn.disconnect().await.unwrap();
        rows
    })
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the database may be worth a look.
            return;
        }
        sql_at(&self.server, &format!("DROP DATABASE {}", self.database));
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
        Some(Arc::new(MysqlStore::new(&url).unwrap()))
    }
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

/// A store with a sequence `orders`.
fn stocked<T>(place: &Place<T>) -> MysqlStore {
    let store = place.store();
    network::wait(store.create(&orders(), &Definition::default())).unwrap();
    store
}

idgen_store::sequence_laws!(fresh);
