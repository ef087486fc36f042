//! Looks from outside at a cursor at work: what is told was true at some moment.

use std::num::NonZeroU64;
use std::sync::Arc;

use idgen_core::IdRange;
use idgen_segment::SegmentCursor;
use idgen_segment::flaw::Flaw;

use crate::ledger::{TWO_THREADS, holds_but_not_with};

/// The looker may be asleep between any two of its reads while the slot is written anew. No
/// mixture of the slot's two segments ends where one of them does.
#[test]
fn look_at_a_slot_that_is_supplied() {
    fn model() {
        let [first, second, third] =
            [(1, 1, 3), (11, 1, 1), (101, 7, 2)].map(|(a, b, c)| IdRange::new(a, b, c).unwrap());
        let supply = |cursor: &SegmentCursor, segment| {
            cursor.begin_refill().unwrap().supply(segment).unwrap();
        };
        let cursor = Arc::new(SegmentCursor::new());
        supply(&cursor, first);
        cursor.take(NonZeroU64::MAX).unwrap();
        supply(&cursor, second);
        let other = Arc::clone(&cursor);
        let other = loom::thread::spawn(move || {
            assert_eq!(other.next_id(), Ok(11));
            supply(&other, third);
        });
        let last = cursor.last_issued();
        assert!(last == Some(3) || last == Some(11), "never issued: {last:?}");
        other.join().unwrap();
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::RelaxedSupply, Flaw::NoGeneration]);
}
