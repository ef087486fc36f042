//! libidgen-full: durable ids from a store that is opened by URL.
//!
//! A store is opened once and shared; from it come sequences and snowflakes. Each is an object on
//! the heap, made by one call and freed by one: the header tells their types by name only. The
//! runtime's background thread leases, renews and hands back; calls take what is at hand, and only
//! when that is nothing they park, for as long as the caller said.
//!
//! An object is sealed as the base library's blocks are (`seal`): after a fork the child is refused
//! and frees nothing, for the thread behind the object is the parent's.

// The header names things in this order.
mod options;

mod store;

mod sequence;

mod snowflakes;

mod failure;
mod field_names;
mod spaces;
mod wait;
mod words;

pub use options::*;
pub use sequence::*;
pub use snowflakes::*;
pub use store::*;
pub use wait::IDGEN_FOREVER;
