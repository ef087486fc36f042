//! A table that other programs draw integers from: `integers(id, stub)`, by `REPLACE INTO`.
//!
//! The table is `AUTOINCREMENT`, so that SQLite keeps the highest id that it ever held; each
//! `REPLACE` of others takes the next. A step here is one that names its id,
//!
//! ```text
//! REPLACE INTO integers (id, stub) SELECT highest + width, 'a' WHERE room is left
//! ```
//!
//! between two looks at the highest, in one transaction: what lies between them is this node's. The
//! highest is the greater of SQLite's note and of the ids that stand in the table, as SQLite itself
//! takes it. What the form can hold stands at the head of `counter.rs`.

use std::fmt;

use async_trait::async_trait;

use super::cluster::Cluster;
use super::fault::Fault;
use super::settings::RqliteSettings;
use super::statement::{Row, Statement};
use crate::counter::{Adopted, Counter, Step, Stepped};
use crate::{Durability, StoreError, StoreIdentity};

/// A table of rqlite that other programs draw integers from too.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct RqliteCounter {
    cluster: Cluster,
    adopted: Adopted,
    /// The table's name as statements quote it.
    table: String,
}

impl fmt::Debug for RqliteCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, key) = (&self.cluster.settings.place, &self.adopted.key);
        f.debug_struct("RqliteCounter").field("place", place).field("key", key).finish()
    }
}

