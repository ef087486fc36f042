//! Time-ordered ids of one id space, under a worker id that the store leases.

use core::ffi::c_char;
use core::num::NonZeroU64;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use idgen_core::{Clock, IdRange};
use idgen_runtime::{ExactClock, SnowflakeSettings};
use idgen_snowflake::Preset;
use idgen_store::Wish;

use super::failure::{Failure, Told, explained};
use super::field_names::named;
use super::sequence::fill;
use super::store::{Store, opened, taken};
use super::wait::{deadline_after, wait_for_it};
use super::words::name;
use crate::guard::guard;
use crate::layout::Layout;
use crate::pointer::{counter, input, items_mut, output};
use crate::range::Range;
use crate::seal::{Block, boxed, open};
use crate::segment::some;
use crate::status::{Answer, Status};

/// In place of a worker id: any that is free.
pub const IDGEN_ANY_WORKER: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// The layout of callers that name none.
const USUAL_LAYOUT: &str = "standard";

/// A generator of an id space under a leased worker id, which is renewed in the background.
///
/// Made by `idgen_snowflakes_open`, freed by `idgen_snowflakes_close`. Any number of threads may
/// use it at once. It may outlive its store, and answers ENDED then.
pub struct Snowflakes {
    _opaque: [u64; 0],
}

impl Block for Snowflakes {
    type Body = Arc<idgen_runtime::Snowflakes>;
    const KIND: u64 = 0x6FB3_2D94_C1A8_057E;
}

fn take(
    snowflakes: &idgen_runtime::Snowflakes,
    bucket: u32,
    max: NonZeroU64,
    deadline: Instant,
) -> Told<IdRange> {
    if u64::from(bucket) >= snowflakes.layout().buckets() {
        return Err(Status::OutOfRange.into());
    }
    let bucket = usize::try_from(bucket).map_err(|_| Status::OutOfRange)?;
    if let Some(range) = snowflakes.take_at_hand(bucket, max) {
        return Ok(range);
    }
    let taken = wait_for_it(snowflakes.take(bucket, max, deadline))?;
    taken.map_err(|error| {
        Failure::from(error).instead_of(Status::SequenceEnded, Status::LayoutEnded)
    })
}

/// # Safety
///
/// What is not NULL must be a layout.
unsafe fn layout_of(layout: *const Layout) -> Told<idgen_snowflake::Layout> {
    if !layout.is_null() {
        // SAFETY: the caller's promise.
        return named(unsafe { input(layout)? });
    }
    let usual = Preset::named(USUAL_LAYOUT).map_err(|_| Status::Internal)?;
    Ok(usual.layout)
}

fn check_time(layout: &idgen_snowflake::Layout) -> Told {
    let end_unix_ms = layout.end_unix_ms();
    if ExactClock.unix_ms() < end_unix_ms {
        return Ok(());
    }
    let words = format!(
        "the layout's time bits ran out at {end_unix_ms} ms since 1970; begin another id space \
         with a later epoch or more time bits"
    );
    Err(Failure::new(Status::LayoutEnded, words))
}

fn wish_of(worker: u64, layout: &idgen_snowflake::Layout) -> Told<Wish> {
    match worker {
        IDGEN_ANY_WORKER => Ok(Wish::Any),
        worker if worker < layout.workers() => Ok(Wish::Exactly(worker)),
        worker => {
            let last = layout.workers() - 1;
            let words = format!("worker id {worker} is too large: the layout has 0 to {last}");
            Err(Failure::new(Status::OutOfRange, words))
        }
    }
}

/// Opens an id space of the store: leases a worker id of it, `worker` or IDGEN_ANY_WORKER, and
/// renews the lease until the store is closed. Generators of one id space never repeat an id, in
/// whatever process. `layout` NULL: the preset "standard". An id space keeps the layout that it was
/// begun with.
///
///     char why[256];
///     idgen_snowflakes *events;
///     idgen_snowflakes_open(store, "events", NULL, IDGEN_ANY_WORKER, 5000, &events, why,
///                           sizeof why);
///     uint64_t id;
///     if (idgen_snowflakes_next(events, 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///     idgen_snowflakes_close(&events);
///
/// Waits `timeout_ms` milliseconds at most. Opened twice, it is the same generator.
///
/// WORKERS_TAKEN; CONFLICT: another layout, or open here with another worker id; OUT_OF_RANGE:
/// there is no such worker id, or `lease_ms` is less than three ticks of the layout; BAD_LAYOUT;
/// BAD_NAME; LAYOUT_ENDED; NOT_YET: this clock is behind what was issued; FROZEN; DEADLINE;
/// UNAVAILABLE; ENDED: the store was closed meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_open(
    store: *mut Store,
    id_space: *const c_char,
    layout: *const Layout,
    worker: u64,
    timeout_ms: u64,
    snowflakes: *mut *mut Snowflakes,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let place = unsafe { output(snowflakes)? };
        place.put(core::ptr::null_mut())?;
        // SAFETY: the caller's promise.
        let (space, layout) = unsafe { (name(id_space)?, layout_of(layout)?) };
        let store = opened(store)?;
        check_time(&layout)?;
        let mut settings = SnowflakeSettings::new(space.as_str(), &layout)?;
        settings.wish = wish_of(worker, &layout)?;
        settings.claim_timeout = Duration::from_millis(timeout_ms);
        let deadline = deadline_after(timeout_ms);
        let generator = store.spaces.generator(&store.runtime, settings, deadline);
        let generator = generator
            .map_err(|failure| failure.instead_of(Status::SequenceEnded, Status::LayoutEnded))?;
        Ok(place.put(boxed(|| generator)?)?)
    })
}

