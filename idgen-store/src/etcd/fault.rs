//! What etcd and the way to it say, in the words of a store: place, cause, next step.

use std::error::Error as _;

use etcd_client::Error;

use crate::StoreError;

/// gRPC's codes, of which etcd uses these.
mod code {
    /// By the driver: the connection ended.
    pub(super) const CANCELLED: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const FAILED_PRECONDITION: i32 = 9;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// What the driver or a server said.
    Said(Error),
    /// A key is not as idgen writes it.
    Damaged(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    /// Whether a new connection or another server may answer: this one ended, is away, or has no
    /// leader.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Said(Error::GRpcStatus(status)) => {
                [code::CANCELLED, code::UNKNOWN, code::UNAVAILABLE]
                    .contains(&(status.code() as i32))
            }
            Self::Said(Error::TransportError(_)) => true,
            _ => false,
        }
    }

    /// The error that the caller gets; `place` is the store's URL without its secrets.
    pub(super) fn tell(self, place: &str) -> StoreError {
        let (code, cause) = match self {
            Self::Damaged(what) => {
                return StoreError::Damaged(format!("{place}: {what}; restore it from a backup"));
            }
            Self::Said(Error::GRpcStatus(status)) => {
                let from = status.source().map_or_else(String::new, root);
                (status.code() as i32, format!("{}{from}", status.message()))
            }
            Self::Said(error) => (code::UNAVAILABLE, error.to_string()),
        };
        let next = match code {
            // One of etcd's own, which ended before it was used.
            code::NOT_FOUND if cause.contains("lease") => "the server is overloaded; retry",
            code::CANCELLED | code::UNKNOWN | code::UNAVAILABLE => {
                "see that a server runs and can be reached, and that there is a leader, and retry"
            }
            code::UNAUTHENTICATED | code::FAILED_PRECONDITION | code::NOT_FOUND => {
                "check user and password in the URL, and whether the server has authentication on"
            }
            code::PERMISSION_DENIED => "grant this user readwrite on the prefix",
            code::RESOURCE_EXHAUSTED => {
                "compact and defragment it, raise its quota, then disarm its alarm"
            }
            _ => "see the server's log, and retry",
        };
        StoreError::Unavailable(format!("{place}: {cause}; {next}"))
    }
}

/// The innermost cause, which says what the outer ones leave out.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    format!(": {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_name_place_cause_and_next_step() {
        let error = Error::InvalidArgs("empty".to_owned());
        let said = Fault::Said(error).tell("etcd://h:1/x").to_string();
        assert!(said.starts_with("store unavailable: etcd://h:1/x: invalid"), "{said}");
        assert!(said.contains("can be reached"), "{said}");
        let said = Fault::Damaged("key a is no text".to_owned()).tell("etcd://h:1/x").to_string();
        assert!(said.contains("etcd://h:1/x: key a is no text; restore"), "{said}");
    }
}
