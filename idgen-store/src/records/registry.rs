//! The registry's face over records.

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken};

use super::{Item, RecordRegistry, Records, Written, moment};
use crate::swap::Swapped;
use crate::tenure::{Desk, Now};
use crate::{
    Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, StoreIdentity, WorkerInfo,
    WorkerRegistry,
};

impl<R: Records> RecordRegistry<R> {
    /// The layout record and its version in the store.
    async fn layout_record(
        &self,
        space: &Name,
    ) -> Result<Option<(R::Version, LayoutRecord)>, RegistryError> {
        let found = self.records.load(space, Item::Layout).await?;
        found.map(|(version, text)| Ok((version, self.layout_of(space, &text)?))).transpose()
    }

    /// A layout record is its version in decimal, a line feed, and its text.
    fn layout_of(&self, space: &Name, text: &str) -> Result<LayoutRecord, RegistryError> {
        let record = text.split_once('\n').and_then(|(version, text)| {
            Some(LayoutRecord { version: version.parse().ok()?, text: text.to_owned() })
        });
        record.ok_or_else(|| {
            RegistryError::Damaged(format!(
                "{}: the layout record of id space '{space}' is not as this version writes it; \
                 restore it from a backup, or use the version that wrote it",
                self.records.place()
            ))
        })
    }

    async fn write_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let found = self.layout_record(space).await?;
        let (version, stored) = found.unzip();
        let next = LayoutRecord::next(stored.as_ref(), space, expected, text)?;
        let kept = format!("{}\n{}", next.version, next.text);
        let written = Written { text: &kept, held: None };
        match self.records.swap(space, Item::Layout, version.as_ref(), written).await? {
            Swapped::Done(_) => Ok(next),
            Swapped::Stale(found) => {
                let found = found.map(|(_, text)| self.layout_of(space, &text)).transpose()?;
                let version = found.map_or(0, |record| record.version);
                Err(RegistryError::LayoutConflict { space: space.clone(), version })
            }
        }
    }
}

#[async_trait]
impl<R: Records> WorkerRegistry for RecordRegistry<R> {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        self.limited(async { Ok(self.records.identity().await?) }).await
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        Desk::check(space, claim)?;
        self.limited(self.claim(space, claim)).await
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let renewed = async {
            let unix_ms = self.unix_ms(space, now_unix_ms).await?;
            let moment = moment(unix_ms);
            let now = Now { moment: &moment, unix_ms };
            self.change(space, (worker, token), |tenure| {
                tenure.renew(space, token, now_unix_ms, now)
            })
            .await
        };
        self.limited(renewed).await
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        let lease = (ended.worker(), ended.token());
        let released = self.change(space, lease, |tenure| tenure.release(space, &ended));
        self.limited(released).await
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let listed = async {
            let rows = self.rows(space).await?;
            let unix_ms = self.unix_ms(space, self.host.unix_ms()).await?;
            let moment = moment(unix_ms);
            Ok(rows.into_iter().map(|row| row.at(unix_ms).1.info(&moment)).collect())
        };
        self.limited(listed).await
    }

    async fn is_released(&self, space: &Name, worker: u64) -> Result<bool, RegistryError> {
        let asked = async {
            let found = self.records.load(space, Item::Worker(worker)).await?;
            match self.seen_in(space, worker, found, None)? {
                None => Ok(false),
                Some(seen) if !seen.tenure.granted => Ok(true),
                Some(_) => Ok(self.records.is_gone(space, worker).await?),
            }
        };
        self.limited(asked).await
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        let asked = async { Ok(self.layout_record(space).await?.map(|(_, record)| record)) };
        self.limited(asked).await
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        self.limited(self.write_layout(space, expected, text)).await
    }
}
