//! A handle: one thread's own block of a cursor's ids.
//!
//! The block is claimed like any range; issuing from it touches no shared memory. What is left of
//! it at the end may go back into the cursor only if that cannot be told from never having been
//! claimed: the word stands exactly at the block's end, in the block's generation, and the permit
//! is held, so that no supply can bring the generation's field round again between the look and
//! the exchange. Everything else waits for the hand-back to the store.
//!
//! # Orderings
//!
//! None are named here. A give-back looks at the word, then at the slot's stamp, then exchanges
//! that very word; the permit orders all three against supplies.

use core::cell::Cell;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ops::Deref;

use idgen_core::{IdRange, Refusal};

use crate::cursor::{Claim, OnTurn, SegmentCursor, write_ids};
#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};
use crate::word;

/// One thread's own block of a cursor, behind a reference or an owned pointer such as an `Arc`.
///
/// `Send`, not `Sync`. Ids of one handle rise; between handles there is no order. A dropped handle
/// gives its rest back to the cursor, or counts it in [`SegmentCursor::gaps`].
///
/// # Examples
///
/// ```
/// use core::num::NonZeroU64;
/// use idgen_core::IdRange;
/// use idgen_segment::{SegmentCursor, SegmentHandle};
///
/// let cursor = SegmentCursor::new();
/// cursor.begin_refill().unwrap().supply(IdRange::new(1, 1, 100)?)?;
/// let mut handle = SegmentHandle::new(&cursor, NonZeroU64::new(10).unwrap());
/// assert_eq!(handle.next_id()?, 1);
/// assert_eq!(cursor.next_id()?, 11);
/// assert_eq!(handle.finish(), Some(IdRange::new(2, 1, 9)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail
/// fn shared<T: Sync>(_: T) {}
/// let cursor = idgen_segment::SegmentCursor::new();
/// shared(idgen_segment::SegmentHandle::new(&cursor, core::num::NonZeroU64::MIN));
/// ```
#[derive(Debug)]
pub struct SegmentHandle<C, T = ()>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    ids: Ids,
    generation: u64,
    /// Where the block ends in its segment.
    end: u64,
    block: u64,
    cursor: C,
    hook: PhantomData<fn(&T)>,
    not_sync: PhantomData<Cell<()>>,
}

/// Ids of the block not yet issued; all that an id changes.
#[derive(Clone, Copy, Debug)]
struct Ids {
    /// Behind the block's last id it is one step past it, modulo 2^64.
    next: u64,
    left: u64,
    step: u64,
}

impl Ids {
    /// The next id; there is one left.
    #[inline(always)]
    fn pop(&mut self) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(self.step);
        self.left -= 1;
        id
    }
}

