//! Retiring a cursor, and looking at one from outside.
//!
//! One `fetch_or` divides everything: claims that came before it are issued, the active segment's
//! rest is the tail, and the standby goes back too unless the same word says *bare*. A supply that
//! comes later finds *retired* in the word it changes and keeps its range. After it no turn can
//! happen and nobody may write the slots that the word speaks of, so both can be read at leisure.
//!
//! # Orderings
//!
//! None are named here. `set_retired` acquires the supply of each segment that its word speaks of;
//! the slots are read after it. Those who only look read the word, the slot and its stamp again.

use idgen_core::IdRange;

use crate::cursor::{OnTurn, SegmentCursor};
#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};
use crate::slot::Ground;
use crate::word;

/// What a retired cursor has left, to be handed back to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "ids that are not handed back are lost"]
pub struct Retired {
    /// The unclaimed end of the active segment.
    pub tail: Option<IdRange>,
    /// The whole standby.
    pub standby: Option<IdRange>,
}

impl<T: OnTurn> SegmentCursor<T> {
    /// Ends the cursor for ever and gives what it has left to the first caller; `None` to others.
    ///
    /// Ids claimed before stay good, a handle's block among them.
    pub fn retire(&self) -> Option<Retired> {
        let word = self.state.set_retired();
        #[cfg(idgen_loom)]
        let word = if flaw::is(Flaw::EveryoneRetires) { word & !word::RETIRED } else { word };
        if word::is_retired(word) {
            return None;
        }
        // Read after the word, which no turn changes any more: at most a turn in progress behind.
        let generation = word::lift(self.state.active(), word);
        self.state.mark_dry(generation);
        let tail = self.settled_ground(generation).rest(word::offset(word));
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::ReadinessInSlot) {
            let standby = self.state.slot(generation + 1).read_exactly(generation + 1);
            return Some(Retired { tail, standby: standby.and_then(|ground| ground.rest(0)) });
        }
        if word::is_bare(word) {
            return Some(Retired { tail, standby: None });
        }
        Some(Retired { tail, standby: self.settled_ground(generation + 1).rest(0) })
    }

    fn settled_ground(&self, generation: u64) -> Ground {
        let slot = self.state.slot(generation);
        assert_eq!(slot.generation(), generation, "a slot of a retired cursor was written");
        slot.read()
    }

    /// How many ids are at hand, in the active segment and the standby; 0 when retired.
    ///
    /// Out of date as soon as it is read, if others claim.
    pub fn remaining(&self) -> u64 {
        loop {
            let active = self.state.active();
            let word = self.state.word();
            if word::is_retired(word) {
                return 0;
            }
            let generation = word::lift(active, word);
            let Some(ground) = self.state.slot(generation).read_exactly(generation) else {
                continue;
            };
            // A claim may reach past the end, so the offset can be above the length.
            let left = ground.len.saturating_sub(word::offset(word));
            if word::is_bare(word) {
                return left;
            }
            if let Some(standby) = self.state.slot(generation + 1).read_exactly(generation + 1) {
                return left + standby.len;
            }
        }
    }

    /// The highest id the cursor was supplied; the next lease lies above it.
    pub fn highest_supplied(&self) -> Option<u64> {
        loop {
            let active = self.state.active();
            let word = self.state.word();
            let generation = word::lift(active, word);
            let newest = if word::is_bare(word) { generation } else { generation + 1 };
            if let Some(ground) = self.state.slot(newest).read_exactly(newest) {
                return ground.rest(0).map(|segment| segment.last());
            }
        }
    }

    /// The last id claimed of the active segment; `None` before its first.
    ///
    /// Out of date as soon as it is read, if others claim. Of a retired cursor it may be one of the
    /// tail: calls under way when it retired were refused, but are counted.
    pub fn last_issued(&self) -> Option<u64> {
        loop {
            let active = self.state.active();
            let word = self.state.word();
            let generation = word::lift(active, word);
            if let Some(ground) = self.state.slot(generation).read_exactly(generation) {
                // A claim may reach past the end, so the offset can be above the length.
                let claimed = ground.len.min(word::offset(word));
                return ground.part(0, claimed).map(|claimed| claimed.last());
            }
        }
    }

    /// The id that the next call would issue; `None` if none is at hand, or the cursor is retired.
    ///
    /// Out of date as soon as it is read, if others claim.
    pub fn upcoming(&self) -> Option<u64> {
        loop {
            let active = self.state.active();
            let word = self.state.word();
            if word::is_retired(word) {
                return None;
            }
            let generation = word::lift(active, word);
            let Some(ground) = self.state.slot(generation).read_exactly(generation) else {
                continue;
            };
            if let Some(rest) = ground.rest(word::offset(word)) {
                return Some(rest.start());
            }
            if word::is_bare(word) {
                return None;
            }
            if let Some(standby) = self.state.slot(generation + 1).read_exactly(generation + 1) {
                return standby.rest(0).map(|standby| standby.start());
            }
        }
    }

    /// How many ids were dropped at most: claims of threads that slept through a refill, rests
    /// that were skipped or left in a dropped handle. A thread that slept over 2^24 turns may end
    /// a segment whose length it cannot know, and counts the longest.
    pub fn gaps(&self) -> u64 {
        self.state.gaps()
    }
}
