//! Contiguous claims: all of `n` ids from one segment, or none.
//!
//! A compare-exchange instead of the addition, because a claim that does not fit must not be cut.
//! Where the active segment has too little left and a standby waits, the cursor turns *early*: what
//! the active segment had left is skipped. The exchanged word says exactly how much that was.
//!
//! # Orderings
//!
//! None are named here. As in `slow`: first the word, then the slot that it names, then the
//! exchange, and after it the slot's stamp once more, for a thread that slept in between.

use core::num::NonZeroU64;

use idgen_core::{IdRange, Refusal};

use crate::MAX_SEGMENT_LEN;
use crate::cursor::{OnTurn, SegmentCursor};
use crate::slot::Ground;
use crate::word;

/// A contiguous claim, and what was skipped for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// Exactly as many ids as were asked for.
    pub range: IdRange,
    /// The rest of the segment that was too short: the caller's to hand back; it is issued to
    /// nobody else.
    pub skipped: Option<IdRange>,
}

/// The word as seen, and the segment that it is about.
struct Seen {
    word: u64,
    generation: u64,
    ground: Ground,
}

impl<T: OnTurn> SegmentCursor<T> {
    /// Exactly `n` ids in one range.
    ///
    /// A segment with too little left is skipped when a standby waits; its rest comes back in
    /// [`Exact::skipped`], or is counted in [`gaps`](Self::gaps) if the standby is too short as
    /// well and the call is refused.
    ///
    /// # Errors
    ///
    /// [`Refusal::Exhausted`] if there is no room: supply a segment of at least `n` ids and call
    /// again. That is no help if `n` is above [`MAX_SEGMENT_LEN`](crate::MAX_SEGMENT_LEN): no
    /// segment is so long, and nothing is skipped for it. [`Refusal::Ended`] after
    /// [`retire`](Self::retire).
    ///
    /// # Examples
    ///
    /// ```
    /// use core::num::NonZeroU64;
    /// use idgen_core::IdRange;
    /// use idgen_segment::SegmentCursor;
    ///
    /// let cursor = SegmentCursor::new();
    /// cursor.begin_refill().unwrap().supply(IdRange::new(1, 1, 10)?)?;
    /// assert_eq!(cursor.next_id()?, 1);
    /// cursor.begin_refill().unwrap().supply(IdRange::new(101, 1, 50)?)?;
    /// let exact = cursor.take_exact(NonZeroU64::new(20).unwrap())?;
    /// assert_eq!(exact.range, IdRange::new(101, 1, 20)?);
    /// assert_eq!(exact.skipped, Some(IdRange::new(2, 1, 9)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_exact(&self, n: NonZeroU64) -> Result<Exact, Refusal> {
        let n = n.get();
        loop {
            let Some(seen) = self.look()? else { continue };
            let offset = word::offset(seen.word);
            if seen.ground.len.checked_sub(offset).is_some_and(|left| left >= n) {
                if let Some(exact) = self.exact_in_active(&seen, n) {
                    return Ok(exact);
                }
            } else if word::is_bare(seen.word) || n > MAX_SEGMENT_LEN {
                return Err(Refusal::Exhausted);
            } else if let Some(answer) = self.exact_in_standby(&seen, n) {
                return answer;
            }
        }
    }

    /// The word and its segment, `None` if the slot has moved on meanwhile.
    fn look(&self) -> Result<Option<Seen>, Refusal> {
        let active = self.state.active();
        let word = self.state.word();
        let generation = word::lift(active, word);
        if word::is_retired(word) {
            self.state.mark_dry(generation);
            return Err(Refusal::Ended);
        }
        let ground = self.state.slot(generation).read_exactly(generation);
        Ok(ground.map(|ground| Seen { word, generation, ground }))
    }

    /// `None` if another was quicker, or this thread slept over a whole window of turns.
    fn exact_in_active(&self, seen: &Seen, n: u64) -> Option<Exact> {
        if !self.state.exchange(seen.word, seen.word + n) {
            return None;
        }
        if !self.state.slot(seen.generation).is_within_window(seen.generation) {
            self.state.count_gap(n);
            return None;
        }
        let range = seen.ground.part(word::offset(seen.word), n)?;
        Some(Exact { range, skipped: None })
    }

    /// Turns early. A standby that is too short becomes active unclaimed, so that a longer segment
    /// can be supplied behind it.
    fn exact_in_standby(&self, seen: &Seen, n: u64) -> Option<Result<Exact, Refusal>> {
        let next = seen.generation + 1;
        let standby = self.state.slot(next).read_exactly(next)?;
        let fits = standby.len >= n;
        let claimed = if fits { n } else { 0 };
        if !self.state.turn(seen.word, seen.generation, claimed) {
            return None;
        }
        let unseen = self.skipped_unseen(seen.word, seen.generation);
        let held = unseen == 0 && self.state.slot(next).is_within_window(next);
        self.hook.on_turn();
        let skipped = seen.ground.rest(word::offset(seen.word));
        if fits && held {
            let range = standby.part(0, n)?;
            return Some(Ok(Exact { range, skipped }));
        }
        let rest = skipped.map_or(0, |rest| rest.len());
        self.state.count_gap(claimed + rest.max(unseen));
        if fits { None } else { Some(Err(Refusal::Exhausted)) }
    }
}
