//! The one connection that all requests share.
//!
//! Requests are sent as they come and answered in that order, without waiting for one another. A
//! connection on which one failed on the way, or took too long, is given up by all; the next
//! request makes another. Callers who waited while that failed share the failure instead of each
//! waiting for their own.

use std::sync::Arc;
use std::time::Instant;

use redis::{Cmd, FromRedisValue, Value};
use tokio::sync::Mutex;

use super::connection::Connection;
use super::fault::Fault;
use super::identity::{self, Standing};
use super::scripts::Run;
use super::servers::Form;
use super::settings::{Confirm, RedisSettings};
use crate::StoreError;
use crate::retry::{self, Failed};

pub(super) struct Link {
    pub(super) settings: RedisSettings,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// Of the sessions made so far.
    count: u64,
    failed: Option<Failed>,
}

/// A connection that is ready to lease; a clone is the same connection.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) form: Form,
    /// What the keys begin with.
    pub(super) prefix: Arc<str>,
    pub(super) lossy: bool,
    confirm: Option<Confirm>,
    number: u64,
}

impl Link {
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self { settings, slot: Mutex::default() }
    }

    /// Does a request's work on the connection.
    pub(super) async fn run<T, W>(&self, work: impl FnOnce(Session) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Fault>>,
    {
        let session = self.session().await?;
        let number = session.number;
        let outcome = work(session).await;
        if outcome.as_ref().is_err_and(|fault| !fault.keeps_connection()) {
            let mut slot = self.slot.lock().await;
            // Another request may have seen to it already.
            slot.session.take_if(|session| session.number == number);
        }
        outcome.map_err(|fault| fault.tell(&self.settings.place))
    }

    async fn session(&self) -> Result<Session, StoreError> {
        retry::inside_tokio("Redis")?;
        let began = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(session) = &slot.session {
            return Ok(session.clone());
        }
        Failed::share(slot.failed.as_ref(), began)?;
        slot.count += 1;
        match Session::open(&self.settings, slot.count).await {
            Ok(session) => {
                slot.session = Some(session.clone());
                Ok(session)
            }
            Err(fault) => {
                let error = fault.tell(&self.settings.place);
                slot.failed = Failed::of(&error).or(slot.failed.take());
                Err(error)
            }
        }
    }
}

impl Session {
    async fn open(settings: &RedisSettings, number: u64) -> Result<Self, Fault> {
        let limit = settings.limits.connect;
        let opened = tokio::time::timeout(limit, Self::connect(settings, number)).await;
        opened.unwrap_or(Err(Fault::Late(limit.as_millis())))
    }

    async fn connect(settings: &RedisSettings, number: u64) -> Result<Self, Fault> {
        let session = Self {
            connection: settings.servers.connect(settings.limits).await?,
            form: settings.servers.form(),
            prefix: settings.prefix.as_str().into(),
            lossy: settings.lossy,
            confirm: settings.confirm,
            number,
        };
        Standing::ask(&session).await?.check_fit(settings.lossy)?;
        // A counter's store is its key, and nothing of idgen's stands beside it.
        if !settings.counts {
            identity::ensure(&session).await?;
        }
        Ok(session)
    }

    /// How many replicas have to confirm a change.
    pub(super) fn confirmed_by(&self) -> u64 {
        self.confirm.map_or(0, |due| due.replicas)
    }

    /// Sends one command that changes nothing, or nothing that may not be lost.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        Ok(redis::from_redis_value(self.connection.ask(command).await?)?)
    }

    /// Sends one command about `key`; what replicas do not confirm in time has no result.
    pub(super) async fn change<T>(&self, command: &Cmd, key: &str) -> Result<T, Fault>
    where
        T: FromRedisValue,
    {
        let Some(due) = self.confirm else { return self.ask(command).await };
        let sent = self.connection.ask_confirmed(command, key, due.replicas, due.limit_ms);
        let (told, confirmed) = sent.await?;
        let confirmed: u64 = redis::from_redis_value(confirmed)?;
        if confirmed < due.replicas {
            return Err(Fault::Unconfirmed { confirmed, due });
        }
        Ok(redis::from_redis_value(told)?)
    }

    /// Runs a script: by its digest, and by its text where the server has not met it.
    pub(super) async fn script(&self, run: &Run<'_>) -> Result<Value, Fault> {
        match self.change(&run.by_digest(), &run.keys[0]).await {
            Err(fault) if fault.is_unknown_script() => {
                self.change(&run.by_text(), &run.keys[0]).await
            }
            told => told,
        }
    }
}
