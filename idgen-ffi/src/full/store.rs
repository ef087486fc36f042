//! The store: opened once, shared by all threads, closed once.

use core::ffi::c_char;
use core::num::NonZeroU64;
use core::ptr;
use std::sync::Arc;
use std::time::Instant;

use idgen_runtime::{Runtime, Settings};
use idgen_store::{Name, StoreError};

use super::failure::{Failure, Told, explained};
use super::options::{Options, flag};
use super::sequence::take;
use super::spaces::Spaces;
use super::wait::{deadline_after, wait};
use super::words::{name, text};
use crate::guard::guard;
use crate::pointer::{input, output, output_if_wanted};
use crate::seal::{Block, boxed, check, check_unforked, close_boxed, open};
use crate::status::{Answer, Status};

/// The longest URL, in bytes.
const MAX_URL: usize = 4096;

/// A store of leases with all that this process holds of it, and one thread in the background that
/// leases ahead, renews and hands back.
///
/// Made by `idgen_open`, freed by `idgen_close`. Any number of threads may use it at once. After a
/// fork it is the parent's: calls of the child answer BAD_STATE, and the child cannot open one
/// itself, for it has half of what stands behind its parent's. Fork first, then open.
pub struct Store {
    _opaque: [u64; 0],
}

impl Block for Store {
    type Body = Arc<Opened>;
    const KIND: u64 = 0xD81E_6A35_49F7_B20C;
}

/// Shared with the calls under way, which a closing does not wait for.
pub(crate) struct Opened {
    pub(super) runtime: Runtime,
    pub(super) spaces: Spaces,
    must_exist: bool,
}

impl Opened {
    fn new(url: &str, settings: Settings, must_exist: bool) -> Told<Arc<Self>> {
        let store = idgen_store::open(url).map_err(|error| match error {
            StoreError::Refused(words) => Failure::new(Status::BadUrl, words),
            other => Failure::from(other),
        })?;
        let runtime = Runtime::start(store, settings)?;
        Ok(Arc::new(Self { runtime, spaces: Spaces::default(), must_exist }))
    }

    /// A sequence as it is; created by default unless the caller forbade that.
    pub(super) fn sequence(
        &self,
        name: &Name,
        deadline: Instant,
    ) -> Told<Arc<idgen_runtime::Sequence>> {
        match self.existing(name, deadline) {
            Err(failure) if failure.status() == Status::UnknownSequence && !self.must_exist => {}
            answer => return answer,
        }
        match self.create(name, &idgen_store::Definition::default(), deadline) {
            // Another process was first, with a definition of its own.
            Err(failure) if failure.status() == Status::Conflict => {}
            answer => answer?,
        }
        self.existing(name, deadline)
    }

    pub(super) fn existing(
        &self,
        name: &Name,
        deadline: Instant,
    ) -> Told<Arc<idgen_runtime::Sequence>> {
        Ok(wait(deadline, self.runtime.sequence(name, deadline_after(u64::MAX)))??)
    }

    pub(super) fn create(
        &self,
        name: &Name,
        definition: &idgen_store::Definition,
        deadline: Instant,
    ) -> Told {
        wait(deadline, self.runtime.create(name, definition))??;
        Ok(())
    }
}

/// What a closing could not hand back.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseReport {
    /// Serial ids that were leased, not issued, and could not be handed back: a gap.
    pub lost_ids: u64,
    /// Sequences and worker leases that were not done when the time was up: a gap each, and a
    /// worker id that is free only after its lease.
    pub unfinished: u64,
}

/// The store behind a caller's pointer, kept alive for the call.
///
/// # Safety
///
/// What is not NULL must come from `idgen_open`, and its closing must not have begun.
pub(super) unsafe fn opened(store: *const Store) -> Answer<Arc<Opened>> {
    // SAFETY: the caller's promise is ours.
    Ok(Arc::clone(unsafe { &open(store)?.body }))
}

