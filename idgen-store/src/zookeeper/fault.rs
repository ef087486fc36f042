//! What ZooKeeper and the way to it say, in the words of a store: place, cause, next step.

use zookeeper_client::Error;

use crate::StoreError;

/// What to do where none answers.
const NO_SERVER: &str =
    "see that a server runs and can be reached, and that a quorum stands, and retry";

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// What the driver or a server said.
    Said(Error),
    /// A node is not as idgen writes it.
    Damaged(String),
    /// The servers are not set up for what was asked.
    Refused(String),
    /// The session may still live, and no server can be reached.
    Disconnected,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    /// Whether the session has ended with it. One that is only disconnected connects again.
    pub(super) fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::Said(
                Error::SessionExpired
                    | Error::SessionMoved
                    | Error::AuthFailed
                    | Error::ClientClosed
                    | Error::NoHosts
                    | Error::Timeout
                    | Error::NoNode
            )
        )
    }

    /// The error that the caller gets; `place` is the store's URL without its secrets.
    pub(super) fn tell(self, place: &str) -> StoreError {
        let error = match self {
            Self::Damaged(what) => {
                return StoreError::Damaged(format!("{place}: {what}; restore it from a backup"));
            }
            Self::Disconnected => {
                return StoreError::Unavailable(format!(
                    "{place}: the connection is lost; {NO_SERVER}"
                ));
            }
            Self::Refused(what) => return StoreError::Refused(format!("{place}: {what}")),
            Self::Said(error) => error,
        };
        StoreError::Unavailable(format!("{place}: {}", reason(&error, "/idgen")))
    }
}

/// The cause and the next step; `node` is the one below which work is done.
pub(super) fn reason(error: &Error, node: &str) -> String {
    let next = match error {
        Error::NoAuth => {
            return format!(
                "{error}; give this user all rights on the node {node}, or name another user"
            );
        }
        Error::AuthFailed => "check user and password in the URL",
        Error::NoHosts | Error::Timeout => NO_SERVER,
        Error::ConnectionLoss => "see whether the server runs, and retry",
        Error::SessionExpired | Error::SessionMoved | Error::ClientClosed => {
            "the session has ended; retry, which makes another"
        }
        Error::NoNode => "its nodes were removed while it was in use; retry",
        Error::QuotaExceeded => "raise the quota of the path",
        Error::NotReadOnly => "the server has lost its quorum; see the others, and retry",
        Error::Throttled => "the server is overloaded; retry",
        Error::Unimplemented => "use ZooKeeper 3.6 or later",
        _ => "see the server's log, and retry",
    };
    format!("{error}; {next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_name_place_cause_and_next_step() {
        let place = "zookeeper://zoo:2181/a";
        for error in [Error::NoAuth, Error::ConnectionLoss, Error::NoHosts, Error::InvalidAcl] {
            let said = Fault::Said(error.clone()).tell(place).to_string();
            let cause = format!("store unavailable: {place}: {error}; ");
            assert!(said.starts_with(&cause) && said.len() > cause.len() + 10, "{said}");
        }
    }

    #[test]
    fn only_what_ends_a_session_gives_it_up() {
        assert!(Fault::Said(Error::SessionExpired).ends_session());
        assert!(!Fault::Said(Error::ConnectionLoss).ends_session());
        assert!(!Fault::Said(Error::NoAuth).ends_session());
        assert!(!Fault::Damaged(String::new()).ends_session());
        assert!(!Fault::Disconnected.ends_session());
    }
}
