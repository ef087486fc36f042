//! The rows of one sequence, read and written inside a transaction that holds its lock.

use std::fmt::Write;

use idgen_core::IdRange;
use mysql_async::Row;

use super::fault::Fault;
use super::session::Session;
use crate::grant::{Grant, Mark};
use crate::{Definition, Name, Order, StoreError};

pub(super) const COLUMNS: &str = "id, first_id, increment_by, offset_by, end_id, strict, bound, \
     serial, deleted, moved_to";

/// A sequence's row and where it stands.
pub(super) struct Found {
    id: u64,
    pub(super) mark: Mark,
}

/// The name of a sequence or an id space as SQL.
pub(super) fn literal(name: &Name) -> String {
    bytes(name.as_str())
}

/// A text as SQL: a string of bytes, in which nothing can have a meaning.
pub(super) fn bytes(text: &str) -> String {
    let mut sql = "x'".to_owned();
    for byte in text.bytes() {
        write!(sql, "{byte:02x}").expect("a String takes all");
    }
    sql + "'"
}

/// The number in a column.
pub(super) fn number(row: &Row, column: &str) -> Result<u64, Fault> {
    let found = row.get_opt(column).and_then(Result::ok);
    found.ok_or_else(|| Fault::Damaged(format!("column {column} holds what idgen never wrote")))
}

fn flag(row: &Row, column: &str) -> Result<bool, Fault> {
    Ok(number(row, column)? != 0)
}

/// The mark in a row of [`COLUMNS`].
pub(super) fn read(row: &Row) -> Result<Found, Fault> {
    let order = if flag(row, "strict")? { Order::Strict } else { Order::Leased };
    let definition = Definition::new(
        number(row, "first_id")?,
        number(row, "increment_by")?,
        number(row, "offset_by")?,
        number(row, "end_id")?,
        order,
    )
    .map_err(|error| Fault::Damaged(format!("a sequence is none: {error}")))?;
    let (bound, serial) = (number(row, "bound")?, number(row, "serial")?);
    let moved_to = row.get_opt::<Option<String>, _>("moved_to").and_then(Result::ok);
    let moved_to =
        moved_to.ok_or_else(|| Fault::Damaged("column moved_to is no text".to_owned()))?;
    let mark = Mark { definition, bound, serial, deleted: flag(row, "deleted")?, moved_to };
    Ok(Found { id: number(row, "id")?, mark })
}

/// Begins a transaction with the row of `name`, deleted or not, locked until it ends.
pub(super) async fn lock_any(session: &mut Session, name: &Name) -> Result<Option<Found>, Fault> {
    let name = literal(name);
    let sql = format!("SELECT {COLUMNS} FROM idgen_sequence WHERE name = {name} FOR UPDATE");
    session.begin(&sql).await?.rows.first().map(read).transpose()
}

/// Begins a transaction with the row of `name` locked until it ends.
pub(super) async fn lock(session: &mut Session, name: &Name) -> Result<Found, Fault> {
    let found = lock_any(session, name).await?;
    let found = found.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
    found.mark.check_live(name)?;
    Ok(found)
}

/// Makes a row for `name`; `false` if another session has made one meanwhile.
pub(super) async fn insert(session: &mut Session, name: &Name, mark: &Mark) -> Result<bool, Fault> {
    let definition = &mark.definition;
    // On a row that is there, this says so and changes nothing; other errors stay errors.
    let sql = format!(
        "INSERT INTO idgen_sequence (name, first_id, increment_by, offset_by, end_id, strict, \
         bound, serial, deleted) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, 0) \
         ON DUPLICATE KEY UPDATE id = id",
        literal(name),
        definition.first(),
        definition.increment(),
        definition.offset(),
        definition.end(),
        u8::from(definition.order() == Order::Strict),
        mark.bound,
        mark.serial
    );
    Ok(session.ask(&sql).await?.changed == 1)
}

