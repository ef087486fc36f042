//! Documents as keys, replaced by a transaction that compares the revision that was seen.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::TxnOp;

use super::connection::Connection;
use crate::document::Documents;
use crate::swap::{Found, Swapped};
use crate::{StoreError, StoreIdentity};

/// The keys of all sequences.
pub(super) struct Keys {
    connection: Arc<Connection>,
}

impl Keys {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// What the keys of all sequences begin with.
    fn sequences(&self) -> String {
        format!("{}/sequences/", self.connection.prefix())
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.sequences())
    }
}

impl Documents for Keys {
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

    async fn load(&self, key: &str) -> Result<Found<i64>, StoreError> {
        self.connection.load(&self.key(key)).await
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&i64>,
        text: &str,
    ) -> Result<Swapped<i64>, StoreError> {
        let key = self.key(key);
        let put = TxnOp::put(key.as_str(), text, None);
        self.connection.swap(&key, seen, vec![put]).await
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let found = self.connection.below(&self.sequences()).await?;
        found.into_iter().map(|(key, found)| Ok((key, self.connection.text(&found)?))).collect()
    }
}
