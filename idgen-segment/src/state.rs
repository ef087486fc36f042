//! The cursor's atomics and the steps on them, each step one access.
//!
//! `word` is written by every claim and stands alone on its cache line. `active` and the slots are
//! written twice a segment and read by every claim; permit and gaps hardly ever. `active` never
//! exceeds the word's true generation and lags behind it by at most one turn in progress: who
//! turns first raises `active` to the generation it is about to leave.
//!
//! # Orderings
//!
//! Every change of `word` is a read-modify-write with AcqRel, so each one reads all that its
//! predecessors released: a claim that finds generation g sees the supply of g (which cleared
//! *bare* before the turn to g could happen) and every slot store before it. (Setting *bare* on a
//! retired cursor is Relaxed: nobody claims by it, and it hands on what others released.) `active`
//! is raised with AcqRel and read Acquire: who reads g there, without touching the word, sees the
//! same. The permit pairs its Acquire exchange with its Release give-up, so that the slots have one
//! writer at a time and each knows the last one's work. Who finds it held leaves a *knock*, with
//! Release: the holder, who acquires it on giving up, sees the turn that sent the other there.
//!
//! A model checker of the loom kind executes loads in program order: it shows stale reads, never a
//! load that takes effect after a later store (load buffering). The one place where that would
//! matter is the slot's data, loaded before the claim: were such a load to take effect after the
//! claim, it could read the next segment but one. It cannot: the loads are Acquire, and nothing
//! that follows an acquire load in program order, the claim least of all, moves before it.

use idgen_core::atomics::{AtomicU32, AtomicU64, CacheLine, Ordering};

#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};
use crate::slot::Slot;
use crate::word::{self, BARE, DRY, RETIRED};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and a refill was kept out.
const KNOCKED: u32 = 2;

#[derive(Debug)]
pub(crate) struct State {
    word: CacheLine<AtomicU64>,
    ahead: CacheLine<Ahead>,
    seldom: CacheLine<Seldom>,
}

#[derive(Debug)]
struct Ahead {
    active: AtomicU64,
    slots: [Slot; 2],
}

#[derive(Debug)]
struct Seldom {
    permit: AtomicU32,
    gaps: AtomicU64,
}

impl State {
    /// Generation 0: an empty segment, full, without a standby.
    pub(crate) fn new() -> Self {
        let slots = [Slot::empty(), Slot::empty()];
        let gaps = AtomicU64::new(0);
        Self {
            word: CacheLine::new(AtomicU64::new(BARE)),
            ahead: CacheLine::new(Ahead { active: AtomicU64::new(DRY), slots }),
            seldom: CacheLine::new(Seldom { permit: AtomicU32::new(FREE), gaps }),
        }
    }

    /// The stamp of the active generation, or of one a little behind it, and *dry*.
    #[inline(always)]
    pub(crate) fn active(&self) -> u64 {
        self.ahead.active.load(Ordering::Acquire) // pairs with `raise`
    }

    /// The slot of the generation that `active` names.
    #[inline(always)]
    pub(crate) fn slot_of(&self, active: u64) -> &Slot {
        &self.ahead.slots[usize::from(word::generation(active) & 1 != 0)]
    }

    #[inline]
    pub(crate) fn slot(&self, generation: u64) -> &Slot {
        self.slot_of(word::stamp(generation))
    }

