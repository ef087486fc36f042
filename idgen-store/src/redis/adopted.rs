//! A counter of a Redis server, moved by `INCRBY` inside a script.
//!
//! The reply of `INCRBY` is not looked at: inside a script it is a number of Lua, which loses the
//! last digits from 2^53 on. What the form can hold stands at the head of `counter.rs`.

use std::fmt;

use async_trait::async_trait;
use redis::Value;

use super::fault::Fault;
use super::identity;
use super::link::{Link, Session};
use super::rows::{digits, strange};
use super::scripts::{Run, Script, text};
use super::settings::RedisSettings;
use crate::counter::{Adopted, Counter, Step, Stepped};
use crate::{StoreError, StoreIdentity};

/// A counter of a Redis server that other programs increase by `INCRBY` too.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct RedisCounter {
    link: Link,
    adopted: Adopted,
}

impl fmt::Debug for RedisCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, key) = (&self.link.settings.place, &self.adopted.key);
        f.debug_struct("RedisCounter").field("place", place).field("key", key).finish()
    }
}

impl RedisCounter {
    pub(super) fn of(settings: RedisSettings, adopted: Adopted) -> Self {
        Self { link: Link::new(settings), adopted }
    }

    /// Takes `url` apart; nothing is connected yet.
    ///
    /// A URL as [`RedisStore::new`](super::RedisStore::new) takes it, without `durability` and
    /// `prefix`, and with these options:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `key` | the counter, and the name of its sequence | none |
    /// | `increment` | how far neighbours are apart, 1 to 2^32 | 2 |
    /// | `offset` | the residue of every id modulo the increment | 1; 0 without `increment` |
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::redis::RedisCounter;
    /// assert!(RedisCounter::new("redis://localhost:6379?key=integers").is_ok());
    /// assert!(RedisCounter::new("redis://localhost:6379").is_err());
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let (settings, adopted) = RedisSettings::parse(url)?;
        match adopted {
            Some(adopted) => Ok(Self::of(settings, adopted)),
            None => Err(StoreError::Refused(format!(
                "{} names no counter; write ?key=NAME",
                settings.place
            ))),
        }
    }

    async fn told(&self, session: &Session, step: Step) -> Result<Stepped, Fault> {
        let Adopted { key, definition } = &self.adopted;
        let seen = step.seen.map_or_else(String::new, |seen| seen.to_string());
        let arguments =
            vec![seen, step.width.to_string(), digits(definition.end()), step.above.to_string()];
        let keys = &[key.as_str().to_owned()];
        let told = session.script(&Run { script: Script::Counter, keys, arguments }).await?;
        let Value::Array(parts) = &told else { return Err(strange(&told)) };
        let [what, old, last] = &parts[..] else { return Err(strange(&told)) };
        if text(what).as_deref() == Some("moved") {
            return Ok(Stepped::Moved { old: self.value(old)?, new: self.value(last)? });
        }
        if let Value::Int(ms @ 0..) = last {
            return Err(Fault::Refused(format!(
                "lets key '{key}' expire in {ms} ms, and the counter with it; PERSIST it"
            )));
        }
        self.found(old).map(Stepped::Shown)
    }

    /// What stands in the key, if there is one.
    async fn look(&self, session: &Session) -> Result<Value, Fault> {
        let key = self.adopted.key.as_str();
        // Changes nothing, and is refused by a replica, whose value may be old.
        let _len: u64 = session.ask(redis::cmd("SETRANGE").arg(key).arg(0).arg("")).await?;
        session.ask(redis::cmd("GET").arg(key)).await
    }

    /// The value of a key that may be missing.
    fn found(&self, value: &Value) -> Result<u64, Fault> {
        match value {
            Value::Nil => Err(StoreError::Unknown { name: self.adopted.key.clone() }.into()),
            value => self.value(value),
        }
    }

    fn value(&self, value: &Value) -> Result<u64, Fault> {
        let found = text(value).ok_or_else(|| Fault::Damaged(self.adopted.no_number()))?;
        Ok(self.adopted.number(&found)?)
    }
}

#[async_trait]
impl Counter for RedisCounter {
    fn adopted(&self) -> &Adopted {
        &self.adopted
    }

    async fn server(&self) -> Result<StoreIdentity, StoreError> {
        let id = format!("{} {}", self.link.settings.place, self.adopted.key);
        self.link.run(|session| identity::of_counter(session, id)).await
    }

    async fn step(&self, step: Step) -> Result<Stepped, StoreError> {
        self.link.run(async |session| self.told(&session, step).await).await
    }

    async fn read(&self) -> Result<u64, StoreError> {
        self.link.run(async |session| self.found(&self.look(&session).await?)).await
    }

    async fn begin(&self, value: u64) -> Result<bool, StoreError> {
        let key = self.adopted.key.as_str();
        let begin = async |session: Session| {
            session.change(redis::cmd("SETNX").arg(key).arg(value), key).await
        };
        self.link.run(begin).await
    }

    async fn text(&self) -> Result<String, StoreError> {
        let read = async |session: Session| match self.look(&session).await? {
            Value::Nil => Err(StoreError::Unknown { name: self.adopted.key.clone() }.into()),
            value => text(&value).ok_or_else(|| Fault::Damaged(self.adopted.no_number())),
        };
        self.link.run(read).await
    }

    async fn swap(&self, seen: &str, new: &str) -> Result<bool, StoreError> {
        let swap = async |session: Session| {
            let keys = &[self.adopted.key.as_str().to_owned()];
            let arguments = vec![seen.to_owned(), new.to_owned()];
            let told = session.script(&Run { script: Script::Swap, keys, arguments }).await?;
            Ok(text(&told).as_deref() == Some("done"))
        };
        self.link.run(swap).await
    }
}
