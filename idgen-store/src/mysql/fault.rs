//! What MySQL and the way to it say, in the words of a store: place, cause, next step.
//!
//! Only an error that the server itself sent says that a request had no effect. A connection that
//! ended, or an answer that did not come in time, leaves that open: *unavailable*, and the ground
//! it may have granted is a gap.

use mysql_async::{DriverError, Error, ServerError};

use crate::StoreError;
use crate::pool::Aftermath;

/// The server's numbers for what happens here.
pub(super) mod code {
    pub(crate) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(crate) const DATABASE_DENIED: u16 = 1044;
    pub(crate) const LOGIN_DENIED: u16 = 1045;
    pub(crate) const NOT_READY: u16 = 1047;
    pub(crate) const NO_SUCH_DATABASE: u16 = 1049;
    pub(crate) const COUNT_RANGE: u16 = 167;
    pub(crate) const CANNOT_CREATE: u16 = 1005;
    pub(crate) const TABLE_THERE: u16 = 1050;
    pub(crate) const SHUTDOWN: u16 = 1053;
    pub(crate) const DUPLICATE_KEY: u16 = 1062;
    pub(crate) const TABLE_FULL: u16 = 1114;
    pub(crate) const HOST_BLOCKED: u16 = 1129;
    pub(crate) const COMMAND_DENIED: u16 = 1142;
    pub(crate) const NO_SUCH_TABLE: u16 = 1146;
    pub(crate) const USER_CONNECTIONS: u16 = 1203;
    pub(crate) const LOCK_WAIT: u16 = 1205;
    pub(crate) const DEADLOCK: u16 = 1213;
    pub(crate) const ACCESS_DENIED: u16 = 1227;
    pub(crate) const OPTION_PREVENTS: u16 = 1290;
    pub(crate) const INTERRUPTED: u16 = 1317;
    pub(crate) const COUNT_UNREAD: u16 = 1467;
    pub(crate) const LOGIN_DENIED_WITHOUT_PASSWORD: u16 = 1698;
    pub(crate) const READ_ONLY_TRANSACTION: u16 = 1792;
    pub(crate) const READ_ONLY_MODE: u16 = 1836;
    pub(crate) const KILLED: u16 = 1927;
    pub(crate) const STATEMENT_TIMEOUT: u16 = 1969;
    pub(crate) const ROW_CHANGED: u16 = 1020;
    pub(crate) const DISK_FULL: u16 = 1021;
    pub(crate) const EXECUTION_TIME: u16 = 3024;
    pub(crate) const IDLE_TOO_LONG: u16 = 4031;
}

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store's own answer, decided from its rows.
    Answer(StoreError),
    /// What the driver or the server said.
    Sql(Error),
    /// A row is not as idgen writes it.
    Damaged(String),
    /// The server or the database cannot serve a store; the sentence names the next step.
    Unfit(String),
    /// No answer within this many milliseconds.
    Late(u128),
    /// What was to end a request's work failed: the session may still hold its locks.
    Unsettled(Box<Self>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl Fault {
    /// Whether the server said that there is no such table.
    pub(super) fn is_no_table(&self) -> bool {
        self.code() == Some(code::NO_SUCH_TABLE)
    }

    /// Whether the server said that there is such a table already.
    pub(super) fn is_table_there(&self) -> bool {
        self.code() == Some(code::TABLE_THERE)
    }

    /// Whether the server said that a row with this key is there already.
    pub(super) fn is_duplicate(&self) -> bool {
        self.code() == Some(code::DUPLICATE_KEY)
    }

    /// Whether the user lacks a right.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.code(), Some(code::DATABASE_DENIED | code::COMMAND_DENIED))
    }

    /// Whether a column that counts by itself has come to its end, or could not tell its count.
    pub(super) fn is_out_of_count(&self) -> bool {
        matches!(self.code(), Some(code::COUNT_UNREAD | code::COUNT_RANGE))
    }

    /// Whether the file system of the server has no room for a table's name.
    pub(super) fn is_name_too_long(&self) -> bool {
        matches!(self, Self::Sql(Error::Server(said)) if said.code == code::CANNOT_CREATE
            && said.message.contains("name too long"))
    }

    /// Why the end of a request's work failed.
    pub(super) fn unsettled(self) -> Self {
        Self::Unsettled(Box::new(self))
    }

    /// The server's number for what it said.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Sql(Error::Server(said)) => Some(said.code),
            _ => None,
        }
    }
}

impl crate::pool::Fault for Fault {
    fn late(ms: u128) -> Self {
        Self::Late(ms)
    }

    fn aftermath(&self) -> Aftermath {
        match self {
            Self::Answer(_) | Self::Damaged(_) => Aftermath::Keep,
            Self::Sql(Error::Server(said)) => aftermath_of(said.code),
            Self::Unfit(_) | Self::Late(_) | Self::Sql(_) | Self::Unsettled(_) => Aftermath::Close,
        }
    }

