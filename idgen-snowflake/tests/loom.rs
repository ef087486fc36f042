//! Every interleaving of small scenes, checked by loom; each with the real code less one rule, in
//! which loom must find the harm.
//!
//! `RUSTFLAGS="--cfg idgen_loom" cargo test --release -p idgen-snowflake --test loom`: to three
//! preemptions; with `IDGEN_LOOM_FULL=1` to four, which takes minutes.
//!
//! A scene runs threads that record what they were issued, and then judges the record: no number
//! twice, none outside the lease, all below the receipt. A twin is the same scene with a
//! [`Rule`](idgen_snowflake::Rule) taken away; the test fails if no execution does.
#![cfg(idgen_loom)]

#[path = "loom/claims.rs"]
mod claims;
#[path = "loom/clocks.rs"]
mod clocks;
#[path = "loom/ends.rs"]
mod ends;
#[path = "loom/horizons.rs"]
mod horizons;
#[path = "loom/scene.rs"]
mod scene;
