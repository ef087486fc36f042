//! Which database this is, and whether it keeps what it answers.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::fault::Fault;
use super::session::Session;
use crate::{Durability, StoreIdentity};

/// The identity of the tables, the timeline of the server (another one after each promotion and
/// each recovery to a point in time), and what durability hangs on.
const QUESTION: &str = "SELECT m.id, \
    left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline, \
    current_setting('fsync') AS fsync, \
    current_setting('full_page_writes') AS full_page_writes, \
    current_setting('synchronous_commit') AS synchronous_commit, \
    (SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class \
     WHERE relpersistence <> 'p' AND oid IN \
     ('idgen_meta'::regclass, 'idgen_sequence'::regclass, 'idgen_lease'::regclass, \
     'idgen_tail'::regclass, to_regclass('idgen_worker'), to_regclass('idgen_layout'), \
     to_regclass('idgen_turn'))) AS unlogged \
    FROM idgen_meta AS m";

/// What every server has and some forbid to ask.
const SYSTEM: &str = "SELECT system_identifier::text FROM pg_control_system()";

/// Asks anew: a server may have been promoted, and its settings changed, since the last time.
pub(super) async fn read(session: &Session) -> Result<StoreIdentity, Fault> {
    let rows = session.client.query_typed(QUESTION, &[]).await?;
    let row = rows.first().ok_or_else(|| Fault::Damaged("table idgen_meta is empty".to_owned()))?;
    let timeline: String = row.try_get("timeline")?;
    let system = system(session).await?;
    Ok(StoreIdentity {
        backend: "postgres",
        id: row.try_get("id")?,
        incarnation: format!("{system}-{timeline}"),
        durability: durability(row)?,
        ceiling: u64::MAX,
    })
}

async fn system(session: &Session) -> Result<String, Fault> {
    match session.client.query_typed(SYSTEM, &[]).await {
        Ok(rows) => Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default()),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            Ok("unnamed".to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

fn durability(row: &Row) -> Result<Durability, Fault> {
    let mut flaws = Vec::new();
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let value: String = row.try_get(setting)?;
        // Other words than on and off wait for more or fewer standbys, and for this disk.
        if value == "off" {
            flaws.push(format!("{setting} is off"));
        }
    }
    if let Some(tables) = row.try_get::<_, Option<String>>("unlogged")? {
        flaws.push(format!("a crash empties {tables}: ALTER TABLE ... SET LOGGED"));
    }
    Ok(match flaws.is_empty() {
        true => Durability::Keeps,
        false => Durability::MayLose(flaws.join(", ")),
    })
}
