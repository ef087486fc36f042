//! Serial ids of one sequence of a store.

use core::ffi::c_char;
use core::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use idgen_core::IdRange;
use idgen_runtime::{Cause, IssueError};

use super::failure::{Failure, Told, explained};
use super::options::Definition;
use super::store::{Store, opened, taken};
use super::wait::{deadline_after, wait, wait_for_it};
use super::words::name;
use crate::guard::guard;
use crate::pointer::{counter, input, items_mut, output};
use crate::range::Range;
use crate::seal::{Block, boxed, open};
use crate::segment::some;
use crate::status::Status;

/// A sequence of a store, supplied in the background.
///
/// Made by `idgen_sequence_open`, freed by `idgen_sequence_close`. Any number of threads may use it
/// at once. It may outlive its store, and answers ENDED then.
pub struct Sequence {
    _opaque: [u64; 0],
}

impl Block for Sequence {
    type Body = Arc<idgen_runtime::Sequence>;
    const KIND: u64 = 0x27C4_F05B_8E63_91DA;
}

/// 1 to `max` ids of one segment.
pub(super) fn take(
    sequence: &idgen_runtime::Sequence,
    max: NonZeroU64,
    deadline: Instant,
) -> Told<IdRange> {
    if let Some(range) = sequence.take_at_hand(max) {
        return Ok(range);
    }
    let taken = wait_for_it(sequence.take(max, deadline))?;
    taken.map_err(|error| refused(sequence, error, deadline))
}

/// A store that said nothing is late; one that said why it grants nothing is unavailable.
fn refused(sequence: &idgen_runtime::Sequence, error: IssueError, deadline: Instant) -> Failure {
    let known = sequence.trouble().is_some_and(|trouble| trouble == error.to_string());
    let late = error.cause() == Cause::StoreDown && !known && Instant::now() >= deadline;
    let failure = Failure::from(error);
    if late { failure.instead_of(Status::Unavailable, Status::Deadline) } else { failure }
}

/// Opens a sequence of the store, and creates it if it is not there. With a `definition` it must
/// be defined so; with NULL it is taken as it is, or created as 1, 2, 3, ...
///
///     char why[256];
///     idgen_sequence *orders;
///     idgen_sequence_open(store, "orders", NULL, 1000, &orders, why, sizeof why);
///     uint64_t id;
///     if (idgen_sequence_next(orders, 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///     idgen_sequence_close(&orders);
///
/// Waits `timeout_ms` milliseconds at most for the store. Opened twice, it is the same sequence.
///
/// CONFLICT: it has another definition; OUT_OF_RANGE: the definition has no ids; else as
/// `idgen_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_open(
    store: *mut Store,
    sequence: *const c_char,
    definition: *const Definition,
    timeout_ms: u64,
    opened_sequence: *mut *mut Sequence,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let place = unsafe { output(opened_sequence)? };
        place.put(core::ptr::null_mut())?;
        // SAFETY: the caller's promise.
        let (store, name) = (opened(store)?, unsafe { name(sequence)? });
        let deadline = deadline_after(timeout_ms);
        let open = if definition.is_null() {
            store.sequence(&name, deadline)?
        } else {
            // SAFETY: the caller's promise.
            let definition = unsafe { input(definition)? }.checked()?;
            store.create(&name, &definition, deadline)?;
            store.existing(&name, deadline)?
        };
        Ok(place.put(boxed(|| open)?)?)
    })
}

/// Writes the next id to `id`, waiting `timeout_ms` milliseconds at most if there is none at hand
/// (IDGEN_FOREVER: as long as it takes; 0: not at all). Ids rise for each thread, and over the
/// threads of this process whenever one call ends before another begins.
///
/// DEADLINE: the store was too slow; it is being asked, so call again. UNAVAILABLE: the store said
/// why. ENDED: the store was closed. SEQUENCE_ENDED; FROZEN; UNKNOWN_SEQUENCE: somebody deleted it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_next(
    sequence: *mut Sequence,
    timeout_ms: u64,
    id: *mut u64,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    // SAFETY: the caller's promise.
    if let (Ok(sealed), Ok(id)) = unsafe { (open(sequence), output(id)) }
        && let Some(range) = sealed.body.take_at_hand(NonZeroU64::MIN)
    {
        return id.set(range.start());
    }
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (sealed, id) = unsafe { (open(sequence)?, output(id)?) };
        let range = take(&sealed.body, NonZeroU64::MIN, deadline_after(timeout_ms))?;
        Ok(id.put(range.start())?)
    })
}

/// Writes 1 to `max` ids in one run to `range`, waiting as `idgen_sequence_next`; `max` is at least
/// 1.
///
/// OUT_OF_RANGE: `max` is 0; else as `idgen_sequence_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_take(
    sequence: *mut Sequence,
    max: u64,
    timeout_ms: u64,
    range: *mut Range,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (sealed, range) = unsafe { (open(sequence)?, output(range)?) };
        let ids = take(&sealed.body, some(max)?, deadline_after(timeout_ms))?;
        Ok(range.put(ids.into())?)
    })
}

/// Fills `ids` from the front with rising ids and writes to `filled` how many there are; these are
/// yours whatever the answer. Waits `timeout_ms` milliseconds at most in all.
///
/// OK: all `len` of them. Else why there are fewer, as `idgen_sequence_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_fill(
    sequence: *mut Sequence,
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
        let (sealed, ids) = unsafe { (open(sequence)?, items_mut(ids, len)?) };
        let deadline = deadline_after(timeout_ms);
        fill(ids, |count| filled.set(count), |max| take(&sealed.body, max, deadline))
    })
}

/// Fills `ids` with what `take` yields, and tells after each how many there are.
pub(super) fn fill(
    ids: &mut [u64],
    tell: impl Fn(usize) -> Status,
    take: impl Fn(NonZeroU64) -> Told<IdRange>,
) -> Told {
    let (mut rest, mut count) = (ids, 0);
    while let Some(max) = NonZeroU64::new(u64::try_from(rest.len()).unwrap_or(u64::MAX)) {
        let range = take(max)?;
        let (places, after) = rest.split_at_mut(usize::try_from(range.len()).unwrap_or(0));
        for (place, id) in places.iter_mut().zip(range) {
            *place = id;
        }
        count += places.len();
        rest = after;
        tell(count);
    }
    Ok(())
}

/// Writes to `id` the number just before the next one that this process would issue: its own last
/// id, and before its first lease, or in strict order, the highest that the store ever granted.
///
/// As `idgen_sequence_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_last(
    sequence: *const Sequence,
    timeout_ms: u64,
    id: *mut u64,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (sealed, id) = unsafe { (open(sequence)?, output(id)?) };
        let asked = sealed.body.last(deadline_after(u64::MAX));
        Ok(id.put(wait(deadline_after(timeout_ms), asked)??)?)
    })
}

/// Writes what the sequence counts to `definition`, as this process knows it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_definition(
    sequence: *const Sequence,
    definition: *mut Definition,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, definition) = unsafe { (open(sequence)?, output(definition)?) };
        definition.put(sealed.body.definition().into())
    })
}

/// Frees what `idgen_sequence_open` made and sets your pointer to NULL. The store goes on supplying
/// the sequence, and hands its ids back when it is closed. No other thread may use it: to wake
/// those that wait, close the store first. A pointer that is NULL already is OK.
///
/// BAD_STATE: carried over a fork; the pointer is set to NULL all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_sequence_close(sequence: *mut *mut Sequence) -> Status {
    // SAFETY: the caller's promise.
    guard(|| unsafe { taken(sequence) }.map(drop))
}
