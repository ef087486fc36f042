//! The laws that every store and every registry keeps, as functions to run against a backend.
//!
//! A backend writes one *subject* for each trait it implements: how to open a handle, open it anew,
//! and, where it can, move the registry's clock or go through another process. Each law is one
//! public function that takes a fresh subject and answers with a [`Violation`] that says what was
//! seen. [`sequence_laws!`](crate::sequence_laws) and [`worker_laws!`](crate::worker_laws) make one
//! test of each.
//!
//! The laws are synchronous and use threads where a law speaks of concurrent callers; what they
//! await is run by [`Subject::run`], so that a backend that needs a runtime can bring it.
//!
//! # A backend of your own
//!
//! It may live anywhere: implement [`SequenceStore`], put `idgen-store` with the feature
//! `conformance` among the dev-dependencies, write a subject and make its laws tests. The project's
//! folder `demos/store-in-files` is such a backend, whole, to be copied: sequences in plain files,
//! a subject with another process in `tests/laws.rs`, and in `xtask/mutants.toml` the defects that
//! the laws are known to find in it. This is one law for the store in memory:
//!
//! ```
//! use idgen_store::conformance::{SequenceSubject, Subject, sequence};
//! use idgen_store::{SequenceStore, StoreError, memory::MemoryStore};
//! use std::sync::Arc;
//!
//! struct InMemory(MemoryStore);
//! impl Subject for InMemory {}
//! impl SequenceSubject for InMemory {
//!     fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
//!         Ok(Arc::new(self.0.clone()))
//!     }
//! }
//! sequence::s11_a_lease_starts_above(&InMemory(MemoryStore::new()))?;
//! # Ok::<(), idgen_store::conformance::Violation>(())
//! ```

use std::fmt::Debug;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use idgen_core::IdRange;

use crate::{Name, RegistryError, SequenceStore, StoreError, WorkerRegistry};

pub mod sequence;
pub mod worker;

/// How many callers a law about concurrency has.
pub const CALLERS: u64 = 8;

/// What a law saw that it forbids, or the error that kept it from looking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(
    /// What was seen.
    pub String,
);

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store answered: {error}"))
    }
}

impl From<RegistryError> for Violation {
    fn from(error: RegistryError) -> Self {
        Self(format!("the registry answered: {error}"))
    }
}

/// What a law answers.
pub type Verdict = Result<(), Violation>;

/// Something to be awaited.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What is put to the test.
pub trait Subject: Sync {
    /// Runs a future to its end; called from several threads at once. By default the thread sleeps
    /// until the future wakes it.
    fn run(&self, task: Task<'_>) {
        block_on(task);
    }
}

/// A sequence store that is put to the test; a new and empty one for each law.
pub trait SequenceSubject: Subject {
    /// Another handle on the same store: another connection where the backend has connections.
    ///
    /// # Errors
    ///
    /// What the backend says.
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError>;

    /// A handle after everything that was open has been closed. By default another handle.
    ///
    /// # Errors
    ///
    /// What the backend says.
    fn reopen(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        self.open()
    }

    /// Leases `len` ids `times` times in another process. By default through another handle.
    ///
    /// # Errors
    ///
    /// [`Violation`] with what the other process said.
    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let store = self.open()?;
        (0..times).map(|_| Ok(wait(self, store.lease(name, len, 0))?.range)).collect()
    }

    /// A handle whose store cannot be reached; `None` if that cannot happen to this backend.
    fn out_of_reach(&self) -> Option<Arc<dyn SequenceStore>> {
        None
    }
}

/// A worker registry that is put to the test; a new and empty one for each law.
pub trait WorkerSubject: Subject {
    /// Another handle on the same registry: another connection where the backend has connections.
    ///
    /// # Errors
    ///
    /// What the backend says.
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError>;

    /// A handle after everything that was open has been closed. By default another handle.
    ///
    /// # Errors
    ///
    /// What the backend says.
    fn reopen(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        self.open()
    }

    /// The wall clock of the host, in Unix milliseconds.
    fn now_unix_ms(&self) -> u64;

    /// Lets `ms` milliseconds pass, on the registry's clock too. Sleeping will do.
    fn pass(&self, ms: u64);

