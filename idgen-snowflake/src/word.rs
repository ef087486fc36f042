//! The state word and its three changes, each one read-modify-write.
//!
//! The word is `ended | tick | sequence number` and only rises. This file alone touches it.
//!
//! # Orderings
//!
//! Whether a number is mine is decided by the word alone. Its read-modify-writes have one order
//! that all threads agree on, whatever their ordering: a claim that comes before the ender's
//! `fetch_or` in it lies below the receipt, a later one sees the bit. Nothing else hangs on the
//! word, so Relaxed is enough, and loom runs it so. A caller who has seen an id (with whatever
//! synchronisation that took) gets a greater one: coherence. Relaxed does not let a claim be
//! returned before it is made, which loom would not show: its value is what the add returns.

use idgen_core::atomics::{AtomicU64, Ordering};

use crate::ground::ENDED;
use crate::rule::{Rule, Rules};

/// The one contended word of a lane.
#[derive(Debug)]
pub(crate) struct Word(AtomicU64);

impl Word {
    pub(crate) fn new(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    pub(crate) fn load(&self) -> u64 {
        // Relaxed: an exchange tells whether this is still the word.
        self.0.load(Ordering::Relaxed)
    }

    /// Claims the next number, whatever it is.
    #[inline(always)]
    pub(crate) fn add_one(&self, rules: Rules) -> u64 {
        if rules.lack(Rule::ClaimIsOneAdd) {
            let word = self.load();
            self.0.store(word + 1, Ordering::Relaxed); // Relaxed: wrong in any ordering.
            return word;
        }
        // Relaxed: atomic by itself; nothing else hangs on the word.
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// Claims all from `word` to `next`; the newer word if it has moved.
    pub(crate) fn exchange(&self, word: u64, next: u64, rules: Rules) -> Result<u64, u64> {
        if rules.lack(Rule::SlowIsOneExchange) {
            self.0.store(next, Ordering::Relaxed); // Relaxed: wrong in any ordering.
            return Ok(word);
        }
        // Relaxed twice: atomic by itself; nothing else hangs on the word.
        self.0.compare_exchange(word, next, Ordering::Relaxed, Ordering::Relaxed)
    }

    /// Sets the ended bit; the word before is the receipt for the one call that finds it clear.
    pub(crate) fn end(&self, rules: Rules) -> u64 {
        if rules.lack(Rule::EndIsOneOr) {
            let word = self.load();
            self.0.store(word | ENDED, Ordering::Relaxed); // Relaxed: wrong in any ordering.
            return word;
        }
        // Relaxed: atomic by itself; the receipt is the value that it returns.
        self.0.fetch_or(ENDED, Ordering::Relaxed)
    }
}