impl Found {
    pub(super) async fn save(&self, session: &mut Session) -> Result<(), Fault> {
        let (mark, definition) = (&self.mark, &self.mark.definition);
        let sql = format!(
            "UPDATE idgen_sequence SET first_id = {}, increment_by = {}, offset_by = {}, \
             end_id = {}, strict = {}, bound = {}, serial = {}, deleted = {}, \
             moved_to = {} WHERE id = {}",
            definition.first(),
            definition.increment(),
            definition.offset(),
            definition.end(),
            u8::from(definition.order() == Order::Strict),
            mark.bound,
            mark.serial,
            u8::from(mark.deleted),
            mark.moved_to.as_deref().map_or_else(|| "NULL".to_owned(), bytes),
            self.id
        );
        session.ask(&sql).await?;
        Ok(())
    }

    /// The lowest tail that starts above `above`.
    pub(super) async fn lowest_tail(
        &self,
        session: &mut Session,
        above: u64,
    ) -> Result<Option<IdRange>, Fault> {
        let sql = format!(
            "SELECT start_id, len FROM idgen_tail WHERE sequence = {} AND start_id > {above} \
             ORDER BY start_id LIMIT 1",
            self.id
        );
        self.range(session, &sql).await
    }

    /// The range that was leased under `serial`, while it is remembered.
    pub(super) async fn remembered(
        &self,
        session: &mut Session,
        serial: u64,
    ) -> Result<Option<IdRange>, Fault> {
        let sql = format!(
            "SELECT start_id, len FROM idgen_lease WHERE sequence = {} AND serial = {serial}",
            self.id
        );
        self.range(session, &sql).await
    }

    async fn range(&self, session: &mut Session, sql: &str) -> Result<Option<IdRange>, Fault> {
        let said = session.ask(sql).await?;
        let Some(row) = said.rows.first() else { return Ok(None) };
        let (start, len) = (number(row, "start_id")?, number(row, "len")?);
        let range = IdRange::new(start, self.mark.definition.increment(), len);
        let range = range.map_err(|error| Fault::Damaged(format!("a range is none: {error}")))?;
        Ok(Some(range))
    }

    pub(super) async fn add_tail(
        &self,
        session: &mut Session,
        tail: &IdRange,
    ) -> Result<(), Fault> {
        let (id, start, len) = (self.id, tail.start(), tail.len());
        session.ask(&format!("INSERT INTO idgen_tail VALUES ({id}, {start}, {len})")).await?;
        Ok(())
    }

    pub(super) async fn remove_tail(&self, session: &mut Session, start: u64) -> Result<(), Fault> {
        let id = self.id;
        let sql = format!("DELETE FROM idgen_tail WHERE sequence = {id} AND start_id = {start}");
        let removed = session.ask(&sql).await?.changed;
        assert_eq!(removed, 1, "the row's lock guards its tails");
        Ok(())
    }

    pub(super) async fn remember(&self, session: &mut Session, grant: &Grant) -> Result<(), Fault> {
        let (id, range, serial) = (self.id, grant.range, grant.serial);
        if grant.remembered(&self.mark) {
            let (start, len) = (range.start(), range.len());
            let sql = format!("INSERT INTO idgen_lease VALUES ({id}, {serial}, {start}, {len})");
            session.ask(&sql).await?;
        }
        if let Some(forgotten) = grant.forgotten() {
            let sql =
                format!("DELETE FROM idgen_lease WHERE sequence = {id} AND serial <= {forgotten}");
            session.ask(&sql).await?;
        }
        Ok(())
    }

    pub(super) async fn forget(&self, session: &mut Session, serial: u64) -> Result<(), Fault> {
        let id = self.id;
        let sql = format!("DELETE FROM idgen_lease WHERE sequence = {id} AND serial = {serial}");
        let forgotten = session.ask(&sql).await?.changed;
        assert_eq!(forgotten, 1, "the row's lock guards its leases");
        Ok(())
    }

    pub(super) async fn give_up_tails(&self, session: &mut Session) -> Result<(), Fault> {
        let id = self.id;
        for table in ["idgen_tail", "idgen_lease"] {
            session.ask(&format!("DELETE FROM {table} WHERE sequence = {id}")).await?;
        }
        Ok(())
    }
}
