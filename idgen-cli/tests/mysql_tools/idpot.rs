//! `idgen idpot-server`, row by row of the dialect, and with its database down.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::clients::{Answer, once, post_form};
use crate::harness::{Place, Server};
use crate::{Database, servers};

/// A server on the original's configuration file.
pub(crate) fn start(place: &Place, database: &Database) -> Server {
    start_with(place, database, &[])
}

fn start_with(place: &Place, database: &Database, more: &[&str]) -> Server {
    let text = format!(
        "[Server]\nListen = 127.0.0.1:0\nLogFile = {}/access-%Y%m%d\n[Mysql]\nConnectString = {}\n",
        place.path().display(),
        database.dsn()
    );
    let config = place.file("idpot.gcfg", &text);
    place.server_of(&[&["idpot-server", &format!("--config={config}")], more].concat())
}

/// Status, type and body.
fn says(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, &*answer.body), (status, body), "{answer:?}");
    let kind = (status != 204).then_some("text/plain; charset=utf-8");
    assert_eq!(answer.header("Content-Type"), kind);
    let refused = (status >= 400).then_some("nosniff");
    assert_eq!(answer.header("X-Content-Type-Options"), refused);
}

fn create(addr: SocketAddr, form: &str) -> Answer {
    post_form(addr, "/pot/create", form, "")
}

const UNKNOWN: &str = "Not Found\nSpecified pot does not exist";

#[test]
fn every_row_of_the_dialect_is_answered_as_written() {
    let (place, database) = (Place::new(), Database::new());
    let server = start(&place, &database);
    let addr = server.addr("idpot");
    let ask = |method: &str, path: &str| once(addr, method, path);
    says(&create(addr, "name=foo&min=100"), 201, "Created new pot");
    says(&create(addr, "name=foo&min=100"), 409, "Conflict\nSpecified pot already exists");
    says(&create(addr, "min=1"), 400, "Bad Request\nRequired parameter 'name' not provided");
    for min in ["-1", "x"] {
        assert_eq!(create(addr, &format!("name=bar&min={min}")).status, 400, "{min}");
    }
    says(&create(addr, "name=bar"), 201, "Created new pot");
    says(&ask("GET", "/pot/foo"), 204, "");
    says(&ask("GET", "/pot/nope"), 404, UNKNOWN);
    says(&ask("GET", "/id/foo"), 200, "100");
    says(&ask("POST", "/id/foo"), 200, "101");
    says(&ask("POST", "/id/foo"), 200, "102");
    says(&ask("GET", "/id/foo"), 200, "102");
    says(&ask("POST", "/id/bar"), 200, "1");
    for method in ["POST", "GET"] {
        says(&ask(method, "/id/nope"), 404, UNKNOWN);
    }
    for (method, path) in [("GET", "/"), ("PUT", "/id/foo"), ("GET", "/healthz"), ("POST", "/x")] {
        says(&ask(method, path), 404, "Not Found\n");
    }
    assert_eq!(ask("HEAD", "/id/foo").status, 404);
    let bound = database.sql("SELECT id FROM pot_foo").unwrap();
    assert!(bound >= 102, "the table holds what was leased: {bound}");
}

#[test]
fn a_pot_that_an_original_made_goes_on() {
    let (place, database) = (Place::new(), Database::new());
    database.sql("CREATE TABLE pot_old (id BIGINT UNSIGNED NOT NULL) ENGINE=MyISAM");
    database.sql("INSERT INTO pot_old VALUES (41)");
    let server = start(&place, &database);
    let addr = server.addr("idpot");
    says(&once(addr, "GET", "/id/old"), 200, "41");
    says(&once(addr, "POST", "/id/old"), 200, "42");
    let of_original = database.sql("UPDATE pot_old SET id = LAST_INSERT_ID(id + 1)");
    assert_eq!(of_original, None);
    let theirs = database.sql("SELECT id FROM pot_old").unwrap();
    let mine: u64 = once(addr, "POST", "/id/old").body.parse().unwrap();
    assert_ne!(mine, theirs, "an original runs beside it");
    assert!(server.log().contains("MyISAM"), "{}", server.log());
}

/// Two servers whose configuration says that they are two, and an original beside them.
#[test]
fn with_nodes_said_the_last_id_is_exact_on_each_of_them() {
    let (places, database) = ([Place::new(), Place::new()], Database::new());
    let servers = places.each_ref().map(|place| start_with(place, &database, &["-nodes", "2"]));
    let addrs = servers.each_ref().map(|server| server.addr("idpot"));
    says(&create(addrs[0], "name=foo&min=100"), 201, "Created new pot");
    for turn in 0..40 {
        let id = (101 + 2 * turn).to_string();
        let (this, other) = (addrs[turn % 2], addrs[(turn + 1) % 2]);
        says(&once(this, "POST", "/id/foo"), 200, &id);
        says(&once(other, "GET", "/id/foo"), 200, &id);
        database.sql("UPDATE pot_foo SET id = LAST_INSERT_ID(id + 1)");
        let of_original = (102 + 2 * turn).to_string();
        for addr in addrs {
            says(&once(addr, "GET", "/id/foo"), 200, &of_original);
        }
    }
    assert!(servers[0].log().contains("several nodes serve it"), "{}", servers[0].log());
    servers.into_iter().for_each(Server::stop);
    assert_eq!(database.sql("SELECT id FROM pot_foo"), Some(180), "each step took one id");
    let (place, alone) = (Place::new(), Database::new());
    let server = start(&place, &alone);
    says(&create(server.addr("idpot"), "name=foo"), 201, "Created new pot");
    says(&once(server.addr("idpot"), "POST", "/id/foo"), 200, "1");
    assert!(alone.sql("SELECT id FROM pot_foo").unwrap() > 1, "one node alone leases a segment");
}

#[test]
fn while_the_database_is_down_every_request_is_503() {
    let turn = servers::alone();
    let (place, database) = (Place::new(), Database::alone());
    let server = start(&place, &database);
    let addr = server.addr("idpot");
    says(&create(addr, "name=foo"), 201, "Created new pot");
    servers::order("kill", "mysql");
    for (method, path) in
        [("GET", "/pot/foo"), ("GET", "/pot/nope"), ("POST", "/id/foo"), ("GET", "/id/nope")]
    {
        let answer = once(addr, method, path);
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
        assert!(answer.body.starts_with("Service Unavailable\n"), "{answer:?}");
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        assert!(!answer.body.contains("127.0.0.1"), "{answer:?}");
    }
    assert_eq!(create(addr, "name=bar").status, 503);
    let elsewhere = Place::new();
    let late = start(&elsewhere, &database);
    assert_eq!(once(late.addr("idpot"), "POST", "/id/foo").status, 503, "started without it");
    // Else it would lease as soon as it can.
    drop(late);
    servers::order("start", "mysql");
    let until = Instant::now() + Duration::from_secs(10);
    let id = loop {
        let answer = once(addr, "POST", "/id/foo");
        if answer.status == 200 {
            break answer.body;
        }
        assert!(Instant::now() < until, "{answer:?}");
    };
    assert_eq!(id, "1");
    drop((server, database, turn));
}
