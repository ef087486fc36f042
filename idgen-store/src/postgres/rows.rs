//! The rows of one sequence, read and written inside a transaction that holds its lock.

use idgen_core::IdRange;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, GenericClient, Row, Transaction};

use super::column::Num;
use super::fault::Fault;
use crate::grant::{Grant, Mark};
use crate::{Definition, Name, Order, StoreError};

/// A parameter, sent as the type that its column has.
pub(super) enum Value<'a> {
    Bytes(&'a [u8]),
    Key(i64),
    Number(Num),
    Flag(bool),
    Text(Option<String>),
}

impl Value<'_> {
    fn param(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Bytes(bytes) => (bytes, Type::BYTEA),
            Self::Key(key) => (key, Type::INT8),
            Self::Number(number) => (number, Type::NUMERIC),
            Self::Flag(flag) => (flag, Type::BOOL),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

/// A sequence's name as its column holds it.
pub(super) fn bytes(name: &Name) -> Value<'_> {
    Value::Bytes(name.as_str().as_bytes())
}

/// A number as its column holds it.
pub(super) fn num(number: u64) -> Value<'static> {
    Value::Number(Num(number))
}

/// Runs a statement in one round trip.
pub(super) async fn query(
    client: &(impl GenericClient + Sync),
    sql: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, Fault> {
    let params: Vec<_> = values.iter().map(Value::param).collect();
    Ok(client.query_typed(sql, &params).await?)
}

pub(super) const COLUMNS: &str = "id, first_id, increment_by, offset_by, end_id, strict, bound, \
     serial, deleted, moved_to";

/// A sequence's row and where it stands.
pub(super) struct Found {
    id: i64,
    pub(super) mark: Mark,
}

/// A transaction that sees what was committed before each of its statements. What locks or makes a
/// sequence's row in it has the commit be synchronous too, whatever the session says: a pooler may
/// have handed this one a server process that never saw its settings.
pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>, Fault> {
    let begun = client.build_transaction();
    let level = tokio_postgres::IsolationLevel::ReadCommitted;
    Ok(begun.isolation_level(level).read_only(false).start().await?)
}

/// The number in a column.
pub(super) fn number(row: &Row, column: &str) -> Result<u64, Fault> {
    let found: Result<Num, _> = row.try_get(column);
    found.map(|Num(number)| number).map_err(|error| Fault::Damaged(damage(column, &error)))
}

fn damage(column: &str, error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("column {column} holds what idgen never wrote ({error}: {cause})")
}

/// The mark in a row of [`COLUMNS`].
pub(super) fn read(row: &Row) -> Result<Found, Fault> {
    let order = if row.try_get("strict")? { Order::Strict } else { Order::Leased };
    let definition = Definition::new(
        number(row, "first_id")?,
        number(row, "increment_by")?,
        number(row, "offset_by")?,
        number(row, "end_id")?,
        order,
    )
    .map_err(|error| Fault::Damaged(format!("a sequence is none: {error}")))?;
    let (bound, serial) = (number(row, "bound")?, number(row, "serial")?);
    let (deleted, moved_to) = (row.try_get("deleted")?, row.try_get("moved_to")?);
    let mark = Mark { definition, bound, serial, deleted, moved_to };
    Ok(Found { id: row.try_get("id")?, mark })
}

/// The row of `name`, deleted or not, locked until the transaction ends.
pub(super) async fn lock_any(
    transaction: &Transaction<'_>,
    name: &Name,
) -> Result<Option<Found>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, set_config('synchronous_commit', 'on', true) FROM idgen_sequence \
         WHERE name = $1 FOR UPDATE"
    );
    let rows = query(transaction, &sql, &[bytes(name)]).await?;
    rows.first().map(read).transpose()
}

/// The row of `name`, locked until the transaction ends.
pub(super) async fn lock(transaction: &Transaction<'_>, name: &Name) -> Result<Found, Fault> {
    let found = lock_any(transaction, name).await?;
    let found = found.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
    found.mark.check_live(name)?;
    Ok(found)
}

/// Makes a row for `name`; `false` if another transaction has made one meanwhile.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    name: &Name,
    mark: &Mark,
) -> Result<bool, Fault> {
    let definition = &mark.definition;
    let sql = "INSERT INTO idgen_sequence (name, first_id, increment_by, offset_by, end_id, \
               strict, bound, serial, deleted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false) \
               ON CONFLICT (name) DO NOTHING \
               RETURNING set_config('synchronous_commit', 'on', true)";
    let values = [
        bytes(name),
        num(definition.first()),
        num(definition.increment()),
        num(definition.offset()),
        num(definition.end()),
        Value::Flag(definition.order() == Order::Strict),
        num(mark.bound),
        num(mark.serial),
    ];
    let made = query(transaction, sql, &values).await?;
    Ok(!made.is_empty())
}

