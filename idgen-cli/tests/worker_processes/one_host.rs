//! Restarts of servers of one host, whose registry is a file of SQLite's.

use std::time::Duration;

use crate::first_ids::{self, LEASE_MS, kill_and_follow};
use crate::hand_over::{self, by_genid, by_http, hand_over_again_and_again};
use crate::harness::{Place, Server};
use crate::leases::shared;
use crate::registry::Registry;

fn kill(case: &first_ids::Case) {
    let place = Place::new();
    kill_and_follow(&Registry::at(shared(&place)), case);
}

fn restart(case: &hand_over::Case) {
    let place = Place::new();
    hand_over_again_and_again(&Registry::at(shared(&place)), case);
}

#[test]
fn a_restart_in_its_directory_has_ids_at_once() {
    let limit = Duration::from_millis(2500);
    let case = first_ids::Case { what: "same host", same_place: true, args: &[], limit, slice: 3 };
    kill(&case);
    kill(&first_ids::Case { what: "same host, pinned", args: &["--worker", "5"], ..case });
}

#[test]
fn another_directory_takes_a_spare_id() {
    kill(&first_ids::Case {
        what: "elsewhere, with spare ids",
        same_place: false,
        args: &[],
        limit: Duration::from_secs(1),
        slice: 3,
    });
}

#[test]
fn a_pinned_id_elsewhere_is_free_after_its_lease() {
    kill(&first_ids::Case {
        what: "elsewhere, pinned",
        same_place: false,
        args: &["--worker", "5"],
        // The start of a process comes on top of the lease.
        limit: Duration::from_millis(LEASE_MS + 1000),
        slice: 3,
    });
}

#[test]
fn a_fixed_worker_id_is_handed_over_in_a_tenth_of_a_second() {
    let pinned = &["--worker", "5", "--lease-ms", "30000"];
    restart(&hand_over::Case { pinned, ask: by_http, door: Server::http, slice: 5 });
}

#[test]
fn a_genid_machine_is_handed_over_in_a_tenth_of_a_second() {
    let pinned = &["--layout", "off", "--machine", "3", "--lease-ms", "30000"];
    restart(&hand_over::Case { pinned, ask: by_genid, door: Server::tcp, slice: 5 });
}