    fn tell(self, place: &str) -> StoreError {
        match self {
            Self::Answer(error) => error,
            Self::Unsettled(fault) => fault.tell(place),
            Self::Damaged(what) => {
                StoreError::Damaged(format!("{place}: {what}; restore it from a backup"))
            }
            Self::Unfit(what) => StoreError::Unavailable(format!("{place} {what}")),
            Self::Late(ms) => StoreError::Unavailable(format!(
                "{place} did not answer within {ms} ms; see whether the server or the network is \
                 overloaded, and retry"
            )),
            Self::Sql(Error::Server(said)) => answer_of(place, &said),
            Self::Sql(error) => trouble_of(place, &error),
        }
    }
}

fn aftermath_of(number: u16) -> Aftermath {
    match number {
        code::DEADLOCK | code::LOCK_WAIT | code::ROW_CHANGED => Aftermath::Retry,
        // Another session, or the same one made anew, may be better off.
        code::SHUTDOWN
        | code::NOT_READY
        | code::NO_SUCH_TABLE
        | code::OPTION_PREVENTS
        | code::READ_ONLY_TRANSACTION
        | code::READ_ONLY_MODE
        | code::KILLED
        | code::IDLE_TOO_LONG => Aftermath::Close,
        _ => Aftermath::Keep,
    }
}

/// An error that the server sent: the request had no effect.
fn answer_of(place: &str, said: &ServerError) -> StoreError {
    let (number, message) = (said.code, &said.message);
    let next = match number {
        code::LOGIN_DENIED | code::LOGIN_DENIED_WITHOUT_PASSWORD => {
            "check user and password, and from which hosts this user may connect"
        }
        code::NO_SUCH_DATABASE => "create the database, or name another",
        code::DATABASE_DENIED | code::COMMAND_DENIED | code::ACCESS_DENIED => {
            "grant this user CREATE, SELECT, INSERT, UPDATE and DELETE on the database"
        }
        code::TOO_MANY_CONNECTIONS | code::USER_CONNECTIONS | code::HOST_BLOCKED => {
            "raise the server's limit or use fewer connections, and retry"
        }
        code::DISK_FULL | code::TABLE_FULL => "make room on the server, and retry",
        code::OPTION_PREVENTS | code::READ_ONLY_TRANSACTION | code::READ_ONLY_MODE => {
            "name the primary, or end the server's read-only mode"
        }
        code::DEADLOCK | code::LOCK_WAIT | code::ROW_CHANGED => {
            "others hold the sequence for long; see SHOW PROCESSLIST for who, and retry"
        }
        code::INTERRUPTED | code::STATEMENT_TIMEOUT | code::EXECUTION_TIME => {
            "the server is overloaded or the sequence is locked; see SHOW PROCESSLIST, and retry"
        }
        // A table or column that is missing, duplicate keys, numbers out of range.
        1054 | code::DUPLICATE_KEY | 1146 | 1264 | 1364 | 1366 | 1406 | 1690 => {
            return StoreError::Damaged(format!(
                "{place} is not as idgen made it ({message}, {number}); restore its tables from a \
                 backup"
            ));
        }
        _ => "see the server's log, and retry",
    };
    StoreError::Unavailable(format!("{place} answered: {message} ({number}); {next}"))
}

/// A failure on the way: whether the request took effect is unknown.
fn trouble_of(place: &str, error: &Error) -> StoreError {
    if let Some(why) = crate::tls::distrust(error) {
        return StoreError::Unavailable(format!(
            "{place}: {why}; connect by a name that stands in the server's certificate, and name \
             its authority by ssl-ca=FILE"
        ));
    }
    let next = match error {
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            "the server offers no encryption; set its ssl_cert and ssl_key, or write \
             ssl-mode=DISABLED if the network is trusted"
        }
        _ => "see that the server runs and can be reached, and retry",
    };
    StoreError::Unavailable(format!("{place}: {error}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Fault as _;

    #[test]
    fn only_what_had_no_effect_is_tried_again() {
        for number in [1213, 1205, 1020] {
            assert_eq!(aftermath_of(number), Aftermath::Retry, "{number}");
        }
        for number in [1053, 1290, 1792, 1927, 4031, 1146] {
            assert_eq!(aftermath_of(number), Aftermath::Close, "{number}");
        }
        assert_eq!((aftermath_of(1969), aftermath_of(1064)), (Aftermath::Keep, Aftermath::Keep));
        assert_eq!(Fault::Late(5).aftermath(), Aftermath::Close);
    }

    /// Whatever the server said to the ROLLBACK, or to UNLOCK TABLES.
    #[test]
    fn a_session_whose_work_could_not_be_ended_is_closed() {
        for number in [code::INTERRUPTED, 1181, code::DEADLOCK] {
            let message = "interrupted".to_owned();
            let said = ServerError { code: number, message, state: "70100".to_owned() };
            let fault = Fault::Sql(Error::Server(said));
            assert_ne!(fault.aftermath(), Aftermath::Close, "{number}");
            let fault = fault.unsettled();
            assert_eq!(fault.aftermath(), Aftermath::Close, "{number}");
            let told = fault.tell("mysql://host/db").to_string();
            assert!(told.contains(&format!("interrupted ({number})")), "{told}");
        }
    }

    #[test]
    fn late_answers_name_place_and_next_step() {
        let told = Fault::Late(250).tell("mysql://host/db").to_string();
        assert!(told.contains("mysql://host/db did not answer within 250 ms"), "{told}");
    }
}
