//! Bytes to requests and replies to bytes for idgen's binary dialects; no sockets.
//!
//! A dialect here is a pair of pure machines. The server's half turns bytes, however they were
//! split on their way, into requests, and ids into one contiguous reply, so that a reply leaves
//! with one system call. The client's half is the mirror image. Sockets, deadlines and generators
//! belong to the callers.
//!
//! | module | dialect |
//! |---|---|
//! | [`genid`] | GenID: two-byte requests, big-endian ids, default port 3778 |
//! | [`native`] | idgen's own: ids of any sequence, snowflakes, causes; default port 3779 |
//!
//! The crate is `no_std`, allocates nothing and does no I/O.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod genid;
pub mod native;
