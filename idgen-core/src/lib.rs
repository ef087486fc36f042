//! The shared words of idgen: what an issued id is, what a lease is, how a generator refuses.
//!
//! idgen mints unique 64-bit ids. One idea decides everything: **ids are safe by value**. Numbers
//! and time are *leased*; a generator issues only inside its lease, and a successor starts above
//! it. This crate holds the values that pass between the pieces, and nothing that acts:
//!
//! - [`IdRange`]: everything issued is a range, `start, step, len`; one id is a range of one.
//! - [`WorkerLease`], [`Renewal`], [`Ended`]: the right to stamp one worker id on a stretch of
//!   time, its prolongation, and the receipt of a generator that has ended.
//! - [`Refusal`]: *exhausted* (ask for more ground), *not yet* (wait this long), *ended* (this
//!   generator never issues again).
//! - [`Cause`]: why a server refuses, in the one table that its doors and their clients share.
//! - [`Backoff`]: how long to pause between tries.
//! - [`Clock`]: the only way an algorithm learns the time.
//! - [`text`]: decimal, Crockford base32, base62 and hex forms of an id, without allocation.
//! - [`atomics`]: the one place from which the algorithm crates take their atomic types.
//!
//! The crate is `no_std`, allocates nothing and does no I/O.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod atomics;
mod backoff;
mod cause;
mod clock;
mod id;
mod lease;
mod range;
mod refusal;
pub mod text;

pub use backoff::Backoff;
pub use cause::Cause;
pub use clock::{At, Clock};
pub use id::Id;
#[cfg(feature = "serde")]
pub use id::as_number;
pub use lease::{Ended, Floor, LeaseError, LeaseToken, Renewal, WorkerLease};
pub use range::{IdRange, Ids, RangeError, as_i64};
pub use refusal::Refusal;