/// A name between double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl RqliteCounter {
    pub(super) fn of(settings: RqliteSettings, adopted: Adopted) -> Self {
        let table = quoted(adopted.key.as_str());
        Self { cluster: Cluster::new(settings), adopted, table }
    }

    /// Takes `url` apart; nothing is connected yet.
    ///
    /// A URL as [`RqliteStore::new`](super::RqliteStore::new) takes it, without `prefix`, and with
    /// these options:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `key` | the table, and the name of its sequence | none |
    /// | `increment` | how far neighbours are apart, 1 to 2^32 | 2; 1 without `offset` |
    /// | `offset` | the residue of every id modulo the increment | 1 |
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::rqlite::RqliteCounter;
    /// assert!(RqliteCounter::new("http://localhost:4001?key=integers").is_ok());
    /// assert!(RqliteCounter::new("http://localhost:4001").is_err());
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let (settings, adopted) = RqliteSettings::parse(url)?;
        match adopted {
            Some(adopted) => Ok(Self::of(settings, adopted)),
            None => Err(StoreError::Refused(format!(
                "{} names no table; write ?key=NAME",
                settings.place
            ))),
        }
    }

    /// In `sql`, `TABLE` is the table and `HIGHEST` the highest id; `?1` is the table's name.
    fn statement(&self, sql: &str, others: &[&str]) -> Statement {
        let highest = "max(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = ?1 \
                       COLLATE NOCASE), 0), COALESCE((SELECT max(id) FROM TABLE), 0))";
        let sql = sql.replace("HIGHEST", highest).replace("TABLE", &self.table);
        let mut parameters = vec![self.adopted.key.as_str()];
        parameters.extend_from_slice(others);
        Statement::new("idgen", &sql, &parameters)
    }

    fn highest(&self) -> Statement {
        self.statement("SELECT CAST(HIGHEST AS TEXT)", &[])
    }

    fn value(&self, rows: &[Row]) -> Result<u64, Fault> {
        let text = rows.first().and_then(|row| row.first()?.as_deref());
        let value = text.and_then(Adopted::value);
        value.ok_or_else(|| Fault::Damaged(self.adopted.no_number()))
    }

    async fn told(&self, step: Step) -> Result<Stepped, Fault> {
        let end = self.adopted.definition.end();
        // More than fits a number is more than is left.
        if step.width > end {
            return Ok(Stepped::Shown(self.looked().await?));
        }
        let seen = step.seen.map_or_else(String::new, |seen| seen.to_string());
        let (width, room) = (step.width.to_string(), (end - step.width).to_string());
        let above = step.above.min(i64::MAX.cast_unsigned()).to_string();
        let sql = "REPLACE INTO TABLE (id, stub) SELECT HIGHEST + CAST(?2 AS INTEGER), 'a' \
                   WHERE HIGHEST <= CAST(?3 AS INTEGER) AND HIGHEST >= CAST(?4 AS INTEGER) \
                   AND (?5 = '' OR HIGHEST = CAST(?5 AS INTEGER))";
        let replace = self.statement(sql, &[&width, &room, &above, &seen]);
        let rows = self.cluster.change(&[self.highest(), replace, self.highest()], true).await?;
        let (old, new) = (self.value(&rows[0])?, self.value(&rows[2])?);
        Ok(if new > old { Stepped::Moved { old, new } } else { Stepped::Shown(old) })
    }

    async fn looked(&self) -> Result<u64, Fault> {
        self.value(&self.cluster.look(&[self.highest()]).await?[0])
    }

    /// The statement that made the table, if it is there.
    async fn definition(&self) -> Result<Option<String>, Fault> {
        let rows = self.cluster.look(&[self.made()]).await?;
        Ok(rows[0].first().and_then(|row| row.first().cloned().flatten()))
    }

    fn made(&self) -> Statement {
        let sql = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
        self.statement(sql, &[])
    }

    async fn begun(&self, value: u64) -> Result<bool, Fault> {
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {} (id INTEGER PRIMARY KEY AUTOINCREMENT, stub CHAR(1))",
            self.table
        );
        let index = quoted(&format!("{}_by_stub", self.adopted.key.as_str()));
        let index = format!("CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {} (stub)", self.table);
        let make = |sql: &str| Statement::new("idgen", sql, &[]);
        let start = "REPLACE INTO TABLE (id, stub) SELECT CAST(?2 AS INTEGER), 'a' \
                     WHERE CAST(?2 AS INTEGER) > 0 AND HIGHEST = 0";
        let start = self.statement(start, &[&value.to_string()]);
        let all = [self.made(), make(&table), make(&index), start];
        let rows = self.cluster.change(&all, true).await?;
        Ok(rows[0].is_empty())
    }

    async fn checked(&self) -> Result<StoreIdentity, Fault> {
        let made = self.definition().await?;
        if made.is_some_and(|sql| !sql.to_ascii_uppercase().contains("AUTOINCREMENT")) {
            return Err(Fault::Refused(format!(
                "table {} is not AUTOINCREMENT, so that SQLite may give an id twice once its row \
                 is gone; make it anew as (id INTEGER PRIMARY KEY AUTOINCREMENT, stub CHAR(1))",
                self.table
            )));
        }
        let place = &self.cluster.settings.place;
        Ok(StoreIdentity {
            backend: "rqlite",
            id: format!("{place} {}", self.adopted.key),
            // The table holds nothing that would tell.
            incarnation: String::new(),
            durability: Durability::Keeps,
            ceiling: self.adopted.definition.end(),
        })
    }

    /// A table that is missing is an unknown sequence.
    fn tell(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::Sql(said) if said.contains("no such table") => {
                StoreError::Unknown { name: self.adopted.key.clone() }
            }
            fault => fault.tell(&self.cluster.settings.place),
        }
    }
}

#[async_trait]
impl Counter for RqliteCounter {
    fn adopted(&self) -> &Adopted {
        &self.adopted
    }

    async fn server(&self) -> Result<StoreIdentity, StoreError> {
        self.checked().await.map_err(|fault| self.tell(fault))
    }

    async fn step(&self, step: Step) -> Result<Stepped, StoreError> {
        self.told(step).await.map_err(|fault| self.tell(fault))
    }

    async fn read(&self) -> Result<u64, StoreError> {
        self.looked().await.map_err(|fault| self.tell(fault))
    }

    async fn begin(&self, value: u64) -> Result<bool, StoreError> {
        self.begun(value).await.map_err(|fault| self.tell(fault))
    }
}
