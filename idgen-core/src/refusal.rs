//! Why a generator does not issue now.

/// A generator's refusal; each kind says what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The leased ground is used up: ask for more (supply a segment, renew the worker lease).
    #[error("exhausted: the leased ground is used up; supply a segment or renew the lease")]
    Exhausted,
    /// The clock has not reached the next free tick: wait `wait_ms` and ask again.
    #[error("not yet: the next free tick is {wait_ms} ms away; wait and ask again")]
    NotYet {
        /// How long to wait, in milliseconds; at least 1.
        wait_ms: u64,
    },
    /// This generator never issues again: make a new one from a new lease.
    #[error("ended: this generator never issues again; make a new one from a new lease")]
    Ended,
}
