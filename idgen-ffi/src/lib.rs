//! libidgen: the segment cursor, the snowflake and their handles for C and C++.
//!
//! The header `include/idgen.h` is made from this crate and is its documentation; how to install
//! and link it stands in the README beside it. To Rust this crate has nothing to offer: use
//! `idgen-segment` and `idgen-snowflake`.
//!
//! Each function of the header opens the caller's block (`seal`), looks at the other pointers
//! (`pointer`) and hands over to the algorithm; what that answers becomes a status. No memory is
//! allocated, and none but the caller's is kept.
#![cfg_attr(not(feature = "std"), no_std)]
#![expect(clippy::missing_safety_doc, reason = "one rule for all, in `pointer` and the header")]

// The header names things in this order.
mod version;

mod status;

mod segment;
mod segment_handle;

mod pace;

mod snowflake;
mod snowflake_handle;

mod buckets;

mod lease;

mod layout;

mod text;

mod range;

#[cfg(feature = "full")]
mod full;

mod clock;
mod guard;
mod pointer;
mod seal;

pub use buckets::*;
pub use clock::{IDGEN_MAX_UNIX_MS, IDGEN_NOW, IDGEN_NOW_COARSE};
#[cfg(feature = "full")]
pub use full::*;
pub use layout::*;
pub use lease::Lease;
pub use pace::*;
pub use range::*;
pub use seal::IDGEN_ALIGNMENT;
pub use segment::*;
pub use segment_handle::*;
pub use snowflake::*;
pub use snowflake_handle::*;
pub use status::{Status, idgen_status_str};
pub use text::*;
pub use version::*;
