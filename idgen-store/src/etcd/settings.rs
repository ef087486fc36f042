//! What an `etcd` URL says.

use std::time::Duration;

use etcd_client::ConnectOptions;

use crate::StoreError;
use crate::url::{Secret, StoreUrl};

/// The options of a URL, as `etcd` documents them.
const OPTIONS: [&str; 1] = ["answer_timeout_ms"];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const ANSWER_TIMEOUT_MS: u64 = 5_000;
const PORT: u16 = 2379;
/// How often a peer is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// A URL that has been understood.
pub(super) struct EtcdSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    /// `HOST:PORT`, at least one.
    pub(super) servers: Vec<String>,
    login: Option<(String, Secret)>,
    /// What the keys begin with, without a `/` at the end.
    pub(super) prefix: String,
    pub(super) answer_timeout: Duration,
}

impl EtcdSettings {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let answer = url.take_number("answer_timeout_ms", 1..=LONGEST_MS)?;
        url.finish(&OPTIONS)?;
        let login = match (&url.user, &url.password) {
            (Some(user), Some(password)) => Some((user.clone(), password.clone())),
            (None, None) => None,
            _ => {
                return Err(StoreError::Refused(format!(
                    "{place}: a login is a user and a password; write USER:PASSWORD@ or neither"
                )));
            }
        };
        Ok(Self {
            servers: servers(&url, &place)?,
            prefix: prefix(&url.path, &place)?,
            login,
            answer_timeout: Duration::from_millis(answer.unwrap_or(ANSWER_TIMEOUT_MS)),
            place,
        })
    }

    /// What the driver is told.
    pub(super) fn options(&self) -> ConnectOptions {
        let (interval, timeout) = KEEP_ALIVE;
        let options = ConnectOptions::new()
            .with_require_leader(true)
            // So that a server that is away leaves time for another.
            .with_connect_timeout(self.answer_timeout / 3)
            .with_keep_alive(interval, timeout);
        match &self.login {
            Some((user, password)) => {
                options.with_user(user, password.reveal()).with_auto_token_refresh(true)
            }
            None => options,
        }
    }
}

fn servers(url: &StoreUrl, place: &str) -> Result<Vec<String>, StoreError> {
    let is_name =
        |host: &str| host.chars().all(|char| char.is_ascii_alphanumeric() || "-._:".contains(char));
    if !url.hosts.iter().all(|at| is_name(&at.host)) {
        return Err(StoreError::Refused(format!(
            "{place}: a host is a name or an address; write HOST:PORT, several with commas between"
        )));
    }
    let hosts = url.hosts.iter().map(|at| {
        let mut at = at.clone();
        at.port.get_or_insert(PORT);
        at.to_string()
    });
    Ok(hosts.collect())
}

fn prefix(path: &str, place: &str) -> Result<String, StoreError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    // So that no prefix lies among the keys of another.
    let is_word = |part: &str| !["", "sequences", "workers"].contains(&part);
    if !path.is_empty() && !path.split('/').all(is_word) {
        return Err(StoreError::Refused(format!(
            "{place}: the prefix is none; write words with a / between, none of them 'sequences' \
             or 'workers'"
        )));
    }
    Ok(if path.is_empty() { "idgen".to_owned() } else { path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_options() {
        let settings = EtcdSettings::parse("etcd://a,[::1]:9,c:7/x/y/").unwrap();
        assert_eq!(settings.servers, ["a:2379", "[::1]:9", "c:7"]);
        assert_eq!((settings.prefix.as_str(), settings.login.is_none()), ("x/y", true));
        assert_eq!(settings.answer_timeout, Duration::from_secs(5));
        let settings = EtcdSettings::parse("etcd://me:p%40@h?answer_timeout_ms=9").unwrap();
        let (user, password) = settings.login.as_ref().unwrap();
        assert_eq!((user.as_str(), password.reveal()), ("me", "p@"));
        assert_eq!(settings.prefix, "idgen");
        assert_eq!(settings.answer_timeout, Duration::from_millis(9));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let wrong = [
            ("etcd://me:secret@h?tls=1", "option 'tls'"),
            ("etcd://me:secret@h?answer_timeout_ms=0", "1 to 3600000"),
            ("etcd://me:secret@%2Frun%2Fetcd", "a host is a name"),
            ("etcd://me:secret@h/a//b", "the prefix is none"),
            ("etcd://me:secret@h/a/sequences", "the prefix is none"),
            ("etcd://me:secret@h/workers/a", "or 'workers'"),
            ("etcd://:secret@h/a", "a login is a user and a password"),
        ];
        for (url, due) in wrong {
            let Err(error) = EtcdSettings::parse(url) else { panic!("{url} was taken") };
            let said = error.to_string();
            assert!(said.contains(due) && !said.contains("secret"), "{said}");
        }
    }
}
