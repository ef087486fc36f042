//! What a cursor refuses, and where its numbers end.
#![cfg(not(idgen_loom))]

use std::num::NonZeroU64;

use idgen_core::{IdRange, Refusal};
use idgen_segment::{MAX_CLAIM_LEN, MAX_SEGMENT_LEN, Refill, RefillError, Retired};
use idgen_segment::{SegmentCursor, SegmentHandle, SupplyError};

fn range(start: u64, step: u64, len: u64) -> IdRange {
    IdRange::new(start, step, len).unwrap()
}

fn wish(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap()
}

fn supplied(segment: IdRange) -> SegmentCursor {
    let cursor = SegmentCursor::new();
    supply(&cursor, segment).unwrap();
    cursor
}

fn supply(cursor: &SegmentCursor, segment: IdRange) -> Result<(), SupplyError> {
    cursor.begin_refill().expect("the cursor is bare").supply(segment)
}

#[test]
fn starts_empty_and_bare() {
    let cursor = SegmentCursor::new();
    assert!(cursor.is_bare() && cursor.needs_refill());
    assert_eq!((cursor.highest_supplied(), cursor.remaining(), cursor.gaps()), (None, 0, 0));
    assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
    assert_eq!(cursor.take_exact(wish(1)), Err(Refusal::Exhausted));
    assert_eq!(cursor.retire(), Some(Retired { tail: None, standby: None }));
    assert_eq!(cursor.take_exact(wish(1)), Err(Refusal::Ended));
    assert!(!cursor.needs_refill() && cursor.begin_refill().is_none());
}

#[test]
fn every_refused_segment_comes_back_and_says_why() {
    let cursor = supplied(range(100, 1, 10));
    assert_eq!(cursor.next_id(), Ok(100));
    let cases = [
        (range(109, 1, 5), "meets 100..=109"),
        (range(50, 100, 2), "meets 100..=109"),
        (range(1, 1, 5), "does not lie above 109"),
        (range(1000, 1, MAX_SEGMENT_LEN + 1), "above the limit of 2^32"),
    ];
    for (segment, why) in cases {
        let error = supply(&cursor, segment).unwrap_err();
        assert_eq!(error.range(), segment);
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(cursor.remaining(), 9);
    let refill = cursor.begin_refill().unwrap();
    let retired = Some(Retired { tail: Some(range(101, 1, 9)), standby: None });
    assert_eq!(cursor.retire(), retired);
    let late = range(200, 1, 5);
    assert_eq!(refill.supply(late), Err(SupplyError::Retired { range: late }));
    assert_eq!((cursor.retire(), cursor.remaining()), (None, 0));
}

#[test]
fn a_source_error_frees_the_permit() {
    let cursor = SegmentCursor::new();
    let mut down = |_: u64, _: Option<u64>| Err::<IdRange, _>("down");
    assert_eq!(cursor.refill_from(&mut down, 10), Err(RefillError::Source("down")));
    let mut above = None;
    let mut up = |len: u64, highest: Option<u64>| {
        above = highest;
        Ok::<_, &str>(range(highest.map_or(5, |id| id + 1), 2, len))
    };
    assert_eq!(cursor.refill_from(&mut up, 3), Ok(true));
    assert_eq!(cursor.refill_from(&mut up, 3), Ok(false), "a standby waits");
    assert_eq!(cursor.next_id(), Ok(5));
    assert_eq!(cursor.refill_from(&mut up, 3), Ok(true));
    assert_eq!((above, cursor.highest_supplied()), (Some(9), Some(14)));
}

#[test]
fn the_last_ids_there_are_come_out() {
    let cursor = supplied(range(u64::MAX - 6, 3, 3));
    let mut handle = SegmentHandle::new(&cursor, wish(2));
    assert_eq!(handle.next_id(), Ok(u64::MAX - 6));
    assert_eq!(cursor.next_id(), Ok(u64::MAX));
    assert_eq!(handle.next_id(), Ok(u64::MAX - 3));
    assert_eq!(handle.next_id(), Err(Refusal::Exhausted));
    assert_eq!((handle.rest(), cursor.highest_supplied()), (None, Some(u64::MAX)));
}

#[test]
fn a_claim_is_cut_and_a_fill_goes_on() {
    let cursor = supplied(range(0, 1, MAX_SEGMENT_LEN));
    let longest = cursor.take(wish(u64::MAX)).unwrap();
    assert_eq!(longest, range(0, 1, MAX_CLAIM_LEN));
    assert_eq!(SegmentHandle::new(&cursor, wish(u64::MAX)).take(wish(1)), Ok(range(1 << 20, 1, 1)));
    assert_eq!(cursor.gaps(), 0, "the dropped handle's rest went back");
    supply(&cursor, range(1 << 40, 1, 1)).unwrap();
    let mut ids = vec![0; (2 << 20) + 5];
    assert_eq!(cursor.fill(&mut ids), ids.len());
    assert!(ids.iter().zip((1 << 20) + 1..).all(|(id, expected)| *id == expected));
}

#[test]
fn exactly_the_whole_segment_and_nothing_longer() {
    let cursor = supplied(range(1, 1, MAX_SEGMENT_LEN));
    let too_long = wish(MAX_SEGMENT_LEN + 1);
    assert_eq!(cursor.take_exact(too_long), Err(Refusal::Exhausted));
    assert_eq!((cursor.remaining(), cursor.gaps()), (MAX_SEGMENT_LEN, 0), "nothing is skipped");
    let whole = cursor.take_exact(wish(MAX_SEGMENT_LEN)).unwrap();
    assert_eq!(whole.range, range(1, 1, MAX_SEGMENT_LEN));
    assert_eq!(cursor.next_id(), Err(Refusal::Exhausted));
}

#[test]
fn too_short_a_standby_makes_way_for_a_longer_one() {
    let cursor = supplied(range(1, 1, 5));
    assert_eq!(cursor.next_id(), Ok(1));
    supply(&cursor, range(11, 1, 5)).unwrap();
    assert_eq!(cursor.take_exact(wish(8)), Err(Refusal::Exhausted));
    assert_eq!((cursor.gaps(), cursor.remaining()), (4, 5));
    supply(&cursor, range(21, 1, 8)).unwrap();
    let exact = cursor.take_exact(wish(8)).unwrap();
    assert_eq!((exact.range, exact.skipped), (range(21, 1, 8), Some(range(11, 1, 5))));
}

/// Callers that go on asking a retired or exhausted cursor must not push its word over the edge.
#[test]
fn refused_calls_do_not_move_the_word() {
    let cursor = supplied(range(1, 1, 1));
    assert_eq!(cursor.next_id(), Ok(1));
    for _ in 0..300_000 {
        assert_eq!(cursor.take(wish(MAX_CLAIM_LEN)), Err(Refusal::Exhausted));
    }
    supply(&cursor, range(2, 1, 1)).unwrap();
    assert_eq!(cursor.retire(), Some(Retired { tail: None, standby: Some(range(2, 1, 1)) }));
    for _ in 0..300_000 {
        assert_eq!(cursor.take(wish(MAX_CLAIM_LEN)), Err(Refusal::Ended));
    }
    assert_eq!(cursor.retire(), None);
}

#[test]
fn a_block_at_hand_is_used_up_and_no_other_is_claimed() {
    let cursor = supplied(range(10, 5, 100));
    let mut handle = SegmentHandle::new(&cursor, wish(3));
    assert_eq!(handle.next_of_block(), None, "nothing is claimed yet");
    assert_eq!(handle.next_id(), Ok(10));
    assert_eq!([handle.next_of_block(), handle.next_of_block()], [Some(15), Some(20)]);
    assert_eq!((handle.next_of_block(), handle.rest()), (None, None));
    assert_eq!(cursor.next_id(), Ok(25), "the cursor was not touched");
    assert_eq!(handle.next_id(), Ok(30));
}

#[test]
fn permits_and_handles_cross_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let cursor = std::sync::Arc::new(SegmentCursor::new());
    let refill = is_send(Refill::begin(std::sync::Arc::clone(&cursor)).unwrap());
    refill.supply(range(1, 1, 3)).unwrap();
    let mut handle = is_send(SegmentHandle::new(std::sync::Arc::clone(&cursor), wish(2)));
    assert_eq!(std::thread::spawn(move || handle.next_id()).join().unwrap(), Ok(1));
    assert_eq!((cursor.next_id(), cursor.gaps()), (Ok(2), 0));
}

