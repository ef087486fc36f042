//! How long it takes from kill -9 to the first id.

use std::thread;
use std::time::{Duration, Instant};

use crate::clients::Http;
use crate::harness::{Server, alone, full};
use crate::leases::{Watch, check};
use crate::load::{Answered, Load};
use crate::registry::Registry;

pub(crate) const LEASE_MS: u64 = 2000;

/// How one server follows another.
pub(crate) struct Case<'a> {
    pub(crate) what: &'a str,
    /// In the same directory, so that it has the soft horizon.
    pub(crate) same_place: bool,
    pub(crate) args: &'a [&'a str],
    pub(crate) limit: Duration,
    /// How often, where not the promised lengths are run.
    pub(crate) slice: usize,
}

pub(crate) fn kill_and_follow(registry: &Registry, case: &Case) {
    let _turn = alone();
    let (place, answered) = (registry.place(), Answered::default());
    let (url, lease) = (registry.url(), LEASE_MS.to_string());
    let common = ["--registry", url, "--lease-ms", &lease, "--tcp", "off"];
    let args = [&common[..], case.args].concat();
    let watch = Watch::start(url);
    let mut server = place.serve_with(&args, &[]);
    let mut took = Vec::new();
    let mut places = Vec::new();
    for _ in 0..if full() { 20 } else { case.slice } {
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
            let other = registry.place();
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
    let what = format!("{}, {}", registry.name(), case.what);
    println!("{what}: first id after kill -9 in {median:?}, at most {longest:?}");
    assert!(longest <= case.limit, "{what}: {took:?}");
}

fn first_id(server: &Server, answered: &Answered) {
    let ids = Http::connect(server.http()).unwrap().ids("/v1/snowflakes").unwrap();
    answered.keep(server.pid(), &ids);
}
