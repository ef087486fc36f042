//! kill -9 and restarts on clocks that were set back or forward, and clocks that jump under a
//! running server.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::Http;
use crate::faketime::{clock_off, clock_told, library};
use crate::harness::{Place, Server, Starting, alone, full};
use crate::leases::{Watch, check, shared};
use crate::load::{Answered, Load};

/// Until ids come after a restart: what the clock went back, a soft horizon, a busy machine.
const IDS_COME: Duration = Duration::from_secs(5);
/// Until a server gives up that would have to wait for an hour.
const GIVES_UP: Duration = Duration::from_secs(10);

/// A server on such a clock, and how often its start was refused: while the lease of one that was
/// killed lasts, it counts as a node whose clock differs. Then the start is made again.
fn start(place: &Place, args: &[&str], envs: &[(&str, &str)]) -> (Server, usize) {
    let begun = Instant::now();
    for refusals in 0.. {
        let mut command = place.serve_command(args);
        command.envs(envs.iter().copied());
        let log = match Starting::new(command, &place.path().join("log")).ready_or_log() {
            Ok(server) => return (server, refusals),
            Err(log) => log,
        };
        let refused = log.trim_end().lines().last().unwrap_or_default();
        assert!(refused.contains("set the wrong one of the two clocks right"), "{log}");
        assert!(begun.elapsed() < IDS_COME, "still refused: {log}");
        thread::sleep(Duration::from_millis(100));
    }
    unreachable!("refused more often than can be counted")
}

/// Serves under load on each of these clocks in turn, killed before the next.
fn kill_on_clocks(offsets: &[&str], args: &[&str]) {
    let _turn = alone();
    let (place, answered, library) = (Place::new(), Answered::default(), library());
    let registry = shared(&place);
    let common = ["--registry", &registry, "--tcp", "off", "--lease-ms", "1000"];
    let args = [&common[..], args].concat();
    let (watch, mut refusals) = (Watch::start(&registry), 0);
    for (at, offset) in offsets.iter().enumerate() {
        let (mut server, refused) = start(&place, &args, &clock_off(&library, offset));
        refusals += refused;
        let load = Load::on(server.pid(), server.http(), &answered);
        assert!(answered.grows(server.pid(), IDS_COME), "{offset}: {}", server.log());
        watch.sees(server.pid());
        thread::sleep(Duration::from_millis([150, 20, 330][at % 3]));
        server.kill();
        drop(load);
    }
    let ids = answered.all();
    check(&ids, &watch.leases()).unwrap();
    println!(
        "{args:?} on {} clocks: {} ids, all distinct, {refusals} starts refused for a peer's clock",
        offsets.len(),
        ids.len()
    );
}

fn times() -> usize {
    if full() { 20 } else { 1 }
}

#[test]
fn a_kill_and_a_clock_set_back_repeat_nothing() {
    let offsets = ["+0", "-0.001s", "-1s", "-3600s", "-3601s", "+0", "+3600s", "+0", "-3600s"];
    kill_on_clocks(&offsets.repeat(times()), &[]);
}

/// It waits for the clock, as it may have no other id.
#[test]
fn a_pinned_server_waits_for_a_clock_that_was_set_back() {
    let offsets = ["+2s", "+1.999s", "+0.999s", "+0", "+0.001s", "+0"];
    kill_on_clocks(&offsets.repeat(times()), &["--worker", "5"]);
}

#[test]
fn a_pinned_server_on_a_clock_an_hour_behind_is_refused() {
    let (place, library) = (Place::new(), library());
    let args = ["--worker", "5", "--tcp", "off"];
    let mut server = place.serve_with(&args, &clock_off(&library, "+3600s"));
    Http::connect(server.http()).unwrap().ids("/v1/snowflakes").unwrap();
    server.kill();
    let mut command = place.serve_command(&args);
    command.envs(clock_off(&library, "+0"));
    let log = place.path().join("second.log");
    let begun = Instant::now();
    let Err(said) = Starting::new(command, &log).ready_or_log() else { panic!("it serves") };
    assert!(begun.elapsed() < GIVES_UP, "{said}");
    assert!(said.contains("ahead of this clock"), "{said}");
}

#[test]
fn a_clock_that_jumps_under_a_server_repeats_nothing() {
    let _turn = alone();
    let (place, answered, library) = (Place::new(), Answered::default(), library());
    let (registry, clock) = (shared(&place), place.file("clock", "+0"));
    let args = ["--registry", &registry, "--tcp", "off", "--lease-ms", "1000"];
    let (watch, mut refusals) = (Watch::start(&registry), 0);
    let set = |offset: &str| fs::write(&clock, offset).unwrap();
    for _ in 0..times() {
        set("+0");
        let envs = clock_told(&library, "FAKETIME_TIMESTAMP_FILE", &clock);
        let (mut server, refused) = start(&place, &args, &envs);
        refusals += refused;
        let load = Load::on(server.pid(), server.http(), &answered);
        for offset in ["-0.001s", "+0", "-1s", "+1s", "+0", "+3600s", "+0", "-3600s", "+0"] {
            set(offset);
            thread::sleep(Duration::from_millis(400));
        }
        assert!(answered.grows(server.pid(), IDS_COME * 2), "{}", server.log());
        watch.sees(server.pid());
        set("+3600s");
        thread::sleep(Duration::from_millis(400));
        server.kill();
        drop(load);
    }
    let ids = answered.all();
    check(&ids, &watch.leases()).unwrap();
    println!("{} ids, all distinct, {refusals} starts refused for a peer's clock", ids.len());
}
