//! The registry in memory: the rows of every id space.

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken};

use super::MemoryStore;
use crate::clock::Moment;
use crate::{
    Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, StoreIdentity, WorkerInfo,
    WorkerRegistry,
};

#[async_trait]
impl WorkerRegistry for MemoryStore {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        Ok(self.own_identity())
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        let mut rows = self.rows();
        rows.space(space).claim(space, claim, &Moment::read(&*self.clock))
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let mut rows = self.rows();
        let moment = Moment::read(&*self.clock);
        rows.space(space).renew(space, (worker, token), now_unix_ms, &moment)
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        self.rows().space(space).release(space, &ended)
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let rows = self.rows();
        let moment = Moment::read(&*self.clock);
        Ok(rows.workers.get(space).map(|rows| rows.list(&moment)).unwrap_or_default())
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        Ok(self.rows().workers.get(space).and_then(|rows| rows.layout.clone()))
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        self.rows().space(space).put_layout(space, expected, text)
    }
}
