//! Unsigned numbers in signed columns of SQLite.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

use crate::signed::{from_signed, to_signed};

/// A `u64` as a column holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Col(pub(super) u64);

impl ToSql for Col {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(to_signed(self.0).into())
    }
}

impl FromSql for Col {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(|stored| Self(from_signed(stored)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    const HALF: u64 = 1 << 63;

    #[test]
    fn all_numbers_come_back_in_order() {
        let numbers = [0, 1, HALF - 1, HALF, HALF + 1, u64::MAX];
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT").unwrap();
        for n in numbers.iter().rev() {
            conn.execute("INSERT INTO t VALUES (?1)", [Col(*n)]).unwrap();
        }
        let mut rows = conn.prepare("SELECT n FROM t ORDER BY n").unwrap();
        let back: Vec<u64> =
            rows.query_map([], |row| Ok(row.get::<_, Col>(0)?.0)).unwrap().flatten().collect();
        assert_eq!(back, numbers);
        let lowest: i64 = conn.query_row("SELECT min(n) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(lowest, i64::MIN);
    }
}
