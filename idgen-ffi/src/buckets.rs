//! Time-ordered ids in up to 32 buckets of one worker.

use idgen_snowflake::{Bucket, Buckets as Generators};

use crate::clock::Time;
use crate::guard::guard;
use crate::layout::Layout;
use crate::lease::Lease;
use crate::pointer::{counter, fill_rest, input, items_mut, output, output_if_wanted};
use crate::range::Range;
use crate::seal::{Block, Sealed, init, open};
use crate::segment::some;
use crate::snowflake::refused;
use crate::status::{Answer, Status, said};

/// The generators of all buckets of one worker id, for layouts with a bucket field such as "genid".
///
/// Opaque memory of yours, about 10 KiB, as a generator is; made from one lease, and ended as one.
#[repr(C, align(128))]
pub struct Buckets {
    opaque: [u64; 1152],
}

impl Block for Buckets {
    type Body = Generators;
    const KIND: u64 = 0xB86D_0F94_72E1_35CA;
}

fn bucket(sealed: &Sealed<Buckets>, number: u32) -> Answer<Bucket<'_>> {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    sealed.body.bucket(number).ok_or(Status::OutOfRange)
}

/// Makes the generators of all buckets of your memory, for one lease; as `idgen_snowflake_init`.
///
///     static idgen_buckets ids;
///     idgen_layout layout;
///     idgen_layout_preset("genid", &layout);
///     idgen_buckets_init(&ids, &layout, &lease, 10);
///     uint64_t id;
///     if (idgen_buckets_next(&ids, 31, IDGEN_NOW, &id, NULL) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///
/// BAD_LAYOUT also: it has no bucket field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_init(
    buckets: *mut Buckets,
    layout: *const Layout,
    lease: *const Lease,
    borrow_ms: u64,
) -> Status {
    guard(|| {
        let make = || {
            // SAFETY: the caller's promise.
            let (layout, lease) = unsafe { (input(layout)?.checked()?, input(lease)?.granted()?) };
            Ok(Generators::with_borrow(&layout, lease, borrow_ms).map_err(|(error, _)| error)?)
        };
        // SAFETY: the caller's promise.
        unsafe { init(buckets, make) }
    })
}

/// Writes the next id of a bucket, counted from 0, to `id`; as `idgen_snowflake_next`.
///
/// OUT_OF_RANGE also: there are not so many buckets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_next(
    buckets: *mut Buckets,
    number: u32,
    now_unix_ms: u64,
    id: *mut u64,
    wait_ms: *mut u64,
) -> Status {
    let next = || {
        // SAFETY: the caller's promise.
        let (sealed, id, wait_ms) =
            unsafe { (open(buckets)?, output(id)?, output_if_wanted(wait_ms)?) };
        let answer = bucket(sealed, number)?.next_id(&Time::of(now_unix_ms)?);
        id.put(answer.map_err(|refusal| refused(refusal, wait_ms))?)
    };
    said(next())
}

/// Writes 1 to `max` ids of one tick of a bucket to `range`; as `idgen_snowflake_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_take(
    buckets: *mut Buckets,
    number: u32,
    now_unix_ms: u64,
    max: u64,
    range: *mut Range,
    wait_ms: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, range, wait_ms) =
            unsafe { (open(buckets)?, output(range)?, output_if_wanted(wait_ms)?) };
        let taken = bucket(sealed, number)?.take(&Time::of(now_unix_ms)?, some(max)?);
        range.put(taken.map_err(|refusal| refused(refusal, wait_ms))?.into())
    })
}

/// Fills `ids` with rising ids of a bucket; as `idgen_snowflake_fill`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_fill(
    buckets: *mut Buckets,
    number: u32,
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
            unsafe { (open(buckets)?, items_mut(ids, len)?, output_if_wanted(wait_ms)?) };
        let (bucket, time) = (bucket(sealed, number)?, Time::of(now_unix_ms)?);
        let count = bucket.fill(&time, ids);
        filled.set(count);
        fill_rest(ids, filled, count, || {
            bucket.next_id(&time).map_err(|refusal| refused(refusal, wait_ms))
        })
    };
    said(filling())
}

/// Moves the horizon of all buckets up; as `idgen_snowflake_extend`. Where it is refused, buckets
/// that were extended before stay so: their time is leased.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_extend(
    buckets: *mut Buckets,
    renewal: *const Lease,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, renewal) = unsafe { (open(buckets)?, input(renewal)?) };
        Ok(sealed.body.extend(&renewal.renewal())?)
    })
}

/// Writes to `unix_ms` where issuing stops (exclusive), in Unix milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_horizon(
    buckets: *const Buckets,
    unix_ms: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, unix_ms) = unsafe { (open(buckets)?, output(unix_ms)?) };
        unix_ms.put(sealed.body.horizon_unix_ms())
    })
}

/// Ends all buckets for ever and writes to `left` what is left of their lease; as
/// `idgen_snowflake_end`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_buckets_end(buckets: *mut Buckets, left: *mut Lease) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, left) = unsafe { (open(buckets)?, output(left)?) };
        let ended = sealed.body.end().ok_or(Status::Ended)?;
        left.put(Lease::left(&ended, sealed.body.horizon_unix_ms()))
    })
}
