//! One connection: made, told how to behave, and not used before the database is known to be fit.

use std::collections::HashMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Row};

use super::fault::Fault;
use super::settings::{Isolation, MysqlSettings, Schema};
use super::table::{Table, text};
use super::tls::Tls;
use super::{idpool, schema};
use crate::Name;
use crate::pool::{Aftermath, Connect, Fault as _};

/// How the server is set. Asked for by name, because not every server has each.
const QUESTION: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_format', \
    'hostname', 'idle_transaction_timeout', 'innodb_doublewrite', \
    'innodb_flush_log_at_trx_commit', 'innodb_flush_method', 'information_schema_stats_expiry', \
    'innodb_read_only', 'log_bin', 'lower_case_table_names', 'max_statement_time', \
    'port', 'read_only', 'server_id', 'server_uid', 'server_uuid', \
    'sync_binlog')";

/// Longer than any pool idles: a year, the most that servers take.
const IDLE_S: u64 = 31_536_000;

/// How long one waits for its turn to lock a table; who waited in vain locks it out of turn.
const QUEUE_S: u64 = 1;

/// How the server is set, by name in small letters.
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    /// The value of a variable that this server has.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("off"))
    }
}

/// What the server said to one statement.
pub(super) struct Said {
    /// How many rows it has changed.
    pub(super) changed: u64,
    /// What `LAST_INSERT_ID` was given or made.
    pub(super) last_insert_id: Option<u64>,
    pub(super) rows: Vec<Row>,
}

/// A connection that is ready to lease.
pub(super) struct Session {
    conn: Conn,
    /// A transaction was begun and its end has not been told.
    open: bool,
    /// The tables of worker ids are known to stand.
    pub(super) has_workers: bool,
    /// The claims of adopted tables have no room beyond 2^63-1.
    pub(super) signed_claims: bool,
    /// The highest number that the column of an adopted table holds, by sequence.
    pub(super) tops: HashMap<Name, u64>,
    pub(super) name_case: NameCase,
    /// The user may not lock tables.
    pub(super) lock_denied: bool,
}

/// What a server makes of the case of tables' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameCase {
    /// Names that differ in case are different.
    Kept,
    /// Names are kept in small letters.
    Lowered,
    /// Names are kept as they are and compared without case.
    Ignored,
}

impl Session {
    /// Connects; makes the tables if there are none.
    async fn open(settings: &MysqlSettings) -> Result<Self, Fault> {
        let conn = connect(settings).await?;
        let mut session = Self {
            conn,
            open: false,
            has_workers: false,
            signed_claims: false,
            tops: HashMap::new(),
            name_case: NameCase::Kept,
            lock_denied: false,
        };
        let variables = session.variables().await?;
        session.name_case = match variables.get("lower_case_table_names") {
            Some("1") => NameCase::Lowered,
            Some("2") => NameCase::Ignored,
            _ => NameCase::Kept,
        };
        check_fit(&variables)?;
        session.query(&greeting(settings, &variables)).await?;
        match settings.schema {
            Schema::Own => schema::ensure(&mut session).await?,
            Schema::Idpool(_) => idpool::ensure(&mut session).await?,
            Schema::Idpot | Schema::Flickr(_) => {}
        }
        Ok(session)
    }

    /// Sends one packet of statements and returns what the server says to each.
    pub(super) async fn query(&mut self, sql: &str) -> Result<Vec<Said>, Fault> {
        let mut result = self.conn.query_iter(sql).await?;
        let mut all = Vec::new();
        loop {
            // Of a last answer without rows nothing is left to be read.
            let last = result.is_empty();
            let (changed, last_insert_id) = (result.affected_rows(), result.last_insert_id());
            let rows = result.collect::<Row>().await?;
            all.push(Said { changed, last_insert_id, rows });
            if last || result.columns().is_none() {
                result.drop_result().await?;
                return Ok(all);
            }
        }
    }

