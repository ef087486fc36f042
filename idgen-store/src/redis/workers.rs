//! Leases of time: a hash for each id space, `idgen:{NAME}:workers`, whose fields are worker ids in
//! decimal and `layout`; the serial that they share is `idgen:turn`.
//!
//! A script replaces a record if it is, byte for byte, the one that was seen: a record holds the
//! nonce of its claim, so no other holder's is the same. The clock is that of the server that has
//! the serial.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::fault::Fault;
use super::identity;
use super::link::{Link, Session};
use super::rows::{check_lasting, strange};
use super::scripts::{Run, Script, text};
use crate::records::{Item, Record, Records, Turn, Written};
use crate::swap::{Found, Swapped};
use crate::{Name, StoreError, StoreIdentity, key};

/// The field of the layout record.
const LAYOUT: &str = "layout";

/// The worker ids of a server.
pub(super) struct Workers {
    pub(super) link: Arc<Link>,
}

fn space_key(session: &Session, space: &Name) -> String {
    format!("{}:{{{}}}:workers", session.prefix, key::encode(space.as_str()))
}

fn field(item: Item) -> String {
    match item {
        Item::Worker(worker) => worker.to_string(),
        Item::Layout => LAYOUT.to_owned(),
    }
}

/// A number as Redis writes it.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

async fn run(
    session: &Session,
    script: Script,
    key: &String,
    arguments: Vec<String>,
) -> Result<Vec<Value>, Fault> {
    let run = Run { script, keys: std::slice::from_ref(key), arguments };
    match session.script(&run).await? {
        Value::Array(parts) => Ok(parts),
        other => Err(strange(&other)),
    }
}

async fn turn(session: Session) -> Result<Turn, Fault> {
    let key = format!("{}:turn", session.prefix);
    let told = run(&session, Script::Turn, &key, Vec::new()).await?;
    let [serial, ttl, seconds, micros] = &told[..] else {
        return Err(strange(&Value::Array(told)));
    };
    check_lasting(&key, ttl, "the count of leases")?;
    let of = |value| text(value).as_deref().and_then(number);
    let counted = || {
        let unix_ms = of(seconds)?.checked_mul(1000)?.checked_add(of(micros)? / 1000)?;
        Some(Turn { serial: of(serial)?, unix_ms: Some(unix_ms) })
    };
    counted().ok_or_else(|| Fault::Damaged(format!("key {key} is not as idgen writes it")))
}

/// The fields of an id space with their texts.
async fn all(session: Session, space: &Name) -> Result<Vec<Record<String>>, Fault> {
    let key = space_key(&session, space);
    let told = run(&session, Script::Records, &key, vec![String::new()]).await?;
    let [ttl, Value::Array(fields)] = &told[..] else {
        return Err(strange(&Value::Array(told)));
    };
    check_lasting(&key, ttl, "the worker ids")?;
    let mut records = Vec::new();
    for pair in fields.chunks(2) {
        let read = || match pair {
            [field, record] => text(field).zip(text(record)),
            _ => None,
        };
        let (field, text) = read().ok_or_else(|| strange(&Value::Array(pair.to_vec())))?;
        if field == LAYOUT {
            continue;
        }
        let worker = number(&field).ok_or_else(|| {
            Fault::Damaged(format!("key {key} has the field '{}'", field.escape_debug()))
        })?;
        records.push(Record { worker, version: text.clone(), text, live: None });
    }
    Ok(records)
}

/// What stands in a field, as a script showed it.
fn found(key: &str, ttl: &Value, record: &Value) -> Result<Found<String>, Fault> {
    check_lasting(key, ttl, "the worker ids")?;
    match record {
        Value::Nil => Ok(None),
        record => {
            let text = text(record).ok_or_else(|| strange(record))?;
            Ok(Some((text.clone(), text)))
        }
    }
}

async fn load(session: Session, space: &Name, item: Item) -> Result<Found<String>, Fault> {
    let key = space_key(&session, space);
    let told = run(&session, Script::Records, &key, vec![field(item)]).await?;
    match &told[..] {
        [ttl, record] => found(&key, ttl, record),
        _ => Err(strange(&Value::Array(told))),
    }
}

async fn swap(
    session: Session,
    space: &Name,
    item: Item,
    seen: Option<&String>,
    new: &str,
) -> Result<Swapped<String>, Fault> {
    let key = space_key(&session, space);
    let seen = seen.cloned().unwrap_or_default();
    let arguments = vec![field(item), seen, new.to_owned()];
    let told = run(&session, Script::Record, &key, arguments).await?;
    match &told[..] {
        [done] if text(done).as_deref() == Some("done") => Ok(Swapped::Done(new.to_owned())),
        [ttl, record] => found(&key, ttl, record).map(Swapped::Stale),
        _ => Err(strange(&Value::Array(told))),
    }
}

impl Records for Workers {
    const SERVER: &'static str = "Redis";
    /// The text itself.
    type Version = String;

    fn place(&self) -> &str {
        &self.link.settings.place
    }

    /// For a new connection, and for the work on it.
    fn answer_timeout(&self) -> Duration {
        self.link.settings.limits.connect + self.link.settings.limits.answer
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.link.run(identity::read).await
    }

    async fn turn(&self) -> Result<Turn, StoreError> {
        self.link.run(turn).await
    }

    async fn all(&self, space: &Name) -> Result<Vec<Record<String>>, StoreError> {
        self.link.run(|session| all(session, space)).await
    }

    async fn load(&self, space: &Name, item: Item) -> Result<Found<String>, StoreError> {
        self.link.run(|session| load(session, space, item)).await
    }

    async fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&String>,
        written: Written<'_>,
    ) -> Result<Swapped<String>, StoreError> {
        self.link.run(|session| swap(session, space, item, seen, written.text)).await
    }
}
