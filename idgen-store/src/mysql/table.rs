//! Tables whose names come from outside: quoted, looked up exactly, and what their columns hold.
//!
//! Between backquotes no byte of a name has a meaning but the backquote, which is doubled. That
//! holds for UTF-8, which the session's greeting asks for.

use std::collections::BTreeMap;
use std::fmt::Write;

use mysql_async::Row;

use super::fault::Fault;
use super::session::Session;
use crate::StoreError;

/// The longest name of a table, in characters.
pub(super) const MAX_CHARS: usize = 64;

/// The columns of tables whose names match, and the engines that keep them.
const QUESTION: &str = "SELECT c.table_name AS name, c.column_name AS col, c.column_type AS kind, \
    c.extra AS extra, t.engine AS engine, t.table_type AS what, t.auto_increment AS next, \
    t.table_comment AS comment \
    FROM information_schema.columns AS c, information_schema.tables AS t \
    WHERE c.table_schema = DATABASE() AND t.table_schema = DATABASE() \
    AND BINARY c.table_name = BINARY t.table_name AND c.table_name MATCHING \
    AND t.table_name MATCHING ORDER BY c.ordinal_position";

/// A name that a table can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table(String);

impl Table {
    /// Takes a text as a table's name, as MySQL does; `what` bears it in the error.
    pub(super) fn new(text: &str, what: &str) -> Result<Self, StoreError> {
        let flaw = match text.chars().count() {
            0 => "is empty",
            MAX_CHARS.. if text.chars().nth(MAX_CHARS).is_some() => "is longer",
            _ if text.contains('\0') => "holds a NUL",
            _ if text.ends_with(char::is_whitespace) => "ends with a blank",
            // MySQL keeps such characters in no name, and puts question marks in their place.
            _ if text.chars().any(|char| char > '\u{ffff}') => "has a character beyond U+FFFF",
            _ => return Ok(Self(text.to_owned())),
        };
        Err(StoreError::Refused(format!(
            "{what} is a table of MySQL, whose name has 1 to {MAX_CHARS} characters up to U+FFFF, \
             no NUL and no blank at its end; '{}' {flaw}, choose another",
            text.escape_debug()
        )))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// As SQL takes it for a table.
    pub(super) fn quoted(&self) -> String {
        format!("`{}`", self.0.replace('`', "``"))
    }

    /// Every table that MySQL takes for this one: on servers that fold names also others.
    pub(super) async fn look_up(&self, session: &mut Session) -> Result<Vec<Described>, Fault> {
        let name = text(&self.0);
        matching(session, &format!("= {name}")).await
    }
}

/// A text as SQL, in which nothing can have a meaning.
pub(super) fn text(of: &str) -> String {
    let mut sql = "_utf8 x'".to_owned();
    for byte in of.bytes() {
        write!(sql, "{byte:02x}").expect("a String takes all");
    }
    sql + "'"
}

/// What a database says of one of its tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: String,
    /// None of a view.
    pub(super) engine: Option<String>,
    pub(super) is_table: bool,
    pub(super) columns: Vec<Column>,
    /// The lowest number that the column which counts by itself may draw next.
    pub(super) next: Option<u64>,
    pub(super) comment: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The highest whole number that it holds; none of another kind.
    pub(super) top: Option<u64>,
    /// It counts by itself.
    pub(super) counts: bool,
}

impl Described {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// What a crash of the server may take from the table, if its engine lets it.
    pub(super) fn unsafe_engine(&self) -> Option<String> {
        let engine = self.engine.as_deref().filter(|engine| *engine != "InnoDB")?;
        Some(format!(
            "table {} is kept by {engine}, which a crash of the server may leave behind what it \
             answered: ALTER TABLE {} ENGINE = InnoDB",
            self.name.escape_debug(),
            Table(self.name.clone()).quoted()
        ))
    }
}

/// The tables of this database for whose names the piece of SQL holds, by name.
pub(super) async fn matching(
    session: &mut Session,
    condition: &str,
) -> Result<Vec<Described>, Fault> {
    let said = session.ask(&QUESTION.replace("MATCHING", condition)).await?;
    let mut tables: BTreeMap<String, Described> = BTreeMap::new();
    for row in &said.rows {
        let name: String = word(row, "name")?;
        let described = tables.entry(name.clone()).or_insert(Described {
            name,
            engine: word(row, "engine")?,
            is_table: word::<String>(row, "what")? == "BASE TABLE",
            columns: Vec::new(),
            next: word(row, "next")?,
            comment: word(row, "comment")?,
        });
        described.columns.push(Column {
            name: word(row, "col")?,
            top: top(&word::<String>(row, "kind")?),
            counts: word::<String>(row, "extra")?.contains("auto_increment"),
        });
    }
    Ok(tables.into_values().collect())
}

fn word<T: mysql_async::prelude::FromValue>(row: &Row, column: &str) -> Result<T, Fault> {
    let found = row.get_opt(column).and_then(Result::ok);
    found.ok_or_else(|| Fault::Unfit(format!("describes no {column} of a table")))
}

/// The highest number that a column of such a type holds.
fn top(kind: &str) -> Option<u64> {
    let kind = kind.to_ascii_lowercase();
    let bits = match kind.split(['(', ' ']).next()? {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        _ => return None,
    };
    let is_signed = !kind.contains("unsigned");
    Some(u64::MAX >> (64 - bits + u32::from(is_signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_tables() {
        for good in ["a", " a", "a b", "a`b", "a/../b", "\u{e9}", &"x".repeat(64)] {
            assert_eq!(Table::new(good, "it").unwrap().name(), good);
        }
        for bad in ["", "a\0", "a ", "a\u{a0}", "\u{1f600}", &"x".repeat(65)] {
            let refused = Table::new(bad, "pot 'x'").unwrap_err().to_string();
            assert!(refused.contains("pot 'x' is a table"), "{refused}");
        }
        assert_eq!(Table::new("a`; DROP", "it").unwrap().quoted(), "`a``; DROP`");
        assert_eq!(text("a'"), "_utf8 x'6127'");
    }

    #[test]
    fn columns_hold_what_their_type_says() {
        for (kind, due) in [
            ("bigint(20) unsigned", u64::MAX),
            ("bigint unsigned", u64::MAX),
            ("BIGINT(20)", (1 << 63) - 1),
            ("int(10) unsigned zerofill", (1 << 32) - 1),
            ("mediumint(9)", (1 << 23) - 1),
            ("tinyint(4)", 127),
        ] {
            assert_eq!(top(kind), Some(due), "{kind}");
        }
        assert_eq!((top("varchar(20)"), top("decimal(20,0)")), (None, None));
    }
}
