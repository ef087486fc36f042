//! A lock-free, double-buffered cursor over leased segments of a sequence.
//!
//! A *segment* is a range of ids that a store has leased to this process and to nobody else. A
//! [`SegmentCursor`] hands it out: one atomic addition an id, from any number of threads. Ahead of
//! the active segment waits a *standby*; when the active one is full, whoever needs an id *turns*:
//! the standby becomes active, the cursor is *bare*, and it is time to [refill](Refill).
//!
//! - [`SegmentCursor`]: [`next_id`](SegmentCursor::next_id), [`take`](SegmentCursor::take),
//!   [`fill`](SegmentCursor::fill), [`take_exact`](SegmentCursor::take_exact).
//! - [`Refill`]: the one permit to supply the standby; [`SegmentSource`]: where segments come from.
//! - [`SegmentHandle`]: one thread's own block, without an atomic addition for each id.
//! - [`Retired`]: what a cursor gives back when it is retired.
//! - [`Pace`]: how long the next segment should be.
//!
//! The crate is `no_std`, allocates nothing, waits for nothing and does no I/O. A copy of a live
//! cursor (fork, a machine cloned from a snapshot) issues the same ids again; the crate cannot see
//! that and does not try.
//!
//! Why no id comes out twice is argued step by step in `docs/cursor.md` of the repository; the line
//! that claims an id is in `src/cursor.rs`, `next_id`.
//!
//! # Examples
//!
//! ```
//! use idgen_core::{IdRange, RangeError, Refusal};
//! use idgen_segment::SegmentCursor;
//!
//! let mut bound = 0;
//! let mut store = |len: u64, _above: Option<u64>| -> Result<IdRange, RangeError> {
//!     bound += len;
//!     IdRange::new(bound - len + 1, 1, len)
//! };
//!
//! let cursor = SegmentCursor::new();
//! assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
//! assert_eq!(cursor.refill_from(&mut store, 100), Ok(true));
//! assert_eq!(cursor.next_id(), Ok(1));
//! assert_eq!(cursor.next_id(), Ok(2));
//!
//! let retired = cursor.retire().unwrap();
//! assert_eq!(retired.tail, Some(IdRange::new(3, 1, 98)?));
//! assert_eq!(cursor.next_id(), Err(Refusal::Ended));
//! # Ok::<(), RangeError>(())
//! ```
#![no_std]

#[cfg(any(test, idgen_loom))]
extern crate std;

mod cursor;
mod exact;
#[cfg(idgen_loom)]
pub mod flaw;
mod handle;
mod pace;
mod refill;
mod retire;
mod slot;
mod slow;
mod source;
mod state;
mod word;

pub use cursor::{OnTurn, SegmentCursor};
pub use exact::Exact;
pub use handle::SegmentHandle;
pub use pace::{Pace, PaceError, PaceLimits};
pub use refill::{Refill, SupplyError};
pub use retire::Retired;
pub use source::{RefillError, SegmentSource};

/// The longest segment a cursor takes, in ids.
pub const MAX_SEGMENT_LEN: u64 = 1 << 32;

/// The most ids one claim takes of a segment; longer wishes are met by several claims.
pub const MAX_CLAIM_LEN: u64 = 1 << 20;
