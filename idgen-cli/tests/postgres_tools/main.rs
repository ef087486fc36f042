//! The binary on a real PostgreSQL.
//!
//! `IDGEN_TEST_POSTGRES_URL` names a database that tests may fill. `IDGEN_BIN` names another binary
//! to test.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../servers/strict.rs"]
mod strict_order;

use strict_order::{callers_share_steps, ids_rise_over_two_servers};

/// Where every test has a sequence of its own.
fn store() -> String {
    servers::server("IDGEN_TEST_POSTGRES_URL")
}

#[test]
fn strict_ids_rise_over_two_servers() {
    ids_rise_over_two_servers(&store(), &servers::unique());
}

#[test]
fn callers_who_wait_together_share_a_strict_step() {
    let _turn = harness::alone();
    callers_share_steps(&store(), &servers::unique());
}
