//! What Redis and the way to it say, in the words of a store: place, cause, next step.
//!
//! Only an error that the server itself sent says that a request had no effect. A connection that
//! ended, or an answer that did not come in time, leaves that open: *unavailable*, and the ground
//! it may have granted is a gap.

use redis::{ErrorKind, ParsingError, RedisError};

use super::settings::Confirm;
use crate::StoreError;

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store's own answer, decided from what it holds.
    Answer(StoreError),
    /// What the driver or the server said.
    Redis(RedisError),
    /// A key is not as idgen writes it.
    Damaged(String),
    /// The server cannot serve a store now; the sentence names the next step.
    Unfit(String),
    /// The server's settings do not let it serve a store; the sentence names the next step.
    Refused(String),
    /// No connection within this many milliseconds.
    Late(u128),
    /// Fewer replicas than are due have what the master granted, which is a gap.
    Unconfirmed { confirmed: u64, due: Confirm },
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<ParsingError> for Fault {
    fn from(error: ParsingError) -> Self {
        Self::Redis(error.into())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl Fault {
    /// Whether the connection goes on after it.
    pub(super) fn keeps_connection(&self) -> bool {
        match self {
            Self::Answer(_) | Self::Damaged(_) => true,
            Self::Unfit(_) | Self::Refused(_) | Self::Late(_) | Self::Unconfirmed { .. } => false,
            // A server that starts, has become a replica or asks for a login is looked at anew.
            Self::Redis(error) => error.code().is_some_and(|code| {
                !["LOADING", "READONLY", "MASTERDOWN", "NOAUTH", "WRONGPASS", "UNBLOCKED"]
                    .contains(&code)
            }),
        }
    }

    /// Whether the server lacks the script, which has had no effect then.
    pub(super) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some("NOSCRIPT"))
    }

    /// The error that the caller gets; `place` is the store's URL without its secrets.
    pub(super) fn tell(self, place: &str) -> StoreError {
        match self {
            Self::Answer(error) => error,
            Self::Damaged(what) => {
                StoreError::Damaged(format!("{place}: {what}; restore it from a backup"))
            }
            Self::Unfit(what) => StoreError::Unavailable(format!("{place} {what}")),
            Self::Refused(what) => StoreError::Refused(format!("{place} {what}")),
            Self::Late(ms) => StoreError::Unavailable(format!(
                "{place} was not ready within {ms} ms; see whether the server or the network is \
                 overloaded, and retry"
            )),
            Self::Unconfirmed { confirmed, due: Confirm { replicas, limit_ms } } => {
                StoreError::Unavailable(format!(
                    "{place}: {confirmed} of {replicas} replicas had the change after {limit_ms} \
                     ms, and what it granted is given up; see that replicas run and follow, and \
                     retry"
                ))
            }
            Self::Redis(error) => match error.code() {
                Some(code) => answer_of(place, code, error.detail().unwrap_or_default()),
                None => trouble_of(place, &error),
            },
        }
    }
}

/// An error that the server sent: the request had no effect.
fn answer_of(place: &str, code: &str, said: &str) -> StoreError {
    let next = match code {
        "NOAUTH" | "WRONGPASS" => "check user and password in the URL",
        "NOPERM" => {
            "let this user run EVAL, EVALSHA, INFO, CONFIG GET, and ROLE, WAIT and CLUSTER where \
             there are replicas or a cluster, and give it the keys under the prefix"
        }
        "OOM" => "make room below maxmemory or raise it, and retry",
        "MISCONF" => "the server cannot write to its disk; see its log",
        "READONLY" | "MASTERDOWN" => "it is a replica; name the primary",
        "LOADING" => "it reads its data; retry when it is ready",
        "BUSY" => "another script runs for long; see SLOWLOG, and retry",
        "MOVED" | "ASK" => "it is a node of a cluster that moves keys; retry",
        "CLUSTERDOWN" => "see that every slot of the cluster has a master that runs, and retry",
        "WRONGTYPE" => {
            return StoreError::Damaged(format!(
                "{place}: a key is not as idgen made it ({code} {said}); restore it from a backup"
            ));
        }
        _ => "see the server's log, and retry",
    };
    StoreError::Unavailable(format!("{place} answered: {code} {said}; {next}"))
}

/// A failure on the way: whether the request took effect is unknown.
fn trouble_of(place: &str, error: &RedisError) -> StoreError {
    let next = if error.is_timeout() {
        "see whether the server or the network is overloaded, and retry"
    } else if error.kind() == ErrorKind::AuthenticationFailed {
        "check user and password in the URL"
    } else if error.to_string().contains("certificate") {
        "check tls_ca, the host's name in the URL and the server's certificate"
    } else {
        "see that the server runs and can be reached, and retry"
    };
    StoreError::Unavailable(format!("{place}: {error}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str) -> Fault {
        Fault::Redis(redis::make_extension_error(code.to_owned(), Some("because".to_owned())))
    }

    #[test]
    fn a_server_that_changed_is_looked_at_anew() {
        for code in ["READONLY", "LOADING", "NOAUTH"] {
            assert!(!said(code).keeps_connection(), "{code}");
        }
        for code in ["OOM", "NOPERM", "MISCONF", "WRONGTYPE"] {
            assert!(said(code).keeps_connection(), "{code}");
        }
        assert!(said("NOSCRIPT").is_unknown_script() && !said("OOM").is_unknown_script());
        let lost = RedisError::from((ErrorKind::Io, "broken"));
        assert!(!Fault::Redis(lost).keeps_connection());
    }

    #[test]
    fn answers_name_place_cause_and_next_step() {
        let told = said("OOM").tell("redis://host/").to_string();
        assert!(told.contains("redis://host/ answered: OOM because; make room"), "{told}");
        assert!(matches!(said("WRONGTYPE").tell("redis://host/"), StoreError::Damaged(_)));
        let told = Fault::Late(250).tell("redis://host/").to_string();
        assert!(told.contains("redis://host/ was not ready within 250 ms"), "{told}");
    }
}
