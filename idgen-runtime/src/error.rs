//! Why no id is issued, by the one table of causes that every door shares.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

pub use idgen_core::Cause;
use idgen_store::{RegistryError, StoreError};

/// A refusal: its cause, a sentence, and when it is worth asking again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IssueError {
    cause: Cause,
    message: Cow<'static, str>,
    retry_after_ms: Option<u64>,
}

impl IssueError {
    pub(crate) fn new(cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        Self { cause, message: message.into(), retry_after_ms: None }
    }

    pub(crate) fn retry(mut self, after_ms: u64) -> Self {
        self.retry_after_ms = Some(after_ms);
        self
    }

    pub(crate) fn draining() -> Self {
        Self::new(Cause::Draining, "this node is shutting down; ask another")
    }

    /// With more to say behind the sentence.
    pub(crate) fn beside(self, more: &str) -> Self {
        Self { message: format!("{}; {more}", self.message).into(), ..self }
    }

    /// Why.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// When asking again may help, in milliseconds from now.
    pub const fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }
}

impl From<&StoreError> for IssueError {
    fn from(error: &StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Unknown { .. } => Self::new(Cause::Unknown, message),
            StoreError::Exhausted { .. } => Self::new(Cause::Exhausted, message),
            StoreError::Conflict { .. } => Self::new(Cause::Exists, message),
            // This node is configured for a store that the sequence has left.
            StoreError::Moved { .. } => Self::new(Cause::Clash, message).retry(1000),
            StoreError::WouldLower { .. }
            | StoreError::Refused(_)
            | StoreError::NotCurrent { .. } => Self::new(Cause::BadRequest, message),
            _ => Self::new(Cause::StoreDown, message).retry(1000),
        }
    }
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&RegistryError> for IssueError {
    fn from(error: &RegistryError) -> Self {
        let message = error.to_string();
        match error {
            RegistryError::AllTaken { retry_ms, .. } | RegistryError::Held { retry_ms, .. } => {
                Self::new(Cause::Clash, message).retry(*retry_ms)
            }
            RegistryError::FloorAhead { wait_ms, .. } => {
                Self::new(Cause::ClockHold, message).retry(*wait_ms)
            }
            RegistryError::Lost { .. } => Self::new(Cause::LeaseLost, message).retry(1000),
            RegistryError::LayoutConflict { .. } => Self::new(Cause::Clash, message),
            RegistryError::Refused(_) => Self::new(Cause::BadRequest, message),
            _ => Self::new(Cause::StoreDown, message).retry(1000),
        }
    }
}

/// Why a runtime or a snowflake generator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The state directory cannot be used.
    #[error("state directory {}: {error}; make it writable or name another", path.display())]
    StateDir {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process works in the state directory.
    #[error(
        "state directory {} is in use by another process{}; stop it or name another directory",
        path.display(),
        holder
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (pid N, ...)` if the holder left its number.
        holder: String,
    },
    /// The background thread cannot be started.
    #[error("the background thread cannot be started: {0}; look at the limits of this process")]
    Thread(io::Error),
    /// A setting contradicts another or the layout.
    #[error("{0}")]
    Setting(String),
    /// The id space was begun with another layout.
    #[error(
        "id space '{space}' was begun with layout {recorded}, not {configured}; use that layout or \
         another id space: {reasons}"
    )]
    Layout {
        /// The id space.
        space: String,
        /// The layout on record.
        recorded: String,
        /// The layout asked for.
        configured: String,
        /// What makes them unfit for one id space, each difference named.
        reasons: String,
    },
    /// Snowflakes were asked for, and the store keeps no worker ids.
    #[error(
        "this store keeps no worker ids, which snowflakes need; take them from another store, for \
         example sqlite:PATH, or go without snowflakes"
    )]
    NoRegistry,
    /// No worker lease could be had in time.
    #[error(transparent)]
    Refused(#[from] IssueError),
}
