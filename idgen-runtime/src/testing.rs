//! For tests of embedders: a clock that is set by hand and a source that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::{Clock, IdRange};
use idgen_segment::SegmentSource;

/// A clock that stands until it is set. Clones are the same clock.
///
/// # Examples
///
/// ```
/// use idgen_core::Clock;
/// use idgen_runtime::testing::FakeClock;
/// let clock = FakeClock::at(1_750_000_000_000);
/// clock.clone().advance(5);
/// assert_eq!(clock.unix_ms(), 1_750_000_000_005);
/// clock.set(1_700_000_000_000);
/// assert_eq!(clock.unix_ms(), 1_700_000_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock {
    unix_ms: Arc<AtomicU64>,
}

impl FakeClock {
    /// A clock that shows `unix_ms`.
    pub fn at(unix_ms: u64) -> Self {
        Self { unix_ms: Arc::new(AtomicU64::new(unix_ms)) }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, unix_ms: u64) {
        // Relaxed: the time stands for itself.
        self.unix_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by_ms: u64) {
        // Relaxed: the time stands for itself.
        self.unix_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn unix_ms(&self) -> u64 {
        // Relaxed: the time stands for itself.
        self.unix_ms.load(Ordering::Relaxed)
    }
}

/// A source that counts: segment after segment, from a number on, in steps of 1.
///
/// # Examples
///
/// ```
/// use idgen_runtime::testing::Counting;
/// use idgen_segment::SegmentSource;
/// let mut source = Counting::from(1);
/// assert_eq!(source.next_segment(10, None).unwrap().last(), 10);
/// assert_eq!(source.next_segment(10, Some(10)).unwrap().start(), 11);
/// ```
#[derive(Clone, Debug)]
pub struct Counting {
    next: u64,
}

impl Counting {
    /// Counts from `first` on.
    pub fn from(first: u64) -> Self {
        Self { next: first }
    }
}

impl SegmentSource for Counting {
    type Error = idgen_core::RangeError;

    fn next_segment(&mut self, len: u64, above: Option<u64>) -> Result<IdRange, Self::Error> {
        let start = above.map_or(self.next, |above| self.next.max(above.saturating_add(1)));
        let range = IdRange::new(start, 1, len)?;
        self.next = range.last().saturating_add(1);
        Ok(range)
    }
}