    /// Claims `n` and answers the word before.
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) -> u64 {
        #[cfg(idgen_loom)]
        if let Some(word) = self.flawed_add(n) {
            return word;
        }
        self.word.fetch_add(n, Ordering::AcqRel) // pairs with every other change of the word
    }

    /// The word, for those who compare before they change it.
    #[inline]
    pub(crate) fn word(&self) -> u64 {
        self.word.load(Ordering::Acquire) // pairs with every change of the word
    }

    /// Changes the word from exactly `seen` to `next`.
    pub(crate) fn exchange(&self, seen: u64, next: u64) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::StoreExchange) {
            self.word.store(next, Ordering::Release); // planted: the word may have changed
            return true;
        }
        // Success pairs with every other change of the word; a failed look is thrown away.
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.word.compare_exchange(seen, next, success, failure).is_ok()
    }

    /// Makes the standby of `generation` active with `n` of it claimed.
    pub(crate) fn turn(&self, seen: u64, generation: u64, n: u64) -> bool {
        self.raise(word::stamp(generation));
        #[cfg(idgen_loom)]
        let n = if flaw::is(Flaw::TurnWithoutClaim) { 0 } else { n };
        let turned = self.exchange(seen, word::at(generation + 1, n) | BARE);
        if turned {
            self.raise(word::stamp(generation + 1));
        }
        turned
    }

    /// Sends every later claim of `generation` to the slow path, which looks before it adds.
    pub(crate) fn mark_dry(&self, generation: u64) {
        self.raise(word::stamp(generation) | DRY);
    }

    fn raise(&self, active: u64) {
        // Releases the slots that the word has shown; pairs with `active`.
        self.ahead.active.fetch_max(active, Ordering::AcqRel);
    }

    /// Publishes the standby and answers the word before.
    pub(crate) fn clear_bare(&self) -> u64 {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::RelaxedSupply) {
            return self.word.fetch_and(!BARE, Ordering::Relaxed); // planted: releases nothing
        }
        self.word.fetch_and(!BARE, Ordering::AcqRel) // releases the slot to every later claim
    }

    /// Withdraws what `clear_bare` published on a cursor that it found retired.
    pub(crate) fn set_bare(&self) {
        // Relaxed: it carries on what the changes before it released, as any read-modify-write
        // does, and has nothing of its own to release; on a retired cursor nobody claims by it.
        self.word.fetch_or(BARE, Ordering::Relaxed);
    }

    /// Ends all claims and answers the word before, which divides the claimed from the tail.
    pub(crate) fn set_retired(&self) -> u64 {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::StoreRetire) {
            let word = self.word();
            self.word.store(word | RETIRED, Ordering::Release); // planted: may undo a claim
            return word;
        }
        self.word.fetch_or(RETIRED, Ordering::AcqRel) // acquires both slots, ends the claims
    }

    /// Takes the permit for a refill, if it is free; else leaves a knock.
    pub(crate) fn take_permit(&self) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::SplitPermit) {
            let free = self.seldom.permit.load(Ordering::Acquire) == FREE; // planted
            self.seldom.permit.store(HELD, Ordering::Release); // planted
            return free;
        }
        loop {
            match self.exchange_permit(FREE, HELD) {
                Ok(_) => return true,
                // A second knock is one too: it brings its own turn along.
                Err(held) if self.exchange_permit(held, KNOCKED).is_ok() => return false,
                Err(_) => {}
            }
        }
    }

    /// Takes the permit for a give-back, if it is free.
    pub(crate) fn take_permit_to_give_back(&self) -> bool {
        self.exchange_permit(FREE, HELD).is_ok()
    }

    fn exchange_permit(&self, from: u32, to: u32) -> Result<u32, u32> {
        // Success pairs with `free_permit`, both ways: the next holder sees the last one's stores,
        // and who frees sees the turn that made another knock. A failed look is looked at again.
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.seldom.permit.compare_exchange(from, to, success, failure)
    }

    /// Frees the permit; true if a refill was kept out meanwhile.
    pub(crate) fn free_permit(&self) -> bool {
        #[cfg(idgen_loom)]
        if flaw::is(Flaw::KeepPermit) {
            return false;
        }
        // Pairs with `exchange_permit`, both ways.
        let knocked = self.seldom.permit.swap(FREE, Ordering::AcqRel) == KNOCKED;
        #[cfg(idgen_loom)]
        let knocked = knocked && !flaw::is(Flaw::NoKnock);
        knocked
    }

    pub(crate) fn count_gap(&self, n: u64) {
        self.seldom.gaps.fetch_add(n, Ordering::Relaxed); // a count; nothing hangs on it
    }

    pub(crate) fn gaps(&self) -> u64 {
        self.seldom.gaps.load(Ordering::Relaxed) // a count; nothing hangs on it
    }

    #[cfg(idgen_loom)]
    fn flawed_add(&self, n: u64) -> Option<u64> {
        if flaw::is(Flaw::RelaxedAdd) {
            return Some(self.word.fetch_add(n, Ordering::Relaxed)); // planted: acquires nothing
        }
        flaw::is(Flaw::SplitAdd).then(|| {
            let word = self.word();
            self.word.store(word + n, Ordering::Release); // planted: may undo another claim
            word
        })
    }
}