/// What a retired cursor tells does not change when a segment arrives too late.
#[test]
fn a_late_segment_leaves_a_retired_cursor_as_it_was() {
    let cursor = supplied(range(1, 1, 5));
    assert_eq!((cursor.next_id(), cursor.upcoming()), (Ok(1), Some(2)));
    let refill = cursor.begin_refill().unwrap();
    assert!(cursor.retire().is_some());
    assert!(refill.supply(range(11, 1, 5)).is_err());
    assert!(cursor.is_bare(), "what was so when it retired");
    assert_eq!(cursor.highest_supplied(), Some(5), "the late segment was not taken");
    assert_eq!(cursor.upcoming(), None, "an ended cursor has no next id");
}

/// The longest segment with the widest step that ends at the last id there is.
#[test]
fn a_whole_space_in_one_segment() {
    let (first, step) = ((1 << 32) - 1, 1 << 32);
    let cursor = supplied(range(first, step, MAX_SEGMENT_LEN));
    let exact = cursor.take_exact(wish(MAX_SEGMENT_LEN - 5)).unwrap();
    assert_eq!((exact.range.start(), exact.skipped), (first, None));
    let mut handle = SegmentHandle::new(&cursor, wish(MAX_CLAIM_LEN));
    assert_eq!(handle.next_id(), Ok(u64::MAX - 4 * step));
    assert_eq!(cursor.take_exact(wish(1)), Err(Refusal::Exhausted));
    assert_eq!(handle.take(wish(9)), Ok(range(u64::MAX - 3 * step, step, 4)));
    for _ in 0..3 {
        assert_eq!(cursor.take(wish(MAX_CLAIM_LEN)), Err(Refusal::Exhausted));
    }
    assert_eq!((cursor.last_issued(), cursor.upcoming()), (Some(u64::MAX), None));
    assert_eq!((cursor.remaining(), cursor.gaps()), (0, 0));
    let error = supply(&cursor, range(1, 1, 5)).unwrap_err();
    assert_eq!(error, SupplyError::NotAbove { range: range(1, 1, 5), highest: u64::MAX });
    assert!(supply(&cursor, IdRange::one(u64::MAX)).is_err(), "the end is the end");
    assert_eq!(cursor.retire(), Some(Retired { tail: None, standby: None }));
}
