//! What an `rqlite` URL says.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::HeaderValue;
use tokio_rustls::TlsConnector;

use super::tls;
use crate::StoreError;
use crate::counter::Adopted;
use crate::url::StoreUrl;

/// The options of a URL, as `rqlite` documents them.
const OPTIONS: [&str; 7] = [
    "answer_timeout_ms",
    "connect_timeout_ms",
    "connections",
    "peers",
    "prefix",
    "retries",
    "tls_ca",
];
/// And as `rqlite` with a `key` documents them.
const ADOPTED_OPTIONS: [&str; 9] = [
    "answer_timeout_ms",
    "connect_timeout_ms",
    "connections",
    "increment",
    "key",
    "offset",
    "peers",
    "retries",
    "tls_ca",
];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
/// An election takes one or two seconds.
const ANSWER_TIMEOUT_MS: u64 = 10_000;
const CONNECT_TIMEOUT_MS: u64 = 2_000;
const CONNECTIONS: u64 = 4;
const MOST_CONNECTIONS: u64 = 64;
const RETRIES: u64 = 200;
const MOST_RETRIES: u64 = 100_000;
const PORT: u16 = 4001;

/// Where a node answers: `http://HOST:PORT` or `https://HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Node {
    /// `HOST:PORT`, with brackets around an address of IPv6.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The node that a URL leads to, whatever path of it.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        let url: hyper::Uri = url.parse().ok()?;
        let tls = match url.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Some(Self { tls, host, port })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}", if self.tls { "s" } else { "" }, self.authority())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A URL that has been understood.
#[derive(Clone)]
pub(super) struct RqliteSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    /// At least one.
    pub(super) nodes: Vec<Node>,
    /// `None` without encryption.
    pub(super) tls: Option<TlsConnector>,
    /// The header that shows who asks; it is marked as a secret.
    pub(super) login: Option<HeaderValue>,
    /// What the tables' names begin with.
    pub(super) prefix: String,
    /// Whether nodes are asked for others.
    pub(super) finds_peers: bool,
    /// How often all nodes are asked again.
    pub(super) retries: u32,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    /// For a whole request, whatever it takes.
    pub(super) answer_timeout: Duration,
}

impl RqliteSettings {
    pub(super) fn parse(url: &str) -> Result<(Self, Option<Adopted>), StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let refused = |what: &str| StoreError::Refused(format!("{place} {what}"));
        if !url.path.is_empty() {
            return Err(refused("names a path, and rqlite has one database; end it at the hosts"));
        }
        let mut number = |option, within, usual| {
            Ok::<_, StoreError>(url.take_number(option, within)?.unwrap_or(usual))
        };
        let answer_ms = number("answer_timeout_ms", 1..=LONGEST_MS, ANSWER_TIMEOUT_MS)?;
        let connect_ms = number("connect_timeout_ms", 1..=LONGEST_MS, CONNECT_TIMEOUT_MS)?;
        let connections = number("connections", 1..=MOST_CONNECTIONS, CONNECTIONS)?;
        let retries = number("retries", 0..=MOST_RETRIES, RETRIES)?;
        let finds_peers = match url.take("peers").as_deref() {
            None | Some("found") => true,
            Some("listed") => false,
            Some(_) => return Err(refused("has an option peers that is neither found nor listed")),
        };
        let key = url.take("key");
        let adopted = key.map(|key| adopted(&mut url, &key)).transpose()?;
        let tls = match url.scheme.as_str() {
            "https" | "rqlites" => Some(tls::connector(&place, url.take("tls_ca"))?),
            _ => None,
        };
        let prefix = match adopted {
            Some(_) => String::new(),
            None => prefix(&place, url.take("prefix"))?,
        };
        url.finish(if adopted.is_some() { &ADOPTED_OPTIONS } else { &OPTIONS })?;
        let settings = Self {
            nodes: nodes(&url, tls.is_some())?,
            login: login(&url),
            prefix,
            tls,
            finds_peers,
            retries: u32::try_from(retries).expect("within bounds"),
            connections: usize::try_from(connections).expect("within bounds"),
            connect_timeout: Duration::from_millis(connect_ms),
            answer_timeout: Duration::from_millis(answer_ms),
            place,
        };
        Ok((settings, adopted))
    }
}

fn adopted(url: &mut StoreUrl, key: &str) -> Result<Adopted, StoreError> {
    let fits = !key.contains('\'') && !key.contains(char::is_control);
    if !fits || key.to_ascii_lowercase().starts_with("sqlite_") {
        return Err(StoreError::Refused(format!(
            "{}: key={} is no table that can be adopted; name it without quotes",
            url.place(),
            key.escape_debug()
        )));
    }
    // SQLite draws every number.
    Adopted::take(url, key, 1)
}

