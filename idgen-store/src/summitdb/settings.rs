//! What a `summitdb` URL says.

use std::fmt;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};

use crate::StoreError;
use crate::counter::Adopted;
use crate::url::StoreUrl;

/// The options of a URL, as `summitdb` documents them.
const OPTIONS: [&str; 5] =
    ["answer_timeout_ms", "connect_timeout_ms", "peers", "prefix", "retries"];
/// And as `summitdb` with a `key` documents them.
const ADOPTED_OPTIONS: [&str; 7] =
    ["answer_timeout_ms", "connect_timeout_ms", "increment", "key", "offset", "peers", "retries"];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
/// An election takes one or two seconds.
const ANSWER_TIMEOUT_MS: u64 = 10_000;
const CONNECT_TIMEOUT_MS: u64 = 2_000;
const RETRIES: u64 = 200;
const MOST_RETRIES: u64 = 100_000;
const PORT: u16 = 7481;

/// Where a node answers.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Node {
    host: String,
    port: u16,
}

impl Node {
    /// The node at `HOST:PORT`, as nodes write one another's addresses.
    pub(super) fn at(address: &str) -> Option<Self> {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }

    /// Nothing is connected yet.
    pub(super) fn client(&self) -> RedisResult<Client> {
        // It does not know the command by which the driver introduces itself.
        let login = RedisConnectionInfo::default().set_skip_set_lib_name();
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = ConnectionAddr::Tcp(self.host.clone(), self.port).into_connection_info()?;
        Client::open(info.set_tcp_settings(tcp).set_redis_settings(login))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A URL that has been understood.
#[derive(Clone, Debug)]
pub(super) struct SummitSettings {
    /// The URL as messages show it.
    pub(super) place: String,
    /// At least one.
    pub(super) nodes: Vec<Node>,
    /// What the keys begin with.
    pub(super) prefix: String,
    /// Whether nodes that the URL does not name are asked.
    pub(super) finds_peers: bool,
    /// How often all nodes are asked again.
    pub(super) retries: u32,
    pub(super) connect_timeout: Duration,
    /// For a whole request, whatever it takes.
    pub(super) answer_timeout: Duration,
}

impl SummitSettings {
    pub(super) fn parse(url: &str) -> Result<(Self, Option<Adopted>), StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let refused = |what: &str| StoreError::Refused(format!("{place} {what}"));
        if !url.path.is_empty() {
            return Err(refused(
                "names a path, and SummitDB has one database; end it at the hosts",
            ));
        }
        if url.user.is_some() || url.password.is_some() {
            return Err(refused(
                "names a user, and SummitDB knows none; leave it out, and let none but trusted \
                 hosts reach its port",
            ));
        }
        let mut number = |option, within, usual| {
            Ok::<_, StoreError>(url.take_number(option, within)?.unwrap_or(usual))
        };
        let answer_ms = number("answer_timeout_ms", 1..=LONGEST_MS, ANSWER_TIMEOUT_MS)?;
        let connect_ms = number("connect_timeout_ms", 1..=LONGEST_MS, CONNECT_TIMEOUT_MS)?;
        let retries = number("retries", 0..=MOST_RETRIES, RETRIES)?;
        let finds_peers = match url.take("peers").as_deref() {
            None | Some("found") => true,
            Some("listed") => false,
            Some(_) => return Err(refused("has an option peers that is neither found nor listed")),
        };
        let key = url.take("key");
        let adopted = key.map(|key| Adopted::take(&mut url, &key, 2)).transpose()?;
        let prefix = match adopted {
            Some(_) => String::new(),
            None => prefix(&place, url.take("prefix"))?,
        };
        url.finish(if adopted.is_some() { &ADOPTED_OPTIONS } else { &OPTIONS })?;
        let nodes = url.hosts.iter().map(|at| {
            if at.host.starts_with('/') {
                return Err(refused("names a socket; write a host and a port"));
            }
            Ok(Node { host: at.host.clone(), port: at.port.unwrap_or(PORT) })
        });
        let settings = Self {
            nodes: nodes.collect::<Result<_, _>>()?,
            prefix,
            finds_peers,
            retries: u32::try_from(retries).expect("it is within bounds"),
            connect_timeout: Duration::from_millis(connect_ms),
            answer_timeout: Duration::from_millis(answer_ms),
            place,
        };
        Ok((settings, adopted))
    }
}

/// No `*` or `?` may be in it: they mean something in a pattern.
fn prefix(place: &str, given: Option<String>) -> Result<String, StoreError> {
    let prefix = given.unwrap_or("idgen".to_owned());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if !prefix.is_empty() && prefix.len() <= 128 && prefix.bytes().all(fits) {
        return Ok(prefix);
    }
    Err(StoreError::Refused(format!(
        "{place}: prefix={} is none; write 1 to 128 letters, digits, '-', '.', '_' or ':'",
        prefix.escape_debug()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let error = SummitSettings::parse(url).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
        let said = error.to_string();
        assert!(!said.contains("secret"), "{said}");
        said
    }

    #[test]
    fn defaults_and_options() {
        let (settings, adopted) = SummitSettings::parse("summitdb://one,[::1]:7482").unwrap();
        assert_eq!(adopted, None);
        let nodes: Vec<String> = settings.nodes.iter().map(Node::to_string).collect();
        assert_eq!(nodes, ["one:7481", "[::1]:7482"]);
        assert_eq!((settings.prefix.as_str(), settings.retries), ("idgen", 200));
        assert!(settings.finds_peers);
        assert_eq!(settings.answer_timeout, Duration::from_secs(10));
        let url = "summitdb://h?key=integers&peers=listed&retries=0&answer_timeout_ms=7";
        let (settings, adopted) = SummitSettings::parse(url).unwrap();
        assert_eq!(adopted.unwrap().key.as_str(), "integers");
        assert_eq!((settings.finds_peers, settings.retries), (false, 0));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("summitdb://host/ids").contains("one database"));
        assert!(refused("summitdb://me:secret@host").contains("knows none"));
        assert!(refused("summitdb://%2Frun%2Fsummit").contains("socket"));
        assert!(refused("summitdb://host?peers=all").contains("neither"));
        assert!(refused("summitdb://host?prefix=a*").contains("prefix=a*"));
        assert!(refused("summitdb://host?key=a&prefix=b").contains("option 'prefix'"));
        assert!(refused("summitdb://host?offset=1").contains("option 'offset'"));
    }

    #[test]
    fn addresses_of_nodes_are_host_and_port() {
        assert_eq!(Node::at("[::1]:7481").unwrap().to_string(), "[::1]:7481");
        assert_eq!(Node::at("localhost:1").unwrap().to_string(), "localhost:1");
        for wrong in ["", "host", ":7481", "host:0", "host:x"] {
            assert_eq!(Node::at(wrong), None, "{wrong}");
        }
    }
}
