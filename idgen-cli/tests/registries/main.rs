//! Worker ids that servers lease from registries on real servers: killed, and handed over.
//!
//! The variables that `cargo xtask services up` prints name the registries; whatever they hold, a
//! test uses a worker id that no other has used lately. `IDGEN_BIN` names another binary to test;
//! as the release has no etcd, the tests of that take the binary that was built for them, or
//! `IDGEN_BIN_WITH_ETCD`. `IDGEN_FULL=1` runs the lengths that are promised instead of slices of
//! them.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../worker_processes/first_ids.rs"]
mod first_ids;
#[path = "../worker_processes/hand_over.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod hand_over;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../worker_processes/leases.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod leases;
#[path = "../worker_processes/load.rs"]
mod load;
#[path = "../worker_processes/registry.rs"]
mod registry;
#[path = "../servers/mod.rs"]
mod servers;

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use first_ids::{LEASE_MS, kill_and_follow};
use hand_over::{by_http, hand_over_again_and_again};
use harness::Server;
use registry::Registry;

/// How many worker ids there are.
const WORKERS: u128 = 1024;

/// A worker id that no run of the last half minute has used for this purpose or another: what was
/// killed holds its own for a while.
fn unused(purpose: u128) -> String {
    let tenths = UNIX_EPOCH.elapsed().unwrap().as_millis() / 100;
    ((tenths + purpose * WORKERS / 2) % WORKERS).to_string()
}

fn spare_id(registry: &Registry) {
    let case = first_ids::Case {
        what: "with spare ids",
        same_place: false,
        args: &[],
        limit: Duration::from_secs(1),
        slice: 3,
    };
    kill_and_follow(registry, &case);
}

fn pinned_id(registry: &Registry) {
    let case = first_ids::Case {
        what: "pinned",
        same_place: false,
        args: &["--worker", &unused(0)],
        // The start of a process comes on top of the lease.
        limit: Duration::from_millis(LEASE_MS + 1000),
        slice: 1,
    };
    kill_and_follow(registry, &case);
}

fn fixed_id(registry: &Registry) {
    let pinned = &["--worker", &unused(1), "--lease-ms", "10000"];
    let case = hand_over::Case { pinned, ask: by_http, door: Server::http, slice: 3 };
    hand_over_again_and_again(registry, &case);
}

macro_rules! on {
    ($store:ident, $registry:expr) => {
        mod $store {
            use super::*;

            #[test]
            fn another_process_takes_a_spare_id() {
                spare_id(&$registry);
            }

            #[test]
            fn a_pinned_id_is_free_after_its_lease() {
                pinned_id(&$registry);
            }

            #[test]
            fn a_fixed_worker_id_is_handed_over_in_a_tenth_of_a_second() {
                fixed_id(&$registry);
            }
        }
    };
}

on!(mysql, Registry::at(servers::server("IDGEN_TEST_MYSQL_URL")));
on!(postgres, Registry::at(servers::server("IDGEN_TEST_POSTGRES_URL")));
on!(redis, Registry::at(servers::server("IDGEN_TEST_REDIS_URL")));
on!(zookeeper, Registry::at(servers::server("IDGEN_TEST_ZOOKEEPER_URL")));
on!(etcd, {
    let own = || env!("CARGO_BIN_EXE_idgen").into();
    let binary = std::env::var_os("IDGEN_BIN_WITH_ETCD").map_or_else(own, PathBuf::from);
    Registry::by(binary, servers::server("IDGEN_TEST_ETCD_URL"))
});
