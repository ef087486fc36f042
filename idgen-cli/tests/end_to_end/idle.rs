//! What a server costs that nobody asks.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::clients::once;
use crate::harness::{Place, Server, alone, full};

/// The time that each thread of the process has run so far.
fn busy(server: &Server) -> HashMap<OsString, Duration> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let times = tasks.filter_map(|task| {
        let task = task.unwrap();
        // A thread that ends at this moment has no count any more.
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos = text.split(' ').next().unwrap().parse().unwrap();
        Some((task.file_name(), Duration::from_nanos(nanos)))
    });
    times.collect()
}

/// What all threads ran meanwhile; `None` if one has ended, and took its count along.
fn busy_within(server: &Server, span: Duration) -> Option<Duration> {
    let before = busy(server);
    assert!(before.values().any(|busy| !busy.is_zero()), "a start costs something, if this counts");
    sleep(span);
    let after = busy(server);
    let all_live = before.keys().all(|task| after.contains_key(task));
    let sum = |busy: HashMap<_, Duration>| busy.into_values().sum::<Duration>();
    all_live.then(|| sum(after) - sum(before))
}

/// Less than a thousandth of one processor.
fn assert_idle(server: &Server) {
    let span = Duration::from_secs(if full() { 10 } else { 2 });
    // What the start and the last request left behind is over by then.
    sleep(Duration::from_millis(500));
    // Threads that wait for files end when they had nothing to do for some time.
    let busy = (0..3).find_map(|_| busy_within(server, span)).expect("threads end all the time");
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
