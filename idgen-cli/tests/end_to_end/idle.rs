//! What a server costs that nobody asks.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::clients::once;
use crate::harness::{Place, Server, alone, full};

/// The time that all threads of the process have run so far.
fn busy(server: &Server) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let times = tasks.map(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(times.sum())
}

/// Less than a thousandth of one processor.
fn assert_idle(server: &Server) {
    let span = Duration::from_secs(if full() { 10 } else { 2 });
    // What the start and the last request left behind is over by then.
    sleep(Duration::from_millis(500));
    let before = busy(server);
    assert!(before > Duration::ZERO, "a start costs something, if this counts at all");
    sleep(span);
    let busy = busy(server) - before;
    println!("idle: {busy:?} of {span:?}");
    assert!(busy < span / 1000, "{busy:?} of {span:?}");
}

#[test]
fn an_idle_intd_server_does_nothing() {
    let _turn = alone();
    let place = Place::new();
    for protocol in ["http", "tcp"] {
        let flags = ["-engine", "sqlite", "-dsn", "a.db", "-port", "0", "-protocol", protocol];
        let server = place.server_of(&[&["intd-server"], &flags[..]].concat());
        if protocol == "http" {
            assert_eq!(once(server.artisanal_http(), "GET", "/").status, 200);
        }
        assert_idle(&server);
    }
}

#[test]
fn an_idle_server_renews_its_leases_and_does_nothing_else() {
    let _turn = alone();
    let place = Place::new();
    let server = place.serve();
    assert_eq!(once(server.http(), "POST", "/v1/sequences/default/ids").status, 200);
    assert_idle(&server);
}
