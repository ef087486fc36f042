//! The data of all nodes: one SQLite file, each request on disk before it is answered.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Value, json};

use crate::results;
use crate::statement::Asked;

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Statements of `/db/query`.
    Read,
    /// Statements of `/db/execute` and `/db/request`.
    Write,
}

/// How a request is run, beside its statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) access: Access,
    /// All or nothing.
    pub(crate) transaction: bool,
    pub(crate) associative: bool,
}

pub(crate) struct Database {
    conn: Connection,
}

impl Database {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let conn = Connection::open(path)?;
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self { conn })
    }

    /// Runs the statements of a request in their order, each alone if they are no transaction, and
    /// tells what each yields. The first error ends a transaction.
    pub(crate) fn run(&mut self, asked: &[Asked], manner: Manner) -> rusqlite::Result<Vec<Value>> {
        let mut told = Vec::new();
        if !manner.transaction {
            told.extend(asked.iter().map(|one| one_of(&self.conn, one, manner)));
            return Ok(told);
        }
        let work = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for one in asked {
            let said = one_of(&work, one, manner);
            let has_failed = said.get("error").is_some();
            told.push(said);
            if has_failed {
                // Dropping the transaction rolls it back.
                return Ok(told);
            }
        }
        work.commit()?;
        Ok(told)
    }
}

fn one_of(conn: &Connection, asked: &Asked, manner: Manner) -> Value {
    run_one(conn, asked, manner).unwrap_or_else(|error| json!({"error": error.to_string()}))
}

fn run_one(conn: &Connection, asked: &Asked, manner: Manner) -> rusqlite::Result<Value> {
    let mut statement = conn.prepare_cached(&asked.text)?;
    if manner.access == Access::Read && !statement.readonly() {
        return Ok(json!({"error": "attempt to change database via query operation"}));
    }
    asked.bind(&mut statement)?;
    // A change may yield rows too, by RETURNING.
    if statement.column_count() > 0 {
        return results::rows(&mut statement, manner.associative);
    }
    let changed = statement.raw_execute()?;
    let changed = u64::try_from(changed).expect("a count of rows");
    Ok(results::change(conn.last_insert_rowid(), changed, manner.associative))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Manner = Manner { access: Access::Write, transaction: false, associative: false };

    /// What the statements yield on a database of their own.
    fn told(name: &str, manner: Manner, body: &str) -> Vec<Value> {
        let name = format!("idgen-stand-in-{name}-{}.db", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut database = Database::open(&path).unwrap();
        let told = database.run(&Asked::all(body.as_bytes()).unwrap(), manner).unwrap();
        drop(database);
        std::fs::remove_file(path).unwrap();
        told
    }

    #[test]
    fn answers_have_the_documented_form() {
        let body = r#"["CREATE TABLE foo (id INTEGER NOT NULL PRIMARY KEY, name TEXT)",
            ["INSERT INTO foo(name) VALUES(?)", "fiona"], "SELECT * FROM foo", "nonsense"]"#;
        let told = told("form", WRITE, body);
        assert_eq!(told[0], json!({}));
        assert_eq!(told[1], json!({"last_insert_id": 1, "rows_affected": 1}));
        let rows = json!({"columns": ["id", "name"], "types": ["integer", "text"],
            "values": [[1, "fiona"]]});
        assert_eq!(told[2], rows);
        assert!(told[3]["error"].as_str().unwrap().contains("nonsense"));
    }

    #[test]
    fn a_transaction_is_all_or_nothing_and_ends_at_an_error() {
        let manner = Manner { transaction: true, ..WRITE };
        let body = r#"["CREATE TABLE foo (id)", "INSERT INTO foo VALUES (1)", "x", "SELECT 1"]"#;
        assert_eq!(told("all", manner, body).len(), 3);
        let name = format!("idgen-stand-in-half-{}.db", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut database = Database::open(&path).unwrap();
        database.run(&Asked::all(body.as_bytes()).unwrap(), manner).unwrap();
        let after = database.run(&[Asked::plain("SELECT * FROM foo")], WRITE).unwrap();
        assert!(after[0]["error"].as_str().unwrap().contains("no such table"), "{after:?}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_query_changes_nothing() {
        let manner = Manner { access: Access::Read, ..WRITE };
        let told = told("query", manner, r#"["CREATE TABLE foo (id)", "SELECT 1 AS one"]"#);
        assert!(told[0]["error"].is_string());
        assert_eq!(told[1]["values"], json!([[1]]));
    }
}
