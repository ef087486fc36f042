//! Records of worker ids as nodes.
//!
//! `/idgen/SPACE/workers/N` is the record of worker id N, `/idgen/SPACE/layout` the layout record.
//! `SPACE` is the id space's key; that of an id space `sequences` begins with `%73`, which no key
//! of another name does, since letters stand for themselves.

use std::sync::Arc;
use std::time::Duration;

use zookeeper_client::{Client, Error, Stat};

use super::fault::Fault;
use super::live::Live;
use super::nodes::{Swap, below, load};
use super::session::Session;
use crate::records::{Item, Record, Records, Turn, Written};
use crate::swap::{Found, Swapped};
use crate::{Name, StoreError, StoreIdentity, key};

/// The nodes of all id spaces.
pub(super) struct Workers {
    session: Arc<Session>,
    live: Arc<Live>,
}

impl Workers {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { live: Arc::new(Live::new(Arc::clone(&session))), session }
    }

    /// The node above all of an id space.
    fn space(&self, space: &Name) -> String {
        let key = match space.as_str() {
            "sequences" => "%73equences".to_owned(),
            other => key::encode(other),
        };
        format!("{}/{key}", self.session.root())
    }

    fn workers(&self, space: &Name) -> String {
        format!("{}/workers", self.space(space))
    }

    fn path(&self, space: &Name, item: Item) -> String {
        match item {
            Item::Worker(worker) => format!("{}/{worker}", self.workers(space)),
            Item::Layout => format!("{}/layout", self.space(space)),
        }
    }

    /// Refuses a lease that outlasts its session: its holder would seem gone while it holds.
    fn check_lease(&self, lease_ms: u64, client: &Client) -> Result<(), Fault> {
        let bound_ms = client.session_timeout().as_millis();
        if u128::from(lease_ms) <= bound_ms {
            return Ok(());
        }
        let next = if self.session.timeout().as_millis() < u128::from(lease_ms) {
            format!("write session_timeout_ms={lease_ms} into the URL")
        } else {
            "raise maxSessionTimeout of the servers".to_owned()
        };
        Err(Fault::Refused(format!(
            "a lease of {lease_ms} ms is longer than the session, which may be silent for \
             {bound_ms} ms; ask for a shorter lease, or {next}"
        )))
    }
}

/// A count or time of a node's, which is never negative.
fn whole(path: &str, number: i64) -> Result<u64, Fault> {
    let negative = |_| Fault::Damaged(format!("node {path} was changed at {number}"));
    u64::try_from(number).map_err(negative)
}

fn record(above: &str, (name, version, text): (String, i32, String)) -> Result<Record<i32>, Fault> {
    let worker = name.parse().ok().filter(|worker: &u64| worker.to_string() == name);
    let worker = worker.ok_or_else(|| {
        Fault::Damaged(format!("node {above}/{name} is none of a worker id; remove it"))
    })?;
    Ok(Record { worker, version, text, live: None })
}

impl Records for Workers {
    const SERVER: &'static str = "ZooKeeper";
    type Version = i32;

    fn place(&self) -> &str {
        self.session.place()
    }

    fn answer_timeout(&self) -> Duration {
        self.session.answer_timeout()
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.session.identity().await
    }

    /// A write to the node above all of idgen's: its transaction, and the leader's clock then.
    async fn turn(&self) -> Result<Turn, StoreError> {
        let root = self.session.root();
        let work = |client: Client| async move {
            let Stat { mzxid, mtime, .. } = client.set_data(root, b"", None).await?;
            Ok(Turn { serial: whole(root, mzxid)?, unix_ms: Some(whole(root, mtime)?) })
        };
        self.session.run(work).await
    }

    async fn all(&self, space: &Name) -> Result<Vec<Record<i32>>, StoreError> {
        let above = &self.workers(space);
        let work = |client| async move {
            let found = below(&client, above).await?.unwrap_or_default();
            found.into_iter().map(|found| record(above, found)).collect()
        };
        self.session.run(work).await
    }

    async fn load(&self, space: &Name, item: Item) -> Result<Found<i32>, StoreError> {
        let path = self.path(space, item);
        self.session.run(|client| async move { load(&client, &path).await }).await
    }

    async fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&i32>,
        written: Written<'_>,
    ) -> Result<Swapped<i32>, StoreError> {
        let (path, above) = (self.path(space, item), &self.workers(space));
        let options = self.session.options();
        let swap = &Swap { path: &path, seen: seen.copied(), text: written.text, options };
        let shown = match item {
            Item::Worker(worker) => Some(format!("{}/live/{worker}", self.space(space))),
            Item::Layout => None,
        };
        // A lease that is held is renewed, whatever servers have come to allow.
        let new = |node: &String| !self.live.is_wanted(node);
        let granted = written.held.filter(|_| shown.as_ref().is_some_and(new));
        let work = |client: Client| async move {
            if let Some((_, lease_ms)) = granted {
                self.check_lease(lease_ms, &client)?;
            }
            let mut swapped = swap.run(&client, false).await;
            if matches!(swapped, Err(Fault::Said(Error::NoNode))) {
                // The first of its id space.
                client.mkdir(above, &self.session.options()).await?;
                swapped = swap.run(&client, false).await;
            }
            Ok((swapped?, client))
        };
        let (swapped, client) = self.session.run(work).await?;
        if let (Swapped::Done(_), Some(node)) = (&swapped, shown) {
            self.live.show(client, node, written.held.map(|(holder, _)| holder));
        }
        Ok(swapped)
    }
}
