//! One connection: made, told how to behave, and not used before the database is known to be fit.

use std::time::Duration;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, SimpleQueryRow, Statement};

use super::fault::Fault;
use super::schema;
use super::settings::PostgresSettings;
use crate::grant::REMEMBERED;

/// Why a session may not be used: what the server says it is.
const QUESTION: &str = "SELECT pg_is_in_recovery() AS replica, \
    current_setting('transaction_read_only') AS read_only, \
    current_setting('server_version_num') AS version";

/// The oldest server whose SQL this is.
const OLDEST: u32 = 130_000;

/// Name, length, above.
const LEASE_TYPES: [Type; 3] = [Type::BYTEA, Type::NUMERIC, Type::NUMERIC];

/// A connection that is ready to lease.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) lease: Statement,
    /// The tables of worker ids are known to stand.
    pub(super) has_workers: bool,
}

impl Session {
    /// Connects; makes the tables if there are none.
    pub(super) async fn open(settings: &PostgresSettings) -> Result<Self, Fault> {
        let limit = settings.connect_timeout;
        let opened = tokio::time::timeout(limit, Self::connect(settings)).await;
        opened.unwrap_or(Err(Fault::Late(limit.as_millis())))
    }

    async fn connect(settings: &PostgresSettings) -> Result<Self, Fault> {
        let mut client = reach(settings).await?;
        let said = client.simple_query(&greeting(settings.statement_timeout)).await?;
        let row = said.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        check_fit(row.ok_or_else(|| Fault::Unfit("gave no answer to a question".to_owned()))?)?;
        schema::ensure(&mut client).await?;
        let lease = client.prepare_typed(&lease_sql(), &LEASE_TYPES).await?;
        Ok(Self { client, lease, has_workers: false })
    }
}

/// Connects as encrypted as asked for.
async fn reach(settings: &PostgresSettings) -> Result<Client, Fault> {
    // Ends when the client is dropped or the server is gone; every request is told then.
    Ok(match settings.tls.connect.clone() {
        None => {
            let (client, connection) = settings.config.connect(NoTls).await?;
            tokio::spawn(connection);
            client
        }
        Some(tls) => {
            let (client, connection) = settings.config.connect(tls).await?;
            tokio::spawn(connection);
            client
        }
    })
}

impl crate::pool::Connect for PostgresSettings {
    const SERVER: &'static str = "PostgreSQL";
    type Session = Session;
    type Fault = Fault;

    async fn connect(&self) -> Result<Session, Fault> {
        Session::open(self).await
    }

    fn is_closed(session: &Session) -> bool {
        session.client.is_closed()
    }

    fn place(&self) -> &str {
        &self.place
    }

    fn connections(&self) -> usize {
        self.connections
    }

    /// The server is told to give up earlier, so that its own answer comes in time.
    fn answer_timeout(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(1)
    }
}

/// Settings of the session, whatever server, database or role say otherwise; then the question.
///
/// An answer must be on disk, so commits are synchronous. A statement sees what was committed when
/// it began. Plans go by index: tables that were empty when a plan was made do not stay so.
fn greeting(statement_timeout: Duration) -> String {
    let ms = statement_timeout.as_millis();
    format!(
        "SET synchronous_commit TO on; SET default_transaction_isolation TO 'read committed'; \
         SET statement_timeout TO {ms}; SET idle_in_transaction_session_timeout TO {ms}; \
         SET enable_seqscan TO off; SET jit TO off; SET plan_cache_mode TO force_generic_plan; \
         SET client_min_messages TO warning; {QUESTION}"
    )
}

fn check_fit(row: &SimpleQueryRow) -> Result<(), Fault> {
    let unfit = |what: &str| Err(Fault::Unfit(what.to_owned()));
    if row.get("replica") != Some("f") {
        return unfit("is a read-only replica, whose numbers may be old; name the primary");
    }
    if row.get("read_only") != Some("off") {
        return unfit("is in read-only mode; end that, or name another server");
    }
    let version: u32 = row.get("version").and_then(|text| text.parse().ok()).unwrap_or_default();
    if version < OLDEST {
        return unfit("is older than PostgreSQL 13; use a newer server");
    }
    Ok(())
}

/// The statement of the common lease. What it computes twice is written once.
fn lease_sql() -> String {
    let from = "(GREATEST(s.bound, $3, s.first_id - 1) + 1)";
    let ahead =
        format!("mod(s.offset_by - mod({from}, s.increment_by) + s.increment_by, s.increment_by)");
    let last = format!("({from} + {ahead} + ($2 - 1) * s.increment_by)");
    let sql = include_str!("lease.sql").replace("(LAST)", &last);
    sql.replace("REMEMBERED", &REMEMBERED.to_string())
}
