//! Why a generator cannot be made or extended.

/// A lease that makes no generator with this layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewError {
    /// The layout has no time left at or above the lease's floor.
    #[error("the layout has ended at {end_unix_ms} ms; move to a layout with a later epoch")]
    LayoutEnded {
        /// Where the layout's time ends (exclusive), in Unix milliseconds.
        end_unix_ms: u64,
    },
    /// The worker id is above the layout's highest.
    #[error("worker {worker} is not below {workers}, the layout's count; lease a lower one")]
    WorkerTooLarge {
        /// The leased worker id.
        worker: u64,
        /// How many the layout has.
        workers: u64,
    },
    /// The lease has fewer than three whole ticks.
    #[error("the lease has {ticks} whole ticks of {tick_ms} ms and needs 3; lease a longer time")]
    LeaseTooShort {
        /// How many whole ticks it has.
        ticks: u64,
        /// The length of a tick, in milliseconds.
        tick_ms: u64,
    },
    /// The lease has more numbers than the state word counts: 2^62.
    #[error("the lease has {ticks} ticks and a generator counts {max_ticks}; lease a shorter time")]
    LeaseTooLong {
        /// How many ticks it has.
        ticks: u64,
        /// The greatest count with this layout.
        max_ticks: u64,
    },
    /// The borrow window is wider than [`MAX_BORROW_MS`](crate::MAX_BORROW_MS).
    #[error("a borrow window of {borrow_ms} ms is too wide; make it 0 to 10 ms")]
    BorrowTooWide {
        /// The window that was asked for, in milliseconds.
        borrow_ms: u64,
    },
    /// The layout has a bucket field, and a `Snowflake` fills none.
    #[error("the layout has a bucket field; make Buckets instead of a Snowflake")]
    HasBuckets,
    /// The layout has no bucket field.
    #[error("the layout has no bucket field; make a Snowflake instead of Buckets")]
    NoBuckets,
}

/// A renewal that does not extend this generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtendError {
    /// The renewal is of another lease; of the same worker perhaps, but another grant.
    #[error(
        "the renewal is of worker {renewal_worker}, lease {renewal}, the generator of worker \
         {worker}, lease {lease}; make a new generator from a new claim"
    )]
    Foreign {
        /// The generator's worker id.
        worker: u64,
        /// The serial of the generator's lease.
        lease: u64,
        /// The renewal's worker id.
        renewal_worker: u64,
        /// The serial of the renewed lease.
        renewal: u64,
    },
    /// The state word cannot count up to the new horizon: 2^62 numbers from the floor on.
    #[error("the generator has counted its fill; end it and resume the lease from its receipt")]
    WordFull,
    /// The generator has ended.
    #[error("the generator has ended; make a new one from a new lease")]
    Ended,
}
