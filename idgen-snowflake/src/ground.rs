//! The arithmetic of one generator: ticks, words, ids, and the pure step of the slow path.
//!
//! A *word* is `ended | tick | sequence number`, its tick counted from the generator's own floor.
//! Ticks are signed: a clock below the floor has a negative one, which must not saturate to 0.
//! Nothing overflows: dates end at 2^61 ms, words below 2^62.

mod start;

use core::num::NonZeroU64;

use idgen_core::{Floor, Refusal};

use crate::rule::{Rule, Rules};

pub(crate) use start::Start;

/// The top bit of a word: its generator has ended.
pub(crate) const ENDED: u64 = 1 << 63;
/// Horizons stay below this word, so that overshooting claims never reach the ended bit.
const WORD_END: u64 = 1 << 62;
/// A date above every layout's end. A clock beyond it means no more than *past the horizon*.
const FAR_MS: u64 = 1 << 62;

/// Numbers that one call was given: words from `first` on, all in one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) first: u64,
    pub(crate) len: u64,
    /// The clock was past the horizon.
    pub(crate) late: bool,
}

/// From words to ids. Where a claim has its number it takes these from the cache, not from
/// registers: on one thread that costs nothing, on two less than to load them ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Width of the sequence number, in the word as in the layout.
    bits: u32,
    /// 2^64 over the numbers of a tick.
    #[cfg(target_pointer_width = "64")]
    ticks: u64,
    /// Place value of the sequence number in the id.
    place: u64,
    stretch: u64,
    /// The id of word 0.
    origin: u64,
}

impl Scale {
    /// The tick of a word, the ended bit on top of it: `word >> bits`.
    ///
    /// As the upper half of a product: a processor multiplies by what it finds in memory, but
    /// shifts by a register, which on x86-64 costs an instruction and a twentieth of the time more.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn tick(self, word: u64) -> u64 {
        ((u128::from(word) * u128::from(self.ticks)) >> u64::BITS) as u64
    }

    /// The tick of a word, the ended bit on top of it.
    #[cfg(not(target_pointer_width = "64"))]
    #[inline(always)]
    pub(crate) fn tick(self, word: u64) -> u64 {
        word >> self.bits
    }

    /// The id of a word where the sequence is lowest: its place value is 1.
    #[inline(always)]
    pub(crate) fn plain_id(self, word: u64) -> u64 {
        word.wrapping_add(self.tick(word).wrapping_mul(self.stretch)).wrapping_add(self.origin)
    }

    /// The id of a word. With `tick` and `seq` its halves this is
    /// `(tick << time_shift) + (seq << sequence_shift) + origin`, in two multiplications: the
    /// first moves both halves, the second moves the tick the rest of its way.
    #[inline(always)]
    pub(crate) fn id(self, word: u64) -> u64 {
        let rest = self.tick(word).wrapping_mul(self.stretch);
        word.wrapping_mul(self.place).wrapping_add(rest).wrapping_add(self.origin)
    }
}

/// What stays the same for the life of a generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    /// Where tick 0 begins, in Unix milliseconds.
    base_ms: u64,
    /// The reading whose window ends with tick 0, where ticks are milliseconds.
    reach_ms: u64,
    tick_ms: NonZeroU64,
    /// How many ticks an id may be ahead of the clock.
    pub(crate) borrow: i64,
    pub(crate) scale: Scale,
    /// Ticks are milliseconds and the sequence is lowest.
    pub(crate) plain: bool,
    /// The first tick behind the layout.
    end: i64,
    /// Tick 0 as the layout counts.
    floor_tick: u64,
    pub(crate) rules: Rules,
}

impl Ground {
    /// The last tick of a reading's window where ticks are milliseconds.
    ///
    /// Readings whose window lies before the floor, and such as are beyond every date, come out
    /// above every horizon.
    #[inline(always)]
    pub(crate) fn plain_reach_at(&self, unix_ms: u64) -> u64 {
        unix_ms.wrapping_sub(self.reach_ms)
    }

    /// The tick of any reading, floored.
    pub(crate) fn tick_at(&self, unix_ms: u64) -> i64 {
        let unix_ms = unix_ms.min(FAR_MS);
        match unix_ms.checked_sub(self.base_ms) {
            Some(above_ms) => (above_ms / self.tick_ms).cast_signed(),
            None => -(self.base_ms - unix_ms).div_ceil(self.tick_ms.get()).cast_signed(),
        }
    }

