//! The registry as a process reaches it: the memory registry behind a bad net.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use idgen_core::{Ended, Floor, LeaseToken, Renewal, WorkerLease};
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, StoreIdentity, WorkerInfo,
    WorkerRegistry,
};

use crate::books::{Books, Incarnation};
use crate::breakage::Breakage;
use crate::trace::Trace;
use crate::wire::{Net, Silence};

/// A horizon as far away as if there were none.
const FAR_MS: u64 = 3_600_000;

/// The far end: does what is asked, and has it written into the books.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) registry: MemoryStore,
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) breakage: Option<Breakage>,
    pub(crate) trace: Trace,
}

/// One process's way to the office.
#[derive(Clone)]
pub(crate) struct RemoteRegistry {
    pub(crate) office: Office,
    pub(crate) net: Net,
    pub(crate) node: usize,
    pub(crate) process: Incarnation,
}

impl From<Silence> for RegistryError {
    fn from(silence: Silence) -> Self {
        Self::Unavailable(silence.0.to_owned())
    }
}

impl Office {
    fn is_broken(&self, breakage: Breakage) -> bool {
        self.breakage == Some(breakage)
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().expect("no holder of this lock panics")
    }

    async fn claim(
        &self,
        by: Incarnation,
        space: &Name,
        claim: &Claim,
    ) -> Result<Claimed, RegistryError> {
        let claimed = self.registry.claim(space, claim).await?;
        let Claimed { lease, wait_ms, cut } = claimed;
        let (worker, token) = (lease.worker(), lease.token());
        let (mut floor, mut horizon_ms) = (lease.floor(), lease.horizon_unix_ms());
        self.books().granted(by, token, worker, floor, horizon_ms);
        if self.is_broken(Breakage::NoFloor) {
            floor = floor.min(Floor::at(claim.now_unix_ms));
        }
        if self.is_broken(Breakage::NoHorizon) {
            horizon_ms += FAR_MS;
        }
        let lease = WorkerLease::granted(worker, token, floor, horizon_ms)
            .map_err(|error| RegistryError::Damaged(error.to_string()))?;
        Ok(Claimed { lease, wait_ms, cut })
    }

    async fn renew(
        &self,
        by: Incarnation,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let renewed = self.registry.renew(space, worker, token, now_unix_ms).await;
        match renewed {
            Ok(Renewed { renewal, cut }) => {
                let horizon_ms = renewal.horizon_unix_ms();
                self.books().renewed(by, token, horizon_ms);
                let more_ms = if self.is_broken(Breakage::NoHorizon) { FAR_MS } else { 0 };
                let renewal = Renewal::granted(worker, token, horizon_ms + more_ms);
                Ok(Renewed { renewal, cut })
            }
            Err(RegistryError::Lost { .. }) if self.is_broken(Breakage::OldToken) => {
                let renewal = Renewal::granted(worker, token, now_unix_ms + 10_000);
                Ok(Renewed { renewal, cut: false })
            }
            lost => {
                self.trace.note("refused renewal", || format!("process {by}: {lost:?}"));
                lost
            }
        }
    }

    async fn release(
        &self,
        by: Incarnation,
        space: &Name,
        ended: Ended,
    ) -> Result<(), RegistryError> {
        let ended = if self.is_broken(Breakage::PlainEnd) {
            let before = self.books().before_last_claim(by, ended.worker());
            let floor = before.map_or(ended.floor(), |before| before.min(ended.floor()));
            Ended::receipt(ended.worker(), ended.token(), floor)
        } else {
            ended
        };
        let (worker, floor) = (ended.worker(), ended.floor());
        self.registry.release(space, ended).await?;
        self.trace.note("release", || format!("process {by}: worker {worker} at {floor:?}"));
        Ok(())
    }

    /// Releases what a process holds, with all it has issued so far as the receipt.
    pub(crate) async fn release_early(&self, by: Incarnation, space: &Name) {
        let Some((worker, token, floor)) = self.books().receipt_of_the_moment(by) else { return };
        // Another may hold it already.
        self.registry.release(space, Ended::receipt(worker, token, floor)).await.ok();
    }

    /// Takes an id from whoever holds it, as an operator would: the next lease begins at the
    /// recorded horizon.
    pub(crate) async fn evict(&self, space: &Name, which: usize) {
        let Ok(held) = self.registry.peers(space).await else { return };
        let Some(worker) = held.get(which % held.len().max(1)) else { return };
        let receipt = Ended::receipt(worker.worker, worker.token, Floor::at(u64::MAX));
        self.registry.release(space, receipt).await.expect("its token is the current one");
    }
}

#[async_trait]
impl WorkerRegistry for RemoteRegistry {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        let office = self.office.clone();
        let ask = move || {
            let office = office.clone();
            async move { WorkerRegistry::identity(&office.registry).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        let (office, by, space, claim) =
            (self.office.clone(), self.process, space.clone(), claim.clone());
        let ask = move || {
            let (office, space, claim) = (office.clone(), space.clone(), claim.clone());
            async move { office.claim(by, &space, &claim).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let (office, by, space) = (self.office.clone(), self.process, space.clone());
        let ask = move || {
            let (office, space) = (office.clone(), space.clone());
            async move { office.renew(by, &space, worker, token, now_unix_ms).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        let (office, by, space) = (self.office.clone(), self.process, space.clone());
        let (worker, token, floor) = (ended.worker(), ended.token(), ended.floor());
        let ask = move || {
            let (office, space) = (office.clone(), space.clone());
            async move { office.release(by, &space, Ended::receipt(worker, token, floor)).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let (office, space) = (self.office.clone(), space.clone());
        let ask = move || {
            let (office, space) = (office.clone(), space.clone());
            async move { WorkerRegistry::list(&office.registry, &space).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        let (office, space) = (self.office.clone(), space.clone());
        let ask = move || {
            let (office, space) = (office.clone(), space.clone());
            async move { office.registry.layout(&space).await }
        };
        self.net.call(self.node, ask).await?
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let (office, space, text) = (self.office.clone(), space.clone(), text.to_owned());
        let ask = move || {
            let (office, space, text) = (office.clone(), space.clone(), text.clone());
            async move { office.registry.put_layout(&space, expected, &text).await }
        };
        self.net.call(self.node, ask).await?
    }
}
