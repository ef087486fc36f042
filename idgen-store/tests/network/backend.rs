//! What the suite asks of a backend's tests, and the place that each test works in.

use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Task, Violation, WorkerSubject};
use idgen_store::{Definition, Name, RegistryError, SequenceStore, StoreError, WorkerRegistry};

use super::processes::{Job, Until, Worker};
use super::proxy::Proxy;
use super::services::{self, Alone, Together};
use super::suite::CHILD;

/// A part of a real server that one test has to itself: a schema, a database, a prefix.
pub(crate) trait Backend: Sync + Sized + 'static {
    /// What `cargo xtask services` calls the server, and
    /// [`StoreIdentity::backend`](idgen_store::StoreIdentity) calls the store up to a `-`.
    const SERVICE: &'static str;

    /// The options of a URL, in milliseconds, that together bound how long a request takes.
    const TIME_LIMITS: &'static [&'static str];

    /// How many bytes the last message of an answer has: a connection is also cut before it. Where
    /// an answer is one message, any number from its middle will do.
    const LAST_MESSAGE_BYTES: usize = 1;

    /// How often a client speaks for 50 leases. More only where the protocol speaks by itself, such
    /// as the pings and windows of HTTP/2.
    const TURNS_OF_50_LEASES: RangeInclusive<u64> = 50..=50;

    /// How many random histories are compared with the twin in memory.
    const TWIN_CASES: u32 = 24;

    /// Whether a server that was killed and started again counts as the same incarnation.
    const INCARNATION_SURVIVES: bool = true;

    /// How long after `start` the store may still be unavailable; clusters elect a leader first.
    const RECOVERY: Duration = Duration::ZERO;

    /// How long leases of worker ids last in the laws, in milliseconds.
    const LEASE_MS: u64 = 2000;

    /// How far beyond a lease a horizon may lie ahead; more than 2000 ms only for a server that
    /// tells no time.
    const SLACK_MS: u64 = 2000;

    /// How long after its end a lease may still show; not at once only where the server watches
    /// holders by itself.
    const LAPSE: Duration = Duration::ZERO;

    /// A new, empty part.
    fn make() -> Self;

    /// What a store is opened with.
    fn url(&self) -> String;

    /// The same URL for leases of worker ids that last for a minute.
    fn patient(url: &str) -> String {
        url.to_owned()
    }

    /// The same part by another port of this host, and no other way.
    fn by_port(&self, port: u16) -> String {
        super::through(&self.url(), port)
    }

    /// A proxy between, and the URL that goes through it.
    fn proxied(&self) -> (Proxy, String) {
        let proxy = Proxy::to(&super::address(&self.url()));
        let url = self.by_port(proxy.port());
        (proxy, url)
    }

    /// Ends the server with signal 9; its data stays.
    fn kill() {
        services::order("kill", Self::SERVICE);
    }

    /// Starts it again on the same port and data.
    fn start() {
        services::order("start", Self::SERVICE);
    }
}

/// A part of the server, and the right to use it.
pub(crate) struct Place<B: Backend, T = Together> {
    backend: B,
    // The last field: what is removed on the server is removed while this test's turn lasts.
    _turn: T,
}

/// A new, empty place.
pub(crate) fn fresh<B: Backend>() -> Place<B> {
    let turn = services::together();
    Place { backend: B::make(), _turn: turn }
}

/// A place on a server that no other test of this program uses meanwhile.
pub(crate) fn alone<B: Backend>() -> Place<B, Alone> {
    let turn = services::alone();
    Place { backend: B::make(), _turn: turn }
}

/// The sequence that most tests lease from.
pub(crate) fn orders() -> Name {
    Name::new("orders").unwrap()
}

impl<B: Backend, T> Place<B, T> {
    /// What a store is opened with.
    pub(crate) fn url(&self) -> String {
        self.backend.url()
    }

    /// A store as a user opens it, not yet connected.
    pub(crate) fn store(&self) -> Arc<dyn SequenceStore> {
        open(&self.url())
    }

    /// A registry as a user opens it, not yet connected.
    pub(crate) fn registry(&self) -> Arc<dyn WorkerRegistry> {
        open_registry(&self.url())
    }

    /// A store with a sequence `orders`.
    pub(crate) fn stocked(&self) -> Arc<dyn SequenceStore> {
        let store = self.store();
        super::wait(store.create(&orders(), &Definition::default())).unwrap();
        store
    }

    /// The URL with every time limit at `ms` milliseconds.
    pub(crate) fn limited(url: &str, ms: u64) -> String {
        let limits = B::TIME_LIMITS.iter().map(|limit| format!("{limit}={ms}"));
        limits.fold(url.to_owned(), |url, option| super::with_option(&url, &option))
    }
}

pub(super) fn open(url: &str) -> Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

pub(super) fn open_registry(url: &str) -> Arc<dyn WorkerRegistry> {
    idgen_store::open(url).unwrap().workers.expect("the backend keeps worker ids")
}

impl<B: Backend, T> Deref for Place<B, T> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.backend
    }
}

impl<B: Backend> Subject for Place<B> {
    fn run(&self, task: Task<'_>) {
        super::run(task);
    }
}

impl<B: Backend> SequenceSubject for Place<B> {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(idgen_store::open(&self.url())?.sequences)
    }

    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let job = Job { url: &self.url(), name, len, until: Until::Leases(times) };
        Ok(Worker::start(CHILD, &job).finish())
    }

    fn out_of_reach(&self) -> Option<Arc<dyn SequenceStore>> {
        Some(open(&self.by_port(super::closed_port())))
    }
}

/// The server's clock is this host's, and time passes by sleeping.
impl<B: Backend> WorkerSubject for Place<B> {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        Ok(self.registry())
    }

    fn now_unix_ms(&self) -> u64 {
        super::now_unix_ms()
    }

    fn pass(&self, ms: u64) {
        let lapse = if ms >= B::LEASE_MS { B::LAPSE } else { Duration::ZERO };
        std::thread::sleep(Duration::from_millis(ms) + lapse);
    }

    fn boot_id(&self) -> Option<String> {
        None
    }

    fn lease_ms(&self) -> u64 {
        B::LEASE_MS
    }

    fn slack_ms(&self) -> u64 {
        B::SLACK_MS
    }

    fn rounds(&self) -> u64 {
        if super::is_full() { 24 } else { 5 }
    }
}
