//! A world of the caller's in place of the runtime's own thread, for simulations.
//!
//! A runtime that is [started in](crate::Runtime::start_in) a world has no thread, reads no timer
//! of the system and asks it for no randomness: all of that is the world's, so that a run can be
//! repeated, and hours pass in a moment.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// Work that a runtime gives its world.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What runs a runtime's background work, and tells it time and random numbers.
///
/// Deadlines that callers name are moments of [`now`](Self::now), too.
pub trait World: Send + Sync {
    /// Runs a future beside the caller's, until it is done or the world is [stopped](Self::stop).
    fn spawn(&self, work: Work);

    /// A future that is done after `duration`.
    fn sleep(&self, duration: Duration) -> Work;

    /// The monotonic time.
    fn now(&self) -> Instant;

    /// Any number: for the nonces of claims, and to spread pauses.
    fn random(&self) -> u64;

    /// Drops what was spawned and is not done; what is spawned from here on is dropped at once. It
    /// may be called more than once, and by one of these futures.
    fn stop(&self);
}
