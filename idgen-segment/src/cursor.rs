//! The cursor: claiming ids on the hot path.
//!
//! ```text
//! next_id:
//!   a := active; if dry: slow path
//!   read start, step, len of a's slot
//!   w := word.fetch_add(1) without bare
//!   if w - word(a, offset 0) < len and the slot's generation is still a: start + step * offset
//!   else settle: find out where the claim fell
//! ```
//!
//! Two things keep this at the price of the bare addition. What the addition's result is compared
//! with is loaded *before* it, and only the generation, which is in the cache, after it. And the
//! word is never loaded before it is added to: the line would come shared first and exclusive
//! later, which doubles the cost under contention. Refused calls therefore look at `active`, a
//! line that is seldom written: it is marked *dry* by the first that finds the segment full.
//!
//! # Two threads and a turn
//!
//! Segment 7 is 101..=200 with one id left; segment 8, 501..=600, waits. `active` is 7.
//!
//! ```text
//! A and B: active = 7, slot of 7: start 101, len 100
//! A: adds: found offset 99 of 7; the slot is 7's still                     id 200
//! B: adds: found offset 100 of 7: no room; sees the word full, a standby waiting
//! B: exchanges (7, 101) for (8, bare, 1): turned, and offset 0 of 8 is B's
//! A: active = 7 still; adds: found offset 1 of 8, which is not near 7
//!    settles: reads the slot of 8                                          id 502
//! B: raises active to 8, reads the slot of 8, tells the hook               id 501
//! ```
//!
//! Had A added before B's exchange, that would have failed and B looked again. The whole argument
//! stands in `docs/cursor.md` of the repository.
//!
//! # Orderings
//!
//! None are named here; each access is a step of `state` or `slot`, which say what it pairs with.
//! The order that counts is `active`, then the slot's data, then the claim, then the slot's
//! generation: all are Acquire or AcqRel and stay in program order.

use core::num::NonZeroU64;

use idgen_core::{IdRange, Refusal};

use crate::MAX_CLAIM_LEN;
use crate::state::State;
use crate::word::{self, DRY};

/// What to do when a cursor turns: its standby has become active and none waits any more.
///
/// Called in cold code by the one thread whose exchange made the turn, after the turn; also by who
/// frees the permit of a bare cursor when a refill was kept from it meanwhile, whether the holder
/// was a handle's give-back or another refill, which may have failed. It should wake whoever
/// refills and return at once: the caller is still waiting for its id.
pub trait OnTurn {
    /// The cursor has just turned, or its permit is free again: a refill may begin.
    fn on_turn(&self);
}

/// Nobody is told; for cursors that are refilled by those who use them.
impl OnTurn for () {
    fn on_turn(&self) {}
}

impl<T: OnTurn + ?Sized> OnTurn for &T {
    fn on_turn(&self) {
        (**self).on_turn();
    }
}

/// A lock-free, double-buffered cursor over leased segments.
///
/// Share it by reference or in an `Arc`. It issues each supplied id at most once, whatever its
/// threads do; an id that is never issued is in the tail or standby of
/// [`Retired`](crate::Retired), in a handle's rest, in [`Exact::skipped`](crate::Exact::skipped),
/// or counted in [`gaps`](Self::gaps).
#[derive(Debug)]
pub struct SegmentCursor<T: OnTurn = ()> {
    pub(crate) state: State,
    pub(crate) hook: T,
}

/// Ids claimed of one segment, and where they lie in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) range: IdRange,
    pub(crate) generation: u64,
    pub(crate) offset: u64,
}

impl SegmentCursor {
    /// An empty cursor: every call is *exhausted* until the first segment is supplied.
    pub fn new() -> Self {
        Self::with_on_turn(())
    }
}

impl<T: OnTurn + Default> Default for SegmentCursor<T> {
    fn default() -> Self {
        Self::with_on_turn(T::default())
    }
}

