//! The MySQL store over encrypted connections: whom it trusts, what it refuses, what it costs; and
//! pots on a server that folds the names of tables.
//!
//! `IDGEN_TEST_MYSQL_TLS_URL` names a server at 127.0.0.1 with `lower_case_table_names` = 1 and a
//! user who may create databases and accounts, with the file of its authority; beside that file
//! lies that of another authority. `IDGEN_TEST_MYSQL_URL` names one that does not encrypt.

use idgen_store::{Created, Definition, Name, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use network::{Backend, Place, fresh, network_suite, orders, wait, with_option};

#[path = "../network/mod.rs"]
mod network;

struct Encrypted {
    server: String,
    database: String,
}

impl Backend for Encrypted {
    const SERVICE: &'static str = "mysql-tls";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "statement_timeout_ms"];
    // An answer is one record, of which nothing is understood before all is there.
    const LAST_MESSAGE_BYTES: usize = 20;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_MYSQL_TLS_URL");
        let made = Self { server, database: network::unique() };
        made.sql(&format!("CREATE DATABASE {}", made.database));
        made
    }

    fn url(&self) -> String {
        let (server, options) = self.server.split_once('?').unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        format!("{server}/{}?{options}", self.database)
    }
}

impl Encrypted {
    /// The URL with other options.
    fn with(&self, options: &str) -> String {
        let url = self.url();
        format!("{}?{options}", url.split('?').next().unwrap())
    }

    /// `ssl-ca=` the file beside that of the authority.
    fn file(&self, name: &str) -> String {
        let (_, authority) = self.server.split_once("ssl-ca=").unwrap();
        format!("ssl-ca={}", authority.replace("ca.pem", name))
    }

    fn sql(&self, sql: &str) {
        let server = self.server.split('?').next().unwrap();
        wait(async {
            let mut conn = Conn::new(Opts::from_url(server).unwrap()).await.unwrap();
            conn.query_drop(sql).await.unwrap();
            conn.disconnect().await.unwrap();
        });
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql(&format!("DROP DATABASE {}", self.database));
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

fn notes(url: &str) -> String {
    wait(idgen_store::open(url).unwrap().sequences.notes()).unwrap().join("\n")
}

#[test]
fn only_who_the_authority_vouches_for_is_trusted() {
    let place = fresh::<Encrypted>();
    place.stocked();
    let trusted = place.file("ca.pem");
    for mode in ["ssl-mode=VERIFY_IDENTITY", "tls=true"] {
        let url = place.with(&format!("{mode}&{trusted}"));
        lease(&url).unwrap();
        assert_eq!(notes(&url), "");
        let strange = place.with(&format!("{mode}&{}", place.file("stranger-ca.pem")));
        let said = lease(&strange).unwrap_err();
        assert!(said.contains("UnknownIssuer") && said.contains("ssl-ca=FILE"), "{said}");
    }
    // What the system trusts, if anybody, knows nothing of it.
    let said = lease(&place.with("tls=true")).unwrap_err();
    assert!(said.contains("UnknownIssuer") || said.contains("lists no authority"), "{said}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let place = fresh::<Encrypted>();
    place.stocked();
    let elsewhere = place.url().replace("127.0.0.1", "localhost");
    let said = lease(&elsewhere).unwrap_err();
    assert!(said.contains("not valid for name") && said.contains("connect by a name"), "{said}");
}

/// An account that is let in encrypted only tells the difference.
#[test]
fn connections_are_as_encrypted_as_asked_for() {
    let place = fresh::<Encrypted>();
    place.stocked();
    let (user, database) = (network::unique(), &place.database);
    place.sql(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'pw' REQUIRE SSL"));
    place.sql(&format!("GRANT ALL ON {database}.* TO '{user}'@'%'"));
    let with = |options: &str| network::as_user(&place.with(options), &format!("{user}:pw"));
    for unchecked in ["ssl-mode=REQUIRED", "tls=skip-verify", "ssl-mode=PREFERRED", "tls=preferred"]
    {
        lease(&with(unchecked)).unwrap();
        let notes = notes(&with(unchecked));
        assert!(notes.contains("nobody checks whose certificate"), "{unchecked}: {notes}");
    }
    lease(&with(&format!("tls=true&{}", place.file("ca.pem")))).unwrap();
    for plain in ["connections=1", "ssl-mode=DISABLED", "tls=false"] {
        let said = lease(&with(plain)).unwrap_err();
        assert!(said.contains("Access denied"), "{plain}: {said}");
    }
    place.sql(&format!("DROP USER '{user}'@'%'"));
}

#[test]
fn a_server_that_does_not_encrypt_is_left_or_taken_as_it_is() {
    let plain = network::server("IDGEN_TEST_MYSQL_URL");
    for option in ["ssl-mode=REQUIRED", "tls=skip-verify"] {
        let said = lease(&with_option(&plain, option)).unwrap_err();
        assert!(said.contains("offers no encryption") && said.contains("ssl_cert"), "{said}");
    }
    let store = idgen_store::open(&with_option(&plain, "tls=preferred")).unwrap().sequences;
    wait(store.identity()).unwrap();
}

fn pots(place: &Place<Encrypted>) -> String {
    with_option(&place.url(), "schema=idpot")
}

/// Where a server folds names, two of them never meet one table unseen.
#[test]
fn pots_go_by_the_name_that_the_server_keeps() {
    let place = fresh::<Encrypted>();
    let store = idgen_store::open(&pots(&place)).unwrap().sequences;
    let name = |text: &str| Name::new(text).unwrap();
    let refused = wait(store.create(&name("Foo"), &Definition::default())).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("use 'foo'")), "{refused}");
    let made = wait(store.create(&name("foo"), &Definition::default())).unwrap();
    assert_eq!(made, Created::New);
    for other in ["Foo", "FOO"] {
        for refused in [
            wait(store.lease(&name(other), 1, 0)).map(|_| ()).unwrap_err(),
            wait(store.last(&name(other))).map(|_| ()).unwrap_err(),
            wait(store.create(&name(other), &Definition::default())).map(|_| ()).unwrap_err(),
        ] {
            let said = refused.to_string();
            assert!(said.contains("use 'foo'") && said.contains("lower_case"), "{said}");
        }
    }
    let refused = wait(store.create(&name("\u{c9}t\u{e9}"), &Definition::default())).unwrap_err();
    assert!(refused.to_string().contains("use '\u{e9}t\u{e9}'"), "{refused}");
    assert_eq!(wait(store.lease(&name("foo"), 3, 0)).unwrap().range.last(), 3);
    assert_eq!(wait(store.list()).unwrap().len(), 1);
    let unknown = wait(store.lease(&name("Bar"), 1, 0)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
}
