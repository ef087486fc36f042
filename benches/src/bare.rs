//! The references: a bare addition, and the plainest cursors there are.

use std::sync::{Mutex, PoisonError};

use idgen_core::atomics::{AtomicU64, CacheLine, Ordering};

/// One relaxed `fetch_add` on a word alone on its line: F1 by one thread, F2 by two.
#[derive(Debug, Default)]
pub struct Bare(CacheLine<AtomicU64>);

impl Bare {
    /// The next number.
    #[inline(always)]
    pub fn next_id(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) // nothing else hangs on it
    }
}

/// A range handed out by compare-exchange: what one writes first.
#[derive(Debug)]
pub struct CasCursor {
    next: CacheLine<AtomicU64>,
    end: CacheLine<AtomicU64>,
}

impl CasCursor {
    /// A cursor over `0..end`.
    pub fn new(end: u64) -> Self {
        Self { next: CacheLine::default(), end: CacheLine::new(AtomicU64::new(end)) }
    }

    /// The next number, while there are any.
    #[inline(always)]
    pub fn next_id(&self) -> Option<u64> {
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

/// A number behind the standard library's mutex.
#[derive(Debug, Default)]
pub struct Locked(CacheLine<Mutex<u64>>);

impl Locked {
    /// The next number.
    #[inline]
    pub fn next_id(&self) -> u64 {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    }
}
