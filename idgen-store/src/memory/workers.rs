//! The registry in memory: rows by id space and worker id, one serial counter, one anchor.

use std::collections::BTreeMap;

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken};

use super::MemoryStore;
use crate::clock::{Anchor, Moment};
use crate::tenure::{Desk, Now, Tenure, lost};
use crate::{
    Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, StoreIdentity, WorkerInfo,
    WorkerRegistry,
};

#[derive(Default)]
pub(super) struct Registry {
    spaces: BTreeMap<Name, Space>,
    serial: u64,
    anchor: Option<Anchor>,
}

#[derive(Default)]
struct Space {
    tenures: BTreeMap<u64, Tenure>,
    layout: Option<LayoutRecord>,
}

impl Registry {
    /// Makes the anchor anew if no lease is held but those of `dead`, and reads the time off it.
    fn now_unix_ms(&mut self, dead: Option<(&Name, u64)>, moment: &Moment) -> u64 {
        let mut tenures = self
            .spaces
            .iter()
            .flat_map(|(name, space)| space.tenures.values().map(move |tenure| (name, tenure)));
        let any_held = tenures
            .any(|(name, tenure)| tenure.is_held(moment) && dead != Some((name, tenure.worker)));
        let stored = self.anchor.take().unwrap_or_else(|| Anchor(moment.clone()));
        self.anchor.insert(Anchor::at(stored, any_held, moment)).unix_ms(moment)
    }

    fn claim(
        &mut self,
        name: &Name,
        claim: &Claim,
        moment: &Moment,
    ) -> Result<Claimed, RegistryError> {
        Desk::check(name, claim)?;
        let space = self.spaces.entry(name.clone()).or_default();
        let tenures: Vec<_> =
            space.tenures.range(claim.ids.clone()).map(|(_, tenure)| tenure.clone()).collect();
        let desk = Desk { space: name, claim, tenures: &tenures };
        let dead = desk.proven(moment).map(|tenure| (name, tenure.worker));
        let unix_ms = self.now_unix_ms(dead, moment);
        let serial = self.serial + 1;
        let granted = desk.decide(Now { moment, unix_ms }, serial)?;
        if let Some(tenure) = granted.tenure {
            self.serial = serial;
            let space = self.spaces.entry(name.clone()).or_default();
            space.tenures.insert(tenure.worker, tenure);
        }
        Ok(granted.claimed)
    }

    fn tenure(&mut self, space: &Name, worker: u64) -> Result<&mut Tenure, RegistryError> {
        let tenure = self.spaces.get_mut(space).and_then(|space| space.tenures.get_mut(&worker));
        tenure.ok_or_else(|| lost(space, worker))
    }
}

#[async_trait]
impl WorkerRegistry for MemoryStore {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        Ok(self.own_identity())
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        let mut rows = self.rows();
        rows.registry.claim(space, claim, &Moment::read(&*self.clock))
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
        let unix_ms = rows.registry.now_unix_ms(None, &moment);
        let tenure = rows.registry.tenure(space, worker)?;
        tenure.renew(space, token, now_unix_ms, Now { moment: &moment, unix_ms })
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        self.rows().registry.tenure(space, ended.worker())?.release(space, &ended)
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let rows = self.rows();
        let moment = Moment::read(&*self.clock);
        let space = rows.registry.spaces.get(space);
        let tenures = space.into_iter().flat_map(|space| space.tenures.values());
        Ok(tenures.map(|tenure| tenure.info(&moment)).collect())
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        let rows = self.rows();
        Ok(rows.registry.spaces.get(space).and_then(|space| space.layout.clone()))
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let mut rows = self.rows();
        let record = &mut rows.registry.spaces.entry(space.clone()).or_default().layout;
        let next = LayoutRecord::next(record.as_ref(), space, expected, text)?;
        *record = Some(next.clone());
        Ok(next)
    }
}
