//! One state word, and every way to claim numbers from it.
//!
//! The word `ended | tick | sequence number` only rises. A call that takes numbers moves the word
//! past them in one atomic step, so no two calls have the same one; an id is issued only if its
//! tick lies below the horizon, so no other lease has it.
//!
//! ```text
//! next_id:  lim = tick of the clock's hint + borrow
//!           lim < open_below?   no: slow
//!           w = word++     (the only write to the contended line)
//!           lim - tick(w) <= borrow?   no: this number is a gap; slow.   yes: id(w)
//!
//! slow:     load the word, then read the exact clock; step() decides; exchange, or once more.
//!           A single number of a tick that is open already is claimed by adding, as above.
//!           Refused: open_below = 0.
//!           Given, but the hint is behind the window: as refused.
//!           Given, and the tick is in the nearer half of the window: open_below = horizon.
//! ```
//!
//! All differences are unsigned. A hint that is none (0) or before the window of the floor makes a
//! `lim` above every horizon, and a tick above `lim` makes a difference above every borrow. The
//! ended bit stays in the tick that is compared: an ended word is past every `lim`. So two compares
//! cover ended, horizon and both ends of the window.
//!
//! `open_below` keeps refused calls from adding (loading the contended word before adding brings
//! its line twice). What it lets through is tested again, but for the horizon: it holds nothing
//! else than 0 or a horizon that was granted, and horizons only rise. Whoever is refused shuts it,
//! and whoever gets a number of the nearer half of the window opens it: they disagree, and write by
//! turns, only if their clocks are further apart than half the window.
//!
//! The slow path reads the clock *after* the word: no word is ahead of a merely old reading.
//!
//! There are two shapes of the fast path. *Plain* layouts (ticks of 1 ms, the sequence lowest)
//! have the short one, without a division and with no constant loaded into a register of its own.
//! The others find it shut for ever and take the same steps in a call; so do all in the last ticks
//! of a lease, where the window is cut by the horizon. What `open_below` is to plain layouts, a
//! *gate* is to the others: a refusal raises it to the tick of the word, or to MAX at the end, and
//! a `lim` below it adds nothing.
//!
//! # Orderings
//!
//! Those of the word stand in `word.rs`. The horizon is raised with Release and read with Acquire:
//! whoever holds an id below a new horizon also sees what the extender did before, that is the
//! lease on record. `open_below` hands that on: it is written with Release by one who has acquired
//! the horizon, and read with Acquire. Shutting it is Relaxed, and so is the gate: advice.

mod slow;

use idgen_core::atomics::{AtomicI64, AtomicU64, CacheLine, Ordering};
use idgen_core::{Clock, Floor, Refusal};

use crate::error::ExtendError;
use crate::ground::{ENDED, Ground, Start};
use crate::rule::Rule;
use crate::word::Word;

/// The gate of an ended lane: above every tick.
const SHUT: u64 = i64::MAX.cast_unsigned();

/// A word on a line of its own, and what is read with it on another that is seldom written.
#[derive(Debug)]
pub(crate) struct Lane {
    edge: CacheLine<Edge>,
    word: CacheLine<Word>,
}

/// Gate and horizon only rise; what is open below them does not.
#[derive(Debug)]
struct Edge {
    /// The short path is open to clocks whose window ends below this tick: the horizon, or an
    /// older one, or 0.
    open_below: AtomicU64,
    /// The last leased tick: one below the horizon, and -1 where none is to be issued yet.
    last: AtomicI64,
    /// Where the short path is shut for ever: the tick below which a claim by adding is in vain.
    gate: AtomicU64,
    ground: Ground,
}

impl Lane {
    pub(crate) fn new(start: &Start) -> Self {
        let horizon = (start.last + 1).cast_unsigned();
        let edge = Edge {
            open_below: AtomicU64::new(if start.ground.plain { horizon } else { 0 }),
            last: AtomicI64::new(start.last),
            gate: AtomicU64::new(0),
            ground: start.ground,
        };
        Self { edge: CacheLine::new(edge), word: CacheLine::new(Word::new(start.word)) }
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.edge.ground
    }

