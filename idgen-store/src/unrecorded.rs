//! Worker ids that are recorded nowhere, for services that have no place to record them.
//!
//! Nobody knows what an earlier process was granted. So before the first claim of a worker id an
//! imagined predecessor claims it, and never renews: the claim is refused until that lease is over,
//! and then begins at its horizon. That is all. A second process with the same worker id, or a
//! clock that was set back since the last run, repeats ids, and nothing notices: promise P1 is
//! withdrawn over restarts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken};

use crate::memory::MemoryStore;
use crate::tenure::Desk;
use crate::{
    Claim, Claimed, Durability, HostClock, LayoutRecord, Name, RegistryError, Renewed,
    StoreIdentity, SystemHostClock, Wish, WorkerInfo, WorkerRegistry,
};

/// What the imagined predecessor calls itself.
const PREDECESSOR: &str = "an earlier process, perhaps: it is recorded nowhere";

/// A registry of this process alone, which makes each worker id wait one lease.
///
/// The worker id must be named: [`Wish::Exactly`]. See
/// [`OpenStore::with_unrecorded_workers`](crate::OpenStore::with_unrecorded_workers) for what it
/// does not promise.
pub struct Unrecorded {
    memory: MemoryStore,
}

impl fmt::Debug for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unrecorded").finish_non_exhaustive()
    }
}

impl Default for Unrecorded {
    fn default() -> Self {
        Self::new()
    }
}

impl Unrecorded {
    /// A registry in which no worker id has been claimed yet.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemHostClock::new()))
    }

    /// The same by the clocks given.
    pub fn with_clock(clock: Arc<dyn HostClock>) -> Self {
        Self { memory: MemoryStore::with_clock(clock) }
    }

    /// Has the predecessor claim, as late as it can have done so.
    async fn precede(&self, space: &Name, claim: &Claim) -> Result<(), RegistryError> {
        let (nonce, holder) = (!claim.nonce, PREDECESSOR.to_owned());
        let before = Claim { nonce, holder, ..claim.clone() };
        self.memory.claim(space, &before).await.map(drop)
    }
}

#[async_trait]
impl WorkerRegistry for Unrecorded {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        let identity = WorkerRegistry::identity(&self.memory).await?;
        let durability = Durability::MayLose("worker ids are recorded nowhere".to_owned());
        Ok(StoreIdentity { backend: "unrecorded", durability, ..identity })
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        Desk::check(space, claim)?;
        let Wish::Exactly(worker) = claim.wish else {
            return Err(RegistryError::Refused(format!(
                "a worker id of id space '{space}' that is recorded nowhere must be named; say \
                 which one is this process's own, or record worker ids in a registry"
            )));
        };
        // Of two that find nobody there, one is told that the other's predecessor holds it.
        let known = WorkerRegistry::list(&self.memory, space).await?;
        if !known.iter().any(|info| info.worker == worker) {
            self.precede(space, claim).await?;
        }
        self.memory.claim(space, claim).await
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        self.memory.renew(space, worker, token, now_unix_ms).await
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        self.memory.release(space, ended).await
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let mut listed = WorkerRegistry::list(&self.memory, space).await?;
        listed.retain(|worker| worker.holder != PREDECESSOR);
        Ok(listed)
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        self.memory.layout(space).await
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        self.memory.put_layout(space, expected, text).await
    }
}
