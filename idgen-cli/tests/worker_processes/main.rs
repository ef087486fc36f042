//! Worker ids under real processes: stopped, killed, copied, on clocks that jump, handed over.
//!
//! All ids that any process answered are kept, and every lease that the registry recorded. In the
//! end no id may occur twice, and each must lie in ground that was leased to who answered it: from
//! the floor on, below the horizon.
//!
//! `IDGEN_BIN` names another binary to test (the release build), `IDGEN_FULL=1` runs the lengths
//! that are promised instead of slices of them.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

mod clocks;
mod copies;
mod first_ids;
mod hand_over;
mod leases;
mod load;
mod one_host;
mod planted;
mod registry;
mod stopped;

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/faketime.rs"]
mod faketime;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
