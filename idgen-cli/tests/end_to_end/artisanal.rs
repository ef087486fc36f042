//! The doors of artisanal integers, and the defects of the original that they must not have.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::clients::{Answer, Http, once};
use crate::disk::{confined_server, fill_up};
use crate::harness::{Place, Server, alone, assert_distinct};

const DOORS: [&str; 4] = ["--artisanal-http", "127.0.0.1:0", "--artisanal-tcp", "127.0.0.1:0"];

fn serve(place: &Place) -> Server {
    place.serve_with(&DOORS, &[])
}

/// All that one connection is sent until its end.
fn dial(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn integer(line: &str) -> u64 {
    line.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {line:?}")).parse().unwrap()
}

fn mints(answer: &Answer, body: &str) {
    assert_eq!((answer.status, &*answer.body), (200, body), "{answer:?}");
    assert_eq!(answer.header("Content-Type"), Some("text/plain"));
    assert_eq!(answer.header("Content-Length"), Some(&*body.len().to_string()));
}

#[test]
fn get_and_post_mint_the_originals_series() {
    let place = Place::new();
    let server = serve(&place);
    let mut http = Http::connect(server.artisanal_http()).unwrap();
    mints(&http.ask("GET", "/").unwrap(), "2");
    mints(&http.ask("POST", "/").unwrap(), "4");
    mints(&http.ask("GET", "/?anything").unwrap(), "6");
    assert_eq!(dial(server.artisanal_tcp()), "8\n");
    server.stop();
    let server = serve(&place);
    mints(&once(server.artisanal_http(), "GET", "/"), "10");
}

#[test]
fn beats_only_get_and_post_of_the_root_mint() {
    let place = Place::new();
    let server = serve(&place);
    let mut http = Http::connect(server.artisanal_http()).unwrap();
    for (method, path, status) in [
        ("HEAD", "/", 405),
        ("PUT", "/", 405),
        ("OPTIONS", "/", 405),
        ("GET", "/favicon.ico", 404),
        ("POST", "/integers", 404),
        ("GET", "//", 404),
        ("GET", "/healthz", 404),
        ("POST", "/v1/snowflakes", 404),
        ("POST", "/api/v1/newID", 404),
    ] {
        let answer = http.ask(method, path).unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("Content-Type"), Some("text/plain"), "{method} {path}");
        let allow = (status == 405).then_some("GET, POST");
        assert_eq!(answer.header("Allow"), allow, "{method} {path}");
    }
    mints(&http.ask("GET", "/").unwrap(), "2");
}

#[test]
fn a_named_sequence_is_served_as_it_is() {
    let place = Place::new();
    place.run(&["sequence", "create", "odd", "--increment", "2", "--offset", "1"]);
    let args = ["--artisanal-sequence", "odd", "--http", "off", "--tcp", "off", "--admin", "off"];
    let server = place.serve_with(&[&DOORS[..], &args, &["--layout", "off"]].concat(), &[]);
    mints(&once(server.artisanal_http(), "GET", "/"), "1");
    assert_eq!(dial(server.artisanal_tcp()), "3\n");
    mints(&once(server.artisanal_http(), "POST", "/"), "5");
}

#[test]
fn a_connection_that_speaks_is_answered_all_the_same() {
    let place = Place::new();
    let server = serve(&place);
    let mut stream = TcpStream::connect(server.artisanal_tcp()).unwrap();
    stream.write_all(&[b'x'; 3000]).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "2\n");
}

#[test]
fn many_clients_of_both_doors_meet_no_id_twice() {
    let _turn = alone();
    let place = Place::new();
    let server = serve(&place);
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(scope.spawn(|| {
                let mut http = Http::connect(server.artisanal_http()).unwrap();
                let mint = |_| http.ask("GET", "/").unwrap().body.parse().unwrap();
                (0..300).map(mint).collect::<Vec<u64>>()
            }));
            clients.push(
                scope.spawn(|| (0..100).map(|_| integer(&dial(server.artisanal_tcp()))).collect()),
            );
        }
        all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    });
    assert_eq!(all.len(), 1600);
    assert_distinct("artisanal integers", &mut all);
    assert!(all.iter().all(|id| id % 2 == 0));
}

#[test]
fn a_store_that_is_down_is_told_without_internal_addresses() {
    let place = Place::new();
    let server = confined_server(&place, "1m", &DOORS);
    let _full = fill_up(&server, &place);
    let refused = once(server.artisanal_http(), "GET", "/");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("Content-Type"), Some("text/plain"));
    assert!(refused.header("Retry-After").is_some());
    let words = ["idgen.db", "sqlite", "disk", "127.0.0.1", "/"];
    assert!(!words.iter().any(|word| refused.body.contains(word)), "{refused:?}");
    assert_eq!(dial(server.artisanal_tcp()), "", "closed without a byte");
}

#[test]
fn a_sequence_that_has_ended_mints_nothing() {
    let place = Place::new();
    place.run(&["sequence", "create", "integers", "--end", "1"]);
    let server = serve(&place);
    mints(&once(server.artisanal_http(), "GET", "/"), "1");
    assert_eq!(once(server.artisanal_http(), "GET", "/").status, 410);
    assert_eq!(dial(server.artisanal_tcp()), "");
}