/// Opens the store that `url` names and starts the thread behind it: durable ids in three calls.
///
///     char why[256];
///     idgen_store *store;
///     if (idgen_open("sqlite:ids.db", NULL, &store, why, sizeof why) != IDGEN_STATUS_OK)
///         fprintf(stderr, "ids.db: %s\n", why);
///     uint64_t id;
///     if (idgen_next(store, "orders", 1000, &id, why, sizeof why) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///     idgen_close(&store, NULL);
///
/// `sqlite:PATH`: the file PATH, made if it is not there; any number of processes on this machine
/// may use it at once; what it grants is on disk before it is told. `memory:` forgets all when it
/// is closed, and will issue the same ids again: for tests. `options` NULL: the defaults. May
/// wait some seconds for another process that is making the file.
///
/// Here and below: where the answer is not OK, `why`, a buffer of `why_size` bytes (256 do; NULL:
/// not wanted), gets a sentence that names the cause and the next step, and what the call would
/// have opened is set to NULL.
///
/// BAD_URL; UNAVAILABLE: the file cannot be made, read or written, or is none of ours;
/// OUT_OF_RANGE: an option; BAD_NAME: the directory; IN_USE: the directory is another's; BAD_STATE:
/// forked from a process that had a store open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_open(
    url: *const c_char,
    options: *const Options,
    store: *mut *mut Store,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let store = unsafe { output(store)? };
        store.put(ptr::null_mut())?;
        check_unforked().map_err(|status| {
            let words = "this process was forked from one that had a store open; fork first, then \
                         open, or exec";
            Failure::new(status, words)
        })?;
        // SAFETY: the caller's promise.
        let url = unsafe { text(url, MAX_URL, Status::BadUrl)? };
        let (mut settings, mut must_exist) = (Settings::default(), false);
        if !options.is_null() {
            // SAFETY: the caller's promise.
            let options = unsafe { input(options)? };
            // SAFETY: the caller's promise.
            settings = unsafe { options.settings()? };
            must_exist = flag(options.must_exist, "must_exist")?;
        }
        let opened = Opened::new(url, settings, must_exist)?;
        Ok(store.put(boxed(|| opened)?)?)
    })
}

/// Writes the next id of the sequence `name` to `id`, waiting `timeout_ms` milliseconds at most for
/// the store (IDGEN_FOREVER: as long as it takes; 0: only what is at hand). `name` is any UTF-8
/// string of 1 to 128 bytes. A sequence that is not there is created: 1, 2, 3, ...
///
/// The first call for a name asks the store for it, so give it time. A thread that takes many ids
/// opens the sequence once and calls `idgen_sequence_next`, which is several times faster.
///
/// DEADLINE; UNAVAILABLE; BAD_NAME; ENDED: the store was closed meanwhile; SEQUENCE_ENDED; FROZEN;
/// UNKNOWN_SEQUENCE: with `must_exist`, or somebody deleted it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_next(
    store: *mut Store,
    sequence: *const c_char,
    timeout_ms: u64,
    id: *mut u64,
    why: *mut c_char,
    why_size: usize,
) -> Status {
    explained(why, why_size, || {
        // SAFETY: the caller's promise.
        let (store, id) = unsafe { (opened(store)?, output(id)?) };
        // SAFETY: the caller's promise.
        let name = unsafe { name(sequence)? };
        let deadline = deadline_after(timeout_ms);
        let sequence = store.sequence(&name, deadline)?;
        Ok(id.put(take(&sequence, NonZeroU64::MIN, deadline)?.start())?)
    })
}

/// Closes the store: calls that wait are answered ENDED, what was leased and not issued is handed
/// back, worker ids are released, in 2 seconds at most unless a call to the store hangs. Then frees
/// it and sets your pointer to NULL; what could not be handed back is written to `report` (unless
/// NULL).
///
/// Sequences and snowflakes of the store answer ENDED from then on; close them too, before or
/// after. No call with this store may begin when its closing has begun: a pointer that was copied
/// before dangles afterwards, as after `free`. A pointer that is NULL already is OK.
///
/// A program that ends without closing loses no more than ids: what was not handed back is a gap.
///
/// BAD_STATE: carried over a fork. The child's pointer is set to NULL; what belongs to the parent
/// is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_close(store: *mut *mut Store, report: *mut CloseReport) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let report = unsafe { output_if_wanted(report)? };
        // SAFETY: the caller's promise.
        let Some(store) = (unsafe { taken(store)? }) else {
            return report.put(CloseReport::default());
        };
        let stopped = store.runtime.stop_blocking();
        report.put(CloseReport {
            lost_ids: stopped.lost_ids,
            unfinished: u64::try_from(stopped.unfinished).unwrap_or(u64::MAX),
        })
    })
}

/// Takes an object out of the caller's variable, which is NULL from then on; `None` if it is NULL
/// already.
///
/// # Safety
///
/// The variable must be NULL or hold NULL or what `boxed` made, which nobody else uses.
pub(super) unsafe fn taken<T: Block>(variable: *mut *mut T) -> Answer<Option<T::Body>> {
    check(variable)?;
    // SAFETY: not NULL and aligned; the rest is the caller's promise.
    let object = unsafe { variable.replace(ptr::null_mut()) };
    if object.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise is ours.
    unsafe { close_boxed(object) }.map(Some)
}
