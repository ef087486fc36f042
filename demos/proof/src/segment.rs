//! Ids from leased segments.

use core::num::NonZeroU64;

use idgen_core::{IdRange, Refusal};
use idgen_segment::{MAX_SEGMENT_LEN, SegmentCursor, SegmentHandle, SupplyError};

use crate::Seen;

/// Far above what 32 bits hold.
const FROM: u64 = 1 << 40;

fn range(start: u64, step: u64, len: u64) -> IdRange {
    IdRange::new(start, step, len).expect("a range of ids")
}

fn some(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("at least one")
}

fn supply(cursor: &SegmentCursor, segment: IdRange) {
    cursor.begin_refill().expect("a bare cursor").supply(segment).expect("new ground");
}

fn supplied(segment: IdRange) -> SegmentCursor {
    let cursor = SegmentCursor::new();
    supply(&cursor, segment);
    cursor
}

/// Grants segments of a sequence with step 3, one after the other.
struct Source {
    granted: u64,
}

impl Source {
    const STEP: u64 = 3;

    fn refill(&mut self, cursor: &SegmentCursor, len: u64) {
        let mut grant = |len: u64, above: Option<u64>| {
            let start = FROM + Self::STEP * self.granted;
            assert!(above.is_none_or(|above| above < start));
            self.granted += len;
            IdRange::new(start, Self::STEP, len)
        };
        cursor.refill_from(&mut grant, len).expect("a segment");
    }
}

/// In every way there is, through some forty turns.
pub(crate) fn ids_rise_over_many_segments() -> u32 {
    let (cursor, mut source) = (SegmentCursor::new(), Source { granted: 0 });
    let mut seen = Seen::from(FROM, Source::STEP);
    let mut buffer = [0; 16];
    assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
    while source.granted < Seen::ROOM - 100 {
        source.refill(&cursor, 100);
        cursor.next_id().into_iter().for_each(|id| seen.mark_rising(id));
        cursor.take(some(7)).into_iter().flatten().for_each(|id| seen.mark_rising(id));
        let filled = cursor.fill(&mut buffer);
        buffer[..filled].iter().for_each(|&id| seen.mark_rising(id));
        while cursor.remaining() > 50 {
            seen.mark_rising(cursor.next_id().expect("ids in hand"));
        }
    }
    while let Ok(id) = cursor.next_id() {
        seen.mark_rising(id);
    }
    assert_eq!((u64::from(seen.count()), cursor.gaps()), (source.granted, 0));
    seen.count()
}

/// Two handles and the cursor itself in turn.
pub(crate) fn blocks_of_handles_are_disjoint() -> u32 {
    let (cursor, mut source) = (SegmentCursor::new(), Source { granted: 0 });
    let mut seen = Seen::from(FROM, Source::STEP);
    source.refill(&cursor, 300);
    let mut one = SegmentHandle::new(&cursor, some(10));
    let mut two = SegmentHandle::new(&cursor, some(16));
    for _ in 0..50 {
        source.refill(&cursor, 300);
        seen.mark(one.next_id().expect("ids in hand"));
        seen.mark(cursor.next_id().expect("ids in hand"));
        two.take(some(5)).into_iter().flatten().for_each(|id| seen.mark(id));
    }
    for rest in [one.finish(), two.give_back()] {
        rest.into_iter().flatten().for_each(|id| seen.mark(id));
    }
    while let Ok(id) = cursor.next_id() {
        seen.mark(id);
    }
    assert_eq!((u64::from(seen.count()), cursor.gaps()), (source.granted, 0));
    seen.count()
}

/// A contiguous claim skips the segment that is too short, and says so.
pub(crate) fn claims_all_or_nothing() -> u32 {
    let cursor = supplied(range(FROM, 1, 10));
    assert_eq!(cursor.next_id(), Ok(FROM));
    assert_eq!(cursor.take_exact(some(20)), Err(Refusal::Exhausted));
    supply(&cursor, range(FROM + 100, 1, 50));
    let exact = cursor.take_exact(some(20)).expect("fifty in hand");
    assert_eq!(exact.range, range(FROM + 100, 1, 20));
    assert_eq!(exact.skipped, Some(range(FROM + 1, 1, 9)));
    assert_eq!(cursor.next_id(), Ok(FROM + 120));
    22
}

/// The longest segment, to its last id.
pub(crate) fn offsets_pass_32_bits() -> u32 {
    let cursor = supplied(range(FROM, 5, MAX_SEGMENT_LEN));
    assert_eq!(cursor.remaining(), 1 << 32);
    let exact = cursor.take_exact(some(MAX_SEGMENT_LEN - 2)).expect("all but two");
    assert_eq!(exact.range.last(), FROM + 5 * (MAX_SEGMENT_LEN - 3));
    assert_eq!(cursor.next_id(), Ok(FROM + 5 * (MAX_SEGMENT_LEN - 2)));
    assert_eq!(cursor.next_id(), Ok(FROM + 5 * (MAX_SEGMENT_LEN - 1)));
    assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
    3
}

/// Ids end at 2^64 - 1.
pub(crate) fn never_wraps() -> u32 {
    let cursor = supplied(range(u64::MAX - 18, 2, 10));
    let mut buffer = [0; 11];
    assert_eq!(cursor.fill(&mut buffer), 10);
    assert!(buffer[..10].is_sorted() && buffer[9] == u64::MAX);
    assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
    10
}

/// Segments that were supplied before, lie below or are too long.
pub(crate) fn refuses_ground_it_had() -> u32 {
    let held = range(FROM, 1, 10);
    let cursor = supplied(held);
    assert_eq!(cursor.next_id(), Ok(FROM));
    let offer = |segment| cursor.begin_refill().expect("a bare cursor").supply(segment);
    let twice = range(FROM + 9, 1, 10);
    assert_eq!(offer(twice), Err(SupplyError::Overlaps { range: twice, held }));
    let below = range(1, 1, 10);
    assert_eq!(offer(below), Err(SupplyError::NotAbove { range: below, highest: FROM + 9 }));
    let long = range(FROM + 10, 1, MAX_SEGMENT_LEN + 1);
    assert_eq!(offer(long), Err(SupplyError::TooLong { range: long }));
    assert_eq!(offer(range(FROM + 10, 1, 1)), Ok(()));
    assert!(cursor.begin_refill().is_none(), "a second standby");
    1
}

/// What is left comes back once, and nothing after it.
pub(crate) fn retires_with_its_rest() -> u32 {
    let cursor = supplied(range(FROM, 1, 10));
    let ids = cursor.take(some(4)).expect("ids in hand");
    supply(&cursor, range(FROM + 10, 1, 10));
    let refill = cursor.begin_refill();
    assert!(refill.is_none(), "a second standby");
    let retired = cursor.retire().expect("the first to retire it");
    assert_eq!(retired.tail, Some(range(FROM + 4, 1, 6)));
    assert_eq!(retired.standby, Some(range(FROM + 10, 1, 10)));
    assert_eq!(cursor.retire(), None);
    assert_eq!(cursor.next_id(), Err(Refusal::Ended));
    assert_eq!(cursor.take_exact(some(1)), Err(Refusal::Ended));
    u32::try_from(ids.len()).expect("four")
}
