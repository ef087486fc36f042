//! What a `zookeeper` URL says.

use std::time::Duration;

use zookeeper_client::{Acls, Client, Connector};

use crate::StoreError;
use crate::url::StoreUrl;

/// The options of a URL, as `zookeeper` documents them.
const OPTIONS: [&str; 2] = ["answer_timeout_ms", "session_timeout_ms"];

/// An hour: longer than anything here is worth waiting for.
const LONGEST_MS: u64 = 3_600_000;
const PORT: u16 = 2181;

/// What holds where a URL does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) session_timeout_ms: u64,
    pub(super) answer_timeout_ms: u64,
}

/// A session as long as a lease of a worker id by default.
const USUAL: Usual = Usual { session_timeout_ms: 10_000, answer_timeout_ms: 5_000 };

/// A URL that has been understood.
pub(super) struct ZooKeeperSettings {
    /// The URL without its secrets, as messages show it.
    pub(super) place: String,
    /// `HOST:PORT,...`, as the driver takes them.
    pub(super) servers: String,
    /// `USER:PASSWORD`, never shown.
    pub(super) login: Option<String>,
    /// The URL's path as that of a node, empty for the topmost.
    pub(super) above: String,
    /// The node above all of idgen's own: `/idgen` below the URL's path.
    pub(super) root: String,
    pub(super) session_timeout: Duration,
    pub(super) answer_timeout: Duration,
}

impl ZooKeeperSettings {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        Self::parse_with(url, USUAL)
    }

    /// What a URL says, and what is usual where it does not.
    pub(super) fn parse_with(url: &str, usual: Usual) -> Result<Self, StoreError> {
        let mut url = StoreUrl::parse(url)?;
        let place = url.place();
        let ms = |number: Option<u64>, usual| Duration::from_millis(number.unwrap_or(usual));
        let session = url.take_number("session_timeout_ms", 100..=LONGEST_MS)?;
        let answer = url.take_number("answer_timeout_ms", 1..=LONGEST_MS)?;
        url.finish(&OPTIONS)?;
        let secret = url.password.as_ref().map(|password| password.reveal());
        let login = match (&url.user, secret) {
            (Some(user), Some(password)) => Some(format!("{user}:{password}")),
            (None, None) => None,
            _ => {
                return Err(StoreError::Refused(format!(
                    "{place}: a login is a user and a password; write USER:PASSWORD@ or neither"
                )));
            }
        };
        let above = above(&url.path, &place)?;
        Ok(Self {
            servers: servers(&url, &place)?,
            root: format!("{above}/idgen"),
            above,
            login,
            session_timeout: ms(session, usual.session_timeout_ms),
            answer_timeout: ms(answer, usual.answer_timeout_ms),
            place,
        })
    }

    /// How a session is made.
    pub(super) fn connector(&self) -> Connector {
        let connector =
            Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        match &self.login {
            Some(login) => connector.with_auth("digest", login.as_bytes()),
            None => connector,
        }
    }

    /// Who may do what to a node that is made: its maker, or everybody where nobody logs in.
    pub(super) fn acls(&self) -> Acls<'static> {
        if self.login.is_none() { Acls::anyone_all() } else { Acls::creator_all() }
    }
}

fn servers(url: &StoreUrl, place: &str) -> Result<String, StoreError> {
    // The driver would take these for a path, another server or a protocol.
    if url.hosts.iter().any(|at| at.host.contains(['/', ',', '[', ']'])) {
        return Err(StoreError::Refused(format!(
            "{place}: a host is a name or an address; write HOST:PORT, several with commas between"
        )));
    }
    let hosts = url.hosts.iter().map(|at| {
        let mut at = at.clone();
        at.port.get_or_insert(PORT);
        at.to_string()
    });
    Ok(hosts.collect::<Vec<_>>().join(","))
}

/// The names of nodes in a path are not empty, not `.` or `..`, and have no control characters.
fn above(path: &str, place: &str) -> Result<String, StoreError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(String::new());
    }
    let is_name = |name: &str| !["", ".", ".."].contains(&name) && !name.contains(char::is_control);
    if !path.split('/').all(is_name) || path.split('/').next() == Some("zookeeper") {
        return Err(StoreError::Refused(format!(
            "{place}: the path is none of a node; write names with a / between, not . or .., and \
             not /zookeeper, which belongs to the servers"
        )));
    }
    Ok(format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_options() {
        let settings = ZooKeeperSettings::parse("zookeeper://a,[::1]:9,c:7/x/y%20z/").unwrap();
        assert_eq!(settings.servers, "a:2181,[::1]:9,c:7");
        assert_eq!(settings.root, "/x/y z/idgen");
        assert_eq!(settings.session_timeout, Duration::from_secs(10));
        assert_eq!(settings.answer_timeout, Duration::from_secs(5));
        let url = "zookeeper://me:p%40@h?session_timeout_ms=700&answer_timeout_ms=9";
        let settings = ZooKeeperSettings::parse(url).unwrap();
        assert_eq!(settings.login.as_deref(), Some("me:p@"));
        assert_eq!(settings.root, "/idgen");
        assert_eq!(settings.session_timeout, Duration::from_millis(700));
        assert_eq!(settings.answer_timeout, Duration::from_millis(9));
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let wrong = [
            ("zookeeper://me:secret@h?tls=1", "option 'tls'"),
            ("zookeeper://me:secret@h?session_timeout_ms=5", "100 to 3600000"),
            ("zookeeper://me:secret@%2Frun%2Fzoo", "a host is a name"),
            ("zookeeper://me:secret@h/a//b", "the path is none"),
            ("zookeeper://me:secret@h/a/../b", "the path is none"),
            ("zookeeper://me:secret@h/zookeeper/a", "belongs to the servers"),
            ("zookeeper://:secret@h/a", "a login is a user and a password"),
        ];
        for (url, due) in wrong {
            let Err(error) = ZooKeeperSettings::parse(url) else { panic!("{url} was taken") };
            let said = error.to_string();
            assert!(said.contains(due) && !said.contains("secret"), "{said}");
        }
    }
}
