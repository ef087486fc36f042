//! Supplying the standby, under a permit that one caller at a time holds.
//!
//! ```text
//! begin:   take the permit, if it is free; else leave a knock and go
//!          bare and not retired?   no: free the permit
//! supply:  newest := the greater generation of the two slots
//!          the range lies above the newest segment?   no: refused
//!          slot newest + 1 := the range
//!          word &= not bare; if that found retired: the range goes back
//! drop:    free the permit; knocked, and the cursor is bare: tell the hook
//! ```
//!
//! While the cursor is bare the slot that is not active is free: only a supply makes a standby of
//! it, and only the holder supplies. Whether the cursor or the caller has the range is decided by
//! one word, the one that `clear_bare` returns, against the one retirer.
//!
//! # Orderings
//!
//! None are named here; each access is a step of `state` or `slot`. The permit hands one holder's
//! stores on to the next, and `clear_bare` comes after the slot's stores and releases them.

use core::marker::PhantomData;
use core::ops::Deref;

use idgen_core::IdRange;

use crate::MAX_SEGMENT_LEN;
use crate::cursor::{OnTurn, SegmentCursor};
#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};
use crate::word;

/// Why a segment was not taken; the range comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupplyError {
    /// The cursor was retired before the segment arrived.
    #[error(
        "the cursor is retired and takes no segment; hand {} ids from {} back",
        range.len(), range.start()
    )]
    Retired {
        /// The segment that was offered.
        range: IdRange,
    },
    /// The segment meets one that the cursor was given before.
    #[error(
        "the segment {}..={} meets {}..={}, which the cursor was given before; ids would repeat: \
         find out why the source granted them twice",
        range.start(), range.last(), held.start(), held.last()
    )]
    Overlaps {
        /// The segment that was offered.
        range: IdRange,
        /// The segment that it meets.
        held: IdRange,
    },
    /// The segment lies below one that the cursor was given before.
    #[error(
        "the segment from {} does not lie above {highest}, the highest id so far; lease one above",
        range.start()
    )]
    NotAbove {
        /// The segment that was offered.
        range: IdRange,
        /// The highest id that the cursor was given before.
        highest: u64,
    },
    /// The segment is longer than 2^32 ids.
    #[error("a segment of {} ids is above the limit of 2^32; lease a shorter one", range.len())]
    TooLong {
        /// The segment that was offered.
        range: IdRange,
    },
}

impl SupplyError {
    /// The segment that was offered, to be handed back or offered again.
    pub const fn range(&self) -> IdRange {
        match self {
            Self::Retired { range }
            | Self::Overlaps { range, .. }
            | Self::NotAbove { range, .. }
            | Self::TooLong { range } => *range,
        }
    }
}

/// The one permit to supply a cursor's standby; dropping it frees it.
///
/// Held by reference ([`SegmentCursor::begin_refill`]) or with an owned pointer such as an `Arc`
/// ([`Refill::begin`]), so that it can be carried over to another thread or task.
#[derive(Debug)]
pub struct Refill<C, T = ()>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    cursor: C,
    hook: PhantomData<fn(&T)>,
}

impl<C, T> Refill<C, T>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    /// The permit, if no other holds it and the cursor is bare and not retired.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::IdRange;
    /// use idgen_segment::{Refill, SegmentCursor};
    /// use std::sync::Arc;
    ///
    /// let cursor = Arc::new(SegmentCursor::new());
    /// let refill = Refill::begin(Arc::clone(&cursor)).unwrap();
    /// assert!(Refill::begin(Arc::clone(&cursor)).is_none());
    /// std::thread::spawn(move || refill.supply(IdRange::one(7))).join().unwrap()?;
    /// assert_eq!(cursor.next_id(), Ok(7));
    /// # Ok::<(), idgen_segment::SupplyError>(())
    /// ```
    pub fn begin(cursor: C) -> Option<Self> {
        if !cursor.state.take_permit() {
            return None;
        }
        let refill = Self { cursor, hook: PhantomData };
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::PermitWhileFull) {
            return Some(refill);
        }
        // Looked at under the permit: nobody else can make a bare cursor full.
        refill.cursor.needs_refill().then_some(refill)
    }

    /// Makes `range` the standby.
    ///
    /// # Errors
    ///
    /// [`SupplyError`]: the cursor has not taken the range and never issues of it.
    pub fn supply(self, range: IdRange) -> Result<(), SupplyError> {
        if range.len() > MAX_SEGMENT_LEN {
            return Err(SupplyError::TooLong { range });
        }
        let state = &self.cursor.state;
        let (newest, highest) = self.newest();
        if let Some(held) = [0, 1].into_iter().find_map(|back| self.held(newest, back, &range)) {
            return Err(SupplyError::Overlaps { range, held });
        }
        if let Some(highest) = highest.filter(|highest| range.start() <= *highest) {
            return Err(SupplyError::NotAbove { range, highest });
        }
        state.slot(newest + 1).write(newest + 1, &range);
        let word = state.clear_bare();
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::SupplyAfterRetire) {
            return Ok(());
        }
        if word::is_retired(word) {
            // The retirer has seen *bare* and does not hand the range back. Nobody acts on *bare*
            // any more, but what the cursor tells about itself should not count the range.
            state.set_bare();
            return Err(SupplyError::Retired { range });
        }
        Ok(())
    }

    /// The newest generation and its highest id; the permit keeps both as they are.
    fn newest(&self) -> (u64, Option<u64>) {
        let state = &self.cursor.state;
        let newest = state.slot(0).generation().max(state.slot(1).generation());
        let segment = state.slot(newest).read().rest(0);
        (newest, segment.map(|segment| segment.last()))
    }

    /// The segment `back` generations before the newest, if `range` meets it.
    fn held(&self, newest: u64, back: u64, range: &IdRange) -> Option<IdRange> {
        let generation = newest.checked_sub(back)?;
        self.cursor.state.slot(generation).read().rest(0).filter(|held| held.overlaps(range))
    }
}

impl<C, T> Drop for Refill<C, T>
where
    C: Deref<Target = SegmentCursor<T>>,
    T: OnTurn,
{
    fn drop(&mut self) {
        self.cursor.free_permit();
    }
}

impl<T: OnTurn> SegmentCursor<T> {
    /// The permit to supply the standby, if no other holds it and the cursor is bare.
    ///
    /// `None`: a standby waits, another refill is under way, or the cursor is retired. With an
    /// owned pointer: [`Refill::begin`].
    pub fn begin_refill(&self) -> Option<Refill<&Self, T>> {
        Refill::begin(self)
    }

    /// Frees the permit. A refill that found it taken went away and nobody would call it again:
    /// not for a turn that came between the holder's look at the cursor and this.
    pub(crate) fn free_permit(&self) {
        if self.state.free_permit() && self.needs_refill() {
            self.hook.on_turn();
        }
    }

    /// Whether no standby waits. A retired cursor tells what was so when it retired.
    pub fn is_bare(&self) -> bool {
        word::is_bare(self.state.word())
    }

    /// Whether a refill makes sense now: the cursor is bare and not retired.
    pub fn needs_refill(&self) -> bool {
        let word = self.state.word();
        word::is_bare(word) && !word::is_retired(word)
    }
}