fn nodes(url: &StoreUrl, tls: bool) -> Result<Vec<Node>, StoreError> {
    let place = url.place();
    let node = |at: &crate::url::HostPort| {
        // What is no host of a URL would be part of a header.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if !at.host.bytes().all(fits) {
            return Err(StoreError::Refused(format!(
                "{place} names a host that is none; write a name or an address"
            )));
        }
        Ok(Node { tls, host: at.host.clone(), port: at.port.unwrap_or(PORT) })
    };
    url.hosts.iter().map(node).collect()
}

fn login(url: &StoreUrl) -> Option<HeaderValue> {
    let password = url.password.as_ref().map_or("", |password| password.reveal());
    let user = url.user.as_deref().or(url.password.as_ref().map(|_| ""))?;
    let word = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let mut header = HeaderValue::try_from(format!("Basic {word}")).expect("base64 is ASCII");
    header.set_sensitive(true);
    Some(header)
}

/// It stands unquoted in statements.
fn prefix(place: &str, given: Option<String>) -> Result<String, StoreError> {
    let prefix = given.unwrap_or("idgen".to_owned());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = prefix.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && prefix.len() <= 64 && prefix.bytes().all(fits) && !prefix.starts_with("sqlite_") {
        return Ok(prefix);
    }
    Err(StoreError::Refused(format!(
        "{place}: prefix={} is none; write a letter and up to 63 letters, digits or '_'",
        prefix.escape_debug()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let Err(error) = RqliteSettings::parse(url) else { panic!("{url}") };
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
        let said = error.to_string();
        assert!(!said.contains("secret"), "{said}");
        said
    }

    #[test]
    fn defaults_and_options() {
        let (settings, adopted) = RqliteSettings::parse("rqlite://me:secret@a,[::1]:7").unwrap();
        assert_eq!(adopted, None);
        let shown: Vec<String> = settings.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://a:4001", "http://[::1]:7"]);
        let login = settings.login.unwrap();
        assert_eq!(login, "Basic bWU6c2VjcmV0");
        assert!(!format!("{login:?}").contains("bWU6"));
        assert_eq!((settings.prefix.as_str(), settings.finds_peers), ("idgen", true));
        let url = "http://a?prefix=t_1&peers=listed&retries=3&answer_timeout_ms=7";
        let (settings, _) = RqliteSettings::parse(url).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.finds_peers), ("t_1", false));
        assert_eq!((settings.retries, settings.login), (3, None));
        assert_eq!(settings.answer_timeout, Duration::from_millis(7));
        for scheme in ["https", "rqlites"] {
            let (settings, _) = RqliteSettings::parse(&format!("{scheme}://a:1")).unwrap();
            assert!(settings.tls.is_some() && settings.nodes[0].to_string() == "https://a:1");
        }
    }

    #[test]
    fn an_adopted_table_has_its_progression_in_the_url() {
        let of = |options: &str| {
            let url = format!("rqlite://host?key=integers{options}");
            let (_, adopted) = RqliteSettings::parse(&url).unwrap();
            let definition = adopted.unwrap().definition;
            assert_eq!(definition.end(), (1 << 63) - 1);
            (definition.increment(), definition.offset())
        };
        assert_eq!((of(""), of("&increment=2"), of("&offset=0")), ((1, 0), (2, 1), (2, 0)));
        assert!(refused("rqlite://:secret@host?key=a&prefix=b").contains("option 'prefix'"));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("rqlite://:secret@host/db").contains("one database"));
        assert!(refused("rqlite://:secret@host?peers=some").contains("found nor listed"));
        assert!(refused("rqlite://:secret@host?prefix=a-b").contains("prefix=a-b"));
        assert!(refused("rqlite://:secret@%2Frun%2Fx").contains("host"));
        assert!(refused("rqlite://:secret@host?pool=3").contains("option 'pool'"));
        assert!(refused("rqlite://:secret@host?tls_ca=x").contains("option 'tls_ca'"));
        assert!(refused("https://:secret@host?tls_ca=/no/such").contains("/no/such"));
    }

    #[test]
    fn nodes_are_read_from_what_others_name() {
        let node = |url: &str| Node::of_url(url).map(|node| node.to_string());
        assert_eq!(node("http://a:4001/db/x?y").as_deref(), Some("http://a:4001"));
        assert_eq!(node("https://[::1]:7").as_deref(), Some("https://[::1]:7"));
        assert_eq!(node("http://a/").as_deref(), Some("http://a:80"));
        for none in ["", "/db/execute", "a:4001", "ftp://a", "http://"] {
            assert_eq!(node(none), None, "{none}");
        }
    }
}
