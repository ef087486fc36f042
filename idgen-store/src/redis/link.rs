//! The one connection that all requests share.
//!
//! Requests are sent as they come and answered in that order, without waiting for one another. A
//! connection on which one failed on the way, or took too long, is given up by all; the next
//! request makes another. Callers who waited while that failed share the failure instead of each
//! waiting for their own.

use std::sync::Arc;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, Value};
use tokio::sync::Mutex;

use super::fault::Fault;
use super::identity::{self, Server};
use super::scripts::{Run, Script};
use super::settings::RedisSettings;
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
    connection: MultiplexedConnection,
    /// What the server calls the scripts.
    digests: Arc<Vec<String>>,
    /// What the keys begin with.
    pub(super) prefix: Arc<str>,
    pub(super) lossy: bool,
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
        let limit = settings.connect_timeout;
        let opened = tokio::time::timeout(limit, Self::connect(settings, number)).await;
        opened.unwrap_or(Err(Fault::Late(limit.as_millis())))
    }

    async fn connect(settings: &RedisSettings, number: u64) -> Result<Self, Fault> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.answer_timeout));
        let client = &settings.client;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut session = Self {
            connection,
            digests: Arc::default(),
            prefix: settings.prefix.as_str().into(),
            lossy: settings.lossy,
            number,
        };
        Server::ask(&session).await?.check_fit(settings.lossy)?;
        // A counter's store is its key, and nothing of idgen's stands beside it.
        if !settings.counts {
            identity::ensure(&session).await?;
        }
        session.digests = Arc::new(session.load().await?);
        Ok(session)
    }

    async fn load(&self) -> Result<Vec<String>, Fault> {
        let mut loads = redis::pipe();
        for script in Script::ALL {
            loads.add_command(script.load());
        }
        let mut connection = self.connection.clone();
        Ok(loads.query_async(&mut connection).await?)
    }

    /// Sends one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Fault> {
        Ok(command.query_async(&mut self.connection.clone()).await?)
    }

    /// Runs a script; loads them all again if the server was told to forget them.
    pub(super) async fn script(&self, run: &Run<'_>) -> Result<Value, Fault> {
        let at = run.script as usize;
        match self.ask(&run.command(&self.digests[at])).await {
            Err(fault) if fault.is_unknown_script() => {
                let digests = self.load().await?;
                self.ask(&run.command(&digests[at])).await
            }
            told => told,
        }
    }
}
