//! The cursor's models: each passes on the code as it is, and fails with one rule taken out.
//!
//! Run with `RUSTFLAGS="--cfg idgen_loom" cargo test --release -p idgen-segment --test loom`.
//! Models of three threads are bounded to three preemptions, those of two threads to four, so that
//! all take half a minute; `IDGEN_LOOM_FULL=1` allows one more each and takes minutes. The ids of
//! every run are recorded in a `Scene`, outside the model: that adds no synchronisation that could
//! hide a race.
#![cfg(idgen_loom)]

#[path = "loom/claims.rs"]
mod claims;
#[path = "loom/ends.rs"]
mod ends;
#[path = "loom/handles.rs"]
mod handles;
#[path = "loom/ledger.rs"]
mod ledger;
#[path = "loom/permits.rs"]
mod permits;
#[path = "loom/sights.rs"]
mod sights;