    #[inline]
    pub(crate) fn next_id<C: Clock + ?Sized>(&self, clock: &C) -> Result<u64, Refusal> {
        let ground = &self.edge.ground;
        let lim = ground.plain_reach_at(clock.hint_unix_ms());
        if self.is_open_to(lim)
            && let Some(word) = self.add_within(lim, &ground.borrow)
        {
            return Ok(ground.scale.plain_id(word));
        }
        self.next_id_otherwise(clock)
    }

    /// Whether a claim may be made by adding, for a clock whose window ends with tick `lim`.
    #[inline(always)]
    fn is_open_to(&self, lim: u64) -> bool {
        let rules = self.edge.ground.rules;
        let weak = rules.lack(Rule::HorizonOrdered);
        // Acquire: pairs with the Release in `open`. Relaxed is too weak, on purpose.
        let order = if weak { Ordering::Relaxed } else { Ordering::Acquire };
        let below = self.edge.open_below.load(order);
        lim < below || (rules.lack(Rule::HorizonTest) && below > 0)
    }

    /// Adds, and keeps the number if its tick is in `lim - width ..= lim`; else it is a gap.
    ///
    /// The width comes by reference: read before the addition it would cost an instruction more.
    #[inline(always)]
    fn add_within(&self, lim: u64, width: &i64) -> Option<u64> {
        let ground = &self.edge.ground;
        let rules = ground.rules;
        let word = self.word.add_one(rules);
        let seen = if rules.lack(Rule::EndedBitCompared) { word & !ENDED } else { word };
        let behind = lim.wrapping_sub(ground.scale.tick(seen));
        let is_later = behind.cast_signed() < 0;
        let kept = behind <= width.cast_unsigned()
            || (!is_later && rules.lack(Rule::LowerBound))
            || (is_later && rules.lack(Rule::WindowTest));
        kept.then_some(word)
    }

    #[inline(always)]
    pub(crate) fn last(&self) -> i64 {
        if self.edge.ground.rules.lack(Rule::HorizonOrdered) {
            // Relaxed: too weak, on purpose.
            return self.edge.last.load(Ordering::Relaxed);
        }
        // Acquire: pairs with the Release in `extend`.
        self.edge.last.load(Ordering::Acquire)
    }

    /// Raises the horizon; a lower one changes nothing.
    pub(crate) fn extend(&self, horizon_unix_ms: u64) -> Result<(), ExtendError> {
        let rules = self.edge.ground.rules;
        if self.is_ended() {
            return Err(ExtendError::Ended);
        }
        let last = self.edge.ground.last_below(horizon_unix_ms).ok_or(ExtendError::WordFull)?;
        let ordered = !rules.lack(Rule::HorizonOrdered);
        // Release: pairs with the Acquire in `last`. Relaxed is too weak, on purpose.
        let order = if ordered { Ordering::Release } else { Ordering::Relaxed };
        if rules.lack(Rule::ExtendIsMax) {
            self.edge.last.store(last, order);
        } else {
            self.edge.last.fetch_max(last, order);
        }
        Ok(())
    }

    /// Ends the lane; the one call that did it gets the first number not issued.
    pub(crate) fn end(&self) -> Option<Floor> {
        let ground = &self.edge.ground;
        let word = self.word.end(ground.rules);
        self.shut(SHUT);
        if word & ENDED != 0 && !ground.rules.lack(Rule::OneEnder) {
            return None;
        }
        if ground.rules.lack(Rule::RawReceipt) {
            return Some(ground.floor_of(word.min(ground.word_at(self.last() + 1))));
        }
        Some(ground.floor_of(word))
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.word.load() & ENDED != 0
    }
}
