//! Leases of time: a row for each worker id, replaced by one statement if its version is still the
//! one that was seen.
//!
//! A statement that waits for a row judges the row's version anew once it has it, and all commit
//! synchronously, as those about sequences do. The clock is the server's, at the moment of the
//! statement and without a time zone.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Row;

use super::fault::Fault;
use super::rows::{self, Value, bytes, num, query};
use super::session::Session;
use super::settings::PostgresSettings;
use super::{identity, on_a_session, schema};
use crate::pool::{Connect, Pool};
use crate::records::{Item, Record, Records, Turn, Written};
use crate::swap::{Found, Swapped};
use crate::{Name, StoreError, StoreIdentity, retry};

/// The serial and the clock, told by whoever has the row.
const TURN: &str = "UPDATE idgen_turn SET serial = serial + 1 RETURNING serial, \
    floor(extract(epoch FROM clock_timestamp()) * 1000)::numeric(20, 0) AS unix_ms, \
    set_config('synchronous_commit', 'on', true)";

/// The worker ids of a database.
pub(super) struct Workers {
    pub(super) pool: Arc<Pool<PostgresSettings>>,
}

/// The row that an item has.
struct Spot<'a> {
    table: &'static str,
    /// The columns of its key, and what they hold.
    key: &'static [&'static str],
    values: Vec<Value<'a>>,
}

impl<'a> Spot<'a> {
    fn of(space: &'a Name, item: Item) -> Self {
        match item {
            Item::Worker(worker) => Self {
                table: "idgen_worker",
                key: &["space", "worker"],
                values: vec![bytes(space), num(worker)],
            },
            Item::Layout => {
                Self { table: "idgen_layout", key: &["space"], values: vec![bytes(space)] }
            }
        }
    }

    /// What is true of its row alone.
    fn condition(&self) -> String {
        let equal = |(column, at): (&&str, usize)| format!("{column} = ${at}");
        self.key.iter().zip(1..).map(equal).collect::<Vec<_>>().join(" AND ")
    }

    /// The statement that replaces or makes the row, and its parameters.
    fn write(self, seen: Option<u64>, version: u64, text: &'a str) -> (String, Vec<Value<'a>>) {
        let Self { table, key, .. } = self;
        let (own, columns) = (self.condition(), key.join(", "));
        let next = key.len() + 1;
        let (new_version, record, old_version) = (next, next + 1, next + 2);
        let statement = match seen {
            Some(_) => format!(
                "UPDATE {table} SET version = ${new_version}, record = ${record} \
                 WHERE {own} AND version = ${old_version}"
            ),
            None => {
                let keys = (1..next).map(|at| format!("${at}, ")).collect::<String>();
                format!(
                    "INSERT INTO {table} ({columns}, version, record) \
                     VALUES ({keys}${new_version}, ${record}) ON CONFLICT ({columns}) DO NOTHING"
                )
            }
        };
        let mut values = self.values;
        values.extend([num(version), Value::Bytes(text.as_bytes())]);
        values.extend(seen.map(num));
        let durably = "RETURNING set_config('synchronous_commit', 'on', true)";
        (format!("{statement} {durably}"), values)
    }
}

async fn turn(session: &mut Session) -> Result<Turn, Fault> {
    schema::ensure_workers(session).await?;
    let found = query(&session.client, TURN, &[]).await?;
    let row = found.first().ok_or_else(|| Fault::Damaged("table idgen_turn is empty".into()))?;
    Ok(Turn { serial: rows::number(row, "serial")?, unix_ms: Some(rows::number(row, "unix_ms")?) })
}

fn text(row: &Row) -> Result<String, Fault> {
    let no_text = |_no_text| Fault::Damaged("column record holds no text".to_owned());
    String::from_utf8(row.try_get("record")?).map_err(no_text)
}

async fn all(session: &mut Session, space: &Name) -> Result<Vec<Record<u64>>, Fault> {
    schema::ensure_workers(session).await?;
    let sql = "SELECT worker, version, record FROM idgen_worker WHERE space = $1";
    let found = query(&session.client, sql, &[bytes(space)]).await?;
    let record = |row: &Row| {
        let (worker, version) = (rows::number(row, "worker")?, rows::number(row, "version")?);
        Ok(Record { worker, version, text: text(row)?, live: None })
    };
    found.iter().map(record).collect()
}

async fn load(session: &mut Session, space: &Name, item: Item) -> Result<Found<u64>, Fault> {
    schema::ensure_workers(session).await?;
    let spot = Spot::of(space, item);
    let sql = format!("SELECT version, record FROM {} WHERE {}", spot.table, spot.condition());
    let found = query(&session.client, &sql, &spot.values).await?;
    found.first().map(|row| Ok((rows::number(row, "version")?, text(row)?))).transpose()
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
    let (sql, values) = Spot::of(space, item).write(seen, version, text);
    match query(&session.client, &sql, &values).await?.len() {
        0 => load(session, space, item).await.map(Swapped::Stale),
        1 => Ok(Swapped::Done(version)),
        rows => Err(Fault::Damaged(format!("{rows} rows have one key"))),
    }
}

impl Records for Workers {
    const SERVER: &'static str = "PostgreSQL";
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
