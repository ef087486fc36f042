//! The tables: recognised, made once, however many processes start at the same time.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::fault::Fault;
use super::rows;
use super::session::Session;

const SCHEMA: &str = include_str!("schema_1.sql");

/// The version that this program writes.
const VERSION: u64 = 1;

/// The version of the tables, and which of them would not keep what is committed.
const QUESTION: &str = "SELECT m.version, (SELECT GROUP_CONCAT(t.table_name) \
    FROM information_schema.tables AS t WHERE t.table_schema = DATABASE() \
    AND t.table_name IN ('idgen_meta', 'idgen_sequence', 'idgen_lease', 'idgen_tail') \
    AND t.engine <> 'InnoDB') AS unfit FROM idgen_meta AS m";

/// Makes the tables if the database has none, and checks that they are of this version.
pub(super) async fn ensure(session: &mut Session) -> Result<(), Fault> {
    match check(session).await {
        Err(fault) if fault.is_no_table() => {}
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(fault) => return Err(fault),
    }
    // Each statement may be run by many at once, and again after one of them was cut off.
    session.query(&statements(SCHEMA).replace("STORE_ID", &fresh_id())).await?;
    match check(session).await? {
        true => Ok(()),
        false => Err(Fault::Damaged("the table idgen_meta is empty".to_owned())),
    }
}

/// Whether all tables stand, as this version has them.
async fn check(session: &mut Session) -> Result<bool, Fault> {
    let said = session.ask(QUESTION).await?;
    let Some(row) = said.rows.first() else { return Ok(false) };
    let version = rows::number(row, "version")?;
    if version != VERSION {
        return Err(Fault::Unfit(format!(
            "has idgen's tables in version {version}, this program knows {VERSION}; use a newer \
             idgen"
        )));
    }
    if let Some(Some(Ok(tables))) = row.get_opt::<Option<String>, _>("unfit").map(Result::transpose)
    {
        return Err(Fault::Unfit(format!(
            "keeps {tables} in an engine without transactions; ALTER TABLE ... ENGINE = InnoDB"
        )));
    }
    Ok(true)
}

/// An SQL file without its comments, to be sent as one packet.
pub(super) fn statements(file: &str) -> String {
    let lines = file.lines().filter(|line| !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

fn fresh_id() -> String {
    // Each such state is keyed at random.
    let half = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", half(), half())
}
