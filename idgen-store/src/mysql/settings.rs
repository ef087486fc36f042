//! What the address of a MySQL database says.

use std::time::Duration;

use mysql_async::OptsBuilder;

use super::dsn;
use super::flickr::{MOST_INCREMENT, Tickets};
use super::tls::Tls;
use crate::url::StoreUrl;
use crate::{Name, StoreError};

/// The options of a URL, as `mysql` documents them.
const OPTIONS: [&str; 12] = [
    "connect_timeout_ms",
    "connections",
    "increment",
    "isolation",
    "key",
    "offset",
    "schema",
    "sequence",
    "ssl-ca",
    "ssl-mode",
    "statement_timeout_ms",
    "tls",
];

/// What the one sequence of an adopted table is called, if the URL does not say.
const SEQUENCE: &str = "default";

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const CONNECT_TIMEOUT_MS: u64 = 5_000;
const STATEMENT_TIMEOUT_MS: u64 = 5_000;
const CONNECTIONS: u64 = 4;
const MOST_CONNECTIONS: u64 = 64;
const PORT: u16 = 3306;

/// Whose tables they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// idgen's own.
    Own,
    /// Those of idpool, whose one pool goes by this name.
    Idpool(Name),
    /// Those of idpot.
    Idpot,
    /// A table of tickets, as Flickr's servers have it.
    Flickr(Tickets),
}

impl Schema {
    /// What the option `schema` says.
    const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Idpool(_) => Some("idpool"),
            Self::Idpot => Some("idpot"),
            Self::Flickr(_) => Some("flickr"),
        }
    }
}

/// What transactions see of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    ReadCommitted,
    RepeatableRead,
}

impl Isolation {
    /// As SQL spells it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
        }
    }
}

/// An address that has been understood.
#[derive(Clone)]
pub(super) struct MysqlSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    pub(super) reach: OptsBuilder,
    pub(super) tls: Tls,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    /// What the server is told where it can be; the answer is waited for a little longer.
    pub(super) statement_timeout: Duration,
    /// `None` for what suits the server.
    pub(super) isolation: Option<Isolation>,
    pub(super) schema: Schema,
}

impl MysqlSettings {
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let mut url = match dsn::is_dsn(text) {
            true => StoreUrl::parse(&dsn::to_url(text)?)?,
            false => StoreUrl::parse(text)?,
        };
        let place = url.place();
        let (tls, ssl_opts) = Tls::take(&mut url, &place)?;
        let ms = |number: Option<u64>, usual| Duration::from_millis(number.unwrap_or(usual));
        let connect = url.take_number("connect_timeout_ms", 1..=LONGEST_MS)?;
        let statement = url.take_number("statement_timeout_ms", 1..=LONGEST_MS)?;
        let connections = url.take_number("connections", 1..=MOST_CONNECTIONS)?;
        let isolation = isolation(&place, url.take("isolation").as_deref())?;
        let schema = schema(&place, &mut url)?;
        url.finish(&OPTIONS)?;
        Ok(Self {
            reach: reach(&url, &place)?.ssl_opts(ssl_opts),
            tls,
            place,
            connections: usize::try_from(connections.unwrap_or(CONNECTIONS)).expect("at most 64"),
            connect_timeout: ms(connect, CONNECT_TIMEOUT_MS),
            statement_timeout: ms(statement, STATEMENT_TIMEOUT_MS),
            isolation,
            schema,
        })
    }

    /// What an operator should know of the way to the server.
    pub(super) fn notes(&self) -> Vec<String> {
        self.tls.note().map(str::to_owned).into_iter().collect()
    }

    /// Refuses to make a store of other tables than the address asks for.
    pub(super) fn other_schema(&self, wanted: &str, word: &str) -> StoreError {
        let (place, next) = (
            &self.place,
            match word {
                "" => "leave the option out".to_owned(),
                word => format!("write schema={word}"),
            },
        );
        let asked = self.schema.word().map_or_else(
            || "without the option schema it means idgen's own tables".to_owned(),
            |word| format!("schema={word} means other tables"),
        );
        StoreError::Refused(format!("{place} is no address of {wanted}: {asked}; {next}"))
    }
}

