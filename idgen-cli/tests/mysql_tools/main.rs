//! The tools under their old names on a real MySQL or MariaDB.
//!
//! `IDGEN_TEST_MYSQL_URL` names a server whose user may create databases; each test works in one of
//! its own. `IDGEN_BIN` names another binary to test.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

mod balanced;
mod idpool;
mod idpot;
mod integers;

use std::sync::RwLockReadGuard;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

/// A database of the server, dropped in the end.
struct Database {
    server: Opts,
    name: String,
    _turn: Option<RwLockReadGuard<'static, ()>>,
}

impl Database {
    fn new() -> Self {
        Self::with(Some(servers::together()))
    }

    /// For a test that is alone with the server.
    fn alone() -> Self {
        Self::with(None)
    }

    fn with(_turn: Option<RwLockReadGuard<'static, ()>>) -> Self {
        let server = Opts::from_url(&servers::server("IDGEN_TEST_MYSQL_URL")).unwrap();
        let database = Self { server, name: servers::unique(), _turn };
        database.run(&[&format!("CREATE DATABASE {}", database.name)]);
        database
    }

    /// Its address in Go's form.
    fn dsn(&self) -> String {
        let at = &self.server;
        let (user, password) = (at.user().unwrap_or(""), at.pass().unwrap_or(""));
        let place = format!("{}:{}", at.ip_or_hostname(), at.tcp_port());
        format!("{user}:{password}@tcp({place})/{}?parseTime=True", self.name)
    }

    /// The first column of the first row of a statement in this database, if it has one.
    fn sql(&self, sql: &str) -> Option<u64> {
        self.run(&[&format!("USE {}", self.name), sql])
    }

    /// Statements on one connection, and the first number of the last.
    fn run(&self, statements: &[&str]) -> Option<u64> {
        wait(async {
            let mut conn = Conn::new(self.server.clone()).await.unwrap();
            let mut first = None;
            for sql in statements {
                first = conn.query_first(*sql).await.unwrap();
            }
            conn.disconnect().await.unwrap();
            first
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What failed is told already, and the database may be worth a look.
        if !std::thread::panicking() {
            self.run(&[&format!("DROP DATABASE {}", self.name)]);
        }
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}
