//! The tables: recognised, made once, however many processes start at the same time.

use tokio_postgres::Client;

use super::fault::Fault;

const SCHEMA: &str = include_str!("schema_1.sql");

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
