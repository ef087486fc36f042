//! SIGSTOP for longer than the lease, then SIGCONT.
//!
//! Two servers want the same worker id. Whoever holds it is stopped until its lease has lapsed and
//! the other issues; then it goes on, amid requests that it had read before. So they take turns.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Place, Server, Starting, alone, full};
use crate::leases::{Watch, check, shared};
use crate::load::{Answered, Load};

/// The shortest lease there is.
const PINNED: [&str; 6] = ["--worker", "5", "--lease-ms", "1000", "--tcp", "off"];
/// Until the other has the lease: one lease, a try, and a busy machine.
const TAKEN_OVER: Duration = Duration::from_secs(4);

fn starting(place: &Place, registry: &str) -> Starting {
    let command = place.serve_command(&[&PINNED[..], &["--registry", registry]].concat());
    Starting::new(command, &place.path().join("log"))
}

fn signal(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Returns when the process stands still.
fn suspend(server: &Server) {
    signal(server, Signal::STOP);
    let stat = format!("/proc/{}/stat", server.pid());
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        thread::yield_now();
    }
}

fn resume(server: &Server) {
    signal(server, Signal::CONT);
}

/// Stops the holder until the other issues; `false` if that did not come to pass.
fn round(holder: &Server, other: &Server, answered: &Answered, at: u64) -> bool {
    assert!(answered.grows(holder.pid(), TAKEN_OVER), "no ids: {}", holder.log());
    // So that stops hit every phase between two renewals.
    thread::sleep(Duration::from_millis(at * 37 % 330));
    suspend(holder);
    let taken_over = answered.grows(other.pid(), TAKEN_OVER);
    resume(holder);
    taken_over
}

#[test]
fn a_process_that_stood_still_repeats_nothing() {
    let _turn = alone();
    let (places, answered) = ([Place::new(), Place::new()], Answered::default());
    let registry = shared(&places[0]);
    let first = starting(&places[0], &registry).ready();
    let watch = Watch::start(&registry);
    let load = Load::on(first.pid(), first.http(), &answered);
    suspend(&first);
    let second = starting(&places[1], &registry).ready();
    resume(&first);
    let loads = [load, Load::on(second.pid(), second.http(), &answered)];
    let (mut holder, mut other) = (&second, &first);

    let (rounds, mut again) = (if full() { 200 } else { 4 }, 0);
    let begun = Instant::now();
    for at in 0..rounds {
        // One that is stopped in the middle of a transaction keeps the file locked: then nobody
        // takes over, and the round is made again, with whoever has the lease when it is unlocked.
        while !round(holder, other, &answered, at + again) {
            again += 1;
            assert!(again <= 2 + rounds / 20, "not taken over: {}", other.log());
            if !answered.grows(holder.pid(), TAKEN_OVER / 2) {
                (holder, other) = (other, holder);
            }
        }
        (holder, other) = (other, holder);
    }
    let took = begun.elapsed();
    drop(loads);
    drop((first, second));
    let ids = answered.all();
    check(&ids, &watch.leases()).unwrap();
    println!("{rounds} stops in {took:?}, {again} made again: {} ids, all distinct", ids.len());
}