fn schema(place: &str, url: &mut StoreUrl) -> Result<Schema, StoreError> {
    let refused = |what: &str| StoreError::Refused(format!("{place}: {what}"));
    let (word, sequence, key) = (url.take("schema"), url.take("sequence"), url.take("key"));
    let increment = url.take_number("increment", 1..=MOST_INCREMENT)?;
    let offset = url.take_number("offset", 0..=MOST_INCREMENT)?;
    let is_flickr = word.as_deref() == Some("flickr") || (word.is_none() && key.is_some());
    if sequence.is_some() && word.as_deref() != Some("idpool") {
        return Err(refused(
            "option sequence names the pool of adopted tables; add schema=idpool or leave it out",
        ));
    }
    if !is_flickr && (key.is_some() || increment.is_some() || offset.is_some()) {
        return Err(refused(
            "options key, increment and offset are those of a table of tickets; add schema=flickr \
             or leave them out",
        ));
    }
    match word.as_deref() {
        _ if is_flickr => Tickets::new(key.as_deref(), increment, offset).map(Schema::Flickr),
        None => Ok(Schema::Own),
        Some("idpot") => Ok(Schema::Idpot),
        Some("idpool") => {
            let name = Name::new(sequence.as_deref().unwrap_or(SEQUENCE));
            Ok(Schema::Idpool(name.map_err(|error| refused(&error.to_string()))?))
        }
        Some(word) => Err(refused(&format!(
            "option schema is idpool, idpot or flickr, not '{}'; write one of them, or leave it \
             out for idgen's own tables",
            word.escape_debug()
        ))),
    }
}

fn isolation(place: &str, word: Option<&str>) -> Result<Option<Isolation>, StoreError> {
    match word {
        None => Ok(None),
        Some("read-committed") => Ok(Some(Isolation::ReadCommitted)),
        Some("repeatable-read") => Ok(Some(Isolation::RepeatableRead)),
        Some(word) => Err(StoreError::Refused(format!(
            "option isolation of {place} is read-committed or repeatable-read, not '{}'; write one \
             of them or leave it out",
            word.escape_debug()
        ))),
    }
}

/// Server, login and database, for the driver.
fn reach(url: &StoreUrl, place: &str) -> Result<OptsBuilder, StoreError> {
    if url.path.is_empty() || url.path.contains('/') {
        return Err(StoreError::Refused(format!(
            "{place} names no database; write mysql://USER:PASSWORD@HOST/DATABASE"
        )));
    }
    let [at] = &url.hosts[..] else {
        return Err(StoreError::Refused(format!(
            "{place} names several servers; name one that takes writes, or a proxy that finds it"
        )));
    };
    let reach = OptsBuilder::default()
        .user(url.user.clone())
        .pass(url.password.as_ref().map(|password| password.reveal().to_owned()))
        .db_name(Some(url.path.clone()))
        // Else a driver that was told a host goes past a tunnel to a socket that the server names.
        .prefer_socket(false)
        .stmt_cache_size(0)
        // A peer that is gone without a word is noticed between requests too.
        .tcp_keepalive(Some(Duration::from_secs(10)));
    Ok(match at.host.starts_with('/') {
        true => reach.socket(Some(at.host.clone())),
        false => reach.ip_or_hostname(at.host.clone()).tcp_port(at.port.unwrap_or(PORT)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_async::Opts;

    fn refused(url: &str) -> String {
        MysqlSettings::parse(url).err().expect("it is refused").to_string()
    }

    #[test]
    fn both_forms_say_the_same() {
        for text in ["mysql://me:s%40f@host/db", "me:s@f@tcp(host:3306)/db?charset=utf8mb4"] {
            let settings = MysqlSettings::parse(text).unwrap();
            assert_eq!((settings.connections, settings.isolation), (4, None));
            let opts = Opts::from(settings.reach);
            assert_eq!((opts.ip_or_hostname(), opts.tcp_port()), ("host", 3306));
            assert_eq!((opts.user(), opts.pass()), (Some("me"), Some("s@f")));
            assert_eq!((opts.db_name(), opts.prefer_socket()), (Some("db"), false));
        }
        let opts = Opts::from(MysqlSettings::parse("me@unix(/run/s.sock)/db").unwrap().reach);
        assert_eq!((opts.socket(), opts.pass()), (Some("/run/s.sock"), None));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("mysql://me:secret@host/db?pool=3").contains("option 'pool'"));
        assert!(refused("mysql://me:secret@host").contains("names no database"));
        assert!(refused("mysql://me:secret@one,two/db").contains("several servers"));
        assert!(refused("mysql://host/db?isolation=none").contains("repeatable-read"));
        assert!(refused("mysql://host/db?schema=poolid").contains("idpool, idpot or flickr"));
        assert!(refused("mysql://host/db?schema=idpot&sequence=a").contains("schema=idpool"));
        assert!(refused("mysql://host/db?sequence=a").contains("schema=idpool"));
        assert!(refused("mysql://host/db?schema=idpool&sequence=").contains("1 to 128 bytes"));
        assert!(refused("mysql://host/db?key=a&schema=idpot").contains("schema=flickr"));
        assert!(refused("mysql://host/db?increment=2").contains("schema=flickr"));
        assert!(refused("mysql://host/db?key=a&increment=65536").contains("1 to 65535"));
        assert!(refused("mysql://host/db?key=a&increment=2&offset=3").contains("offset 3"));
        assert!(refused("mysql://host/db?key=a%20").contains("ends with a blank"));
    }
}
