//! A memory store that breaks down, delays and counts on command.

#![allow(dead_code, reason = "no test file plants every fault")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use idgen_runtime::store::{
    self, Alteration, Created, Definition, Lease, Name, OpenStore, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

#[derive(Clone)]
pub(crate) struct FaultyStore {
    inner: OpenStore,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    down: AtomicBool,
    describe_fails: AtomicBool,
    changes_when_advanced: AtomicBool,
    is_changed: AtomicBool,
    delay: Mutex<Duration>,
    answer_delay: Mutex<Duration>,
    leases: AtomicU64,
    handed_back: AtomicU64,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self { inner: store::open("memory:").unwrap(), state: Arc::default() }
    }

    pub(crate) fn open(&self) -> OpenStore {
        let mut open = self.inner.clone();
        open.sequences = Arc::new(self.clone());
        open
    }

    pub(crate) fn break_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn delay(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    /// The store does what is asked, and its answers to leases come late.
    pub(crate) fn delay_answers(&self, delay: Duration) {
        *self.state.answer_delay.lock().unwrap() = delay;
    }

    pub(crate) fn fail_describe(&self, fail: bool) {
        self.state.describe_fails.store(fail, Ordering::SeqCst);
    }

    /// Another server takes the store's place just before it is advanced.
    pub(crate) fn change_when_advanced(&self, change: bool) {
        self.state.changes_when_advanced.store(change, Ordering::SeqCst);
    }

    /// The store without its faults, as another node sees it.
    pub(crate) fn inner(&self) -> OpenStore {
        self.inner.clone()
    }

    pub(crate) fn leases(&self) -> u64 {
        self.state.leases.load(Ordering::SeqCst)
    }

    pub(crate) fn handed_back(&self) -> u64 {
        self.state.handed_back.load(Ordering::SeqCst)
    }

    async fn pass(&self) -> Result<&Arc<dyn SequenceStore>, StoreError> {
        let delay = *self.state.delay.lock().unwrap();
        sleep(delay).await;
        if self.state.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("planted outage".into()));
        }
        Ok(&self.inner.sequences)
    }
}

async fn sleep(delay: Duration) {
    if !delay.is_zero() {
        let (done, slept) = futures_channel::oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            done.send(()).ok();
        });
        slept.await.unwrap();
    }
}

#[async_trait]
impl SequenceStore for FaultyStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let mut identity = self.inner.sequences.identity().await?;
        if self.state.is_changed.load(Ordering::SeqCst) {
            identity.incarnation.push_str(", changed");
        }
        Ok(identity)
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.pass().await?.create(name, definition).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.state.leases.fetch_add(1, Ordering::SeqCst);
        let lease = self.pass().await?.lease(name, len, above).await;
        let delay = *self.state.answer_delay.lock().unwrap();
        sleep(delay).await;
        lease
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.state.handed_back.fetch_add(1, Ordering::SeqCst);
        self.inner.sequences.hand_back(name, tail).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.pass().await?.last(name).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let changes = self.state.changes_when_advanced.load(Ordering::SeqCst);
        self.state.is_changed.fetch_or(changes, Ordering::SeqCst);
        self.pass().await?.advance_to(name, above).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.pass().await?.alter(name, alteration).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.pass().await?.list().await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        if self.state.describe_fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("planted failure".into()));
        }
        self.pass().await?.describe(name).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.pass().await?.delete(name).await
    }
}
