//! What a `postgres` URL says.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

use super::tls::Tls;
use crate::StoreError;
use crate::url::StoreUrl;

/// The options of a URL, as `postgres` documents them.
const OPTIONS: [&str; 7] = [
    "application_name",
    "connect_timeout_ms",
    "connections",
    "options",
    "sslmode",
    "sslrootcert",
    "statement_timeout_ms",
];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const CONNECT_TIMEOUT_MS: u64 = 5_000;
const STATEMENT_TIMEOUT_MS: u64 = 5_000;
const CONNECTIONS: u64 = 4;
const MOST_CONNECTIONS: u64 = 64;

/// A URL that has been understood.
#[derive(Clone)]
pub(super) struct PostgresSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    /// Its password is not in its `Debug`.
    pub(super) config: Config,
    pub(super) tls: Tls,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    /// What the server is told; the answer is waited for a little longer.
    pub(super) statement_timeout: Duration,
}

impl PostgresSettings {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let tls = Tls::take(&mut url, &place)?;
        let ms = |number: Option<u64>, usual| Duration::from_millis(number.unwrap_or(usual));
        let connect = url.take_number("connect_timeout_ms", 1..=LONGEST_MS)?;
        let statement = url.take_number("statement_timeout_ms", 1..=LONGEST_MS)?;
        let connections = url.take_number("connections", 1..=MOST_CONNECTIONS)?;
        let mut config = Config::new();
        config.application_name(url.take("application_name").unwrap_or("idgen".to_owned()));
        if let Some(options) = url.take("options") {
            config.options(options);
        }
        url.finish(&OPTIONS)?;
        config.ssl_mode(tls.mode);
        reach(&mut config, &url, &place)?;
        Ok(Self {
            place,
            config,
            tls,
            connections: usize::try_from(connections.unwrap_or(CONNECTIONS)).expect("at most 64"),
            connect_timeout: ms(connect, CONNECT_TIMEOUT_MS),
            statement_timeout: ms(statement, STATEMENT_TIMEOUT_MS),
        })
    }
}

/// Enters servers, login and database.
fn reach(config: &mut Config, url: &StoreUrl, place: &str) -> Result<(), StoreError> {
    if url.path.is_empty() || url.path.contains('/') {
        return Err(StoreError::Refused(format!(
            "{place} names no database; write postgres://USER:PASSWORD@HOST/DATABASE"
        )));
    }
    config.dbname(&url.path);
    if let Some(user) = &url.user {
        config.user(user);
    }
    if let Some(password) = &url.password {
        config.password(password.reveal());
    }
    for at in &url.hosts {
        config.host(&at.host).port(at.port.unwrap_or(5432));
    }
    if url.hosts.len() > 1 {
        // Of several servers the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    // A peer that is gone without a word is noticed between requests too.
    config.keepalives_idle(Duration::from_secs(10)).keepalives_interval(Duration::from_secs(2));
    config.keepalives_retries(3);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Connect;

    fn refused(url: &str) -> String {
        PostgresSettings::parse(url).err().expect("it is refused").to_string()
    }

    #[test]
    fn defaults_and_options() {
        let settings = PostgresSettings::parse("postgres://me:secret@host/db").unwrap();
        assert_eq!(settings.connections, 4);
        assert_eq!(settings.config.get_ports(), [5432]);
        assert_eq!(settings.config.get_application_name(), Some("idgen"));
        assert!(!format!("{:?}", settings.config).contains("secret"));
        let url = "postgresql://a,b:1/db?connections=2&statement_timeout_ms=7&sslmode=prefer";
        let settings = PostgresSettings::parse(url).unwrap();
        assert_eq!((settings.connections, settings.config.get_ports()), (2, &[5432, 1][..]));
        assert_eq!(settings.answer_timeout(), Duration::from_millis(1007));
        assert_eq!(settings.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("postgres://me:secret@host/db?pool=3").contains("option 'pool'"));
        assert!(refused("postgres://me:secret@host").contains("names no database"));
    }
}
