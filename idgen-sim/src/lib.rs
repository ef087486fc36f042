//! A seeded simulation: the real runtime among bad clocks, a bad net and processes that die.
//!
//! A run has two to four nodes. On each, processes start, stall, crash and stop, one after the
//! other, each with a real [`Runtime`](idgen_runtime::Runtime) in a
//! [world](idgen_runtime::simulated) of virtual time. They share one id space, with hardly enough
//! worker ids, and one sequence, in memory stores that they reach over a net which loses, delays
//! and doubles what is sent. Nothing in it is a model of the runtime: keeper, supplier, generators
//! and guard are those that serve.
//!
//! Everything is drawn from one seed, on one thread: the same seed is the same run, so what it
//! finds can be looked at with the trace of [`run`]. Four promises are held against what callers
//! got: no id twice, none at or above the horizon that the registry recorded, none below the floor,
//! and of each generator none that is not above what it had answered before.
//!
//! What the simulation cannot see: two threads within one atomic operation (that is for the loom
//! models of the algorithm crates; here a thread is preempted where it reads the clock), copies of
//! a process, and soft horizons, which need files.

mod books;
mod breakage;
mod clocks;
mod depot;
mod engine;
mod process;
mod registry;
mod run;
mod scene;
mod trace;
mod troubles;
mod weather;
mod wire;

pub mod sweep;

pub use books::{Breach, Finding};
pub use breakage::Breakage;
pub use run::{Report, run};
pub use weather::Trouble;
