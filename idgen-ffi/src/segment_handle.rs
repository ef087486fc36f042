//! Serial ids for one thread, from a block of its own.

use core::num::NonZeroU64;
use core::ops::Deref;
use core::ptr::NonNull;

use idgen_segment::{SegmentCursor, SegmentHandle};

use crate::guard::guard;
use crate::pointer::{counter, fill_rest, items_mut, output};
use crate::range::Range;
use crate::seal::{Block, Sealed, close, init, open, open_alone};
use crate::segment::{Cursor, some};
use crate::status::{Answer, Status, said};

/// A handle: one thread's own block of a cursor's ids, faster than the cursor, which all share.
///
/// Opaque memory of yours, as a cursor is. One thread at a time may use it. Its cursor must stay
/// where it is until the handle has ended.
#[repr(C, align(128))]
pub struct Handle {
    opaque: [u64; 32],
}

impl Block for Handle {
    type Body = Body;
    const KIND: u64 = 0x52B8_D3E1_6F90_C47A;
}

pub(crate) struct Body {
    handle: SegmentHandle<Lender>,
    cursor: *const Cursor,
    cursor_birth: u64,
}

/// Lends the cursor to the handle.
struct Lender(NonNull<SegmentCursor>);

impl Deref for Lender {
    type Target = SegmentCursor;

    fn deref(&self) -> &SegmentCursor {
        // SAFETY: `Body::cursor_is_there` has looked, and the header asks for the cursor to stay.
        unsafe { self.0.as_ref() }
    }
}

impl Body {
    /// Refuses when the cursor is not the one that this handle was made for.
    fn cursor_is_there(&self) -> Answer {
        // SAFETY: the cursor stays where it is until the handle has ended, says the header.
        let sealed = unsafe { open(self.cursor)? };
        if sealed.birth() == self.cursor_birth { Ok(()) } else { Err(Status::BadState) }
    }
}

/// Makes a handle of your memory that claims `block` ids of the cursor at a time, 1 to 2^20; 1024
/// is a good number. Nothing is claimed yet.
///
///     idgen_segment_handle mine;
///     idgen_segment_handle_init(&mine, &orders, 1024);
///     uint64_t id;
///     if (idgen_segment_handle_next(&mine, &id) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///     idgen_range rest;
///     idgen_segment_handle_give_back(&mine, &rest);
///
/// What a handle in this memory had left is lost, a gap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_init(
    handle: *mut Handle,
    cursor: *mut Cursor,
    block: u64,
) -> Status {
    guard(|| {
        let make = || {
            // SAFETY: the caller's promise.
            let sealed: &Sealed<Cursor> = unsafe { open(cursor)? };
            if block > idgen_segment::MAX_CLAIM_LEN {
                return Err(Status::OutOfRange);
            }
            let block: NonZeroU64 = some(block)?;
            let handle = SegmentHandle::new(Lender(NonNull::from(&sealed.body)), block);
            Ok(Body { handle, cursor, cursor_birth: sealed.birth() })
        };
        // SAFETY: the caller's promise.
        unsafe { init(handle, make) }
    })
}

/// Writes the next id of the handle's block, or of a new one, to `id`. Ids of one handle rise.
///
/// EXHAUSTED, ENDED as `idgen_segment_next`, once the block is used up; BAD_STATE: the handle, or
/// then the cursor, is not there any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_next(handle: *mut Handle, id: *mut u64) -> Status {
    // SAFETY: the caller's promise.
    if let Ok(place) = unsafe { output(id) }
        // SAFETY: the caller's promise.
        && let Ok(sealed) = unsafe { open_alone(handle) }
        && let Some(next) = sealed.body.handle.next_of_block()
    {
        return place.set(next);
    }
    // SAFETY: the caller's promise.
    unsafe { next_else(handle, id) }
}

/// Everything but an id of the block at hand, apart: so that is a straight line without a jump.
///
/// # Safety
///
/// As for [`idgen_segment_handle_next`].
#[cold]
#[inline(never)]
unsafe fn next_else(handle: *mut Handle, id: *mut u64) -> Status {
    let next = || {
        // SAFETY: the caller's promise.
        let (sealed, id) = unsafe { (open_alone(handle)?, output(id)?) };
        sealed.body.cursor_is_there()?;
        id.put(sealed.body.handle.next_id()?)
    };
    said(next())
}

/// Writes 1 to `max` ids in one run to `range`: of the block while it lasts, else of the cursor.
///
/// As `idgen_segment_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_take(
    handle: *mut Handle,
    max: u64,
    range: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, range) = unsafe { (open_alone(handle)?, output(range)?) };
        sealed.body.cursor_is_there()?;
        range.put(sealed.body.handle.take(some(max)?)?.into())
    })
}

/// Fills `ids` from the front and writes to `filled` how many there are, as `idgen_segment_fill`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_fill(
    handle: *mut Handle,
    ids: *mut u64,
    len: usize,
    filled: *mut usize,
) -> Status {
    let filling = || {
        // SAFETY: the caller's promise.
        let filled = unsafe { counter(filled)? };
        // SAFETY: the caller's promise.
        let (sealed, ids) = unsafe { (open_alone(handle)?, items_mut(ids, len)?) };
        sealed.body.cursor_is_there()?;
        let count = sealed.body.handle.fill(ids);
        filled.set(count);
        fill_rest(ids, filled, count, || Ok(sealed.body.handle.next_id()?))
    };
    said(filling())
}

/// Ends the handle and gives the rest of its block back to the cursor where that is possible; where
/// it is not, the rest is written to `rest` (`len` 0: nothing), yours to hand back to the store.
/// The memory is no handle from then on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_give_back(
    handle: *mut Handle,
    rest: *mut Range,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { end(handle, rest, true) }
    })
}

/// Ends the handle and writes the rest of its block to `rest` (`len` 0: nothing), yours to hand
/// back to the store. The memory is no handle from then on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_segment_handle_end(handle: *mut Handle, rest: *mut Range) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { end(handle, rest, false) }
    })
}

/// # Safety
///
/// As for the two above.
unsafe fn end(handle: *mut Handle, rest: *mut Range, into_cursor: bool) -> Answer {
    // SAFETY: the caller's promise.
    let rest = unsafe { output(rest)? };
    // SAFETY: the caller's promise.
    let body = unsafe { close(handle)? };
    if into_cursor && body.cursor_is_there().is_ok() {
        return rest.put(body.handle.give_back().into());
    }
    rest.put(body.handle.finish().into())
}
