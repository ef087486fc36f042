//! The number of this process that the door `GET /sequence` tells: where it is claimed.

use std::sync::Arc;

use idgen_store::{NodeNumber, StoreError};

use crate::args::doors::NumberArgs;
use crate::failure::Failure;

/// What the original reads from its environment.
const SERVERS: &str = "Zookeeper__ConnectionString";
const SESSION_TIMEOUT_MS: &str = "Zookeeper__SessionTimeoutMs";

/// What claims the number, if the door is open; nothing is connected yet.
///
/// # Errors
///
/// The door is open and no ZooKeeper is named, or the other way round, or its name is wrong.
pub(crate) fn number(args: &NumberArgs) -> Result<Option<Arc<dyn NodeNumber>>, Failure> {
    if args.sequence_http.is_off() {
        return match args.sequence_zookeeper.is_some() || args.sequence_session_timeout_ms.is_some()
        {
            true => Err(Failure::usage(
                "--sequence-zookeeper and --sequence-session-timeout-ms are for the door \
                 --sequence-http, which is off; add --sequence-http HOST:PORT",
            )),
            false => Ok(None),
        };
    }
    let (servers, said_by) = servers(args.sequence_zookeeper.as_deref(), variable(SERVERS)?)?;
    let timeout_ms = match args.sequence_session_timeout_ms {
        Some(ms) => Some(ms),
        None => variable(SESSION_TIMEOUT_MS)?.map(|text| milliseconds(&text)).transpose()?,
    };
    let opened = open(&servers, timeout_ms);
    opened.map(Some).map_err(|error| Failure::from(error).while_doing(said_by))
}

/// The servers, and where they were named.
fn servers(
    flag: Option<&str>,
    variable: Option<String>,
) -> Result<(String, &'static str), Failure> {
    match (flag, variable) {
        (Some(servers), _) => Ok((servers.to_owned(), "--sequence-zookeeper")),
        (None, Some(servers)) => Ok((servers, SERVERS)),
        (None, None) => Err(Failure::usage(format!(
            "--sequence-http tells a number that ZooKeeper keeps, and none is named; add \
             --sequence-zookeeper HOST:PORT, or set {SERVERS}"
        ))),
    }
}

fn milliseconds(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_none| {
        Failure::usage(format!("{SESSION_TIMEOUT_MS} is no whole number of milliseconds"))
    })
}

/// What the environment says; an empty text says nothing.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(Failure::usage(format!("{name}: {error}; set it anew"))),
    }
}

#[cfg(feature = "zookeeper")]
fn open(servers: &str, timeout_ms: Option<u64>) -> Result<Arc<dyn NodeNumber>, StoreError> {
    idgen_store::zookeeper::node_number(servers, timeout_ms)
}

#[cfg(not(feature = "zookeeper"))]
fn open(_servers: &str, _timeout_ms: Option<u64>) -> Result<Arc<dyn NodeNumber>, StoreError> {
    Err(StoreError::Refused(
        "this build has no ZooKeeper; build it with the feature 'zookeeper'".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_comes_before_the_environment() {
        let named = |flag, variable: Option<&str>| servers(flag, variable.map(str::to_owned));
        let of = |flag, variable| named(flag, variable).unwrap();
        assert_eq!(of(Some("a"), Some("b")), ("a".to_owned(), "--sequence-zookeeper"));
        assert_eq!(of(None, Some("b")), ("b".to_owned(), SERVERS));
        assert!(named(None, None).unwrap_err().line().contains(SERVERS));
    }

    #[test]
    fn a_timeout_is_a_number() {
        assert_eq!(milliseconds("5000").unwrap(), 5000);
        for wrong in ["5s", "-1", " "] {
            assert!(milliseconds(wrong).unwrap_err().line().contains(SESSION_TIMEOUT_MS));
        }
    }
}
