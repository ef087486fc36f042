//! Leases of numbers: the common one in one script, all else decided here on what a script showed
//! and written by another, which does nothing if what was decided on has changed meanwhile.
//!
//! What each write insists on is as little as keeps it sound, so that a stream of leases by others
//! cannot hold it up for ever: a hand-back on the remembered lease, a tail's lease on that tail, a
//! change by hand on a bound that is not above the new one; each on the version, which every change
//! by hand draws anew. Only a lease of fresh ground that the first script left to us insists on the
//! bound itself; such are rare (near the end, above the caller's mark, or very long).

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use idgen_core::IdRange;
use redis::Value;

use super::RedisStore;
use super::fault::Fault;
use super::identity;
use super::link::Session;
use super::rows::{self, Row, Seen, digits, strange};
use super::scripts::{Run, Script, text};
use crate::grant::{Grant, Ground, Mark};
use crate::retry;
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 64;
/// The pause before a later try at the longest.
const PAUSE: Duration = Duration::from_millis(4);

/// Lets those who met part.
async fn part(made: u32) {
    if made > 2 {
        tokio::time::sleep(retry::pause_within(PAUSE)).await;
    }
}

fn in_the_way(name: &Name) -> Fault {
    Fault::Answer(StoreError::Unavailable(format!(
        "others changed sequence '{name}' {TRIES} times before this request could; retry"
    )))
}

/// What the script of the common lease answers.
enum Asked {
    Granted(Lease),
    Shown { row: Option<Row>, tail: Option<String> },
}

fn asked(keys: &[String; 3], told: &Value, len: u64) -> Result<Asked, Fault> {
    let Value::Array(parts) = told else { return Err(strange(told)) };
    match (parts.first().and_then(text).as_deref(), &parts[..]) {
        (Some("shown"), [_, row, tail, ttl]) => {
            Ok(Asked::Shown { row: rows::read(&keys[0], row, ttl)?, tail: text(tail) })
        }
        (Some("granted"), [_, start, increment, serial]) => {
            let number = |value| text(value).as_deref().and_then(rows::number);
            let granted = || {
                let range = IdRange::new(number(start)?, number(increment)?, len).ok()?;
                Some(Lease { range, serial: number(serial)? })
            };
            granted().map(Asked::Granted).ok_or_else(|| strange(told))
        }
        _ => Err(strange(told)),
    }
}

async fn lease(session: Session, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
    let keys = rows::keys(&session, name);
    for made in 0..TRIES {
        let arguments = vec![len.to_string(), digits(above)];
        let told = session.script(&Run { script: Script::Lease, keys: &keys, arguments }).await?;
        let (row, tail) = match asked(&keys, &told, len)? {
            Asked::Granted(lease) => return Ok(lease),
            Asked::Shown { row, tail } => (row, tail),
        };
        let (row, _) = Seen { row, texts: Vec::new() }.live(name)?;
        let range = tail.as_deref().map(rows::range).transpose()?;
        let mut mark = row.mark.clone();
        let grant = mark.lease(name, len, above, range)?;
        let write = Write { row: &row, mark: &mark, grant: &grant, tail };
        if let Some(serial) = write.send(&session, &keys).await? {
            return Ok(Lease { range: grant.range, serial });
        }
        part(made).await;
    }
    Err(in_the_way(name))
}

/// A lease that was decided here.
struct Write<'a> {
    row: &'a Row,
    mark: &'a Mark,
    grant: &'a Grant,
    tail: Option<String>,
}

impl Write<'_> {
    /// The serial it got, or `None` if others were faster.
    async fn send(self, session: &Session, keys: &[String; 3]) -> Result<Option<u64>, Fault> {
        let Self { row, mark, grant, tail } = self;
        let (bound, tail, rest) = match &grant.ground {
            Ground::Fresh => (digits(row.mark.bound), String::new(), String::new()),
            Ground::Tail { rest, .. } => {
                let rest = rest.as_ref().map_or_else(String::new, rows::range_text);
                (String::new(), tail.expect("the ground is the tail that was seen"), rest)
            }
        };
        let remember = match grant.remembered(mark) {
            true => rows::range_text(&grant.range),
            false => String::new(),
        };
        let (new_bound, new_next) = (digits(mark.bound), rows::next(mark));
        let arguments = vec![row.version.clone(), bound, tail, rest, new_bound, new_next, remember];
        let told = session.script(&Run { script: Script::Grant, keys, arguments }).await?;
        counted(&told)
    }
}

/// The serial of a write, or `None` if it was not made.
fn counted(told: &Value) -> Result<Option<u64>, Fault> {
    match text(told).as_deref() {
        Some("") => Ok(None),
        Some(serial) => rows::number(serial).map(Some).ok_or_else(|| strange(told)),
        None => Err(strange(told)),
    }
}

async fn hand_back(session: Session, name: &Name, tail: &Lease) -> Result<(), Fault> {
    let keys = rows::keys(&session, name);
    for made in 0..TRIES {
        let seen = rows::look(&session, &keys, digits(tail.serial)).await?;
        let (mut row, texts) = seen.live(name)?;
        let lease = rows::remembered(texts, tail.serial);
        let range = lease.as_deref().and_then(|text| text.split_once(' '));
        let range = range.map(|(_, range)| rows::range(range)).transpose()?;
        let end = row.mark.hand_back(name, range, tail)?;
        let lease = lease.expect("only a remembered lease is taken back");
        let arguments = vec![row.version, lease, rows::range_text(&end)];
        let run = Run { script: Script::Back, keys: &keys, arguments };
        if counted(&session.script(&run).await?)?.is_some() {
            return Ok(());
        }
        part(made).await;
    }
    Err(in_the_way(name))
}

