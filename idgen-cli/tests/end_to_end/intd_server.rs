//! `idgen intd-server`: the artisanal doors on the original's flags.

use std::io::Read;
use std::net::TcpStream;

use crate::clients::{Http, once};
use crate::harness::{Place, Server};

fn start(place: &Place, more: &[&str]) -> Server {
    let usual = ["intd-server", "-port", "0"];
    place.server_of(&[&usual, more].concat())
}

const SQLITE: [&str; 4] = ["-engine", "sqlite", "-dsn", "a.db"];

#[test]
fn http_is_what_it_speaks_unless_told_otherwise() {
    let place = Place::new();
    let server = start(&place, &SQLITE);
    let addr = server.artisanal_http();
    assert!(addr.ip().is_loopback(), "localhost is the default");
    let mut http = Http::connect(addr).unwrap();
    for id in [2, 4, 6] {
        let answer = http.ask("GET", "/").unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &*id.to_string()));
        assert_eq!(answer.header("Content-Type"), Some("text/plain"));
    }
    assert_eq!(once(addr, "GET", "/favicon.ico").status, 404);
    server.stop();
    assert_eq!(place.run(&["int", "-engine", "sqlite", "-dsn", "a.db"]), "8\n", "nothing is lost");
}

#[test]
fn tcp_sends_a_line_and_closes() {
    let place = Place::new();
    let flags = ["-protocol=tcp", "-host", "127.0.0.1", "-set-increment", "5", "-set-offset", "2"];
    let server = start(&place, &[&SQLITE[..], &flags, &["-set-last-int", "1000"]].concat());
    for id in [1002, 1007] {
        let mut text = String::new();
        let mut stream = TcpStream::connect(server.artisanal_tcp()).unwrap();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("{id}\n"));
    }
}

#[test]
fn one_connection_serves_thousands() {
    let place = Place::new();
    let server = start(&place, &["-engine", "memory", "-host=127.0.0.1"]);
    let mut http = Http::connect(server.artisanal_http()).unwrap();
    for id in 1..=3000 {
        assert_eq!(http.ask("GET", "/").unwrap().body, (2 * id).to_string());
    }
    assert!(server.log().contains("forgets every id"), "{}", server.log());
}

#[test]
fn a_journal_is_kept_where_one_is_wished() {
    let place = Place::new();
    let server = start(&place, &[&SQLITE[..], &["--data-dir", "journal"]].concat());
    assert_eq!(once(server.artisanal_http(), "GET", "/").body, "2");
    let again = place.tool(&["intd-server", "-engine=memory", "-port=70000"]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    let flags = ["intd-server", "-port", "0", "--data-dir", "journal"];
    let second = place.tool(&[&flags, &SQLITE[..]].concat());
    let line = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{line}");
    assert!(line.contains("in use by another process"), "{line}");
}

#[test]
fn an_address_in_use_is_told() {
    let place = Place::new();
    let server = start(&place, &["-engine", "memory"]);
    let port = server.artisanal_http().port().to_string();
    let second = place.tool(&["intd-server", "-engine", "memory", "-port", &port]);
    let line = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{line}");
    assert!(line.contains("cannot listen on localhost") && line.contains("-port"), "{line}");
}
