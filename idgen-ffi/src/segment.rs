//! Serial ids: a cursor over leased segments.

use core::ffi::c_void;
use core::num::NonZeroU64;

use idgen_core::IdRange;
use idgen_segment::{RefillError, SegmentCursor};

use crate::guard::guard;
use crate::pointer::{counter, fill_rest, items_mut, output, output_if_wanted};
use crate::range::Range;
use crate::seal::{Block, init, open};
use crate::status::{Answer, Status, said};

/// A cursor: issues the ids of the segments that it is supplied, each once, to any number of
/// threads.
///
/// Opaque memory of yours, on the stack, in a struct or from `aligned_alloc(IDGEN_ALIGNMENT,
/// sizeof(idgen_segment_cursor))`; nothing is allocated and nothing has to be freed. All functions
/// but `idgen_segment_init` may be called by any number of threads at once. It must stay where it
/// was initialised as long as any thread or handle uses it.
#[repr(C, align(128))]
pub struct Cursor {
    opaque: [u64; 64],
}

impl Block for Cursor {
    type Body = SegmentCursor;
    const KIND: u64 = 0x9C1F_4E37_A06B_D258;
}

/// Grants segments: writes about `len` ids to `segment`, all above `above`, the highest id that the
/// cursor was supplied so far (0: none yet), and answers IDGEN_STATUS_OK; anything else makes the
/// refill fail. The one law: no id is ever granted twice, to whomever. It must return: after
/// a `throw` or `longjmp` the refill would be under way for ever.
pub type Source = Option<
    unsafe extern "C" fn(context: *mut c_void, len: u64, above: u64, segment: *mut Range) -> i32,
>;

pub(crate) fn some(max: u64) -> Answer<NonZeroU64> {
    NonZeroU64::new(max).ok_or(Status::OutOfRange)
}

/// Makes an empty cursor of your memory: every call is EXHAUSTED until a segment is supplied.
///
///     static idgen_segment_cursor orders;
///     idgen_segment_init(&orders);
///     idgen_range segment = { .start = 1, .step = 1, .len = 1000 };
///     idgen_segment_supply(&orders, segment);
///     uint64_t id;
///     if (idgen_segment_next(&orders, &id) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///
/// Nobody else may use the memory meanwhile; what a cursor there had left is lost, a gap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_init(cursor: *mut Cursor) -> Status {
    // SAFETY: the caller's promise.
    guard(|| unsafe { init(cursor, || Ok(SegmentCursor::new())) })
}

/// Writes the next id to `id`. Ids rise for each thread, and over threads whenever one call ends
/// before another begins.
///
/// EXHAUSTED until a segment is supplied; ENDED after `idgen_segment_retire`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_next(cursor: *mut Cursor, id: *mut u64) -> Status {
    // SAFETY: the caller's promise.
    let (sealed, id) = match unsafe { (open(cursor), output(id)) } {
        (Ok(sealed), Ok(id)) => (sealed, id),
        (Err(status), _) | (_, Err(status)) => return status,
    };
    match sealed.body.next_id() {
        Ok(next) => id.set(next),
        Err(refusal) => refusal.into(),
    }
}

/// Writes 1 to `max` ids of one segment to `range`; `max` is at least 1, and what is above 2^20 is
/// not given at once.
///
/// EXHAUSTED, ENDED as `idgen_segment_next`; OUT_OF_RANGE: `max` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_take(
    cursor: *mut Cursor,
    max: u64,
    range: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, range) = unsafe { (open(cursor)?, output(range)?) };
        range.put(sealed.body.take(some(max)?)?.into())
    })
}

/// Writes exactly `n` ids in one run to `range`, or none. Where the segment at hand has too few and
/// a standby waits, the cursor turns early; what it skips is written to `skipped` (unless that is
/// NULL; `len` 0: nothing), yours to hand back to the store.
///
/// EXHAUSTED: supply a segment of at least `n` ids and call again; ENDED; OUT_OF_RANGE: `n` is 0 or
/// above 2^20.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_take_exact(
    cursor: *mut Cursor,
    n: u64,
    range: *mut Range,
    skipped: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, range, skipped) =
            unsafe { (open(cursor)?, output(range)?, output_if_wanted(skipped)?) };
        if n > idgen_segment::MAX_CLAIM_LEN {
            return Err(Status::OutOfRange);
        }
        let exact = sealed.body.take_exact(some(n)?)?;
        skipped.put(exact.skipped.into())?;
        range.put(exact.range.into())
    })
}

/// Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
/// yours whatever the answer.
///
/// OK: all `len` of them. Else why there are fewer: EXHAUSTED, ENDED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_fill(
    cursor: *mut Cursor,
    ids: *mut u64,
    len: usize,
    filled: *mut usize,
) -> Status {
    let filling = || {
        // SAFETY: the caller's promise.
        let filled = unsafe { counter(filled)? };
        // SAFETY: the caller's promise.
        let (sealed, ids) = unsafe { (open(cursor)?, items_mut(ids, len)?) };
        let count = sealed.body.fill(ids);
        filled.set(count);
        fill_rest(ids, filled, count, || Ok(sealed.body.next_id()?))
    };
    said(filling())
}

/// Gives the cursor a segment as its standby. The segment must lie above those supplied before, in
/// the order of a store that only counts up. A new cursor's first segment waits as a standby too,
/// until the first id is asked for.
///
/// BUSY: a standby waits already, another refill is under way, or the cursor has ended; NOT_ABOVE,
/// OVERLAPS; ENDED: the cursor ended meanwhile; OUT_OF_RANGE: no range, or more than 2^32 ids. The
/// cursor has not taken the segment then, and it is yours to hand back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_supply(cursor: *mut Cursor, segment: Range) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let sealed = unsafe { open(cursor)? };
        let segment = segment.checked()?;
        sealed.body.begin_refill().ok_or(Status::Busy)?.supply(segment)?;
        Ok(())
    })
}

/// Asks `source` for about `len` ids and supplies them, if the cursor has no standby and no other
/// refill is under way; `context` is handed through. Call it whenever `idgen_segment_needs_refill`
/// says so, ahead of need on a thread of its own, or when a call is EXHAUSTED.
///
/// BUSY: nothing to do; SOURCE_FAILED: the source did not answer OK, or no range; NOT_ABOVE,
/// OVERLAPS, ENDED, OUT_OF_RANGE as `idgen_segment_supply`, and then what the source granted is
/// written to `refused` (unless NULL), yours to hand back. NULL: no source.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_refill(
    cursor: *mut Cursor,
    source: Source,
    context: *mut c_void,
    len: u64,
    refused: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, refused) = unsafe { (open(cursor)?, output_if_wanted(refused)?) };
        let source = source.ok_or(Status::Null)?;
        let len = some(len)?.get();
        refused.put(Range::NONE)?;
        let mut ask = |len, above: Option<u64>| {
            let mut segment = Range::NONE;
            // SAFETY: a function of the caller's, called as the header says.
            let answer = unsafe { source(context, len, above.unwrap_or(0), &raw mut segment) };
            granted(answer, segment)
        };
        match sealed.body.refill_from(&mut ask, len) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Status::Busy),
            Err(RefillError::Source(status)) => Err(status),
            Err(RefillError::Supply(error)) => {
                refused.put(error.range().into())?;
                Err(error.into())
            }
        }
    })
}

fn granted(answer: i32, segment: Range) -> Answer<IdRange> {
    if answer != Status::Ok as i32 {
        return Err(Status::SourceFailed);
    }
    segment.checked().map_err(|_| Status::SourceFailed)
}

/// Writes to `needed` 1 if the cursor has no standby and takes one, else 0. The hint that it is
/// time for a refill: cheap enough to ask after every call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_needs_refill(
    cursor: *const Cursor,
    needed: *mut u32,
) -> Status {
    // SAFETY: the caller's promise.
    let parts = unsafe { (open(cursor), output(needed)) };
    match parts {
        (Ok(sealed), Ok(needed)) => needed.set(u32::from(sealed.body.needs_refill())),
        (Err(status), _) | (_, Err(status)) => status,
    }
}

/// Writes to `ids` how many ids are at hand, in the segment and the standby. Out of date as soon as
/// it is read, if others take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_remaining(cursor: *const Cursor, ids: *mut u64) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, ids) = unsafe { (open(cursor)?, output(ids)?) };
        ids.put(sealed.body.remaining())
    })
}

/// Writes to `ids` how many ids were dropped and will never be issued: gaps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_gaps(cursor: *const Cursor, ids: *mut u64) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, ids) = unsafe { (open(cursor)?, output(ids)?) };
        ids.put(sealed.body.gaps())
    })
}

/// Ends the cursor for ever. What it has left is written to `tail` and `standby` (`len` 0:
/// nothing), yours to hand back to the store; ids taken before stay good, blocks of handles too.
///
/// ENDED: it had ended before, and the one call that did it got what was left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_retire(
    cursor: *mut Cursor,
    tail: *mut Range,
    standby: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, tail, standby) = unsafe { (open(cursor)?, output(tail)?, output(standby)?) };
        let left = sealed.body.retire().ok_or(Status::Ended)?;
        tail.put(left.tail.into())?;
        standby.put(left.standby.into())
    })
}
