//! One state word, and every way to claim numbers from it.
//!
//! The word `ended | tick | sequence number` only rises. A call that takes numbers moves the word
//! past them in one atomic step, so no two calls have the same one; an id is issued only if its
//! tick lies below the horizon, so no other lease has it.
//!
//! ```text
//! next_id:  now = tick of the clock's hint;  lim = min(now + borrow, last)
//!           lim >= gate?   no: slow
//!           w = word++     (the only write to the contended line)
//!           tick(w) in now..=lim?   no: this number is a gap; slow.   yes: id(w)
//!
//! slow:     load the word, then read the exact clock; step() decides; exchange, or once more.
//!           A single number of a tick that is open already is claimed by adding, as above.
//!           Refused: gate = max(gate, tick of the word), or MAX when it has ended.
//!           Given, but the clock is past the horizon: gate = max(gate, last + 1).
//!           Given, but the hint is behind the window: gate = max(gate, tick of the number).
//! ```
//!
//! The ended bit stays in the tick that is compared: an ended word is past every `lim`, so one
//! compare covers ended, horizon and window. The gate keeps refused calls from adding (loading the
//! contended word before adding brings its line twice). What it lets through is tested again.
//!
//! The slow path reads the clock *after* the word: no word is ahead of a merely old reading.
//!
//! There are two shapes of the fast path. *Plain* layouts (ticks of 1 ms, the sequence lowest)
//! have the short one, without a division and with one multiplication. The others find its gate
//! shut for ever and take the same steps, with a gate of their own, in a call.
//!
//! # Orderings
//!
//! Those of the word stand in `word.rs`. The horizon is raised with Release and read with Acquire:
//! whoever holds an id below a new horizon also sees what the extender did before, that is the
//! lease on record. The gates are Relaxed: they are advice.

use idgen_core::atomics::{AtomicI64, AtomicU64, CacheLine, Ordering};
use idgen_core::{Clock, Floor, IdRange, Refusal};

use crate::error::ExtendError;
use crate::ground::{Claim, ENDED, Ground, Scale, Start};
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

/// A gate is a tick: below it a claim by adding is in vain. Gates and horizon only rise.
#[derive(Debug)]
struct Edge {
    plain_gate: AtomicU64,
    other_gate: AtomicU64,
    /// The last leased tick: one below the horizon, and -1 where none is to be issued yet.
    last: AtomicI64,
    ground: Ground,
}

