//! The references: a bare addition, and the plainest cursor there is.

use idgen_core::atomics::{AtomicU64, CacheLine, Ordering};

/// One relaxed `fetch_add` on a word alone on its line: F1 by one thread, F2 by two.
#[derive(Default)]
pub(crate) struct Bare(CacheLine<AtomicU64>);

impl Bare {
    #[inline(always)]
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) // nothing else hangs on it
    }
}

/// A range handed out by compare-exchange: what one writes first.
pub(crate) struct CasCursor {
    next: CacheLine<AtomicU64>,
    end: CacheLine<AtomicU64>,
}

impl CasCursor {
    pub(crate) fn new(end: u64) -> Self {
        Self { next: CacheLine::default(), end: CacheLine::new(AtomicU64::new(end)) }
    }

    #[inline(always)]
    pub(crate) fn next(&self) -> Option<u64> {
        let end = self.end.load(Ordering::Acquire); // would pair with a refill's store
        let mut next = self.next.load(Ordering::Relaxed); // the exchange tells if it still holds
        while next < end {
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed); // as a refill needs
            match self.next.compare_exchange_weak(next, next + 1, success, failure) {
                Ok(id) => return Some(id),
                Err(newer) => next = newer,
            }
        }
        None
    }
}
