//! Time-ordered ids: a generator inside a lease of time.

use idgen_core::Refusal;
use idgen_snowflake::Snowflake as Generator;

use crate::clock::Time;
use crate::guard::guard;
use crate::layout::Layout;
use crate::lease::Lease;
use crate::pointer::{Output, counter, fill_rest, input, items_mut, output, output_if_wanted};
use crate::range::Range;
use crate::seal::{Block, init, open};
use crate::segment::some;
use crate::status::{Status, said};

/// A generator of time-ordered ids, each once, for any number of threads.
///
/// Opaque memory of yours, as a cursor is. All functions but `idgen_snowflake_init` may be called
/// by any number of threads at once. It must stay where it was initialised as long as any thread or
/// handle uses it.
#[repr(C, align(128))]
pub struct Snowflake {
    opaque: [u64; 144],
}

impl Block for Snowflake {
    type Body = Generator;
    const KIND: u64 = 0xE39A_5C70_1D84_2FB6;
}

/// Writes a refusal's wait and answers its status.
#[cold]
pub(crate) fn refused(refusal: Refusal, wait_ms: Output<u64>) -> Status {
    if let Refusal::NotYet { wait_ms: wait } = refusal {
        wait_ms.set(wait);
    }
    refusal.into()
}

/// Makes a generator of your memory, for one lease. Its ids are up to `borrow_ms` milliseconds
/// ahead of the clock in a burst, 0 to 10; 10 is usual.
///
///     static idgen_snowflake ids;
///     idgen_layout layout;
///     idgen_layout_preset("standard", &layout);
///     idgen_lease lease = { .worker = 7, .floor_unix_ms = now, .horizon_unix_ms = now + 10000 };
///     idgen_snowflake_init(&ids, &layout, &lease, 10);
///     uint64_t id;
///     if (idgen_snowflake_next(&ids, IDGEN_NOW, &id, NULL) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///
/// BAD_LAYOUT (also: it has a bucket field, see `idgen_buckets`), BAD_LEASE, LAYOUT_ENDED;
/// OUT_OF_RANGE: the borrow window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_init(
    snowflake: *mut Snowflake,
    layout: *const Layout,
    lease: *const Lease,
    borrow_ms: u64,
) -> Status {
    guard(|| {
        let make = || {
            // SAFETY: the caller's promise.
            let (layout, lease) = unsafe { (input(layout)?.checked()?, input(lease)?.granted()?) };
            Ok(Generator::with_borrow(&layout, lease, borrow_ms).map_err(|(error, _)| error)?)
        };
        // SAFETY: the caller's promise.
        unsafe { init(snowflake, make) }
    })
}

/// Writes the next id to `id`. Ids rise for each thread, and over threads whenever one call ends
/// before another begins. `now_unix_ms` is the time, or IDGEN_NOW or IDGEN_NOW_COARSE.
///
/// EXHAUSTED: the lease is used up to its horizon, extend it; NOT_YET: the clock is behind by
/// more than the borrow window, or a burst has used it up, and `wait_ms` (unless NULL) says how
/// many milliseconds to wait; ENDED; OUT_OF_RANGE: a time at or above IDGEN_MAX_UNIX_MS; NO_CLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_next(
    snowflake: *mut Snowflake,
    now_unix_ms: u64,
    id: *mut u64,
    wait_ms: *mut u64,
) -> Status {
    // SAFETY: the caller's promise.
    let (sealed, id, time) = match unsafe { (open(snowflake), output(id), Time::of(now_unix_ms)) } {
        (Ok(sealed), Ok(id), Ok(time)) => (sealed, id, time),
        (Err(status), _, _) | (_, Err(status), _) | (_, _, Err(status)) => return status,
    };
    match sealed.body.next_id(&time) {
        Ok(next) => id.set(next),
        // SAFETY: the caller's promise.
        Err(refusal) => match unsafe { output_if_wanted(wait_ms) } {
            Ok(wait_ms) => refused(refusal, wait_ms),
            Err(status) => status,
        },
    }
}

/// Writes 1 to `max` ids of one tick to `range`; `max` is at least 1.
///
/// As `idgen_snowflake_next`; OUT_OF_RANGE: `max` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_take(
    snowflake: *mut Snowflake,
    now_unix_ms: u64,
    max: u64,
    range: *mut Range,
    wait_ms: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, range, wait_ms) =
            unsafe { (open(snowflake)?, output(range)?, output_if_wanted(wait_ms)?) };
        let taken = sealed.body.take(&Time::of(now_unix_ms)?, some(max)?);
        range.put(taken.map_err(|refusal| refused(refusal, wait_ms))?.into())
    })
}

/// Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
/// yours whatever the answer.
///
/// OK: all `len` of them. Else why there are fewer, as `idgen_snowflake_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_fill(
    snowflake: *mut Snowflake,
    now_unix_ms: u64,
    ids: *mut u64,
    len: usize,
    filled: *mut usize,
    wait_ms: *mut u64,
) -> Status {
    let filling = || {
        // SAFETY: the caller's promise.
        let filled = unsafe { counter(filled)? };
        // SAFETY: the caller's promise.
        let (sealed, ids, wait_ms) =
            unsafe { (open(snowflake)?, items_mut(ids, len)?, output_if_wanted(wait_ms)?) };
        let time = Time::of(now_unix_ms)?;
        let count = sealed.body.fill(&time, ids);
        filled.set(count);
        fill_rest(ids, filled, count, || {
            sealed.body.next_id(&time).map_err(|refusal| refused(refusal, wait_ms))
        })
    };
    said(filling())
}

/// Moves the horizon of the generator's lease up to that of `renewal`, which has the same worker,
/// serial and nonce; a lower horizon changes nothing. The floor is not looked at.
///
/// FOREIGN_LEASE; WORD_FULL: end the generator and make one from the lease it leaves; ENDED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_extend(
    snowflake: *mut Snowflake,
    renewal: *const Lease,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, renewal) = unsafe { (open(snowflake)?, input(renewal)?) };
        Ok(sealed.body.extend(&renewal.renewal())?)
    })
}

/// Writes to `unix_ms` where issuing stops (exclusive), in Unix milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_horizon(
    snowflake: *const Snowflake,
    unix_ms: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, unix_ms) = unsafe { (open(snowflake)?, output(unix_ms)?) };
        unix_ms.put(sealed.body.horizon_unix_ms())
    })
}

/// Ends the generator for ever and writes to `left` what is left of its lease: everything issued,
/// blocks of handles included, lies below its floor. A registry takes that as the next floor, cut
/// to the horizon in its record: a floor at or above it means that nothing is left.
///
/// ENDED: it had ended before, and the one call that did it got what was left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_end(
    snowflake: *mut Snowflake,
    left: *mut Lease,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, left) = unsafe { (open(snowflake)?, output(left)?) };
        let ended = sealed.body.end().ok_or(Status::Ended)?;
        left.put(Lease::left(&ended, sealed.body.horizon_unix_ms()))
    })
}
