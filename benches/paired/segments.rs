//! Rows of the segment cursor and its handles, in the steady state: a standby waits.

use std::num::NonZeroU64;

use idgen_benches::{Method, Run};
use idgen_core::IdRange;
use idgen_segment::{MAX_SEGMENT_LEN, SegmentCursor, SegmentHandle};

use crate::bare::{Bare, CasCursor};

const BLOCK: NonZeroU64 = NonZeroU64::new(1024).unwrap();

/// A cursor with 2^32 ids in hand and as many behind them: more than a run takes.
pub(crate) fn cursor() -> SegmentCursor {
    let cursor = SegmentCursor::new();
    for nth in 0..2 {
        let segment = IdRange::new(1 + nth * MAX_SEGMENT_LEN, 1, MAX_SEGMENT_LEN);
        let refill = cursor.begin_refill().expect("nobody else refills");
        refill.supply(segment.expect("far from the end")).expect("each lies above the last");
        // The first makes the turn after which the second can be supplied.
        cursor.next_id().expect("just supplied");
    }
    assert!(!cursor.is_bare(), "a standby waits");
    cursor
}

fn shared(method: &Method, threads: u64) -> Run {
    let (cursor, bare) = (cursor(), Bare::default());
    let candidate = || || cursor.next_id().expect("2^32 ids are in hand");
    let run = method.compare(threads, candidate, || || bare.next());
    assert!(!cursor.is_bare(), "the segments outlast the run");
    run
}

pub(crate) fn shared_by_one(method: &Method) -> Run {
    shared(method, 1)
}

pub(crate) fn shared_by_two(method: &Method) -> Run {
    shared(method, 2)
}

pub(crate) fn shared_by_two_to_cas(method: &Method) -> Run {
    let (cursor, dull) = (cursor(), CasCursor::new(MAX_SEGMENT_LEN));
    let candidate = || || cursor.next_id().expect("2^32 ids are in hand");
    method.compare(2, candidate, || || dull.next().expect("2^32 ids are in hand"))
}

fn handles(method: &Method, threads: u64) -> Run {
    let (cursor, bare) = (cursor(), Bare::default());
    let candidate = || {
        let mut handle = SegmentHandle::new(&cursor, BLOCK);
        move || handle.next_id().expect("2^32 ids are in hand")
    };
    let run = method.compare(threads, candidate, || || bare.next());
    assert!(!cursor.is_bare(), "the segments outlast the run");
    run
}

pub(crate) fn handle_alone(method: &Method) -> Run {
    handles(method, 1)
}

pub(crate) fn handles_of_two(method: &Method) -> Run {
    handles(method, 2)
}
