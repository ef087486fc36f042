//! The PostgreSQL store over encrypted connections: whom it trusts, what it refuses, what it costs.
//!
//! `IDGEN_TEST_POSTGRES_TLS_URL` names a server at 127.0.0.1 with the file of its authority; beside
//! that file lies that of another authority. `IDGEN_TEST_POSTGRES_URL` names one that does not
//! encrypt.

use idgen_store::StoreError;
use network::{Backend, fresh, network_suite, orders, wait, with_option};
use tokio_postgres::{NoTls, SimpleQueryMessage};

#[path = "../network/mod.rs"]
mod network;

/// A schema of the database, dropped in the end.
struct Encrypted {
    server: String,
    schema: String,
}

impl Backend for Encrypted {
    const SERVICE: &'static str = "postgres-tls";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "statement_timeout_ms"];
    // An answer is one record, of which nothing is understood before all is there.
    const LAST_MESSAGE_BYTES: usize = 20;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_POSTGRES_TLS_URL");
        let made = Self { server, schema: network::unique() };
        made.sql(&format!("CREATE SCHEMA {}", made.schema));
        made
    }

    fn url(&self) -> String {
        self.with(self.server.split_once('?').unwrap().1)
    }
}

impl Encrypted {
    /// The URL of the schema with these options.
    fn with(&self, options: &str) -> String {
        let server = self.server.split('?').next().unwrap();
        format!("{server}?{options}&options=-c%20search_path%3D{}", self.schema)
    }

    /// `sslrootcert=` the file beside that of the authority.
    fn file(&self, name: &str) -> String {
        let (_, authority) = self.server.split_once("sslrootcert=").unwrap();
        format!("sslrootcert={}", authority.replace("ca.pem", name))
    }

    fn sql(&self, sql: &str) -> Vec<SimpleQueryMessage> {
        let server = self.server.split('?').next().unwrap();
        wait(async {
            let (client, connection) = tokio_postgres::connect(server, NoTls).await.unwrap();
            let driven = tokio::spawn(connection);
            let said = client.simple_query(sql).await.unwrap();
            drop(client);
            driven.await.unwrap().unwrap();
            said
        })
    }

    /// Whether the connection of that application is encrypted.
    fn is_encrypted(&self, application: &str) -> bool {
        let said = self.sql(&format!(
            "SELECT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) \
             WHERE a.application_name = '{application}'"
        ));
        let row = said.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        row.expect("the connection is there") == "t"
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql(&format!("SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE", self.schema));
        }
    }
}

network_suite!(Encrypted: wire, outage);

/// A lease, or why there is none.
fn lease(url: &str) -> Result<(), String> {
    let store = idgen_store::open(url).map_err(|error| format!("refused: {error}"))?.sequences;
    match wait(store.lease(&orders(), 1, 0)) {
        Ok(_) => Ok(()),
        Err(StoreError::Unavailable(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn only_who_the_authority_vouches_for_is_trusted() {
    let place = fresh::<Encrypted>();
    place.stocked();
    for mode in ["require", "verify-ca", "verify-full"] {
        let with = |file: &str| place.with(&format!("sslmode={mode}&{}", place.file(file)));
        lease(&with("ca.pem")).unwrap();
        let said = lease(&with("stranger-ca.pem")).unwrap_err();
        assert!(said.contains("UnknownIssuer") && said.contains("sslrootcert=FILE"), "{said}");
    }
    // What the system trusts, if anybody, knows nothing of it.
    let said = lease(&place.with("sslmode=verify-ca")).unwrap_err();
    assert!(said.contains("UnknownIssuer") || said.contains("lists no authority"), "{said}");
}

#[test]
fn only_verify_full_asks_for_the_host() {
    let place = fresh::<Encrypted>();
    place.stocked();
    let trusted = place.file("ca.pem");
    let elsewhere = |mode: &str| {
        let url = place.with(&format!("sslmode={mode}&{trusted}"));
        lease(&url.replace("127.0.0.1", "localhost"))
    };
    elsewhere("verify-ca").unwrap();
    let said = elsewhere("verify-full").unwrap_err();
    assert!(said.contains("not valid for name") && said.contains("connect by a name"), "{said}");
}

#[test]
fn connections_are_as_encrypted_as_asked_for() {
    let place = fresh::<Encrypted>();
    place.stocked();
    let full = format!("verify-full&{}", place.file("ca.pem"));
    for (mode, encrypted, checked) in [
        ("disable", false, true),
        ("prefer", true, false),
        ("require", true, false),
        (full.as_str(), true, true),
    ] {
        let application = network::unique();
        let url = place.with(&format!("sslmode={mode}&application_name={application}"));
        let store = idgen_store::open(&url).unwrap().sequences;
        wait(store.lease(&orders(), 1, 0)).unwrap();
        assert_eq!(place.is_encrypted(&application), encrypted, "{mode}");
        let notes = wait(store.notes()).unwrap().join("\n");
        assert_eq!(!notes.contains("nobody checks whose certificate"), checked, "{mode}: {notes}");
    }
}

#[test]
fn a_server_that_does_not_encrypt_is_left_or_taken_as_it_is() {
    let plain = network::server("IDGEN_TEST_POSTGRES_URL");
    let said = lease(&with_option(&plain, "sslmode=require")).unwrap_err();
    assert!(said.contains("does not support TLS") && said.contains("ssl = on"), "{said}");
    let store = idgen_store::open(&with_option(&plain, "sslmode=prefer")).unwrap().sequences;
    wait(store.identity()).unwrap();
}