/// Writes the next id to `id`, of bucket 0, waiting `timeout_ms` milliseconds at most for the
/// clock or the lease (IDGEN_FOREVER: as long as it takes; 0: not at all). Ids of one thread rise.
///
/// NOT_YET: the ids of this moment are used up, or the clock was set back or runs ahead;
/// UNAVAILABLE: the lease could not be renewed; LEASE_LOST, WORKERS_TAKEN: it is being claimed
/// anew; LAYOUT_ENDED; ENDED: the store was closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_next(
    snowflakes: *mut Snowflakes,
    timeout_ms: u64,
    id: *mut u64,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    // SAFETY: the caller's promise.
    if let (Ok(sealed), Ok(id)) = unsafe { (open(snowflakes), output(id)) }
        && let Some(range) = sealed.body.take_at_hand(0, NonZeroU64::MIN)
    {
        return id.set(range.start());
    }
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (sealed, id) = unsafe { (open(snowflakes)?, output(id)?) };
        let range = take(&sealed.body, 0, NonZeroU64::MIN, deadline_after(timeout_ms))?;
        Ok(id.put(range.start())?)
    })
}

/// Writes 1 to `max` ids of one tick to `range`, waiting as `idgen_snowflakes_next`. `bucket` is
/// counted from 0, and is 0 for layouts without buckets; `max` is at least 1.
///
/// OUT_OF_RANGE: there are not so many buckets, or `max` is 0; else as `idgen_snowflakes_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_take(
    snowflakes: *mut Snowflakes,
    bucket: u32,
    max: u64,
    timeout_ms: u64,
    range: *mut Range,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (sealed, range) = unsafe { (open(snowflakes)?, output(range)?) };
        let ids = take(&sealed.body, bucket, some(max)?, deadline_after(timeout_ms))?;
        Ok(range.put(ids.into())?)
    })
}

/// Fills `ids` from the front with rising ids of a bucket and writes to `filled` how many there
/// are; these are yours whatever the answer. Waits `timeout_ms` milliseconds at most in all.
///
/// OK: all `len` of them. Else why there are fewer, as `idgen_snowflakes_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_fill(
    snowflakes: *mut Snowflakes,
    bucket: u32,
    timeout_ms: u64,
    ids: *mut u64,
    len: usize,
    filled: *mut usize,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let filled = unsafe { counter(filled)? };
        // SAFETY: the caller's promise.
        let (sealed, ids) = unsafe { (open(snowflakes)?, items_mut(ids, len)?) };
        let deadline = deadline_after(timeout_ms);
        fill(ids, |count| filled.set(count), |max| take(&sealed.body, bucket, max, deadline))
    })
}

/// Writes the worker id that is held now to `worker`. It may change when a lease was lost.
///
/// LEASE_LOST: none is; ENDED: the store was closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_worker(
    snowflakes: *const Snowflakes,
    worker: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, place) = unsafe { (open(snowflakes)?, output(worker)?) };
        place.put(worker_of(&sealed.body)?)
    })
}

fn worker_of(snowflakes: &idgen_runtime::Snowflakes) -> Answer<u64> {
    let ended = |error| Failure::from(error).status() == Status::Ended;
    match snowflakes.worker() {
        _ if snowflakes.trouble().is_some_and(ended) => Err(Status::Ended),
        Some(worker) => Ok(worker),
        None => Err(Status::LeaseLost),
    }
}

/// Frees what `idgen_snowflakes_open` made and sets your pointer to NULL. The worker id stays
/// leased until the store is closed, and serves whoever opens the id space again. No other thread
/// may use it: to wake those that wait, close the store first. A pointer that is NULL already is
/// OK.
///
/// BAD_STATE: carried over a fork; the pointer is set to NULL all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflakes_close(snowflakes: *mut *mut Snowflakes) -> Status {
    // SAFETY: the caller's promise.
    guard(|| unsafe { taken(snowflakes) }.map(drop))
}
