//! The state word's fields, as arithmetic on plain numbers; no atomic is touched here.
//!
//! ```text
//!  63           40   39      38      37                 0
//! +---------------+------+---------+---------------------+
//! |  generation   | bare | retired |       offset        |
//! +---------------+------+---------+---------------------+
//! ```
//!
//! *generation* is the low end of the active segment's whole generation. *bare* says that no
//! standby waits: a supply clears it, a turn sets it with the next generation. *retired* is for
//! ever. *offset* counts what was claimed of the active segment; it may pass the segment's end by
//! the claim that crossed it and one more per thread, never more: 2^32 of a segment and 2^20 for
//! each of 2^18 - 2^12 claims fit 38 bits.
//!
//! Beside the word, `active` holds a whole generation (59 bits: for ever) with *dry* below it, so
//! that one `fetch_max` moves it up, sets *dry* and never takes either back. The generation begins
//! at bit 5 because a slot has 32 bytes: its lowest bit is then the slot's place.

#[cfg(idgen_loom)]
use crate::flaw::{self, Flaw};

/// Set in `active`: its segment was seen full without a standby, or the cursor retired.
pub(crate) const DRY: u64 = 1;
/// Set in the word: the cursor never issues again.
pub(crate) const RETIRED: u64 = 1 << 38;
/// Set in the word: no standby waits.
pub(crate) const BARE: u64 = 1 << 39;
const OFFSET: u64 = RETIRED - 1;
const STAMP_SHIFT: u32 = 5;

/// Where the generation begins. Its field is narrowed in a model by moving it up.
#[inline(always)]
fn generation_shift() -> u32 {
    #[cfg(idgen_loom)]
    return 64 - flaw::generation_bits();
    #[cfg(not(idgen_loom))]
    40
}

/// How many generations the word tells apart.
#[inline]
pub(crate) fn window() -> u64 {
    1 << (64 - generation_shift())
}

/// The word of a generation with an offset and no flag set.
#[inline]
pub(crate) fn at(generation: u64, offset: u64) -> u64 {
    generation << generation_shift() | offset
}

#[inline]
pub(crate) fn is_bare(word: u64) -> bool {
    word & BARE != 0
}

#[inline]
pub(crate) fn is_retired(word: u64) -> bool {
    word & RETIRED != 0
}

#[inline]
pub(crate) fn offset(word: u64) -> u64 {
    word & OFFSET
}

/// `active` of a generation, not dry.
#[inline(always)]
pub(crate) fn stamp(generation: u64) -> u64 {
    generation << STAMP_SHIFT
}

/// The generation that `active` names, dry or not.
#[inline(always)]
pub(crate) fn generation(active: u64) -> u64 {
    active >> STAMP_SHIFT
}

#[inline(always)]
fn base(active: u64) -> u64 {
    active << (generation_shift() - STAMP_SHIFT)
}

/// The offset in the segment that `active` names, which is not dry; 2^38 or more, which is past
/// every segment's end, if the word is of another generation or retired.
///
/// *bare* is masked off. A second try for bare words alone would be compiled to a conditional
/// move, and out of line it costs a call for as long as a refill takes.
#[inline(always)]
pub(crate) fn distance(active: u64, word: u64) -> u64 {
    #[cfg(idgen_loom)]
    if flaw::is(Flaw::IgnoreGeneration) {
        return word & (OFFSET | RETIRED);
    }
    (word & !BARE).wrapping_sub(base(active))
}

/// The word without *bare* that is so far away.
#[inline]
pub(crate) fn from_distance(active: u64, distance: u64) -> u64 {
    distance.wrapping_add(base(active))
}

/// The whole generation of a word that was read after `active`: the first one from there on that
/// the word's field fits. Wrong only for a thread that slept over a whole window of turns; it is
/// then too low, and the segment's own generation tells.
#[inline]
pub(crate) fn lift(active: u64, word: u64) -> u64 {
    #[cfg(idgen_loom)]
    if flaw::is(Flaw::IgnoreGeneration) {
        return generation(active);
    }
    let generation = generation(active);
    let ahead = (word >> generation_shift()).wrapping_sub(generation) & (window() - 1);
    generation + ahead
}

#[cfg(all(test, not(idgen_loom)))]
mod tests {
    use super::*;

    #[test]
    fn lifts_to_the_first_generation_that_fits() {
        for generation in [0, 1, 5, (1 << 24) - 1, 1 << 24, (1 << 40) + 7] {
            for ahead in [0, 1, 2, (1 << 24) - 1] {
                let word = at(generation + ahead, 9) | BARE;
                assert_eq!(lift(stamp(generation) | DRY, word), generation + ahead);
            }
            let word = at(generation + (1 << 24), 9);
            assert_eq!(lift(stamp(generation), word), generation, "a whole window is not seen");
        }
    }

    #[test]
    fn only_words_of_the_segment_are_near() {
        let active = stamp(7);
        for flag in [0, BARE] {
            assert_eq!(distance(active, at(7, 5) | flag), 5);
            for far in [at(7, 5) | RETIRED, at(8, 5), at(6, 5), at(7 + (1 << 23), 5)] {
                let distance = distance(active, far | flag);
                assert!(distance > OFFSET, "{far:#x}");
                assert_eq!(from_distance(active, distance), far);
            }
        }
    }

    #[test]
    fn fields_do_not_meet() {
        let word = at((1 << 24) - 1, OFFSET);
        assert!(!is_bare(word) && !is_retired(word));
        assert_eq!(offset(word | BARE | RETIRED), OFFSET);
        assert_eq!(word | BARE | RETIRED, u64::MAX);
    }
}
