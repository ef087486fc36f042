//! Leases of numbers in SQL: reads the rows a decision needs, writes what was decided.

use async_trait::async_trait;
use idgen_core::IdRange;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::column::Col;
use super::fault::Fault;
use super::thread::Access;
use crate::grant::{Grant, Ground, Mark};
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, Order, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

type Outcome<T> = Result<T, Fault<StoreError>>;

const COLUMNS: &str = "id, first, increment, offset, end, strict, bound, serial, deleted, moved_to";

/// A sequence's row and where it stands.
struct Found {
    id: i64,
    mark: Mark,
}

/// The numbers of a row, before they are known to define a sequence.
struct RawMark {
    id: i64,
    numbers: [u64; 6],
    strict: bool,
    deleted: bool,
    moved_to: Option<String>,
}

impl RawMark {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number = |column: &str| row.get::<_, Col>(column).map(|Col(number)| number);
        let numbers = [
            number("first")?,
            number("increment")?,
            number("offset")?,
            number("end")?,
            number("bound")?,
            number("serial")?,
        ];
        let (strict, deleted) = (row.get("strict")?, row.get("deleted")?);
        Ok(Self { id: row.get("id")?, numbers, strict, deleted, moved_to: row.get("moved_to")? })
    }

    fn check(self) -> Outcome<Found> {
        let [first, increment, offset, end, bound, serial] = self.numbers;
        let order = if self.strict { Order::Strict } else { Order::Leased };
        let definition = Definition::new(first, increment, offset, end, order)
            .map_err(|error| Fault::Damaged(format!("a sequence is none: {error}")))?;
        let Self { id, deleted, moved_to, .. } = self;
        Ok(Found { id, mark: Mark { definition, bound, serial, deleted, moved_to } })
    }
}

fn unknown(name: &Name) -> Fault<StoreError> {
    StoreError::Unknown { name: name.clone() }.into()
}

