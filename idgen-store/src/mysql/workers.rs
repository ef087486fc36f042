//! Leases of time: a row for each worker id, replaced by one statement, which commits by itself, if
//! its version is still the one that was seen.
//!
//! A statement that waits for a row judges the row's version as it stands once it has it. Since
//! each change draws another version, a row that was met is a row that was changed, however the
//! server counts. The clock is the server's, in UTC whatever the session's time zone is.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Row;

use super::fault::Fault;
use super::rows::{bytes, literal, number};
use super::session::Session;
use super::settings::MysqlSettings;
use super::{identity, on_a_session, schema};
use crate::pool::{Connect, Pool};
use crate::records::{Item, Record, Records, Turn, Written};
use crate::swap::{Found, Swapped};
use crate::{Name, StoreError, StoreIdentity, retry};

/// The serial comes with the first answer; the clock is asked for once the row is there.
const TURN: &str = "UPDATE idgen_turn SET serial = LAST_INSERT_ID(serial + 1) WHERE one = 1; \
    SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000 AS unix_ms";

/// The worker ids of a database.
pub(super) struct Workers {
    pub(super) pool: Arc<Pool<MysqlSettings>>,
}

/// The table of an item, the columns of its key and what they hold, as SQL.
struct Spot {
    table: &'static str,
    columns: &'static str,
    key: String,
}

impl Spot {
    fn of(space: &Name, item: Item) -> Self {
        let space = literal(space);
        match item {
            Item::Worker(worker) => Self {
                table: "idgen_worker",
                columns: "space, worker",
                key: format!("{space}, {worker}"),
            },
            Item::Layout => Self { table: "idgen_layout", columns: "space", key: space },
        }
    }

    /// What is true of its row alone.
    fn condition(&self) -> String {
        format!("({}) = ({})", self.columns, self.key)
    }

    /// The statement that replaces or makes the row.
    fn write(&self, seen: Option<u64>, version: u64, text: &str) -> String {
        let (table, columns, key, record) = (self.table, self.columns, &self.key, bytes(text));
        match seen {
            Some(seen) => format!(
                "UPDATE {table} SET version = {version}, record = {record} WHERE {} \
                 AND version = {seen}",
                self.condition()
            ),
            None => format!(
                "INSERT INTO {table} ({columns}, version, record) \
                 VALUES ({key}, {version}, {record})"
            ),
        }
    }
}

async fn turn(session: &mut Session) -> Result<Turn, Fault> {
    schema::ensure_workers(session).await?;
    let said = session.query(TURN).await?;
    let [counted, told] = &said[..] else {
        return Err(Fault::Damaged(format!("{} answers came to a turn", said.len())));
    };
    let serial = counted.last_insert_id.filter(|_| counted.changed == 1);
    let serial = serial.ok_or_else(|| Fault::Damaged("the table idgen_turn is empty".into()))?;
    let row = told.rows.first();
    let row = row.ok_or_else(|| Fault::Damaged("the server tells no time".to_owned()))?;
    Ok(Turn { serial, unix_ms: Some(number(row, "unix_ms")?) })
}

fn text(row: &Row) -> Result<String, Fault> {
    let bytes: Option<Vec<u8>> = row.get_opt("record").and_then(Result::ok);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Fault::Damaged("column record holds no text".to_owned()))
}

async fn all(session: &mut Session, space: &Name) -> Result<Vec<Record<u64>>, Fault> {
    schema::ensure_workers(session).await?;
    let space = literal(space);
    let sql = format!("SELECT worker, version, record FROM idgen_worker WHERE space = {space}");
    let record = |row: &Row| {
        let (worker, version) = (number(row, "worker")?, number(row, "version")?);
        Ok(Record { worker, version, text: text(row)?, live: None })
    };
    session.ask(&sql).await?.rows.iter().map(record).collect()
}

async fn load(session: &mut Session, space: &Name, item: Item) -> Result<Found<u64>, Fault> {
    schema::ensure_workers(session).await?;
    let spot = Spot::of(space, item);
    let sql = format!("SELECT version, record FROM {} WHERE {}", spot.table, spot.condition());
    let said = session.ask(&sql).await?;
    said.rows.first().map(|row| Ok((number(row, "version")?, text(row)?))).transpose()
}

async fn swap(
    session: &mut Session,
    space: &Name,
    item: Item,
    seen: Option<u64>,
    text: &str,
) -> Result<Swapped<u64>, Fault> {
    schema::ensure_workers(session).await?;
    let version = retry::random();
    let changed = match session.ask(&Spot::of(space, item).write(seen, version, text)).await {
        Ok(said) => said.changed,
        Err(fault) if seen.is_none() && fault.is_duplicate() => 0,
        Err(fault) => return Err(fault),
    };
    match changed {
        0 => load(session, space, item).await.map(Swapped::Stale),
        1 => Ok(Swapped::Done(version)),
        rows => Err(Fault::Damaged(format!("{rows} rows have one key"))),
    }
}

impl Records for Workers {
    const SERVER: &'static str = "MySQL";
    type Version = u64;

    fn place(&self) -> &str {
        &self.pool.settings.place
    }

    /// For a new connection, and for the work on it.
    fn answer_timeout(&self) -> Duration {
        self.pool.settings.connect_timeout + self.pool.settings.answer_timeout()
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| identity::read(session))
    }

    async fn turn(&self) -> Result<Turn, StoreError> {
        on_a_session!(self, |session| turn(session))
    }

    async fn all(&self, space: &Name) -> Result<Vec<Record<u64>>, StoreError> {
        on_a_session!(self, |session| all(session, space))
    }

    async fn load(&self, space: &Name, item: Item) -> Result<Found<u64>, StoreError> {
        on_a_session!(self, |session| load(session, space, item))
    }

    async fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&u64>,
        written: Written<'_>,
    ) -> Result<Swapped<u64>, StoreError> {
        on_a_session!(self, |session| swap(session, space, item, seen.copied(), written.text))
    }
}
