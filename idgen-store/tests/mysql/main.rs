//! The MySQL store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_MYSQL_URL` names a database whose user may create others and change settings; each
//! test works in a database of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row};
use network::services::Alone;
use network::{Backend, network_suite};

#[path = "../network/mod.rs"]
mod network;

mod adopted;
mod deadlocks;
mod flickr;
mod idpool;
mod idpot;
mod moves;
mod own;
mod workers;

/// A database of the server, dropped in the end.
struct Mysql {
    server: String,
    database: String,
}

impl Backend for Mysql {
    const SERVICE: &'static str = "mysql";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "statement_timeout_ms"];
    // The server's word that a commit is through.
    const LAST_MESSAGE_BYTES: usize = 11;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_MYSQL_URL");
        let database = network::unique();
        sql_at(&server, &format!("CREATE DATABASE {database}"));
        Self { server, database }
    }

    fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.database)
    }
}

impl Mysql {
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

impl Drop for Mysql {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the database may be worth a look.
            return;
        }
        sql_at(&self.server, &format!("DROP DATABASE {}", self.database));
    }
}

type Place<T = network::services::Together> = network::Place<Mysql, T>;

fn fresh() -> Place {
    network::fresh()
}

/// A place on a server that no other test uses meanwhile.
fn alone() -> Place<Alone> {
    network::alone()
}

network_suite!(Mysql);
network_suite!(Mysql: workers);