/// The row of `name`, deleted or not.
fn find_any(conn: &Connection, name: &Name) -> Outcome<Option<Found>> {
    let sql = format!("SELECT {COLUMNS} FROM sequence WHERE name = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let raw = statement.query_row([name.as_str().as_bytes()], RawMark::read).optional()?;
    raw.map(RawMark::check).transpose()
}

fn find(conn: &Connection, name: &Name) -> Outcome<Found> {
    let found = find_any(conn, name)?.ok_or_else(|| unknown(name))?;
    found.mark.check_live(name)?;
    Ok(found)
}

/// What is told of a sequence, moved away or not.
fn describe(conn: &Connection, name: &Name) -> Outcome<SequenceInfo> {
    let found = find_any(conn, name)?.filter(|found| found.mark.is_listed());
    found.ok_or_else(|| unknown(name))?.info(conn, name)
}

/// The range of `len` ids from `start`, in the step of a sequence.
fn range(definition: &Definition, start: Col, len: Col) -> Outcome<IdRange> {
    IdRange::new(start.0, definition.increment(), len.0)
        .map_err(|error| Fault::Damaged(format!("a leased range is none: {error}")))
}

impl Found {
    fn save(&self, conn: &Connection) -> rusqlite::Result<()> {
        let (mark, definition) = (&self.mark, &self.mark.definition);
        let mut statement = conn.prepare_cached(
            "UPDATE sequence SET first = ?2, increment = ?3, offset = ?4, end = ?5, strict = ?6, \
             bound = ?7, serial = ?8, deleted = ?9, moved_to = ?10 WHERE id = ?1",
        )?;
        let changed = statement.execute(params![
            self.id,
            Col(definition.first()),
            Col(definition.increment()),
            Col(definition.offset()),
            Col(definition.end()),
            definition.order() == Order::Strict,
            Col(mark.bound),
            Col(mark.serial),
            mark.deleted,
            mark.moved_to,
        ])?;
        assert_eq!(changed, 1, "the row was read in this very transaction");
        Ok(())
    }

    fn lowest_tail(&self, conn: &Connection, above: u64) -> Outcome<Option<IdRange>> {
        let mut statement = conn.prepare_cached(
            "SELECT start, len FROM tail WHERE sequence = ?1 AND start > ?2 \
             ORDER BY start LIMIT 1",
        )?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = statement.query_row(params![self.id, Col(above)], read).optional()?;
        found.map(|(start, len)| range(&self.mark.definition, start, len)).transpose()
    }

    fn add_tail(&self, conn: &Connection, tail: &IdRange) -> rusqlite::Result<()> {
        let mut statement = conn.prepare_cached("INSERT INTO tail VALUES (?1, ?2, ?3)")?;
        statement.execute(params![self.id, Col(tail.start()), Col(tail.len())])?;
        Ok(())
    }

    fn remove_tail(&self, conn: &Connection, start: u64) -> rusqlite::Result<()> {
        let mut statement =
            conn.prepare_cached("DELETE FROM tail WHERE sequence = ?1 AND start = ?2")?;
        let removed = statement.execute(params![self.id, Col(start)])?;
        assert_eq!(removed, 1, "the tail was read in this very transaction");
        Ok(())
    }

    fn remembered(&self, conn: &Connection, serial: u64) -> Outcome<Option<IdRange>> {
        let mut statement = conn
            .prepare_cached("SELECT start, len FROM lease WHERE sequence = ?1 AND serial = ?2")?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = statement.query_row(params![self.id, Col(serial)], read).optional()?;
        found.map(|(start, len)| range(&self.mark.definition, start, len)).transpose()
    }

    fn remember(&self, conn: &Connection, grant: &Grant) -> rusqlite::Result<()> {
        if grant.remembered(&self.mark) {
            let mut statement = conn.prepare_cached("INSERT INTO lease VALUES (?1, ?2, ?3, ?4)")?;
            let (start, len) = (Col(grant.range.start()), Col(grant.range.len()));
            statement.execute(params![self.id, Col(grant.serial), start, len])?;
        }
        if let Some(forgotten) = grant.forgotten() {
            let mut statement =
                conn.prepare_cached("DELETE FROM lease WHERE sequence = ?1 AND serial <= ?2")?;
            statement.execute(params![self.id, Col(forgotten)])?;
        }
        Ok(())
    }

    fn give_up_tails(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.prepare_cached("DELETE FROM tail WHERE sequence = ?1")?.execute([self.id])?;
        conn.prepare_cached("DELETE FROM lease WHERE sequence = ?1")?.execute([self.id])?;
        Ok(())
    }

    fn info(&self, conn: &Connection, name: &Name) -> Outcome<SequenceInfo> {
        let mut statement = conn.prepare_cached("SELECT len FROM tail WHERE sequence = ?1")?;
        let mut returned = 0_u64;
        for len in statement.query_map([self.id], |row| row.get::<_, Col>(0))? {
            let sum = returned.checked_add(len?.0);
            returned = sum.ok_or_else(|| Fault::Damaged("its tails overlap".to_owned()))?;
        }
        Ok(self.mark.info(name, returned))
    }
}

/// Has `decide` make the row anew, without tails; whether it did.
fn place(
    conn: &Connection,
    name: &Name,
    decide: impl FnOnce(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Outcome<bool> {
    let found = find_any(conn, name)?;
    let id = found.as_ref().map(|found| found.id);
    let Some(mark) = decide(found.map(|found| found.mark))? else { return Ok(false) };
    let id = match id {
        Some(id) => id,
        None => insert(conn, name)?,
    };
    let made = Found { id, mark };
    made.give_up_tails(conn)?;
    made.save(conn)?;
    Ok(true)
}

/// Makes a row for `name`, to be filled by `save` in the same transaction.
fn insert(conn: &Connection, name: &Name) -> rusqlite::Result<i64> {
    conn.execute(
        "INSERT INTO sequence (name, first, increment, offset, end, strict, bound, serial, \
         deleted) VALUES (?1, 0, 0, 0, 0, 0, 0, 0, 0)",
        [name.as_str().as_bytes()],
    )?;
    Ok(conn.last_insert_rowid())
}

fn lease(conn: &Connection, name: &Name, len: u64, above: u64) -> Outcome<Lease> {
    let mut found = find(conn, name)?;
    let tail = found.lowest_tail(conn, above)?;
    let grant = found.mark.lease(name, len, above, tail)?;
    if let Ground::Tail { start, rest } = &grant.ground {
        found.remove_tail(conn, *start)?;
        if let Some(rest) = rest {
            found.add_tail(conn, rest)?;
        }
    }
    found.remember(conn, &grant)?;
    found.save(conn)?;
    Ok(Lease { range: grant.range, serial: grant.serial })
}

fn hand_back(conn: &Connection, name: &Name, tail: &Lease) -> Outcome<()> {
    let mut found = find(conn, name)?;
    let lease = found.remembered(conn, tail.serial)?;
    let end = found.mark.hand_back(name, lease, tail)?;
    let mut statement =
        conn.prepare_cached("DELETE FROM lease WHERE sequence = ?1 AND serial = ?2")?;
    statement.execute(params![found.id, Col(tail.serial)])?;
    found.add_tail(conn, &end)?;
    found.save(conn)?;
    Ok(())
}

/// Applies a change by hand, which gives up tails and remembered leases.
fn change<T>(
    conn: &Connection,
    name: &Name,
    by: impl FnOnce(&mut Mark) -> Result<T, StoreError>,
) -> Outcome<T> {
    let mut found = find(conn, name)?;
    let told = by(&mut found.mark)?;
    found.give_up_tails(conn)?;
    found.save(conn)?;
    Ok(told)
}

fn list(conn: &Connection) -> Outcome<Vec<SequenceInfo>> {
    let mut statement = conn.prepare_cached(
        "SELECT name FROM sequence WHERE deleted = 0 OR moved_to IS NOT NULL ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let mut infos = Vec::new();
    for name in names {
        let name = super::name(name?)?;
        infos.push(describe(conn, &name)?);
    }
    Ok(infos)
}

#[async_trait]
impl SequenceStore for SqliteStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        Ok(self.identity.clone())
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let (name, definition) = (name.clone(), *definition);
        let create = move |conn: &Connection| {
            let made = place(conn, &name, |mark| Mark::create(mark, &name, &definition))?;
            Ok(if made { Created::New } else { Created::Unchanged })
        };
        self.thread.call(Access::Write, create).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        let name = name.clone();
        self.thread.call(Access::Write, move |conn| lease(conn, &name, len, above)).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        let (name, tail) = (name.clone(), Lease { range: tail.range, serial: tail.serial });
        self.thread.call(Access::Write, move |conn| hand_back(conn, &name, &tail)).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        let name = name.clone();
        self.thread.call(Access::Read, move |conn| Ok(describe(conn, &name)?.bound)).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let name = name.clone();
        let work =
            move |conn: &Connection| change(conn, &name, |mark| mark.advance_to(&name, above));
        self.thread.call(Access::Write, work).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        let (name, alteration) = (name.clone(), *alteration);
        let work =
            move |conn: &Connection| change(conn, &name, |mark| mark.alter(&name, &alteration));
        self.thread.call(Access::Write, work).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.thread.call(Access::Read, list).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let name = name.clone();
        self.thread.call(Access::Read, move |conn| describe(conn, &name)).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let name = name.clone();
        let work = move |conn: &Connection| {
            change(conn, &name, |mark| {
                mark.deleted = true;
                Ok(())
            })
        };
        self.thread.call(Access::Write, work).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let (name, to) = (name.clone(), to.to_owned());
        let work = move |conn: &Connection| {
            place(conn, &name, |mark| Mark::move_away(mark, &name, &to))?;
            describe(conn, &name)
        };
        self.thread.call(Access::Write, work).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let (name, arrival) = (name.clone(), arrival.clone());
        let work = move |conn: &Connection| {
            place(conn, &name, |mark| Mark::move_in(mark, &name, &arrival))?;
            describe(conn, &name)
        };
        self.thread.call(Access::Write, work).await
    }
}
