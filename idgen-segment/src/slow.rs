//! Where a claim goes when the hot path cannot place it: out of line, but lock-free all the same.
//!
//! ```text
//! settle(a, slot a as read, w):
//!   retired: ended
//!   G := a + ((generation(w) - a) mod 2^24)
//!   G = a and the slot's generation - a < 2^24: the slot as read holds
//!   else read slot G and then its generation: exactly G, or the claim is dropped (a gap of n)
//!   room at w's offset: cut to the segment's end, issued;  no room: slow
//! slow:
//!   w := word; read slot G exactly
//!   retired: ended;  room: add and settle
//!   full, standby: raise active to G; exchange w for (G + 1, bare, own n); raise active to G + 1
//!   full, bare: mark dry; exhausted
//! ```
//!
//! A call adds without looking at most once before it comes here, and from here returns only with
//! ids or with `active` marked dry. So a full segment is overshot by one claim per thread, across
//! calls too, and so is a retired one: who finds *retired* marks dry as well, since the retirer may
//! sleep between its two accesses.
//!
//! # Orderings
//!
//! None are named here; each access is a step of `state` or `slot`. The order that counts is the
//! word first and then the slot: whoever found generation G in the word, by a load or by a change,
//! has acquired the supply of G, so the slot can only be G's or newer, and its stamp tells which.

use idgen_core::Refusal;

use crate::MAX_SEGMENT_LEN;
use crate::cursor::{Claim, OnTurn, SegmentCursor};
use crate::slot::Ground;
use crate::word;

enum Placed {
    Claimed(Claim),
    Past,
    Ended,
}

impl<T: OnTurn> SegmentCursor<T> {
    #[cold]
    #[inline(never)]
    pub(crate) fn settle_next(
        &self,
        active: u64,
        start: u64,
        step: u64,
        len: u64,
        distance: u64,
    ) -> Result<u64, Refusal> {
        let word = word::from_distance(active, distance);
        let ground = Ground::new(start, step, len);
        self.settled(active, ground, word, 1).map(|claim| claim.range.start())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn next_slow(&self) -> Result<u64, Refusal> {
        self.slow(1).map(|claim| claim.range.start())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn settle(
        &self,
        active: u64,
        ground: Ground,
        distance: u64,
        n: u64,
    ) -> Result<Claim, Refusal> {
        let word = word::from_distance(active, distance);
        self.settled(active, ground, word, n)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn claim_slow(&self, n: u64) -> Result<Claim, Refusal> {
        self.slow(n)
    }

    fn settled(&self, active: u64, ground: Ground, word: u64, n: u64) -> Result<Claim, Refusal> {
        match self.place(active, ground, word, n) {
            Placed::Claimed(claim) => Ok(claim),
            Placed::Past => self.slow(n),
            Placed::Ended => Err(Refusal::Ended),
        }
    }

    /// Where a claim of `n` fell that found `word`, after `active` and its slot had been read.
    fn place(&self, active: u64, ground: Ground, word: u64, n: u64) -> Placed {
        let generation = word::lift(active, word);
        if word::is_retired(word) {
            self.state.mark_dry(generation);
            return Placed::Ended;
        }
        let slot = self.state.slot(generation);
        let held = if generation == word::generation(active) {
            slot.is_within_window(generation).then_some(ground)
        } else {
            slot.read_exactly(generation)
        };
        let Some(ground) = held else {
            self.state.count_gap(n);
            return Placed::Past;
        };
        let offset = word::offset(word);
        match ground.part(offset, n) {
            Some(range) => Placed::Claimed(Claim { range, generation, offset }),
            None => Placed::Past,
        }
    }

    fn slow(&self, n: u64) -> Result<Claim, Refusal> {
        loop {
            let active = self.state.active();
            let word = self.state.word();
            let generation = word::lift(active, word);
            if word::is_retired(word) {
                self.state.mark_dry(generation);
                return Err(Refusal::Ended);
            }
            // A slot that has moved on means that others turned and refilled: look again.
            let Some(ground) = self.state.slot(generation).read_exactly(generation) else {
                continue;
            };
            if word::offset(word) < ground.len {
                let word = self.state.add(n);
                match self.place(word::stamp(generation), ground, word, n) {
                    Placed::Claimed(claim) => return Ok(claim),
                    Placed::Past => {}
                    Placed::Ended => return Err(Refusal::Ended),
                }
            } else if word::is_bare(word) {
                self.state.mark_dry(generation);
                return Err(Refusal::Exhausted);
            } else if let Some(claim) = self.turn(word, generation, n) {
                return Ok(claim);
            }
        }
    }

    /// Turn and claim in one; `None` if another was quicker, or the new slot has moved on already.
    fn turn(&self, seen: u64, generation: u64, n: u64) -> Option<Claim> {
        if !self.state.turn(seen, generation, n) {
            return None;
        }
        let generation = generation + 1;
        let ground = self.state.slot(generation).read_exactly(generation);
        self.hook.on_turn();
        let Some(ground) = ground else {
            self.state.count_gap(n + self.skipped_unseen(seen, generation - 1));
            return None;
        };
        ground.part(0, n).map(|range| Claim { range, generation, offset: 0 })
    }

    /// The most that was skipped by a turn away from what was taken for `generation`: a thread that
    /// slept over a whole window of turns has ended a segment that it knows nothing of.
    pub(crate) fn skipped_unseen(&self, seen: u64, generation: u64) -> u64 {
        if self.state.slot(generation).is_within_window(generation) {
            return 0;
        }
        MAX_SEGMENT_LEN.saturating_sub(word::offset(seen))
    }
}