impl<C, T> SegmentHandle<C, T>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    /// A handle that claims `block` ids at a time, [`MAX_CLAIM_LEN`](crate::MAX_CLAIM_LEN) at
    /// most; nothing is claimed yet.
    pub fn new(cursor: C, block: NonZeroU64) -> Self {
        Self {
            ids: Ids { next: 0, left: 0, step: 1 },
            generation: 0,
            end: 0,
            block: block.get(),
            cursor,
            hook: PhantomData,
            not_sync: PhantomData,
        }
    }

    /// The cursor that the blocks come from.
    pub fn cursor(&self) -> &SegmentCursor<T> {
        &self.cursor
    }

    /// The next id of the block, or of a new one.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentCursor::next_id`], once the block is used up.
    #[inline]
    pub fn next_id(&mut self) -> Result<u64, Refusal> {
        if self.ids.left == 0 {
            self.hold(claim_block(&self.cursor, self.block)?);
            // Not on to the line below: where the paths met, each id would copy the step.
            return Ok(self.ids.pop());
        }
        Ok(self.ids.pop())
    }

    /// The next id of the block at hand; `None` once that is used up, and no other is claimed.
    #[inline]
    pub fn next_of_block(&mut self) -> Option<u64> {
        (self.ids.left != 0).then(|| self.ids.pop())
    }

    /// One to `max` ids: of the block while it lasts, else of the cursor.
    ///
    /// # Errors
    ///
    /// As [`next_id`](Self::next_id).
    pub fn take(&mut self, max: NonZeroU64) -> Result<IdRange, Refusal> {
        if self.ids.left == 0 {
            if max.get() >= self.block {
                return self.cursor.take(max);
            }
            self.hold(claim_block(&self.cursor, self.block)?);
        }
        let n = self.ids.left.min(max.get());
        // Never refused here: the block is not used up, and each part of it is a range.
        let range = self.rest().and_then(|rest| rest.part(0, n)).ok_or(Refusal::Exhausted)?;
        self.ids.next = range.last().wrapping_add(range.step());
        self.ids.left -= n;
        Ok(range)
    }

    /// Fills the buffer from the front with rising ids and returns how many there were.
    ///
    /// Fewer than the buffer holds: the cursor is exhausted or has ended.
    pub fn fill(&mut self, ids: &mut [u64]) -> usize {
        let mut filled = 0;
        while let Some(wish) = NonZeroU64::new((ids.len() - filled) as u64) {
            let Ok(range) = self.take(wish) else { break };
            filled += write_ids(&range, &mut ids[filled..]);
        }
        filled
    }

    /// The rest of the block, without issuing it.
    pub fn rest(&self) -> Option<IdRange> {
        IdRange::new(self.ids.next, self.ids.step, self.ids.left).ok()
    }

    /// Ends the handle and returns the rest of its block, to be handed back to the store.
    #[must_use = "ids that are not handed back are lost"]
    pub fn finish(mut self) -> Option<IdRange> {
        let rest = self.rest();
        self.ids.left = 0;
        rest
    }

    /// Ends the handle and gives the rest of its block back to the cursor; a rest that cannot go
    /// back is returned, to be handed back to the store.
    #[must_use = "ids that are not handed back are lost"]
    pub fn give_back(mut self) -> Option<IdRange> {
        let rest = self.rest()?;
        let went = self.cursor.give_back(self.generation, self.end, rest.len());
        self.ids.left = 0;
        if went { None } else { Some(rest) }
    }

    #[inline(always)]
    fn hold(&mut self, claim: Claim) {
        let Claim { range, generation, offset } = claim;
        self.ids = Ids { next: range.start(), left: range.len(), step: range.step() };
        self.generation = generation;
        self.end = offset + range.len();
    }
}

/// Given the cursor alone: a handle whose address is known to no call can live in the registers
/// of the caller's loop.
#[cold]
#[inline(never)]
fn claim_block<T: OnTurn>(cursor: &SegmentCursor<T>, block: u64) -> Result<Claim, Refusal> {
    cursor.claim(block)
}

impl<C, T> Drop for SegmentHandle<C, T>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    #[inline(always)]
    fn drop(&mut self) {
        if self.ids.left > 0 {
            self.cursor.give_back_or_count(self.generation, self.end, self.ids.left);
        }
    }
}

impl<T: OnTurn> SegmentCursor<T> {
    /// Given numbers alone, for the reason that `claim_block` is given the cursor.
    #[inline(never)]
    fn give_back_or_count(&self, generation: u64, end: u64, len: u64) {
        if !self.give_back(generation, end, len) {
            self.state.count_gap(len);
        }
    }

    /// Takes back the last `len` ids of a block that ended at `end`, if nothing came after it.
    fn give_back(&self, generation: u64, end: u64, len: u64) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::FreeGiveBack) {
            return self.give_back_under_permit(generation, end, len);
        }
        if !self.state.take_permit_to_give_back() {
            return false;
        }
        let went = self.give_back_under_permit(generation, end, len);
        self.free_permit();
        went
    }

    fn give_back_under_permit(&self, generation: u64, end: u64, len: u64) -> bool {
        let word = self.state.word();
        let same = self.state.slot(generation).generation() == generation;
        let at_end = word & !word::BARE == word::at(generation, end);
        #[cfg(idgen_loom)]
        let at_end = at_end || flaw::is(Flaw::GiveBackAnywhere);
        same && at_end && self.state.exchange(word, word - len)
    }
}
