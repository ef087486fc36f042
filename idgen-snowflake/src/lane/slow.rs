//! The slow path: everything that is not one number of an open tick.
//!
//! Its rule is the pure step of the ground; here it is put into effect by a compare-exchange, and
//! the short path is shut and opened. The module above tells both in prose.
//!
//! # Orderings
//!
//! Those of the word stand in `word.rs`, those of `open_below`, horizon and gate in the module
//! above.

use idgen_core::atomics::Ordering;
use idgen_core::{Clock, IdRange, Refusal};

use super::{Lane, SHUT};
use crate::ground::Claim;
use crate::rule::Rule;

impl Lane {
    #[cold]
    #[inline(never)]
    pub(super) fn next_id_otherwise<C: Clock + ?Sized>(&self, clock: &C) -> Result<u64, Refusal> {
        let ground = &self.edge.ground;
        let now = ground.tick_at(clock.hint_unix_ms());
        if let Some(word) = self.add(now) {
            return Ok(ground.id(word));
        }
        let claim = self.claim(clock, 1)?;
        let tick = ground.tick_of(claim.first);
        if tick <= now + ground.borrow / 2 {
            self.open();
        } else if tick > now + ground.borrow && now + ground.borrow >= 0 {
            // The hint lags: until it is there, adding would waste a number a call. One that is
            // none never adds.
            self.shut(tick.cast_unsigned());
        }
        Ok(ground.id(claim.first))
    }

    /// The fast path where the short one is shut: for ever, or for the last ticks of a lease.
    fn add(&self, now: i64) -> Option<u64> {
        let ground = &self.edge.ground;
        let (ahead, last) = (now + ground.borrow, self.last());
        if ground.plain && ahead <= last {
            return None;
        }
        let lim = if ground.rules.lack(Rule::HorizonTest) { ahead } else { ahead.min(last) };
        if lim < now || self.is_in_vain(lim) {
            return None;
        }
        self.add_within(lim.cast_unsigned(), &(lim - now))
    }

    /// Whether those who were refused say that no number is to be had by adding.
    fn is_in_vain(&self, lim: i64) -> bool {
        let edge = &*self.edge;
        if edge.ground.plain {
            edge.open_below.load(Ordering::Relaxed) == 0 // Relaxed: advice; the claim is tested.
        } else {
            // Relaxed: advice; the claim is tested.
            lim < edge.gate.load(Ordering::Relaxed).cast_signed()
        }
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
            // Not for a clock past the horizon: it would waste the numbers of the last tick.
            if n == 1 && claim.first == word && !claim.late {
                // Another thread has opened this tick; an exchange would lose to those who add.
                let now = ground.tick_at(unix_ms);
                let lim = last.min(now + ground.borrow);
                if let Some(first) = self.add_within(lim.cast_unsigned(), &(lim - now)) {
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

    /// Takes up to `n` numbers of the tick that is open, if the clock's hint allows it.
    ///
    /// The hint serves here as it does in `next_id`: the tick lies in its window and below the
    /// horizon, and is nobody else's by the exchange. Whether to open a tick or to refuse is for
    /// the exact clock: a hint that lags would open a tick of the past.
    fn claim_by_hint<C: Clock + ?Sized>(&self, clock: &C, n: u64) -> Option<Claim> {
        let ground = &self.edge.ground;
        let word = self.word.load();
        let claim = ground.step(word, clock.hint_unix_ms(), self.last(), n).ok()?;
        if claim.first != word || claim.late {
            return None;
        }
        self.word.exchange(word, claim.first + claim.len, ground.rules).ok()?;
        Some(claim)
    }

    #[cold]
    fn refuse(&self, word: u64, refusal: Refusal) -> Refusal {
        let tick = self.edge.ground.tick_of(word).cast_unsigned();
        self.shut(if refusal == Refusal::Ended { SHUT } else { tick });
        refusal
    }

    /// Keeps calls from adding to a word that stands at `tick`.
    ///
    /// What is written is looked at first, so as not to write in vain to what all read.
    pub(super) fn shut(&self, tick: u64) {
        let edge = &*self.edge;
        if edge.ground.rules.lack(Rule::GateRises) {
            return;
        }
        // Relaxed: advice only.
        if edge.ground.plain && edge.open_below.load(Ordering::Relaxed) > 0 {
            edge.open_below.store(0, Ordering::Relaxed); // Relaxed: 0 opens nothing.
        }
        // Relaxed: advice only.
        if !edge.ground.plain && edge.gate.load(Ordering::Relaxed) < tick {
            edge.gate.fetch_max(tick, Ordering::Relaxed); // Relaxed: advice only.
        }
    }

    /// Lets clocks add again, up to the horizon of now.
    fn open(&self) {
        let edge = &*self.edge;
        let horizon = (self.last() + 1).cast_unsigned();
        // Relaxed: only to leave alone what holds that already.
        if edge.ground.plain && edge.open_below.load(Ordering::Relaxed) != horizon {
            let ordered = !edge.ground.rules.lack(Rule::HorizonOrdered);
            // Release: pairs with the Acquire in `is_open_to`. Relaxed is too weak, on purpose.
            let order = if ordered { Ordering::Release } else { Ordering::Relaxed };
            edge.open_below.store(horizon, order);
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
            let n = rest.len() as u64;
            let claim = self.claim_by_hint(clock, n).or_else(|| self.claim(clock, n).ok());
            let Some(claim) = claim else { break };
            let len = usize::try_from(claim.len).map_or(rest.len(), |len| len.min(rest.len()));
            let (now, later) = rest.split_at_mut(len);
            self.edge.ground.write_ids(claim.first, now);
            rest = later;
        }
        let left = rest.len();
        ids.len() - left
    }
}
