//! A counter that other programs increase too: one key, moved by `INCRBY`.
//!
//! Each program owns what lies above the value that it met, up to the value that it left. A lease
//! of `n` ids whose neighbours are `k` apart moves the counter by `n * k` and issues the members of
//! its progression in there, of which there are `n` wherever it begins; whoever moves the counter
//! by whatever amount never meets it. The reply of `INCRBY` is not looked at: inside a script it is
//! a number of Lua, which loses the last digits from 2^53 on.
//!
//! The form holds one number. So there is one sequence, named like the key, whose progression
//! stands in the URL; a tail cannot be handed back, and the last id is 2^63-1 at most. A key that
//! is missing is unknown until [`create`](SequenceStore::create) makes it 0, as the first `INCRBY`
//! of another program would.

use std::fmt;

use async_trait::async_trait;
use idgen_core::IdRange;
use redis::Value;

use super::fault::Fault;
use super::identity;
use super::link::{Link, Session};
use super::rows::{digits, strange};
use super::scripts::{Run, Script, text};
use super::settings::{Adopted, RedisSettings};
use crate::{
    Alteration, Created, Definition, Durability, Lease, Name, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 64;

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

    /// The counter is the only sequence.
    fn check_name(&self, name: &Name) -> Result<(), StoreError> {
        if *name == self.adopted.key {
            return Ok(());
        }
        Err(StoreError::Unknown { name: name.clone() })
    }
}

impl Adopted {
    /// Moves the counter by `width`, if it holds what was `seen` and has reached `above`.
    async fn step(
        &self,
        session: &Session,
        seen: Option<u64>,
        width: u64,
        above: u64,
    ) -> Result<Stepped, Fault> {
        let seen = seen.map_or_else(String::new, |seen| seen.to_string());
        let end = digits(self.definition.end());
        let arguments = vec![seen, width.to_string(), end, above.to_string()];
        let keys = &[self.key.as_str().to_owned()];
        let told = session.script(&Run { script: Script::Counter, keys, arguments }).await?;
        let Value::Array(parts) = &told else { return Err(strange(&told)) };
        let [what, old, last] = &parts[..] else { return Err(strange(&told)) };
        if text(what).as_deref() == Some("moved") {
            return Ok(Stepped::Moved { old: self.value(old)?, new: self.value(last)? });
        }
        if let Value::Int(ms @ 0..) = last {
            return Err(Fault::Refused(format!(
                "lets key '{}' expire in {ms} ms, and the counter with it; PERSIST it",
                self.key
            )));
        }
        match old {
            Value::Nil => Err(StoreError::Unknown { name: self.key.clone() }.into()),
            old => Ok(Stepped::Shown(self.value(old)?)),
        }
    }

    fn value(&self, value: &Value) -> Result<u64, Fault> {
        let number = text(value).and_then(|text| text.parse().ok());
        number.filter(|number| *number <= i64::MAX.cast_unsigned()).ok_or_else(|| {
            Fault::Damaged(format!("key '{}' is no number from 0 to 2^63-1", self.key))
        })
    }

    /// The value of the counter, which stays as it is.
    async fn read(&self, session: &Session) -> Result<u64, Fault> {
        let key = self.key.as_str();
        // Changes nothing, and is refused by a replica, whose value may be old.
        let _len: u64 = session.ask(redis::cmd("SETRANGE").arg(key).arg(0).arg("")).await?;
        let value: Value = session.ask(redis::cmd("GET").arg(key)).await?;
        match value {
            Value::Nil => Err(StoreError::Unknown { name: self.key.clone() }.into()),
            value => self.value(&value),
        }
    }

    async fn lease(&self, session: Session, len: u64, above: u64) -> Result<Lease, Fault> {
        if len == 0 {
            let why = format!("a lease of sequence '{}' holds at least 1 id, not 0", self.key);
            return Err(StoreError::Refused(format!("{why}; ask for 1 or more")).into());
        }
        // Too much for the counter is more than is left, which shows the value.
        let width = len.saturating_mul(self.definition.increment()).min(1 << 63);
        let mut stepped = self.step(&session, None, width, above).await?;
        for _ in 0..TRIES {
            let seen = match stepped {
                Stepped::Moved { old, new } => return self.granted(old.max(above), new, len),
                Stepped::Shown(seen) => seen,
            };
            let from = seen.max(above);
            let end = self.definition.end();
            if self.definition.next_after(from).is_none() {
                return Err(StoreError::Exhausted { name: self.key.clone(), end }.into());
            }
            let to = from.saturating_add(width).min(end);
            stepped = self.step(&session, Some(seen), to - seen, 0).await?;
        }
        Err(self.in_the_way())
    }

