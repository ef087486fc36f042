//! Numbers that nobody else draws.

use std::hash::{BuildHasher, RandomState};

/// A number that nobody else draws.
pub(crate) fn random() -> u64 {
    // Each such state is keyed at random.
    RandomState::new().hash_one(0)
}

/// What a store is named at its creation: 32 hexadecimal digits.
pub(crate) fn fresh_id() -> String {
    format!("{:016x}{:016x}", random(), random())
}
