//! Time-ordered 64-bit ids from leased time: one atomic word, guards against clocks that go back.
//!
//! A [`Layout`] says which bits of an id are time, worker and sequence number. A
//! [`WorkerLease`](idgen_core::WorkerLease) is the right to stamp one worker id on a stretch of
//! time. Layout and lease make one [`Snowflake`], which any number of threads share.
//!
//! - [`Snowflake::next_id`] is one atomic add; [`take`](Snowflake::take) and
//!   [`fill`](Snowflake::fill) are batches.
//! - [`SnowflakeHandle`] gives a thread ids from a block of its own.
//! - [`Buckets`] are up to 32 generators in one, for layouts with a bucket field.
//! - [`Layout::compose`] and [`Layout::decode`] make ids from their parts and take them apart.
//! - [`preset()`] knows the layouts of other systems by name.
//!
//! # Safe by value
//!
//! No id is ever stamped with a tick outside the lease, and no two calls get the same number, in
//! whatever way the clock jumps, stops or lies and however long a thread sleeps. What *does* break
//! it is a copy of a living generator (`fork`, a virtual machine cloned from a snapshot): this
//! crate cannot see one. End the generators of a copy before it issues.
//!
//! The argument, step by step, is `docs/snowflake.md` of the repository; the line that claims an id
//! is in `src/lane.rs`, `add_within`.
//!
//! # Examples
//!
//! ```
//! use idgen_core::{At, Floor, WorkerLease};
//! use idgen_snowflake::{Snowflake, preset};
//!
//! let layout = preset("standard").expect("a known name");
//! let now = At(1_750_000_000_000);
//! let lease = WorkerLease::assume(7, Floor::at(now.0), now.0 + 10_000)?;
//! let snowflake = Snowflake::new(layout, lease).map_err(|(error, _lease)| error)?;
//! let id = snowflake.next_id(&now)?;
//! let decoded = layout.decode(id)?;
//! assert_eq!((decoded.worker(), decoded.unix_ms()), (7, now.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

#[cfg(test)]
extern crate std;

mod behind;
mod buckets;
mod error;
mod ground;
mod handle;
mod lane;
mod layout;
mod plan;
mod preset;
mod rule;
mod snowflake;
mod word;

pub use behind::ClockBehind;
pub use buckets::{Bucket, Buckets, MAX_BUCKETS};
pub use error::{ExtendError, NewError};
pub use handle::SnowflakeHandle;
pub use layout::compose::{DecodeError, Decoded, FieldError};
pub use layout::{Field, Layout, LayoutBuilder, LayoutError, MAX_NODE_FIELDS, Role};
pub use plan::{Needs, Plan, PlanError, PlanWarning, plan};
pub use preset::{PRESETS, Preset, UnknownPreset, preset};
#[cfg(idgen_loom)]
pub use rule::Rule;
pub use snowflake::Snowflake;

/// The widest borrow window, and the usual one: an id's time may lie this far ahead of the clock,
/// in milliseconds.
pub const MAX_BORROW_MS: u64 = 10;
