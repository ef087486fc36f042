//! Records of worker ids as keys, and who is alive by leases of etcd's own.
//!
//! `PREFIX/workers/SPACE/N` is the record of worker id N, `PREFIX/workers/SPACE/layout` the layout
//! record. `PREFIX/workers/SPACE/live/N` is there while the holder is: it is written in the
//! transaction of the record and attached to a lease of etcd's that was granted just before, for
//! the length of the worker's lease. So the server decides when that is over, by its own clock,
//! which it tells nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{PutOptions, TxnOp};

use super::connection::Connection;
use crate::records::{Item, Record, Records, Turn, Written};
use crate::swap::{Found, Swapped};
use crate::{Name, StoreError, StoreIdentity, key};

/// The keys of all id spaces.
pub(super) struct Workers {
    connection: Arc<Connection>,
}

/// What the key of a lease that is alive begins with, below its id space.
const LIVE: &str = "live/";
/// The key of a layout record, below its id space.
const LAYOUT: &str = "layout";

impl Workers {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// What the keys of an id space begin with.
    fn space(&self, space: &Name) -> String {
        format!("{}/workers/{}/", self.connection.prefix(), key::encode(space.as_str()))
    }

    fn key(&self, space: &Name, item: Item) -> String {
        match item {
            Item::Worker(worker) => format!("{}{worker}", self.space(space)),
            Item::Layout => format!("{}{LAYOUT}", self.space(space)),
        }
    }

    /// The key that is there while a worker id is held.
    fn live(&self, space: &Name, worker: u64) -> String {
        format!("{}{LIVE}{worker}", self.space(space))
    }

    /// The worker id that a key names below its id space.
    fn worker(&self, above: &str, key: &str) -> Result<u64, StoreError> {
        let worker = key.parse().ok().filter(|worker: &u64| worker.to_string() == key);
        worker.ok_or_else(|| {
            self.connection.damaged(format!("key {above}{key} is none of a worker id; remove it"))
        })
    }

    /// Has etcd grant a lease, of whole seconds and not below its minimum, which may be longer.
    async fn grant(&self, lease_ms: u64) -> Result<i64, StoreError> {
        let seconds = i64::try_from(lease_ms.div_ceil(1000)).unwrap_or(i64::MAX);
        let granted = self.connection.ask(|client| {
            let mut leases = client.lease_client();
            async move { leases.grant(seconds, None).await }
        });
        Ok(granted.await?.id())
    }

    /// The writes that keep `live` as long as the holder of a record does.
    async fn show(&self, live: &str, written: Written<'_>) -> Result<TxnOp, StoreError> {
        let Some((holder, lease_ms)) = written.held else {
            return Ok(TxnOp::delete(live, None));
        };
        let lease = PutOptions::new().with_lease(self.grant(lease_ms).await?);
        Ok(TxnOp::put(live, holder, Some(lease)))
    }
}

impl Records for Workers {
    const SERVER: &'static str = "etcd";
    type Version = i64;

    fn place(&self) -> &str {
        self.connection.place()
    }

    fn answer_timeout(&self) -> Duration {
        self.connection.answer_timeout()
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.connection.identity().await
    }

    /// The revision of a write, since those only rise.
    async fn turn(&self) -> Result<Turn, StoreError> {
        let key = format!("{}/turn", self.connection.prefix());
        let told = self.connection.ask(|client| {
            let (mut keys, key) = (client.kv_client(), key.clone());
            async move { keys.put(key, "", None).await }
        });
        let told = told.await?;
        let revision = told.header().map(|header| header.revision());
        let serial = revision.and_then(|revision| u64::try_from(revision).ok());
        let none = || self.connection.damaged(format!("key {key} was written at {revision:?}"));
        Ok(Turn { serial: serial.ok_or_else(none)?, unix_ms: None })
    }

    async fn all(&self, space: &Name) -> Result<Vec<Record<i64>>, StoreError> {
        let above = self.space(space);
        let (mut records, mut alive) = (Vec::new(), BTreeSet::new());
        for (key, found) in self.connection.below(&above).await? {
            if let Some(worker) = key.strip_prefix(LIVE) {
                alive.insert(self.worker(&above, worker)?);
            } else if key != LAYOUT {
                let (worker, text) = (self.worker(&above, &key)?, self.connection.text(&found)?);
                let version = found.mod_revision();
                records.push(Record { worker, version, text, live: Some(false) });
            }
        }
        for record in &mut records {
            record.live = Some(alive.contains(&record.worker));
        }
        Ok(records)
    }

    async fn load(&self, space: &Name, item: Item) -> Result<Found<i64>, StoreError> {
        self.connection.load(&self.key(space, item)).await
    }

    async fn is_gone(&self, space: &Name, worker: u64) -> Result<bool, StoreError> {
        Ok(self.connection.load(&self.live(space, worker)).await?.is_none())
    }

    async fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&i64>,
        written: Written<'_>,
    ) -> Result<Swapped<i64>, StoreError> {
        let key = self.key(space, item);
        let mut writes = vec![TxnOp::put(key.as_str(), written.text, None)];
        if let Item::Worker(worker) = item {
            writes.push(self.show(&self.live(space, worker), written).await?);
        }
        self.connection.swap(&key, seen, writes).await
    }
}