    /// Sets the host's wall clock while it runs; whether that can be done here.
    fn set_unix_ms(&self, _unix_ms: u64) -> bool {
        false
    }

    /// The boot id that a soft proof must show; `None` if the registry takes no proofs.
    fn boot_id(&self) -> Option<String>;

    /// How long the leases of the laws last, in milliseconds; at least 1000. Laws let a few leases
    /// pass, so a subject that really sleeps takes a short one.
    fn lease_ms(&self) -> u64 {
        10_000
    }

    /// How often a law that recycles a worker id does so; at least 4. A subject that really sleeps
    /// takes fewer.
    fn rounds(&self) -> u64 {
        24
    }

    /// How far beyond one lease a horizon may lie ahead of the right time, in milliseconds. More
    /// than 2000 only where the registry has no clock of its own and goes by its holders'.
    fn slack_ms(&self) -> u64 {
        2000
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, which sleeps until it is woken.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

/// Has the subject run a future, and returns what it yields.
fn wait<S: Subject + ?Sized, T: Send>(subject: &S, future: impl Future<Output = T> + Send) -> T {
    let mut yielded = None;
    subject.run(Box::pin(async { yielded = Some(future.await) }));
    yielded.expect("Subject::run runs the future to its end")
}

/// Has the subject poll a future once and drop it: the request was sent, its reply is lost.
fn send_and_forget<S: Subject + ?Sized, T>(subject: &S, future: impl Future<Output = T> + Send) {
    subject.run(Box::pin(async {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            let _lost = future.as_mut().poll(context).is_ready();
            Poll::Ready(())
        })
        .await;
    }));
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the names of the laws are names")
}

/// Runs `work` on as many threads as a law has callers.
fn at_once<T: Send>(work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..CALLERS).map(|caller| scope.spawn(move || work(caller))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a law's callers do not panic"))
            .collect()
    })
}

fn ensure(holds: bool, said: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation(said())) }
}

fn ensure_eq<T: PartialEq + Debug>(what: &str, seen: &T, due: &T) -> Verdict {
    ensure(seen == due, || format!("{what}: {seen:?} instead of {due:?}"))
}

/// Makes one test of each law of [`conformance::sequence`](crate::conformance::sequence).
///
/// Takes the path of a function that makes a fresh
/// [`SequenceSubject`](crate::conformance::SequenceSubject).
#[macro_export]
macro_rules! sequence_laws {
    ($make:path) => {
        $crate::sequence_laws!(@ $make:
            s01_leases_are_disjoint, s02_two_connections_and_processes, s03_survives_a_reopen,
            s04_a_lost_reply_is_a_gap, s05_unknown_is_not_unavailable, s06_ends_exhausted,
            s07_names_do_not_touch, s08_create_is_repeatable, s09_ids_are_members,
            s10_a_tail_is_granted_once, s11_a_lease_starts_above,
            s12_a_deleted_name_leaves_its_mark, s13_a_moved_sequence_says_where,
            s14_a_sequence_comes_in_above);
    };
    (@ $make:path: $($law:ident),*) => {
        $(#[test]
        fn $law() {
            if let Err(violation) = $crate::conformance::sequence::$law(&$make()) {
                panic!("{violation}");
            }
        })*
    };
}

/// Makes one test of each law of [`conformance::worker`](crate::conformance::worker).
///
/// Takes the path of a function that makes a fresh
/// [`WorkerSubject`](crate::conformance::WorkerSubject).
#[macro_export]
macro_rules! worker_laws {
    ($make:path) => {
        $crate::worker_laws!(@ $make:
            w01_one_holder_per_worker_id, w02_floors_lie_above_horizons,
            w03_only_the_current_token_acts, w04_horizons_never_shrink,
            w05_a_release_sets_the_next_floor, w06_far_horizons_are_cut, w07_all_taken_is_counted,
            w08_held_for_one_lease, w09_survives_a_reopen, w10_recycled_ids_never_overlap,
            w11_a_nonce_is_one_lease);
    };
    (@ $make:path: $($law:ident),*) => {
        $(#[test]
        fn $law() {
            if let Err(violation) = $crate::conformance::worker::$law(&$make()) {
                panic!("{violation}");
            }
        })*
    };
}
