//! The tables: recognised, made once, however many processes start at the same time.

use tokio_postgres::Client;

use super::fault::Fault;
use super::session::Session;

const SCHEMA: &str = include_str!("schema_1.sql");

const WORKERS: &str = include_str!("workers_1.sql");

/// The version that this program writes.
const VERSION: i32 = 1;

/// Whoever makes or changes the tables holds this advisory lock: "idgen" and a counter, in ASCII.
const LOCK: &str = "SELECT pg_advisory_xact_lock(x'696467656e303031'::bigint)";

/// Makes the tables in the first schema of the search path if they are in none of it, and checks
/// that they are of this version.
pub(super) async fn ensure(client: &mut Client) -> Result<(), Fault> {
    if !exists(client).await? {
        make(client).await?;
    }
    let found = client.query_typed("SELECT version FROM idgen_meta", &[]).await?;
    match found.first().map(|row| row.try_get(0)).transpose()? {
        Some(VERSION) => Ok(()),
        Some(version) => Err(Fault::Unfit(format!(
            "has idgen's tables in version {version}, this program knows {VERSION}; use a newer \
             idgen"
        ))),
        None => Err(Fault::Damaged("the table idgen_meta is empty".to_owned())),
    }
}

/// Reads the catalogue itself: `to_regclass` would answer from what this server process remembers,
/// and who has waited for the lock remembers that there were no tables.
async fn exists(client: &Client) -> Result<bool, Fault> {
    let sql = "SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
               WHERE c.relname = 'idgen_meta' AND n.nspname = ANY (current_schemas(false))";
    Ok(!client.query_typed(sql, &[]).await?.is_empty())
}

async fn make(client: &mut Client) -> Result<(), Fault> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    // Another process may have made them while this one waited for the lock.
    if !exists(transaction.client()).await? {
        transaction.batch_execute("SET LOCAL synchronous_commit TO on").await?;
        transaction.batch_execute(SCHEMA).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Makes the tables of worker ids beside the others if they are not there. Those come first: their
/// schema is where all callers look, whatever else stands in their search paths.
pub(super) async fn ensure_workers(session: &mut Session) -> Result<(), Fault> {
    if session.has_workers {
        return Ok(());
    }
    if !has_workers(&session.client).await? {
        let transaction = session.client.transaction().await?;
        transaction.batch_execute(LOCK).await?;
        if !has_workers(transaction.client()).await? {
            transaction.batch_execute("SET LOCAL synchronous_commit TO on").await?;
            transaction.batch_execute(BESIDE).await?;
            transaction.batch_execute(WORKERS).await?;
        }
        transaction.commit().await?;
    }
    session.has_workers = true;
    Ok(())
}

/// Has new tables made in the schema of the others.
const BESIDE: &str = "SELECT set_config('search_path', quote_ident(n.nspname), true) \
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE c.oid = 'idgen_meta'::regclass";

/// Reads the catalogue itself, as `exists` does.
async fn has_workers(client: &Client) -> Result<bool, Fault> {
    let sql = "SELECT FROM pg_class AS w JOIN pg_class AS m ON m.relnamespace = w.relnamespace \
               WHERE w.relname = 'idgen_turn' AND m.oid = 'idgen_meta'::regclass";
    Ok(!client.query_typed(sql, &[]).await?.is_empty())
}
