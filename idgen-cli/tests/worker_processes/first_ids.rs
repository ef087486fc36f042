//! How long it takes from kill -9 to the first id.

use std::thread;
use std::time::{Duration, Instant};

use crate::clients::Http;
use crate::harness::{Place, Server, alone, full};
use crate::leases::{Watch, check, shared};
use crate::load::{Answered, Load};

const LEASE_MS: u64 = 2000;

/// How one server follows another.
struct Case {
    what: &'static str,
    /// In the same directory, so that it has the soft horizon.
    same_place: bool,
    args: &'static [&'static str],
    limit: Duration,
}

fn kill_and_follow(case: &Case) {
    let _turn = alone();
    let (place, answered) = (Place::new(), Answered::default());
    let (registry, lease) = (shared(&place), LEASE_MS.to_string());
    let common = ["--registry", &registry, "--lease-ms", &lease, "--tcp", "off"];
    let args = [&common[..], case.args].concat();
    let watch = Watch::start(&registry);
    let mut server = place.serve_with(&args, &[]);
    let mut took = Vec::new();
    let mut places = Vec::new();
    for _ in 0..if full() { 20 } else { 3 } {
        let load = Load::on(server.pid(), server.http(), &answered);
        assert!(answered.grows(server.pid(), case.limit * 2), "{}", server.log());
        watch.sees(server.pid());
        thread::sleep(Duration::from_millis(200));
        let killed = Instant::now();
        server.kill();
        drop(load);
        server = if case.same_place {
            place.serve_with(&args, &[])
        } else {
            let other = Place::new();
            let server = other.serve_with(&args, &[]);
            places.push(other);
            server
        };
        first_id(&server, &answered);
        took.push(killed.elapsed());
    }
    watch.sees(server.pid());
    server.stop();
    check(&answered.all(), &watch.leases()).unwrap();
    took.sort_unstable();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{}: first id after kill -9 in {median:?}, at most {longest:?}", case.what);
    assert!(longest <= case.limit, "{}: {took:?}", case.what);
}

fn first_id(server: &Server, answered: &Answered) {
    let ids = Http::connect(server.http()).unwrap().ids("/v1/snowflakes").unwrap();
    answered.keep(server.pid(), &ids);
}

#[test]
fn a_restart_in_its_directory_has_ids_at_once() {
    let limit = Duration::from_millis(2500);
    let case = Case { what: "same host", same_place: true, args: &[], limit };
    kill_and_follow(&case);
    kill_and_follow(&Case { what: "same host, pinned", args: &["--worker", "5"], ..case });
}

#[test]
fn another_directory_takes_a_spare_id() {
    kill_and_follow(&Case {
        what: "elsewhere, with spare ids",
        same_place: false,
        args: &[],
        limit: Duration::from_secs(1),
    });
}

#[test]
fn a_pinned_id_elsewhere_is_free_after_its_lease() {
    // The start of a process comes on top of the lease.
    let limit = Duration::from_millis(LEASE_MS + 1000);
    let args = &["--worker", "5"];
    kill_and_follow(&Case { what: "elsewhere, pinned", same_place: false, args, limit });
}