    /// Sends one statement.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Said, Fault> {
        let said = self.query(sql).await?.pop();
        said.ok_or_else(|| Fault::Unfit("gave no answer to a statement".to_owned()))
    }

    /// Sends a packet that begins a transaction and ends it.
    pub(super) async fn transact(&mut self, sql: &str) -> Result<Vec<Said>, Fault> {
        self.open = true;
        let said = self.query(sql).await?;
        self.open = false;
        Ok(said)
    }

    /// Begins a transaction with a first statement in it.
    pub(super) async fn begin(&mut self, sql: &str) -> Result<Said, Fault> {
        self.open = true;
        self.ask(&format!("START TRANSACTION; {sql}")).await
    }

    /// Ends the transaction; what it changed is as durable as the server makes it.
    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.query("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    /// Sends one packet of statements that run while others are kept from the tables, and returns
    /// what the server says to those; `None` if the user may not lock any.
    ///
    /// Those who wait to lock a table go before those who wait to write it, for ever. So they queue
    /// in front of it, by a lock of their own that is named after `table`, and each lets all
    /// writers pass who came before it.
    pub(super) async fn under_lock(
        &mut self,
        table: &Table,
        tables: &str,
        sql: &str,
    ) -> Result<Option<Vec<Said>>, Fault> {
        if self.lock_denied {
            return Ok(None);
        }
        let queue =
            format!("CONCAT('idgen ', MD5(CONCAT(DATABASE(), '/', {})))", text(table.name()));
        let (begin, end) = (
            format!("DO GET_LOCK({queue}, {QUEUE_S}); LOCK TABLES {tables}"),
            format!("UNLOCK TABLES; DO RELEASE_LOCK({queue})"),
        );
        match self.query(&format!("{begin}; {sql}; {end}")).await {
            Ok(mut said) => Ok(Some(said.drain(2..said.len().saturating_sub(2).max(2)).collect())),
            Err(fault) => {
                // A table that is missing is told as such, and this connection goes on.
                if fault.aftermath() != Aftermath::Close || fault.is_no_table() {
                    // The server left the packet where it failed, with the locks in this hand.
                    self.query(&end).await.map_err(Fault::unsettled)?;
                }
                self.lock_denied = fault.is_denied();
                if self.lock_denied { Ok(None) } else { Err(fault) }
            }
        }
    }

    /// A packet that ended in a COMMIT has been answered to its end.
    pub(super) fn ended(&mut self) {
        self.open = false;
    }

    /// Takes back what a request has left half done, if the connection goes on.
    pub(super) async fn settle<T>(&mut self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        let goes_on =
            outcome.as_ref().err().is_none_or(|fault| fault.aftermath() != Aftermath::Close);
        if self.open && goes_on {
            // Some errors end the transaction on the server and some only the statement.
            self.query("ROLLBACK").await.map_err(Fault::unsettled)?;
            self.open = false;
        }
        outcome
    }

    /// How the server is set now.
    pub(super) async fn variables(&mut self) -> Result<Variables, Fault> {
        let said = self.ask(QUESTION).await?;
        let pair = |row: &Row| {
            let (name, value): (String, String) = (row.get_opt(0)?.ok()?, row.get_opt(1)?.ok()?);
            Some((name.to_ascii_lowercase(), value))
        };
        Ok(Variables(said.rows.iter().filter_map(pair).collect()))
    }
}

/// Connects as encrypted as asked for.
async fn connect(settings: &MysqlSettings) -> Result<Conn, Fault> {
    match Conn::new(settings.reach.clone()).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer))
            if settings.tls == Tls::Preferred =>
        {
            Ok(Conn::new(settings.reach.clone().ssl_opts(None)).await?)
        }
        connected => Ok(connected?),
    }
}

impl Connect for MysqlSettings {
    const SERVER: &'static str = "MySQL";
    type Session = Session;
    type Fault = Fault;

