//! Rows of the segment cursor and its handles, in the steady state: a standby waits.

use std::num::NonZeroU64;

use idgen_benches::bare::{Bare, CasCursor};
use idgen_benches::subjects::cursor;
use idgen_benches::{Method, Run};
use idgen_segment::{MAX_SEGMENT_LEN, SegmentHandle};

const BLOCK: NonZeroU64 = NonZeroU64::new(1024).unwrap();

fn shared(method: &Method, threads: u64) -> Run {
    let (cursor, bare) = (cursor(), Bare::default());
    let candidate = || || cursor.next_id().expect("2^32 ids are in hand");
    let run = method.compare(threads, candidate, || || bare.next_id());
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
    method.compare(2, candidate, || || dull.next_id().expect("2^32 ids are in hand"))
}

fn handles(method: &Method, threads: u64) -> Run {
    let (cursor, bare) = (cursor(), Bare::default());
    let candidate = || {
        let mut handle = SegmentHandle::new(&cursor, BLOCK);
        move || handle.next_id().expect("2^32 ids are in hand")
    };
    let run = method.compare(threads, candidate, || || bare.next_id());
    assert!(!cursor.is_bare(), "the segments outlast the run");
    run
}

pub(crate) fn handle_alone(method: &Method) -> Run {
    handles(method, 1)
}

pub(crate) fn handles_of_two(method: &Method) -> Run {
    handles(method, 2)
}
