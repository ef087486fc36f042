//! Documents as keys, replaced by a transaction that compares the revision that was seen.

use std::time::Duration;

use etcd_client::{
    Client, Compare, CompareOp, Error, GetOptions, GetResponse, KeyValue, KvClient, Txn, TxnOp,
    TxnOpResponse, TxnResponse,
};

use super::fault::Fault;
use super::settings::EtcdSettings;
use crate::document::Documents;
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

/// A way to the keys of one URL.
pub(super) struct Keys {
    settings: EtcdSettings,
    held: Held<Client>,
}

impl Keys {
    pub(super) fn new(settings: EtcdSettings) -> Self {
        Self { settings, held: Held::new() }
    }

    /// What the keys of all sequences begin with.
    fn sequences(&self) -> String {
        format!("{}/sequences/", self.settings.prefix)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.sequences())
    }

    /// Sends a request, once more if it met a connection that ended, and with several servers
    /// again while one is met that is away. A request sent twice has its effect once: it writes on
    /// the condition of a revision, which then is another.
    async fn ask<T, W>(&self, request: impl Fn(KvClient) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let open = || async {
            let connect = || Client::connect(&self.settings.servers, Some(self.settings.options()));
            self.pass_on(connect).await
        };
        // The driver sees to its connections by itself.
        let (client, _) = self.held.get(|_| false, open).await?;
        self.pass_on(|| request(client.kv_client())).await
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

    fn damaged(&self, what: String) -> StoreError {
        Fault::Damaged(what).tell(&self.settings.place)
    }

    fn text(&self, found: &KeyValue) -> Result<String, StoreError> {
        let text = String::from_utf8(found.value().to_vec());
        text.map_err(|_not_utf8| {
            self.damaged(format!("key {} is no text", found.key().escape_ascii()))
        })
    }

    fn found(&self, got: &GetResponse) -> Result<Found<i64>, StoreError> {
        let found = got.kvs().first();
        found.map(|found| Ok((found.mod_revision(), self.text(found)?))).transpose()
    }

    /// Writes `text` if the key's revision is `seen`, which is 0 for none, else reads it.
    async fn replace(&self, key: &str, seen: i64, text: &str) -> Result<TxnResponse, StoreError> {
        let txn = Txn::new()
            .when([Compare::mod_revision(key, CompareOp::Equal, seen)])
            .and_then([TxnOp::put(key, text, None)])
            .or_else([TxnOp::get(key, None)]);
        self.ask(|mut client| {
            let txn = txn.clone();
            async move { client.txn(txn).await }
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
}

impl Documents for Keys {
    const SERVER: &'static str = "etcd";
    type Version = i64;

    fn place(&self) -> &str {
        &self.settings.place
    }

    fn answer_timeout(&self) -> Duration {
        self.settings.answer_timeout
    }

    /// The identity below the prefix, made when it is first asked for, and the cluster's id.
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let key = format!("{}/identity", self.settings.prefix);
        let new = format!("{:016x}{:016x}", random(), random());
        let told = self.replace(&key, 0, &new).await?;
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

    async fn load(&self, key: &str) -> Result<Found<i64>, StoreError> {
        let key = self.key(key);
        let got = self.ask(|mut client| {
            let key = key.clone();
            async move { client.get(key, None).await }
        });
        self.found(&got.await?)
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&i64>,
        text: &str,
    ) -> Result<Swapped<i64>, StoreError> {
        let key = self.key(key);
        let told = self.replace(&key, seen.copied().unwrap_or(0), text).await?;
        if !told.succeeded() {
            return Ok(Swapped::Stale(self.instead(&key, &told)?));
        }
        // A transaction that writes has a revision of its own, and so has what it wrote.
        match told.header() {
            Some(header) => Ok(Swapped::Done(header.revision())),
            None => Err(self.damaged(format!("key {key} was written at no revision"))),
        }
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let above = self.sequences();
        // The first key that does not begin with it, as 0 follows / in ASCII.
        let (mut from, end) =
            (above.clone().into_bytes(), format!("{}0", &above[..above.len() - 1]));
        let mut all = Vec::new();
        loop {
            let got = self.ask(|mut client| {
                let options = GetOptions::new().with_range(end.as_str()).with_limit(AT_ONCE);
                let from = from.clone();
                async move { client.get(from, Some(options)).await }
            });
            let got = got.await?;
            for found in got.kvs() {
                let key = String::from_utf8_lossy(found.key());
                let key = key.strip_prefix(&above).unwrap_or_default().to_owned();
                all.push((key, self.text(found)?));
            }
            match got.kvs().last() {
                Some(last) if got.more() => from = [last.key(), &[0]].concat(),
                _ => return Ok(all),
            }
        }
    }
}
