//! Checks of the algorithm crates that any machine can run: no allocation, no clock, no thread.
//!
//! Each check mints ids and asserts what must hold: they rise, none comes twice, they decode to
//! what they were made from, and generators refuse where their ground ends. Many numbers lie past
//! 2^32 on purpose: a cast to a 32-bit `usize` would show.
#![no_std]

#[cfg(test)]
extern crate std;

mod seen;
mod segment;
mod snowflake;
mod text;

pub use seen::Seen;

/// A check with its name.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What holds, as a test's name says it.
    pub name: &'static str,
    /// Returns how many ids it looked at.
    ///
    /// # Panics
    ///
    /// If what the name says does not hold.
    pub run: fn() -> u32,
}

const fn check(name: &'static str, run: fn() -> u32) -> Check {
    Check { name, run }
}

/// All checks.
pub const CHECKS: &[Check] = &[
    check("segment_ids_rise_over_many_segments", segment::ids_rise_over_many_segments),
    check("segment_blocks_of_handles_are_disjoint", segment::blocks_of_handles_are_disjoint),
    check("segment_claims_all_or_nothing", segment::claims_all_or_nothing),
    check("segment_offsets_pass_32_bits", segment::offsets_pass_32_bits),
    check("segment_never_wraps", segment::never_wraps),
    check("segment_refuses_ground_it_had", segment::refuses_ground_it_had),
    check("segment_retires_with_its_rest", segment::retires_with_its_rest),
    check("snowflakes_rise_and_decode", snowflake::ids_rise_and_decode),
    check("snowflake_stops_at_its_horizon", snowflake::stops_at_its_horizon),
    check("snowflake_waits_for_a_late_clock", snowflake::waits_for_a_late_clock),
    check("snowflake_successor_starts_above", snowflake::successor_starts_above),
    check("snowflake_handles_are_disjoint", snowflake::handles_are_disjoint),
    check("buckets_are_disjoint", snowflake::buckets_are_disjoint),
    check("layouts_compose_and_decode", snowflake::layouts_compose_and_decode),
    check("texts_read_back", text::texts_read_back),
    check("texts_are_strict", text::texts_are_strict),
    #[cfg(feature = "planted")]
    check("planted", planted),
];

/// Fails on every machine.
#[cfg(feature = "planted")]
fn planted() -> u32 {
    let mut seen = Seen::from(1 << 40, 1);
    seen.mark(1 << 40);
    seen.mark(1 << 40);
    seen.count()
}

#[cfg(all(test, not(feature = "planted")))]
mod tests {
    use super::*;

    #[test]
    fn all_hold_here_too() {
        for check in CHECKS {
            assert!((check.run)() > 0, "{} looked at nothing", check.name);
        }
    }
}