impl Lane {
    pub(crate) fn new(start: &Start) -> Self {
        let edge = Edge {
            plain_gate: AtomicU64::new(if start.ground.plain { 0 } else { SHUT }),
            other_gate: AtomicU64::new(0),
            last: AtomicI64::new(start.last),
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
        // Copied out first: what is loaded behind the locked add has to wait for it.
        let scale = ground.scale;
        let now = ground.plain_tick_at(clock.hint_unix_ms());
        match self.add(now, &self.edge.plain_gate, scale) {
            Some(word) => Ok(scale.plain_id(word)),
            None => self.next_id_otherwise(clock),
        }
    }

    #[cold]
    #[inline(never)]
    fn next_id_otherwise<C: Clock + ?Sized>(&self, clock: &C) -> Result<u64, Refusal> {
        let ground = &self.edge.ground;
        if !ground.plain {
            let now = ground.tick_at(clock.hint_unix_ms());
            if let Some(word) = self.add(now, &self.edge.other_gate, ground.scale) {
                return Ok(ground.id(word));
            }
        }
        let claim = self.claim(clock, 1)?;
        let tick = ground.tick_of(claim.first);
        if tick > ground.tick_at(clock.hint_unix_ms()) + ground.borrow {
            // The hint lags: until it is there, adding would waste a number a call.
            self.raise_gate(tick.cast_unsigned());
        }
        Ok(ground.id(claim.first))
    }

    /// The fast path: a number whose tick is leased and in the window, or nothing.
    #[inline(always)]
    fn add(&self, now: i64, gate: &AtomicU64, scale: Scale) -> Option<u64> {
        let rules = self.edge.ground.rules;
        let ahead = now.wrapping_add(self.edge.ground.borrow);
        let lim = if rules.lack(Rule::HorizonTest) { ahead } else { ahead.min(self.last()) };
        // Relaxed: advice only; the claim is tested below.
        if lim < gate.load(Ordering::Relaxed).cast_signed() {
            return None;
        }
        self.add_within(now, lim, scale)
    }

    /// Adds, and keeps the number if its tick is in `now ..= lim`; else it is a gap.
    #[inline(always)]
    fn add_within(&self, now: i64, lim: i64, scale: Scale) -> Option<u64> {
        let rules = self.edge.ground.rules;
        let word = self.word.add_one(rules);
        let seen = if rules.lack(Rule::EndedBitCompared) { word & !ENDED } else { word };
        let tick = scale.tick(seen).cast_signed();
        let fresh = tick >= now || rules.lack(Rule::LowerBound);
        let leased = tick <= lim || rules.lack(Rule::WindowTest);
        (fresh && leased).then_some(word)
    }

    /// Takes up to `n` numbers of one tick; `n` is at least 1.
    pub(crate) fn claim<C: Clock + ?Sized>(&self, clock: &C, n: u64) -> Result<Claim, Refusal> {
        let ground = &self.edge.ground;
        let mut word = self.word.load();
        loop {
            let (unix_ms, last) = (clock.unix_ms(), self.last());
            let claim = match ground.step(word, unix_ms, last, n) {
                Ok(claim) => claim,
                Err(refusal) => return Err(self.refuse(word, refusal)),
            };
            if claim.late {
                // No number is ahead of such a clock: adding would waste those of the last tick.
                self.raise_gate((last + 1).cast_unsigned());
            } else if n == 1 && claim.first == word {
                // Another thread has opened this tick; an exchange would lose to those who add.
                let now = ground.tick_at(unix_ms);
                if let Some(first) =
                    self.add_within(now, last.min(now + ground.borrow), ground.scale)
                {
                    return Ok(Claim { first, ..claim });
                }
                word = self.word.load();
                continue;
            }
            match self.word.exchange(word, claim.first + claim.len, ground.rules) {
                Ok(_) => return Ok(claim),
                Err(newer) => word = newer,
            }
        }
    }

    #[cold]
    fn refuse(&self, word: u64, refusal: Refusal) -> Refusal {
        let tick = self.edge.ground.tick_of(word).cast_unsigned();
        self.raise_gate(if refusal == Refusal::Ended { SHUT } else { tick });
        refusal
    }

    fn raise_gate(&self, tick: u64) {
        let edge = &*self.edge;
        let gate = if edge.ground.plain { &edge.plain_gate } else { &edge.other_gate };
        // Relaxed: advice only. Looked at first, so as not to write in vain to what all read.
        if gate.load(Ordering::Relaxed) < tick && !edge.ground.rules.lack(Rule::GateRises) {
            gate.fetch_max(tick, Ordering::Relaxed); // Relaxed: advice only.
        }
    }

    /// Takes up to `n` ids of one tick.
    pub(crate) fn take<C: Clock + ?Sized>(&self, clock: &C, n: u64) -> Result<IdRange, Refusal> {
        let claim = self.claim(clock, n)?;
        let (start, step) = (self.edge.ground.id(claim.first), self.edge.ground.place());
        let range = IdRange::new(start, step, claim.len);
        Ok(range.expect("a claim is never empty and its ids share a tick"))
    }

    /// Fills as much of `ids` as can be had now and returns how many that is.
    pub(crate) fn fill<C: Clock + ?Sized>(&self, clock: &C, ids: &mut [u64]) -> usize {
        let mut rest = &mut *ids;
        while !rest.is_empty() {
            let Ok(claim) = self.claim(clock, rest.len() as u64) else { break };
            let len = usize::try_from(claim.len).map_or(rest.len(), |len| len.min(rest.len()));
            let (now, later) = rest.split_at_mut(len);
            self.edge.ground.write_ids(claim.first, now);
            rest = later;
        }
        let left = rest.len();
        ids.len() - left
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
        self.raise_gate(SHUT);
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