    async fn connect(&self) -> Result<Session, Fault> {
        let limit = self.connect_timeout;
        let opened = tokio::time::timeout(limit, Session::open(self)).await;
        opened.unwrap_or(Err(Fault::Late(limit.as_millis())))
    }

    /// This driver learns it with the next request.
    fn is_closed(_session: &Session) -> bool {
        false
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

/// Settings of the session, whatever the server says otherwise.
///
/// A wait for a row is cut before the statement is, so that it can be tried again.
fn greeting(settings: &MysqlSettings, variables: &Variables) -> String {
    let timeout = settings.statement_timeout;
    let lock_s = (timeout.as_secs() / 3).max(1);
    let mut sql = format!(
        "SET NAMES utf8mb4; \
         SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, \
         innodb_lock_wait_timeout = {lock_s}, lock_wait_timeout = {lock_s}, \
         wait_timeout = {IDLE_S}; SET SESSION TRANSACTION ISOLATION LEVEL {}, READ WRITE",
        isolation(settings, variables).sql()
    );
    if let Schema::Flickr(tickets) = &settings.schema {
        let (increment, offset) = (tickets.increment, tickets.offset);
        sql += &format!(
            "; SET SESSION auto_increment_increment = {increment}, \
             auto_increment_offset = {offset}"
        );
    }
    // MySQL's, which else tells numbers of tables that may be a day old.
    if variables.get("information_schema_stats_expiry").is_some() {
        sql += "; SET SESSION information_schema_stats_expiry = 0";
    }
    // MariaDB's, against a node that dies in a transaction without a word: what it locked is free
    // after as long as a living one could have taken.
    if variables.get("idle_transaction_timeout").is_some() {
        let idle_s = timeout.as_millis().div_ceil(1000);
        sql += &format!("; SET SESSION idle_transaction_timeout = {idle_s}");
    }
    // MariaDB's. MySQL limits only what reads.
    if variables.get("max_statement_time").is_some() {
        sql += &format!("; SET SESSION max_statement_time = {:.3}", timeout.as_secs_f64());
    }
    sql
}

/// A binary log of statements and READ COMMITTED exclude each other.
fn isolation(settings: &MysqlSettings, variables: &Variables) -> Isolation {
    let statements = variables.is_on("log_bin")
        && variables.get("binlog_format").is_some_and(|format| format == "STATEMENT");
    let suits = if statements { Isolation::RepeatableRead } else { Isolation::ReadCommitted };
    settings.isolation.unwrap_or(suits)
}

fn check_fit(variables: &Variables) -> Result<(), Fault> {
    if ["read_only", "innodb_read_only"].iter().any(|name| variables.is_on(name)) {
        return Err(Fault::Unfit(
            "is in read-only mode, as replicas are, whose numbers may be old; name the primary, or \
             end that mode"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        Variables(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_log_of_statements_takes_repeatable_read() {
        let settings = MysqlSettings::parse("mysql://host/db").unwrap();
        let log = variables(&[("log_bin", "ON"), ("binlog_format", "STATEMENT")]);
        assert_eq!(isolation(&settings, &log), Isolation::RepeatableRead);
        let none = variables(&[("log_bin", "OFF"), ("binlog_format", "STATEMENT")]);
        assert_eq!(isolation(&settings, &none), Isolation::ReadCommitted);
        let chosen = MysqlSettings::parse("mysql://host/db?isolation=repeatable-read").unwrap();
        assert_eq!(isolation(&chosen, &none), Isolation::RepeatableRead);
    }

    #[test]
    fn only_what_takes_writes_is_fit() {
        assert!(check_fit(&variables(&[("read_only", "OFF")])).is_ok());
        // Newer MariaDB has more than two words for it.
        for (name, value) in [("read_only", "ON"), ("read_only", "NO_LOCK"), ("read_only", "1")] {
            assert!(check_fit(&variables(&[(name, value)])).is_err(), "{name} {value}");
        }
        assert!(check_fit(&variables(&[("innodb_read_only", "ON")])).is_err());
    }
}
