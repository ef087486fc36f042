//! The connection to the servers of a URL, shared by sequences and worker ids, and what both ask.

use std::time::Duration;

use etcd_client::{
    Client, Compare, CompareOp, Error, GetOptions, GetResponse, KeyValue, Txn, TxnOp,
    TxnOpResponse, TxnResponse,
};

use super::fault::Fault;
use super::settings::EtcdSettings;
use crate::held::Held;
use crate::retry::{pause_within, random};
use crate::swap::{Found, Swapped};
use crate::{Durability, StoreError, StoreIdentity};

/// How many keys are asked for at once: some 1 MiB of the 4 that an answer may have.
const AT_ONCE: i64 = 256;
/// The pause before another server is asked.
const PAUSE: Duration = Duration::from_millis(10);
/// How often a request is sent for each server there is.
const ROUNDS: usize = 3;

/// A way to the servers of one URL.
pub(super) struct Connection {
    settings: EtcdSettings,
    held: Held<Client>,
}

impl Connection {
    pub(super) fn new(settings: EtcdSettings) -> Self {
        Self { settings, held: Held::new() }
    }

    pub(super) fn place(&self) -> &str {
        &self.settings.place
    }

    pub(super) fn answer_timeout(&self) -> Duration {
        self.settings.answer_timeout
    }

    /// What all keys begin with, without a `/` at the end.
    pub(super) fn prefix(&self) -> &str {
        &self.settings.prefix
    }

    /// Sends a request, once more if it met a connection that ended, and with several servers
    /// again while one is met that is away. A request sent twice has its effect once: it writes on
    /// the condition of a revision, which then is another; or nobody minds, as with a lease of
    /// etcd's that is granted and never used.
    pub(super) async fn ask<T, W>(&self, request: impl Fn(&Client) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let open = || async {
            let connect = || Client::connect(&self.settings.servers, Some(self.settings.options()));
            self.pass_on(connect).await
        };
        // The driver sees to its connections by itself.
        let (client, _) = self.held.get(|_| false, open).await?;
        self.pass_on(|| request(&client)).await
    }

    async fn pass_on<T, W>(&self, request: impl Fn() -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let mut left = match self.settings.servers.len() {
            1 => 1,
            servers => ROUNDS * servers,
        };
        loop {
            match request().await.map_err(Fault::from) {
                Ok(told) => return Ok(told),
                Err(fault) if left == 0 || !fault.may_pass() => {
                    return Err(fault.tell(&self.settings.place));
                }
                Err(_away) => left -= 1,
            }
            tokio::time::sleep(pause_within(PAUSE)).await;
        }
    }

    pub(super) fn damaged(&self, what: String) -> StoreError {
        Fault::Damaged(what).tell(&self.settings.place)
    }

    pub(super) fn text(&self, found: &KeyValue) -> Result<String, StoreError> {
        let text = String::from_utf8(found.value().to_vec());
        text.map_err(|_not_utf8| {
            self.damaged(format!("key {} is no text", found.key().escape_ascii()))
        })
    }

    fn found(&self, got: &GetResponse) -> Result<Found<i64>, StoreError> {
        let found = got.kvs().first();
        found.map(|found| Ok((found.mod_revision(), self.text(found)?))).transpose()
    }

    /// A key as it stands now.
    pub(super) async fn load(&self, key: &str) -> Result<Found<i64>, StoreError> {
        let got = self.ask(|client| {
            let (mut keys, key) = (client.kv_client(), key.to_owned());
            async move { keys.get(key, None).await }
        });
        self.found(&got.await?)
    }

    /// Does `writes` if the key's revision is `seen`, else reads the key. The answer to `writes` is
    /// the revision of all that they wrote.
    pub(super) async fn swap(
        &self,
        key: &str,
        seen: Option<&i64>,
        writes: Vec<TxnOp>,
    ) -> Result<Swapped<i64>, StoreError> {
        // The revision of a key that is not there.
        let seen = seen.copied().unwrap_or(0);
        let told = self.write(key, seen, writes).await?;
        if !told.succeeded() {
            return Ok(Swapped::Stale(self.instead(key, &told)?));
        }
        // A transaction that writes has a revision of its own, and so has what it wrote.
        match told.header() {
            Some(header) => Ok(Swapped::Done(header.revision())),
            None => Err(self.damaged(format!("key {key} was written at no revision"))),
        }
    }

    async fn write(
        &self,
        key: &str,
        seen: i64,
        writes: Vec<TxnOp>,
    ) -> Result<TxnResponse, StoreError> {
        let txn = Txn::new()
            .when([Compare::mod_revision(key, CompareOp::Equal, seen)])
            .and_then(writes)
            .or_else([TxnOp::get(key, None)]);
        self.ask(|client| {
            let (mut keys, txn) = (client.kv_client(), txn.clone());
            async move { keys.txn(txn).await }
        })
        .await
    }

    /// What stood there instead.
    fn instead(&self, key: &str, told: &TxnResponse) -> Result<Found<i64>, StoreError> {
        match told.op_responses().first() {
            Some(TxnOpResponse::Get(got)) => self.found(got),
            _ => Err(self.damaged(format!("key {key} was asked for and not answered"))),
        }
    }

    /// All keys that begin with `above`, which ends with a `/`, at one revision; without it.
    pub(super) async fn below(&self, above: &str) -> Result<Vec<(String, KeyValue)>, StoreError> {
        // The first key that does not begin with it, as 0 follows / in ASCII.
        let (mut from, end) =
            (above.as_bytes().to_vec(), format!("{}0", &above[..above.len() - 1]));
        let (mut all, mut revision) = (Vec::new(), 0);
        loop {
            let got = self.ask(|client| {
                let options = GetOptions::new().with_range(end.as_str()).with_limit(AT_ONCE);
                let options = options.with_revision(revision);
                let (mut keys, from) = (client.kv_client(), from.clone());
                async move { keys.get(from, Some(options)).await }
            });
            let mut got = got.await?;
            revision = got.header().map_or(revision, |header| header.revision());
            let (found, more) = (got.take_kvs(), got.more());
            let last = found.last().map(|last| [last.key(), &[0]].concat());
            for found in found {
                let key = String::from_utf8_lossy(found.key());
                all.push((key.strip_prefix(above).unwrap_or_default().to_owned(), found));
            }
            match last {
                Some(behind) if more => from = behind,
                _ => return Ok(all),
            }
        }
    }

    /// The identity below the prefix, made when it is first asked for, and the cluster's id.
    pub(super) async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let key = format!("{}/identity", self.settings.prefix);
        let new = format!("{:016x}{:016x}", random(), random());
        let put = TxnOp::put(key.as_str(), new.as_str(), None);
        let told = self.write(&key, 0, vec![put]).await?;
        let id = match told.succeeded() {
            true => new,
            false => self.instead(&key, &told)?.map_or(new, |(_, id)| id),
        };
        let cluster = told.header().map_or(0, |header| header.cluster_id());
        Ok(StoreIdentity {
            backend: "etcd",
            id,
            incarnation: format!("{cluster:016x}"),
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        })
    }
}