    /// The members of what the counter moved over.
    fn granted(&self, from: u64, to: u64, len: u64) -> Result<Lease, Fault> {
        let range = self.definition.range_after(from, len);
        let fits = |range: &IdRange| range.last() <= to;
        let range = range.filter(fits).ok_or_else(|| {
            Fault::Damaged(format!("key '{}' was moved from {from} to {to} only", self.key))
        })?;
        Ok(Lease { range, serial: to })
    }

    async fn advance_to(&self, session: Session, above: u64) -> Result<(), Fault> {
        let (name, end) = (self.key.clone(), self.definition.end());
        if above > end {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' ends at {end}; {above} lies past it, choose {end} or less"
            ))
            .into());
        }
        for _ in 0..TRIES {
            let bound = self.read(&session).await?;
            if above < bound {
                return Err(StoreError::WouldLower { name, bound, asked: above }.into());
            }
            if above == bound {
                return Ok(());
            }
            if let Stepped::Moved { .. } =
                self.step(&session, Some(bound), above - bound, 0).await?
            {
                return Ok(());
            }
        }
        Err(self.in_the_way())
    }

    async fn create(&self, session: Session, definition: &Definition) -> Result<Created, Fault> {
        if *definition != self.definition {
            let (name, existing) = (self.key.clone(), self.definition);
            return Err(StoreError::Conflict { name, existing }.into());
        }
        let made = session.ask(redis::cmd("SETNX").arg(self.key.as_str()).arg(0)).await?;
        Ok(if made { Created::New } else { Created::Unchanged })
    }

    async fn info(&self, session: Session) -> Result<SequenceInfo, Fault> {
        let bound = self.read(&session).await?;
        let (name, definition) = (self.key.clone(), self.definition);
        Ok(SequenceInfo { name, definition, bound, serial: bound, returned: 0 })
    }

    fn in_the_way(&self) -> Fault {
        Fault::Answer(StoreError::Unavailable(format!(
            "others moved counter '{}' {TRIES} times before this request could; retry",
            self.key
        )))
    }

    fn refuse(&self, what: &str, instead: &str) -> StoreError {
        StoreError::Refused(format!(
            "counter '{}' is shared with other programs and cannot be {what}; {instead}",
            self.key
        ))
    }
}

/// What became of a step.
enum Stepped {
    Moved {
        old: u64,
        new: u64,
    },
    /// Nothing was moved; the counter has this value.
    Shown(u64),
}

#[async_trait]
impl SequenceStore for RedisCounter {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let id = format!("{} {}", self.link.settings.place, self.adopted.key);
        let identity = self.link.run(|session| identity::of_counter(session, id)).await?;
        Ok(StoreIdentity { ceiling: self.adopted.definition.end(), ..identity })
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let (key, end) = (&self.adopted.key, self.adopted.definition.end());
        let mut notes = vec![
            format!("counter '{key}' takes nothing back: each stop of a node costs what it leased"),
            format!("counter '{key}' ends at {end}"),
        ];
        if let Durability::MayLose(why) = self.identity().await?.durability {
            notes.push(format!("this server may forget what it answered: {why}"));
        }
        Ok(notes)
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        if self.check_name(name).is_err() {
            return Err(self.adopted.refuse("joined by another", "name another store for it"));
        }
        self.link.run(|session| self.adopted.create(session, definition)).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.check_name(name)?;
        self.link.run(|session| self.adopted.lease(session, len, above)).await
    }

    /// Takes nothing back: another program may have moved the counter since.
    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.check_name(name)?;
        Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial })
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.describe(name).await.map(|info| info.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.check_name(name)?;
        self.link.run(|session| self.adopted.advance_to(session, above)).await
    }

    async fn alter(&self, name: &Name, _: &Alteration) -> Result<Definition, StoreError> {
        self.check_name(name)?;
        Err(self.adopted.refuse("altered", "write ?increment= and offset= in the URL"))
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        match self.describe(&self.adopted.key).await {
            Ok(info) => Ok(vec![info]),
            Err(StoreError::Unknown { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.check_name(name)?;
        self.link.run(|session| self.adopted.info(session)).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.check_name(name)?;
        Err(self.adopted.refuse("deleted", "stop the others and DEL it by hand"))
    }
}
