//! A database that is down, seen through each door: 503 where a dialect has a word for it, in that
//! dialect's manner, never "no such pot", and never a word of what stands behind the server.

mod exchange;

use std::time::Duration;

use exchange::exchange;
use idgen_runtime::store::{Name, open};
use idgen_runtime::{Runtime, Settings};
use idgen_server::{Desk, Doors, Limits, PotCreate, Server};
use tokio::net::TcpListener;

/// Nobody listens there.
const DOWN: &str = "postgres://me:secret@127.0.0.1:1/ids";

/// What a client must not learn.
const INTERNAL: [&str; 5] = ["127.0.0.1", "secret", "postgres", "ids", "refused"];

struct Outage {
    server: Server,
    http: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    artisanal_http: std::net::SocketAddr,
    artisanal_tcp: std::net::SocketAddr,
}

impl Outage {
    async fn begin(pot_create: PotCreate) -> Self {
        let runtime = Runtime::start(open(DOWN).unwrap(), Settings::default()).unwrap();
        let desk = Desk {
            runtime,
            pool: Name::new("default").unwrap(),
            integers: Name::new("integers").unwrap(),
            snowflakes: None,
            genid: None,
            number: None,
            request_deadline: Duration::from_millis(300),
        };
        let bind = || TcpListener::bind("127.0.0.1:0");
        let (http, admin) = (bind().await.unwrap(), bind().await.unwrap());
        let (artisanal_http, artisanal_tcp) = (bind().await.unwrap(), bind().await.unwrap());
        let addr = |listener: &TcpListener| listener.local_addr().unwrap();
        let addrs = [&http, &admin, &artisanal_http, &artisanal_tcp].map(addr);
        let doors = Doors {
            http: Some(http),
            admin: Some(admin),
            artisanal_http: Some(artisanal_http),
            artisanal_tcp: Some(artisanal_tcp),
            pot_create,
            ..Doors::default()
        };
        let server = Server::start(desk, doors, Limits::default());
        let [http, admin, artisanal_http, artisanal_tcp] = addrs;
        Self { server, http, admin, artisanal_http, artisanal_tcp }
    }
}

async fn ask(addr: std::net::SocketAddr, line: &str, form: &str) -> (String, String) {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    exchange(addr, &request).await
}

fn tells_nothing(body: &str) {
    assert!(!INTERNAL.iter().any(|word| body.contains(word)), "{body}");
}

fn is_idpots_503(what: &str, (head, body): &(String, String)) {
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{what}: {head}");
    for line in [
        "Content-Type: text/plain; charset=utf-8",
        "X-Content-Type-Options: nosniff",
        "Retry-After: 1",
    ] {
        assert!(head.lines().any(|each| each == line), "{what}, no '{line}': {head}");
    }
    assert_eq!(body, "Service Unavailable\nno id can be had now; try again", "{what}");
}

#[tokio::test]
async fn every_row_of_idpots_table_is_a_503() {
    let outage = Outage::begin(PotCreate::Data).await;
    for line in ["GET /pot/foo", "GET /id/foo", "POST /id/foo"] {
        is_idpots_503(line, &ask(outage.http, line, "").await);
    }
    let created = ask(outage.http, "POST /pot/create", "name=foo&min=100").await;
    is_idpots_503("create", &created);
    // What needs no database is told all the same.
    let (head, body) = ask(outage.http, "POST /pot/create", "min=100").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(body, "Bad Request\nRequired parameter 'name' not provided");
    outage.server.drain().await;
}

#[tokio::test]
async fn so_it_is_for_a_pot_created_on_the_admin_listener() {
    let outage = Outage::begin(PotCreate::Admin).await;
    let created = ask(outage.admin, "POST /pot/create", "name=foo&min=100").await;
    is_idpots_503("create", &created);
    outage.server.drain().await;
}

#[tokio::test]
async fn artisanal_integers_are_refused_without_addresses() {
    let outage = Outage::begin(PotCreate::Off).await;
    for line in ["GET /", "POST /"] {
        let (head, body) = ask(outage.artisanal_http, line, "").await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(head.contains("Content-Type: text/plain\r\n"), "{head}");
        assert!(!body.is_empty());
        tells_nothing(&body);
    }
    let (_, line) = exchange(outage.artisanal_tcp, "").await;
    assert_eq!(line, "", "closed without a byte");
    outage.server.drain().await;
}
