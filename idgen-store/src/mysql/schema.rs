//! The tables: recognised, made once, however many processes start at the same time.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::fault::Fault;
use super::rows;
use super::session::Session;

const SCHEMA: &str = include_str!("schema_1.sql");

const WORKERS: &str = include_str!("workers_1.sql");

/// The version that this program writes.
const VERSION: u64 = 1;

/// The version of the tables.
const QUESTION: &str = "SELECT version FROM idgen_meta";

/// Whether the tables of worker ids are whole.
const WORKERS_QUESTION: &str = "SELECT serial FROM idgen_turn";

/// Which of idgen's tables would not keep what is committed.
const UNFIT: &str = "SELECT GROUP_CONCAT(t.table_name) AS unfit \
    FROM information_schema.tables AS t WHERE t.table_schema = DATABASE() \
    AND t.table_name IN ('idgen_meta', 'idgen_sequence', 'idgen_lease', 'idgen_tail', \
    'idgen_worker', 'idgen_layout', 'idgen_turn') AND t.engine <> 'InnoDB'";

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
    check_engines(session).await.map(|()| true)
}

async fn check_engines(session: &mut Session) -> Result<(), Fault> {
    let said = session.ask(UNFIT).await?;
    let unfit = said.rows.first().and_then(|row| row.get_opt::<Option<String>, _>("unfit")?.ok());
    match unfit.flatten() {
        None => Ok(()),
        Some(tables) => Err(Fault::Unfit(format!(
            "keeps {tables} in an engine without transactions; ALTER TABLE ... ENGINE = InnoDB"
        ))),
    }
}

/// Makes the tables of worker ids if the database has none.
pub(super) async fn ensure_workers(session: &mut Session) -> Result<(), Fault> {
    if session.has_workers {
        return Ok(());
    }
    let whole = match session.ask(WORKERS_QUESTION).await {
        Ok(said) => !said.rows.is_empty(),
        Err(fault) if fault.is_no_table() => false,
        Err(fault) => return Err(fault),
    };
    if !whole {
        session.query(&statements(WORKERS)).await?;
    }
    check_engines(session).await?;
    session.has_workers = true;
    Ok(())
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
