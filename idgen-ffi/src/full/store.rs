//! The store: opened once, shared by all threads, closed once.

use core::ffi::c_char;
use core::num::NonZeroU64;
use core::ptr;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use idgen_runtime::{Runtime, Settings, StopReport};
use idgen_store::{Name, StoreError};

use super::failure::{Failure, Told, explained};
use super::options::{Options, flag};
use super::sequence::take;
use super::spaces::Spaces;
use super::wait::{deadline_after, wait};
use super::words::{name, text};
use crate::guard::guard;
use crate::pointer::{input, output, output_if_wanted};
use crate::seal::{Alive, Block, check, check_unforked, close_boxed};
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

/// The stores that are open, by the addresses that callers know them by. What is not among them is
/// never looked at: no caller can tell whether a call of another thread has quite begun when it
/// closes the store.
static OPEN: RwLock<BTreeMap<usize, Arc<Opened>>> = RwLock::new(BTreeMap::new());

/// Shared with the calls under way, which a closing does not wait for.
pub(crate) struct Opened {
    pub(super) runtime: Runtime,
    pub(super) spaces: Spaces,
    must_exist: bool,
    is_closing: AtomicBool,
    /// The last to go.
    _alive: Alive,
}

impl Opened {
    fn new(url: &str, settings: Settings, must_exist: bool, alive: Alive) -> Told<Arc<Self>> {
        let store = idgen_store::open(url).map_err(|error| match error {
            StoreError::Refused(words) => Failure::new(Status::BadUrl, words),
            other => Failure::from(other),
        })?;
        let runtime = Runtime::start(store, settings)?;
        let (spaces, is_closing) = (Spaces::default(), AtomicBool::new(false));
        Ok(Arc::new(Self { runtime, spaces, must_exist, is_closing, _alive: alive }))
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
        let open = wait(deadline, self.runtime.sequence(name, deadline_after(u64::MAX)))?;
        open.map_err(|error| self.told(error.into()))
    }

    pub(super) fn create(
        &self,
        name: &Name,
        definition: &idgen_store::Definition,
        deadline: Instant,
    ) -> Told {
        let created = wait(deadline, self.runtime.create(name, definition))?;
        created.map_err(|error| self.told(error.into()))?;
        Ok(())
    }

    /// A stop may look like an outage to those who wait.
    fn told(&self, failure: Failure) -> Failure {
        // Relaxed: set before the stop, which is what such an answer comes of.
        let closed = self.is_closing.load(Ordering::Relaxed);
        if closed && failure.status() == Status::Unavailable { Failure::closed() } else { failure }
    }

    /// Stops on a thread of its own: an exit handler, or the destructor of a static object in C++,
    /// runs where the thread's locals are gone already, and those are needed to wait.
    fn stop(self: Arc<Self>) -> StopReport {
        self.is_closing.store(true, Ordering::Relaxed); // Relaxed: see `told`.
        let same = Arc::clone(&self);
        let stopper = thread::Builder::new().name("idgen-close".to_owned());
        match stopper.spawn(move || same.runtime.stop_blocking()).map(JoinHandle::join) {
            Ok(Ok(report)) => report,
            // No thread is to be had, or the stop was cut short by a panic: then this ends at once.
            Ok(Err(_)) | Err(_) => self.runtime.stop_blocking(),
        }
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
pub(super) fn opened(store: *const Store) -> Answer<Arc<Opened>> {
    check(store)?;
    // Before the lock, which a thread of the parent's may have held at the fork.
    check_unforked()?;
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    open.get(&store.addr()).cloned().ok_or(Status::BadState)
}

/// The address that the caller knows it by; no other store has it as long as this one lives.
fn registered(opened: Arc<Opened>) -> *mut Store {
    let store = Arc::as_ptr(&opened).cast_mut().cast::<Store>();
    let mut open = OPEN.write().unwrap_or_else(PoisonError::into_inner);
    open.insert(store.addr(), opened);
    store
}

/// Takes a store out of the caller's variable, which is NULL from then on.
///
/// # Safety
///
/// What is not NULL must be a variable.
unsafe fn unregistered(variable: *mut *mut Store) -> Answer<Option<Arc<Opened>>> {
    check(variable)?;
    // SAFETY: not NULL and aligned; the rest is the caller's promise.
    let store = unsafe { variable.replace(ptr::null_mut()) };
    if store.is_null() {
        return Ok(None);
    }
    check(store)?;
    check_unforked()?;
    let mut open = OPEN.write().unwrap_or_else(PoisonError::into_inner);
    open.remove(&store.addr()).map(Some).ok_or(Status::BadState)
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
        let alive = Alive::begin().map_err(|status| {
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
        let opened = Opened::new(url, settings, must_exist, alive)?;
        Ok(store.put(registered(opened))?)
    })
}

/// Writes the next id of the sequence `name` to `id`, waiting `timeout_ms` milliseconds at most for
/// the store (IDGEN_FOREVER: as long as it takes; 0: only what is at hand). `name` is any UTF-8
/// string of 1 to 128 bytes. A sequence that is not there is created: 1, 2, 3, ...
///
/// The first call for a name asks the store for it, so give it time. A thread that takes many ids
/// opens the sequence once and calls `idgen_sequence_next`, which looks up no name.
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
        let (store, id) = (opened(store)?, unsafe { output(id)? });
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
/// after. A call with this store that another thread begins too late answers BAD_STATE, as does a
/// second closing by a pointer that was copied; but a store that is opened later may be given the
/// same address. A pointer that is NULL already is OK.
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
        let Some(store) = (unsafe { unregistered(store)? }) else {
            return report.put(CloseReport::default());
        };
        let stopped = store.stop();
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