/// Writes a row by hand; whether it still was as it had been seen. A deleted sequence keeps the
/// bound that it has at that moment.
async fn write(
    session: &Session,
    keys: &[String; 3],
    version: String,
    mark: &Mark,
) -> Result<bool, Fault> {
    let definition = mark.definition;
    let arguments = vec![
        version,
        format!("{:016x}", crate::random::random()),
        digits(definition.first()),
        digits(definition.increment()),
        digits(definition.offset()),
        digits(definition.end()),
        definition.order().name().to_owned(),
        u8::from(mark.deleted).to_string(),
        if mark.deleted { String::new() } else { digits(mark.bound) },
        rows::next(mark),
        mark.moved_to.clone().unwrap_or_default(),
    ];
    let told = session.script(&Run { script: Script::Change, keys, arguments }).await?;
    Ok(text(&told).as_deref() == Some("done"))
}

/// Has `decide` make the row anew, without tails; whether it did.
async fn place(
    session: &Session,
    name: &Name,
    decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Result<bool, Fault> {
    let keys = rows::keys(session, name);
    // First, since a name without a row is passed over, and a row without a name would be hidden.
    // The set of names may lie on another node than the row, and no script has both.
    let names = rows::names(session);
    let mut join = redis::cmd("SADD");
    let _added: u64 = session.change(join.arg(&names).arg(name.as_str()), &names).await?;
    for made in 0..TRIES {
        let seen = rows::look(session, &keys, digits(0)).await?;
        let (version, mark) = match seen.row {
            Some(row) => (row.version, Some(row.mark)),
            None => (String::new(), None),
        };
        let Some(mark) = decide(mark)? else { return Ok(false) };
        if write(session, &keys, version, &mark).await? {
            return Ok(true);
        }
        part(made).await;
    }
    Err(in_the_way(name))
}

async fn create(session: Session, name: &Name, definition: &Definition) -> Result<Created, Fault> {
    let made = place(&session, name, |mark| Mark::create(mark, name, definition)).await?;
    Ok(if made { Created::New } else { Created::Unchanged })
}

/// Makes the row anew and tells of it.
async fn placed(
    session: Session,
    name: &Name,
    decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Result<SequenceInfo, Fault> {
    place(&session, name, decide).await?;
    describe(session, name).await
}

/// Applies a change by hand, which gives up tails and remembered leases.
async fn change<T>(
    session: Session,
    name: &Name,
    by: impl Fn(&mut Mark) -> Result<T, StoreError>,
) -> Result<T, Fault> {
    let keys = rows::keys(&session, name);
    for made in 0..TRIES {
        let (row, _) = rows::look(&session, &keys, digits(0)).await?.live(name)?;
        let mut mark = row.mark;
        let told = by(&mut mark)?;
        if write(&session, &keys, row.version, &mark).await? {
            return Ok(told);
        }
        part(made).await;
    }
    Err(in_the_way(name))
}

async fn info(session: &Session, name: &Name) -> Result<Option<SequenceInfo>, Fault> {
    let keys = rows::keys(session, name);
    let seen = rows::look(session, &keys, "tails".to_owned()).await?;
    let Some(row) = seen.row.filter(|row| row.mark.is_listed()) else { return Ok(None) };
    let mut returned = 0;
    for tail in &seen.texts {
        returned += rows::range(tail)?.len();
    }
    Ok(Some(row.mark.info(name, returned)))
}

async fn describe(session: Session, name: &Name) -> Result<SequenceInfo, Fault> {
    let found = info(&session, name).await?;
    found.ok_or_else(|| StoreError::Unknown { name: name.clone() }.into())
}

/// All sequences, each as it stood at some moment of the call.
async fn list(session: Session) -> Result<Vec<SequenceInfo>, Fault> {
    let key = rows::names(&session);
    // Changes nothing, and is refused by a replica, whose names may be old.
    let _none: u64 = session.ask(redis::cmd("SREM").arg(&key).arg("")).await?;
    let names: Vec<String> = session.ask(redis::cmd("SMEMBERS").arg(&key)).await?;
    let mut found = BTreeMap::new();
    for name in names {
        let name = Name::new(&name)
            .map_err(|_no_name| Fault::Damaged("a sequence has a name that is none".to_owned()))?;
        if let Some(info) = info(&session, &name).await? {
            found.insert(name, info);
        }
    }
    Ok(found.into_values().collect())
}

#[async_trait]
impl SequenceStore for RedisStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.link.run(identity::read).await
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        self.link.run(identity::notes).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.link.run(|session| create(session, name, definition)).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.link.run(|session| lease(session, name, len, above)).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.link.run(|session| hand_back(session, name, tail)).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let advance = |mark: &mut Mark| mark.advance_to(name, above);
        self.link.run(|session| change(session, name, advance)).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        let alter = |mark: &mut Mark| mark.alter(name, alteration);
        self.link.run(|session| change(session, name, alter)).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.link.run(list).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.link.run(|session| describe(session, name)).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let delete = |mark: &mut Mark| {
            mark.deleted = true;
            Ok(())
        };
        self.link.run(|session| change(session, name, delete)).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let decide = |mark| Mark::move_away(mark, name, to);
        self.link.run(|session| placed(session, name, decide)).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let decide = |mark| Mark::move_in(mark, name, arrival);
        self.link.run(|session| placed(session, name, decide)).await
    }
}