    #[inline(always)]
    pub(crate) fn tick_of(&self, word: u64) -> i64 {
        self.scale.tick(word).cast_signed()
    }

    fn sequence_of(&self, word: u64) -> u64 {
        word & ((1 << self.scale.bits) - 1)
    }

    #[inline]
    pub(crate) fn id(&self, word: u64) -> u64 {
        self.scale.id(word)
    }

    /// Writes the ids of words from `first` on.
    #[inline]
    pub(crate) fn write_ids(&self, first: u64, ids: &mut [u64]) {
        let (mut next, step) = (self.id(first), self.place());
        for id in ids {
            *id = next;
            next = next.wrapping_add(step);
        }
    }

    /// The distance of the ids of neighbouring words.
    #[inline]
    pub(crate) fn place(&self) -> u64 {
        self.scale.place
    }

    /// How many numbers a tick has.
    pub(crate) fn numbers_per_tick(&self) -> u64 {
        1 << self.scale.bits
    }

    /// When `tick` begins, in Unix milliseconds.
    pub(crate) fn unix_ms_of(&self, tick: i64) -> i64 {
        self.base_ms.cast_signed() + tick * self.tick_ms.get().cast_signed()
    }

    /// The first number not counted by `word`.
    pub(crate) fn floor_of(&self, word: u64) -> Floor {
        let word = word & !ENDED;
        Floor {
            unix_ms: self.unix_ms_of(self.tick_of(word)).cast_unsigned(),
            sequence: self.sequence_of(word),
        }
    }

    /// The first word of the last tick below a horizon's, for a receipt that is cut (wrongly).
    pub(crate) fn word_at(&self, tick: i64) -> u64 {
        tick.cast_unsigned() << self.scale.bits
    }

    /// The last whole tick below a horizon, cut to the layout's last; negative below the floor.
    ///
    /// `None` if the word cannot count so far.
    pub(crate) fn last_below(&self, horizon_unix_ms: u64) -> Option<i64> {
        let horizon = self.tick_at(horizon_unix_ms).min(self.end);
        let full = (WORD_END >> self.scale.bits).cast_signed();
        (horizon < full).then_some(horizon - 1)
    }

    /// What a call for up to `n` numbers is given, when the word, the clock and the last leased
    /// tick are these.
    pub(crate) fn step(
        &self,
        word: u64,
        unix_ms: u64,
        last: i64,
        n: u64,
    ) -> Result<Claim, Refusal> {
        if word & ENDED != 0 {
            return Err(Refusal::Ended);
        }
        let (tick, now) = (self.tick_of(word), self.tick_at(unix_ms));
        if tick > last && !self.rules.lack(Rule::HorizonTest) {
            return Err(self.dry(last));
        }
        let opens = tick - self.borrow;
        if opens > now {
            // The clock is before the tick, so the date is neither negative nor below it.
            let wait_ms = self.unix_ms_of(opens).cast_unsigned() - unix_ms;
            return Err(Refusal::NotYet { wait_ms });
        }
        let present = now.min(last);
        let first = if tick < present { self.first_word_of(present) } else { word };
        let left = self.numbers_per_tick() - self.sequence_of(first);
        let len = if self.rules.lack(Rule::BlockInTick) { n } else { n.min(left) };
        Ok(Claim { first, len, late: now > last })
    }

    /// More time helps only while the layout has some.
    fn dry(&self, last: i64) -> Refusal {
        if last + 1 == self.end { Refusal::Ended } else { Refusal::Exhausted }
    }

    /// Where a tick begins that is reached by the clock and not by counting.
    ///
    /// Not at 0, or the ids of a slow caller would all be even; a function of the tick alone, so
    /// that two callers who raise the word at once agree.
    fn first_word_of(&self, tick: i64) -> u64 {
        let absolute = self.floor_tick.wrapping_add(tick.cast_unsigned());
        let hash = absolute.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let starts = (self.numbers_per_tick() / 16).max(1);
        self.word_at(tick) | (hash & (starts - 1))
    }
}
