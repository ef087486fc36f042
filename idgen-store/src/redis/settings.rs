//! What a `redis` URL says.

use std::time::Duration;

use super::servers::{Form, Limits, Servers};
use crate::StoreError;
use crate::counter::Adopted;
use crate::url::StoreUrl;

/// The options of every URL, as `redis` documents them.
const OPTIONS: [&str; 3] = ["answer_timeout_ms", "connect_timeout_ms", "wait"];
/// Without `key`.
const OWN_OPTIONS: [&str; 2] = ["durability", "prefix"];
/// With `key`.
const ADOPTED_OPTIONS: [&str; 3] = ["increment", "key", "offset"];
/// Of encrypted connections.
const TLS_OPTIONS: [&str; 3] = ["tls_ca", "tls_cert", "tls_key"];
/// About sentinels.
const WATCHED_OPTIONS: [&str; 2] = ["sentinel_password", "sentinel_user"];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const TIMEOUT_MS: u64 = 5_000;
/// More replicas than anybody has.
const MOST_REPLICAS: u64 = 1_000;

/// A URL that has been understood.
#[derive(Clone, Debug)]
pub(super) struct RedisSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    pub(super) servers: Servers,
    /// What the keys begin with.
    pub(super) prefix: String,
    /// Whether the server may forget what it answered.
    pub(super) lossy: bool,
    /// Whether this is about a counter that other programs increase too.
    pub(super) counts: bool,
    /// `None` where no replica is waited for.
    pub(super) confirm: Option<Confirm>,
    pub(super) limits: Limits,
}

/// What replicas have to confirm before an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confirm {
    /// How many, at least 1.
    pub(super) replicas: u64,
    pub(super) limit_ms: u64,
}

impl RedisSettings {
    pub(super) fn parse(url: &str) -> Result<(Self, Option<Adopted>), StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let mut ms = |option| {
            let ms = url.take_number(option, 1..=LONGEST_MS)?;
            Ok::<_, StoreError>(Duration::from_millis(ms.unwrap_or(TIMEOUT_MS)))
        };
        let limits =
            Limits { connect: ms("connect_timeout_ms")?, answer: ms("answer_timeout_ms")? };
        let servers = Servers::of(&mut url, limits)?;
        let confirm = confirm(url.take_number("wait", 0..=MOST_REPLICAS)?, limits);
        let adopted = url.take("key").map(|key| Adopted::take(&mut url, &key, 2)).transpose()?;
        let counts = adopted.is_some();
        // A counter's server is as its other programs have it, and its identity tells what it is.
        let lossy = counts || lossy(&place, url.take("durability").as_deref())?;
        let prefix = if counts { String::new() } else { prefix(&place, url.take("prefix"))? };
        url.finish(&known(counts, &url.scheme))?;
        let settings = Self { place, servers, prefix, lossy, counts, confirm, limits };
        Ok((settings, adopted))
    }
}

fn known(counts: bool, scheme: &str) -> Vec<&'static str> {
    let (form, encrypted) = Form::of_scheme(scheme).expect("there are servers of this scheme");
    let mut known = OPTIONS.to_vec();
    known.extend(if counts { &ADOPTED_OPTIONS[..] } else { &OWN_OPTIONS });
    known.extend(if encrypted { &TLS_OPTIONS[..] } else { &[] });
    known.extend(if form == Form::Watched { &WATCHED_OPTIONS[..] } else { &[] });
    known.sort_unstable();
    known
}

/// Half of the time for an answer, so that what is short of its count is told as such.
fn confirm(replicas: Option<u64>, limits: Limits) -> Option<Confirm> {
    let limit_ms = u64::try_from(limits.answer.as_millis() / 2).expect("an hour at most").max(1);
    replicas.filter(|replicas| *replicas > 0).map(|replicas| Confirm { replicas, limit_ms })
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
        assert_eq!(settings.confirm, None);
        let url =
            "redis://me:secret@[::1]:1/3?durability=lossy&prefix=a:b&answer_timeout_ms=7&wait=2";
        let (settings, _) = RedisSettings::parse(url).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.lossy), ("a:b", true));
        assert_eq!(settings.limits.answer, Duration::from_millis(7));
        assert_eq!(settings.confirm, Some(Confirm { replicas: 2, limit_ms: 3 }));
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
        assert!(refused("redis://:secret@host?durability=maybe").contains("lossy"));
        assert!(refused("redis://:secret@host?prefix=%7Ba").contains("prefix={a"));
        assert!(refused("redis://:secret@host?prefix=").contains("1 to 128"));
        assert!(refused("redis://:secret@host?pool=3").contains("option 'pool'"));
        assert!(refused("redis://:secret@host?wait=-1").contains("option wait"));
        assert!(
            refused("redis://:secret@host?tls_ca=a").contains("'tls_ca' of redis://host/ is not")
        );
        assert!(refused("redis://:secret@host?sentinel_password=secret").contains("not known"));
    }
}
