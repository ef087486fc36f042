//! What PostgreSQL and the way to it say, in the words of a store: place, cause, next step.
//!
//! Only an error that the server itself sent says that a request had no effect. A connection that
//! ended, or an answer that did not come in time, leaves that open: *unavailable*, and the ground
//! it may have granted is a gap.

use std::error::Error as _;

use tokio_postgres::error::{DbError, SqlState};

use crate::StoreError;
use crate::pool::Aftermath;

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store's own answer, decided from its rows.
    Answer(StoreError),
    /// What the driver or the server said.
    Sql(tokio_postgres::Error),
    /// A row is not as idgen writes it.
    Damaged(String),
    /// The server or the database cannot serve a store; the sentence names the next step.
    Unfit(String),
    /// No answer within this many milliseconds.
    Late(u128),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl crate::pool::Fault for Fault {
    fn late(ms: u128) -> Self {
        Self::Late(ms)
    }

    fn aftermath(&self) -> Aftermath {
        match self {
            Self::Answer(_) | Self::Damaged(_) => Aftermath::Keep,
            Self::Unfit(_) | Self::Late(_) => Aftermath::Close,
            Self::Sql(error) => error.code().map_or(Aftermath::Close, aftermath_of),
        }
    }

    fn tell(self, place: &str) -> StoreError {
        match self {
            Self::Answer(error) => error,
            Self::Damaged(what) => {
                StoreError::Damaged(format!("{place}: {what}; restore it from a backup"))
            }
            Self::Unfit(what) => StoreError::Unavailable(format!("{place} {what}")),
            Self::Late(ms) => StoreError::Unavailable(format!(
                "{place} did not answer within {ms} ms; see whether the server or the network is \
                 overloaded, and retry"
            )),
            Self::Sql(error) => match error.as_db_error() {
                Some(said) => answer_of(place, said),
                None => trouble_of(place, &error),
            },
        }
    }
}

fn aftermath_of(code: &SqlState) -> Aftermath {
    let in_the_way =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code);
    // Of a class that is about this server process or its role, another session may be free.
    let about_the_session =
        ["08", "25", "26", "57", "58", "XX"].iter().any(|class| code.code().starts_with(class))
            || *code == SqlState::UNDEFINED_TABLE;
    match (in_the_way, about_the_session && *code != SqlState::QUERY_CANCELED) {
        (true, _) => Aftermath::Retry,
        (false, true) => Aftermath::Close,
        (false, false) => Aftermath::Keep,
    }
}

/// An error that the server sent: the request had no effect.
fn answer_of(place: &str, said: &DbError) -> StoreError {
    let (code, message) = (said.code(), said.message());
    let next = match &code.code()[..2] {
        "28" => "check user and password in the URL, and pg_hba.conf on the server",
        "3D" => "create the database, or name another in the URL",
        "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "let this user create tables in the schema, or grant it those named idgen_*"
        }
        "42" | "22" | "23" => {
            let said = format!("{place} is not as idgen made it ({message}, {})", code.code());
            return StoreError::Damaged(format!("{said}; restore its tables from a backup"));
        }
        "53" => "make room on the server or raise its limit, and retry",
        "25" => "name the primary, or take the server or the database out of its read-only mode",
        "26" => "connect past the pooler, or put it into session mode",
        "55" | "40" => "others hold the sequence for long; see who locks it, and retry",
        _ if *code == SqlState::QUERY_CANCELED => {
            "the server is overloaded or the sequence is locked; see pg_stat_activity, and retry"
        }
        _ => "see the server's log, and retry",
    };
    StoreError::Unavailable(format!("{place} answered: {message} ({}); {next}", code.code()))
}

/// A failure on the way: whether the request took effect is unknown.
fn trouble_of(place: &str, error: &tokio_postgres::Error) -> StoreError {
    if let Some(why) = crate::tls::distrust(error) {
        return StoreError::Unavailable(format!(
            "{place}: {why}; connect by a name that stands in the server's certificate, and name \
             its authority by sslrootcert=FILE"
        ));
    }
    let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
    if error.is_closed() {
        return StoreError::Unavailable(format!(
            "{place}: the connection ended before the answer came; see whether the server runs, \
             and retry"
        ));
    }
    // The driver has no kind for it.
    let next = if cause.ends_with("server does not support TLS") {
        "set ssl = on at the server, or write sslmode=disable if the network is trusted"
    } else {
        "see that the server runs and can be reached, and retry"
    };
    StoreError::Unavailable(format!("{place}: {error}{cause}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Fault as _;

    #[test]
    fn only_what_had_no_effect_is_tried_again() {
        let of = |code: &str| aftermath_of(&SqlState::from_code(code));
        assert_eq!((of("40001"), of("40P01")), (Aftermath::Retry, Aftermath::Retry));
        assert_eq!((of("57014"), of("55P03")), (Aftermath::Keep, Aftermath::Keep));
        for code in ["57P01", "57P02", "25006", "26000", "08006", "XX000", "42P01"] {
            assert_eq!(of(code), Aftermath::Close, "{code}");
        }
        assert_eq!(Fault::Late(5).aftermath(), Aftermath::Close);
    }

    #[test]
    fn late_answers_name_place_and_next_step() {
        let told = Fault::Late(250).tell("postgres://host/db").to_string();
        assert!(told.contains("postgres://host/db did not answer within 250 ms"), "{told}");
    }
}
