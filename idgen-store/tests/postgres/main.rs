//! The PostgreSQL store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_POSTGRES_URL` names a database whose user may create schemas and tables; each test
//! works in a schema of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use network::{Backend, network_suite};
use tokio_postgres::NoTls;

#[path = "../network/mod.rs"]
mod network;

mod own;
mod workers;

/// A schema of the database, dropped in the end.
struct Postgres {
    server: String,
    schema: String,
}

impl Backend for Postgres {
    const SERVICE: &'static str = "postgres";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "statement_timeout_ms"];
    // The server's word that a commit is through.
    const LAST_MESSAGE_BYTES: usize = 6;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_POSTGRES_URL");
        let place = Self { server, schema: network::unique() };
        place.sql(&format!("CREATE SCHEMA {}", place.schema));
        place
    }

    fn url(&self) -> String {
        let option = format!("options=-c%20search_path%3D{}", self.schema);
        network::with_option(&self.server, &option)
    }
}

impl Postgres {
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

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the schema may be worth a look.
            return;
        }
        self.sql(&format!("SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE", self.schema));
    }
}

type Place<T = network::services::Together> = network::Place<Postgres, T>;

fn fresh() -> Place {
    network::fresh()
}

network_suite!(Postgres);
network_suite!(Postgres: workers);
