//! A slot: where one leased segment stands while it is standby and then active.
//!
//! Two slots take turns: the segment of generation g stands in slot g mod 2. A writer (the one
//! holder of the refill permit) stores the new generation *first* and the data after it; a reader
//! reads the data and *then* the generation. A reader that has seen any new datum therefore sees
//! the new generation as well, and knows that what it read is not all of the old segment.
//!
//! # Orderings
//!
//! Data are stored Release and loaded Acquire: a load that reads a new datum synchronises with
//! its store, so the generation load after it cannot read the older generation. The same edge
//! makes a claim that follows such a load land in the new time, never in the old: the store came
//! after the turn that freed the slot. That a reader sees data at least as new as the generation
//! it was sent to is the word's part (see `state`); so is all that a look at the stamp alone needs.

use core::cmp::min;

use idgen_core::IdRange;
use idgen_core::atomics::{AtomicU64, Ordering};

#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};
use crate::word;

/// Start, step and length as read from a slot; a whole segment only once the generation is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    pub(crate) start: u64,
    pub(crate) step: u64,
    pub(crate) len: u64,
    #[cfg(idgen_loom)]
    stamp: u64,
}

impl Ground {
    #[inline(always)]
    pub(crate) fn new(start: u64, step: u64, len: u64) -> Self {
        Self {
            start,
            step,
            len,
            #[cfg(idgen_loom)]
            stamp: 0,
        }
    }

    /// Up to `max` ids from `offset` on; `None` past the end.
    #[inline]
    pub(crate) fn part(self, offset: u64, max: u64) -> Option<IdRange> {
        let left = self.len.checked_sub(offset)?;
        let start = self.start.checked_add(offset.checked_mul(self.step)?)?;
        IdRange::new(start, self.step, min(max, left)).ok()
    }

    /// All ids from `offset` on; `None` past the end.
    pub(crate) fn rest(self, offset: u64) -> Option<IdRange> {
        self.part(offset, u64::MAX)
    }
}

/// `stamp` is the segment's whole generation, as in `active`.
#[derive(Debug)]
pub(crate) struct Slot {
    start: AtomicU64,
    step: AtomicU64,
    len: AtomicU64,
    stamp: AtomicU64,
}

impl Slot {
    /// A slot that holds generation 0, an empty segment.
    pub(crate) fn empty() -> Self {
        let zero = || AtomicU64::new(0);
        Self { start: zero(), step: zero(), len: zero(), stamp: zero() }
    }

    #[inline(always)]
    pub(crate) fn read(&self) -> Ground {
        let start = self.start.load(Ordering::Acquire); // pairs with `write`
        let step = self.step.load(Ordering::Acquire); // pairs with `write`
        let ground = Ground::new(start, step, self.len());
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::SameChecks) {
            return Ground { stamp: word::stamp(self.generation()), ..ground };
        }
        ground
    }

    #[inline(always)]
    fn len(&self) -> u64 {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::EdgeTooFar) {
            return self.len.load(Ordering::Acquire) + 1; // pairs with `write`
        }
        self.len.load(Ordering::Acquire) // pairs with `write`
    }

    /// The generation that stands here, or is being written.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        // Relaxed: who asks has acquired the word or the permit, and with it at least the store of
        // the generation asked about; no datum is trusted on this load's account.
        word::generation(self.stamp.load(Ordering::Relaxed))
    }

    /// Whether what was read before is of exactly the generation that `stamp` names.
    #[inline(always)]
    pub(crate) fn is(&self, stamp: u64, _read: &Ground) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::NoGeneration) {
            return true;
        }
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::SameChecks) {
            return _read.stamp == stamp;
        }
        self.stamp.load(Ordering::Acquire) == stamp // pairs with `write`
    }

    /// Whether a claim whose field fits `generation` was truly of it: the slot has not yet come
    /// to the next generation that would fit. It may have been written anew since.
    #[inline]
    pub(crate) fn is_within_window(&self, generation: u64) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::NoGeneration) || flaw::is(Flaw::SameChecks) {
            return true;
        }
        self.generation().wrapping_sub(generation) < word::window()
    }

    /// The segment of `generation`, or `None` if the slot has moved on (or is not there yet).
    pub(crate) fn read_exactly(&self, generation: u64) -> Option<Ground> {
        let ground = self.read();
        self.is(word::stamp(generation), &ground).then_some(ground)
    }

    /// Puts a segment here. Only the holder of the permit calls this, on the slot that is free.
    pub(crate) fn write(&self, generation: u64, range: &IdRange) {
        let release = supply_order();
        self.stamp.store(word::stamp(generation), release);
        self.start.store(range.start(), release);
        self.step.store(range.step(), release);
        self.len.store(range.len(), release);
    }
}

/// Each store pairs with the Acquire loads of `read`, `is` and `generation`.
#[inline(always)]
fn supply_order() -> Ordering {
    #[cfg(idgen_loom)]
    if flaw::is(Flaw::RelaxedSupply) {
        return Ordering::Relaxed; // planted: pairs with nothing
    }
    Ordering::Release // pairs with the Acquire loads above
}