impl Found {
    fn key(&self) -> Value<'static> {
        Value::Key(self.id)
    }

    /// Runs a statement that changes rows of this sequence; `$1` is its key.
    async fn change(
        &self,
        transaction: &Transaction<'_>,
        sql: &str,
        values: impl IntoIterator<Item = Value<'static>>,
    ) -> Result<usize, Fault> {
        let values: Vec<Value<'_>> = std::iter::once(self.key()).chain(values).collect();
        Ok(query(transaction, sql, &values).await?.len())
    }

    pub(super) async fn save(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        let (mark, definition) = (&self.mark, &self.mark.definition);
        let sql = "UPDATE idgen_sequence SET first_id = $2, increment_by = $3, offset_by = $4, \
                   end_id = $5, strict = $6, bound = $7, serial = $8, deleted = $9, \
                   moved_to = $10 WHERE id = $1 RETURNING 1";
        let params = [
            num(definition.first()),
            num(definition.increment()),
            num(definition.offset()),
            num(definition.end()),
            Value::Flag(definition.order() == Order::Strict),
            num(mark.bound),
            num(mark.serial),
            Value::Flag(mark.deleted),
            Value::Text(mark.moved_to.clone()),
        ];
        let changed = self.change(transaction, sql, params).await?;
        assert_eq!(changed, 1, "this very transaction has locked the row");
        Ok(())
    }

    /// The lowest tail that starts above `above`.
    pub(super) async fn lowest_tail(
        &self,
        transaction: &Transaction<'_>,
        above: u64,
    ) -> Result<Option<IdRange>, Fault> {
        let sql = "SELECT start_id, len FROM idgen_tail WHERE sequence = $1 AND start_id > $2 \
                   ORDER BY start_id LIMIT 1";
        self.range(transaction, sql, above).await
    }

    /// The range that was leased under `serial`, while it is remembered.
    pub(super) async fn remembered(
        &self,
        transaction: &Transaction<'_>,
        serial: u64,
    ) -> Result<Option<IdRange>, Fault> {
        let sql = "SELECT start_id, len FROM idgen_lease WHERE sequence = $1 AND serial = $2";
        self.range(transaction, sql, serial).await
    }

    async fn range(
        &self,
        transaction: &Transaction<'_>,
        sql: &str,
        which: u64,
    ) -> Result<Option<IdRange>, Fault> {
        let rows = query(transaction, sql, &[self.key(), num(which)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (start, len) = (number(row, "start_id")?, number(row, "len")?);
        let range = IdRange::new(start, self.mark.definition.increment(), len);
        let range = range.map_err(|error| Fault::Damaged(format!("a range is none: {error}")))?;
        Ok(Some(range))
    }

    pub(super) async fn add_tail(
        &self,
        transaction: &Transaction<'_>,
        tail: &IdRange,
    ) -> Result<(), Fault> {
        let params = [num(tail.start()), num(tail.len())];
        let sql = "INSERT INTO idgen_tail (sequence, start_id, len) VALUES ($1, $2, $3)";
        self.change(transaction, sql, params).await?;
        Ok(())
    }

    pub(super) async fn remove_tail(
        &self,
        transaction: &Transaction<'_>,
        start: u64,
    ) -> Result<(), Fault> {
        let sql = "DELETE FROM idgen_tail WHERE sequence = $1 AND start_id = $2 RETURNING 1";
        let removed = self.change(transaction, sql, [num(start)]).await?;
        assert_eq!(removed, 1, "the row's lock guards its tails");
        Ok(())
    }

    pub(super) async fn remember(
        &self,
        transaction: &Transaction<'_>,
        grant: &Grant,
    ) -> Result<(), Fault> {
        let (range, serial) = (grant.range, grant.serial);
        if grant.remembered(&self.mark) {
            let params = [num(serial), num(range.start()), num(range.len())];
            let sql = "INSERT INTO idgen_lease (sequence, serial, start_id, len) \
                       VALUES ($1, $2, $3, $4)";
            self.change(transaction, sql, params).await?;
        }
        if let Some(forgotten) = grant.forgotten() {
            let sql = "DELETE FROM idgen_lease WHERE sequence = $1 AND serial <= $2";
            self.change(transaction, sql, [num(forgotten)]).await?;
        }
        Ok(())
    }

    pub(super) async fn forget(
        &self,
        transaction: &Transaction<'_>,
        serial: u64,
    ) -> Result<(), Fault> {
        let sql = "DELETE FROM idgen_lease WHERE sequence = $1 AND serial = $2 RETURNING 1";
        let forgotten = self.change(transaction, sql, [num(serial)]).await?;
        assert_eq!(forgotten, 1, "the row's lock guards its leases");
        Ok(())
    }

    pub(super) async fn give_up_tails(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        for sql in [
            "DELETE FROM idgen_tail WHERE sequence = $1",
            "DELETE FROM idgen_lease WHERE sequence = $1",
        ] {
            self.change(transaction, sql, []).await?;
        }
        Ok(())
    }
}
