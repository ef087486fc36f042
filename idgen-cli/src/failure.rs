//! Why a command ends without success, and the exit code that says so.

use idgen_runtime::{Cause, IssueError, StartError};
use idgen_server::Refusal;
use idgen_snowflake::UnknownPreset;
use idgen_store::{NameError, RegistryError, StoreError};

const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const STORE: u8 = 3;
const ADDRESS: u8 = 4;
const IN_USE: u8 = 5;

/// The exit codes, for `idgen help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused or failed
  2  wrong usage
  3  the store cannot be opened or used
  4  an address cannot be listened on
  5  another process works in the data directory
A failure is one line on standard error that names the cause and the next step.";

/// One line that names the cause and the next step, and an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: REFUSED, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into() }
    }

    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self { code: STORE, message: message.into() }
    }

    pub(crate) fn address(message: impl Into<String>) -> Self {
        Self { code: ADDRESS, message: message.into() }
    }

    /// The same failure of a tool under its old name, which knows no codes but 1 and 2.
    pub(crate) fn of_tool(mut self) -> Self {
        if self.code != USAGE {
            self.code = REFUSED;
        }
        self
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The message on one line, whatever a store or a system wrote into it.
    pub(crate) fn line(&self) -> String {
        self.message.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The same failure with what was being done in front.
    pub(crate) fn while_doing(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same exit code with other words.
    pub(crate) fn instead(mut self, message: &str) -> Self {
        self.message = message.to_owned();
        self
    }

    /// The same failure with words behind it.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.message.push_str(hint);
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Unavailable(_) | StoreError::Damaged(_) => STORE,
            _ => REFUSED,
        };
        Self { code, message: error.to_string() }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let code = match error {
            RegistryError::Unavailable(_) | RegistryError::Damaged(_) => STORE,
            _ => REFUSED,
        };
        Self { code, message: error.to_string() }
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        let code = if error.cause() == Cause::StoreDown { STORE } else { REFUSED };
        Self { code, message: error.to_string() }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        match error {
            StartError::InUse { .. } => Self { code: IN_USE, message },
            StartError::StateDir { .. } => Self { code: STORE, message },
            StartError::Refused(refused) => Self::from(refused),
            _ => Self { code: REFUSED, message },
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { code: REFUSED, message: refusal.detail }
    }
}

impl From<UnknownPreset<'_>> for Failure {
    fn from(error: UnknownPreset<'_>) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let failure = Failure::refused("a\n  b").while_doing("opening");
        assert_eq!(failure.line(), "opening: a b");
    }

    #[test]
    fn an_unusable_store_has_its_own_code() {
        assert_eq!(Failure::from(StoreError::Unavailable("x".into())).code(), STORE);
        assert_eq!(Failure::from(StoreError::Refused("x".into())).code(), REFUSED);
    }
}
