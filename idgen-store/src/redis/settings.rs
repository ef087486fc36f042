//! What a `redis` URL says.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

use crate::StoreError;
use crate::counter::Adopted;
use crate::url::StoreUrl;

/// The options of a URL, as `redis` documents them.
const OPTIONS: [&str; 4] = ["answer_timeout_ms", "connect_timeout_ms", "durability", "prefix"];
/// And as `redis` with a `key` documents them.
const ADOPTED_OPTIONS: [&str; 5] =
    ["answer_timeout_ms", "connect_timeout_ms", "increment", "key", "offset"];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const TIMEOUT_MS: u64 = 5_000;
const PORT: u16 = 6379;

/// A URL that has been understood.
#[derive(Clone, Debug)]
pub(super) struct RedisSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    /// Its password is not in its `Debug`.
    pub(super) client: Client,
    /// What the keys begin with.
    pub(super) prefix: String,
    /// Whether the server may forget what it answered.
    pub(super) lossy: bool,
    /// Whether this is about a counter that other programs increase too.
    pub(super) counts: bool,
    pub(super) connect_timeout: Duration,
    pub(super) answer_timeout: Duration,
}

impl RedisSettings {
    pub(super) fn parse(url: &str) -> Result<(Self, Option<Adopted>), StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let mut ms = |option| {
            let ms = url.take_number(option, 1..=LONGEST_MS)?;
            Ok::<_, StoreError>(Duration::from_millis(ms.unwrap_or(TIMEOUT_MS)))
        };
        let (connect_timeout, answer_timeout) =
            (ms("connect_timeout_ms")?, ms("answer_timeout_ms")?);
        let adopted = url.take("key").map(|key| Adopted::take(&mut url, &key)).transpose()?;
        let counts = adopted.is_some();
        // A counter's server is as its other programs have it, and its identity tells what it is.
        let lossy = counts || lossy(&place, url.take("durability").as_deref())?;
        let prefix = if counts { String::new() } else { prefix(&place, url.take("prefix"))? };
        url.finish(if counts { &ADOPTED_OPTIONS } else { &OPTIONS })?;
        let client = client(&url, &place)?;
        let settings =
            Self { place, client, prefix, lossy, counts, connect_timeout, answer_timeout };
        Ok((settings, adopted))
    }
}

fn lossy(place: &str, word: Option<&str>) -> Result<bool, StoreError> {
    match word {
        None | Some("kept") => Ok(false),
        Some("lossy") => Ok(true),
        Some(word) => Err(StoreError::Refused(format!(
            "{place}: durability={} is not known; write kept, or lossy for a server that may \
             forget what it answered",
            word.escape_debug()
        ))),
    }
}

/// No brace may be in it: the first one of a key begins the name.
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

fn client(url: &StoreUrl, place: &str) -> Result<Client, StoreError> {
    let refused = |what: &str| StoreError::Refused(format!("{place} {what}"));
    let [at] = &url.hosts[..] else {
        return Err(refused("names several servers; name the one that is the primary"));
    };
    if at.host.starts_with('/') {
        return Err(refused("names a socket; write a host and a port"));
    }
    let database: u16 = match url.path.as_str() {
        "" => 0,
        path => path.parse().map_err(|_no_number| {
            refused("names no database of Redis; write its number behind the host, for example /0")
        })?,
    };
    let mut login = RedisConnectionInfo::default().set_db(i64::from(database));
    if let Some(user) = &url.user {
        login = login.set_username(user);
    }
    if let Some(password) = &url.password {
        login = login.set_password(password.reveal());
    }
    let address = ConnectionAddr::Tcp(at.host.clone(), at.port.unwrap_or(PORT));
    let info = address.into_connection_info().and_then(|info| {
        let tcp = TcpSettings::default().set_nodelay(true);
        Client::open(info.set_tcp_settings(tcp).set_redis_settings(login))
    });
    info.map_err(|error| refused(&format!("cannot be used: {error}; correct the URL")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let error = RedisSettings::parse(url).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
        let said = error.to_string();
        assert!(!said.contains("secret"), "{said}");
        said
    }

    #[test]
    fn defaults_and_options() {
        let (settings, adopted) = RedisSettings::parse("redis://:secret@host").unwrap();
        assert_eq!(adopted, None);
        assert_eq!((settings.prefix.as_str(), settings.lossy), ("idgen", false));
        assert!(!format!("{settings:?}").contains("secret"));
        let info = settings.client.get_connection_info();
        assert_eq!((info.redis_settings().db(), info.redis_settings().username()), (0, None));
        assert_eq!(info.redis_settings().password(), Some("secret"));
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("host".to_owned(), 6379));
        let url = "redis://me:secret@[::1]:1/3?durability=lossy&prefix=a:b&answer_timeout_ms=7";
        let (settings, _) = RedisSettings::parse(url).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.lossy), ("a:b", true));
        assert_eq!(settings.answer_timeout, Duration::from_millis(7));
        assert_eq!(settings.client.get_connection_info().redis_settings().db(), 3);
    }

    #[test]
    fn a_counter_has_its_progression_in_the_url() {
        let of = |options: &str| {
            let url = format!("redis://host?key=integers{options}");
            let (settings, adopted) = RedisSettings::parse(&url).unwrap();
            let adopted = adopted.unwrap();
            assert_eq!((settings.counts, adopted.key.as_str()), (true, "integers"));
            assert_eq!(adopted.definition.end(), (1 << 63) - 1);
            (adopted.definition.increment(), adopted.definition.offset())
        };
        assert_eq!((of(""), of("&increment=2"), of("&offset=0")), ((2, 0), (2, 1), (2, 0)));
        assert_eq!((of("&increment=5"), of("&increment=5&offset=7")), ((5, 1), (5, 2)));
        assert!(refused("redis://:secret@host?key=a&increment=0").contains("1 to 4294967296"));
        assert!(refused("redis://:secret@host?key=a&prefix=b").contains("option 'prefix'"));
        assert!(refused("redis://:secret@host?key=").contains("option key"));
        assert!(refused("redis://:secret@host?offset=1").contains("option 'offset'"));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("redis://:secret@host/ids").contains("number"));
        assert!(refused("redis://:secret@one,two").contains("several"));
        assert!(refused("redis://:secret@%2Frun%2Fredis").contains("socket"));
        assert!(refused("redis://:secret@host?durability=maybe").contains("lossy"));
        assert!(refused("redis://:secret@host?prefix=%7Ba").contains("prefix={a"));
        assert!(refused("redis://:secret@host?prefix=").contains("1 to 128"));
        assert!(refused("redis://:secret@host?pool=3").contains("option 'pool'"));
    }
}