impl<T: OnTurn> SegmentCursor<T> {
    /// An empty cursor that tells `hook` of each turn.
    pub fn with_on_turn(hook: T) -> Self {
        Self { state: State::new(), hook }
    }

    /// What is told of each turn.
    pub fn hook(&self) -> &T {
        &self.hook
    }

    /// The next id.
    ///
    /// # Errors
    ///
    /// [`Refusal::Exhausted`] until a segment is supplied, [`Refusal::Ended`] for ever after
    /// [`retire`](Self::retire).
    #[inline]
    pub fn next_id(&self) -> Result<u64, Refusal> {
        let active = self.state.active();
        if active & DRY != 0 {
            return self.next_slow();
        }
        let slot = self.state.slot_of(active);
        let ground = slot.read();
        let offset = word::distance(active, self.state.add(1));
        // Looked at before the branch: behind it the slot's address is computed a second time.
        let same = slot.is(active, &ground);
        if offset < ground.len && same {
            if ground.step == 1 {
                return Ok(ground.start + offset);
            }
            return Ok(stride(ground.start, ground.step, offset));
        }
        // In pieces, so that they stay in registers.
        self.settle_next(active, ground.start, ground.step, ground.len, offset)
    }

    /// One to `max` ids of one segment, [`MAX_CLAIM_LEN`](crate::MAX_CLAIM_LEN) at most.
    ///
    /// # Errors
    ///
    /// As [`next_id`](Self::next_id).
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
    /// let wish = NonZeroU64::new(7).unwrap();
    /// assert_eq!(cursor.take(wish)?, IdRange::new(1, 1, 7)?);
    /// assert_eq!(cursor.take(wish)?, IdRange::new(8, 1, 3)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn take(&self, max: NonZeroU64) -> Result<IdRange, Refusal> {
        self.claim(max.get()).map(|claim| claim.range)
    }

    /// Fills the buffer from the front with rising ids and returns how many there were.
    ///
    /// Fewer than the buffer holds: the cursor is exhausted or has ended. Each segment is touched
    /// once per [`MAX_CLAIM_LEN`](crate::MAX_CLAIM_LEN) ids.
    #[inline]
    pub fn fill(&self, ids: &mut [u64]) -> usize {
        let mut filled = 0;
        while filled < ids.len() {
            let left = &mut ids[filled..];
            let Ok(claim) = self.claim(left.len() as u64) else { break };
            filled += write_ids(&claim.range, left);
        }
        filled
    }

    /// One to `max` ids; `max` is at least 1 and cut to the longest claim.
    #[inline]
    pub(crate) fn claim(&self, max: u64) -> Result<Claim, Refusal> {
        let n = max.min(MAX_CLAIM_LEN);
        let active = self.state.active();
        if active & DRY != 0 {
            return self.claim_slow(n);
        }
        let slot = self.state.slot_of(active);
        let ground = slot.read();
        let offset = word::distance(active, self.state.add(n));
        if offset < ground.len
            && slot.is(active, &ground)
            && let Some(range) = ground.part(offset, n)
        {
            return Ok(Claim { range, generation: word::generation(active), offset });
        }
        self.settle(active, ground, offset, n)
    }
}

/// Out of line, so that the compiler cannot fold it into one multiplication for every step: that
/// costs the common step 1 a multiplication behind the addition.
#[cold]
#[inline(never)]
fn stride(start: u64, step: u64, offset: u64) -> u64 {
    start + step * offset
}

/// Writes the range, which is no longer than the buffer, and returns its length.
#[inline]
pub(crate) fn write_ids(range: &IdRange, ids: &mut [u64]) -> usize {
    let mut next = range.start();
    let mut count = 0;
    for (id, _) in ids.iter_mut().zip(0..range.len()) {
        *id = next;
        // Wraps only behind the last id, where the value is never looked at.
        next = next.wrapping_add(range.step());
        count += 1;
    }
    count
}
