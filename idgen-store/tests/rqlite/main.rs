//! The rqlite store passes every law, and costs what it promises, on a cluster of three nodes.
//!
//! `IDGEN_TEST_RQLITE_URL` names one node of a cluster; each test works in tables of its own.
//! `IDGEN_FULL=1` runs the lengths that are promised. Tests of fail-over order about the stand-in
//! that `cargo xtask services up rqlite` starts, by its path `/stand-in`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use network::{Backend, network_suite};

#[path = "../network/mod.rs"]
mod network;

mod adopted;
mod encrypted;
mod failover;
mod stage;
mod told;

/// Tables of one prefix, dropped in the end.
struct Rqlite {
    server: String,
    prefix: String,
}

impl Backend for Rqlite {
    const SERVICE: &'static str = "rqlite";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    // A store waits for an election by itself; this is for what comes before.
    const RECOVERY: Duration = Duration::from_millis(500);

    fn make() -> Self {
        Self { server: network::server("IDGEN_TEST_RQLITE_URL"), prefix: network::unique() }
    }

    fn url(&self) -> String {
        // The search for a leader is not to hold up tests that have none.
        let url = network::with_option(&self.server, &format!("prefix={}", self.prefix));
        network::with_option(&url, "retries=6")
    }

    /// This way alone: no other node is to be asked.
    fn by_port(&self, port: u16) -> String {
        let url = network::through(&self.url(), port);
        network::with_option(&url, "peers=listed")
    }
}

/// A connection to a node, which may have been told to listen again a moment ago.
fn connected(address: &str) -> TcpStream {
    let began = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) if began.elapsed() > Duration::from_secs(2) => panic!("{address}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Sends one request to a node and returns its status and body.
fn http(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = connected(address);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The number behind a key in a JSON text, with all its digits.
fn number_in(json: &str, key: &str) -> u64 {
    let behind = json.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{json}")).1;
    behind.split([',', '}']).next().unwrap().parse().unwrap()
}

impl Rqlite {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn sql(&self, statements: &str) -> String {
        let path = "/db/request?transaction";
        let (status, body) = http(&network::address(&self.server), "POST", path, statements);
        assert!(status == 200 && !body.contains("error"), "{status}: {body}");
        body
    }
}

impl Drop for Rqlite {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the tables may be worth a look.
            return;
        }
        let drop = |table: &str| format!("\"DROP TABLE IF EXISTS {}_{table}\"", self.prefix);
        let drops = ["store", "sequence", "lease", "tail"].map(drop);
        self.sql(&format!("[{}]", drops.join(",")));
    }
}

fn fresh() -> network::Place<Rqlite> {
    network::fresh()
}

network_suite!(Rqlite);
