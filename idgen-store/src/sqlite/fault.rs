//! What SQLite says, in the words of a store: unavailable or damaged, with path, cause, next step.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::{RegistryError, StoreError};

/// A failure of the file, not an answer to a request.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Unavailable(String),
    Damaged(String),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(said) => Self::Unavailable(said),
            Trouble::Damaged(said) => Self::Damaged(said),
        }
    }
}

impl From<Trouble> for RegistryError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(said) => Self::Unavailable(said),
            Trouble::Damaged(said) => Self::Damaged(said),
        }
    }
}

impl Trouble {
    /// Translates what SQLite said about the file at `path`.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.display();
        let Some(code) = error.sqlite_error_code() else {
            return Self::Damaged(format!(
                "{path} holds a value that idgen never wrote ({error}); restore it from a backup"
            ));
        };
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Unavailable(format!(
                "{path} is locked by another process ({error}); retry, or end whoever holds it"
            )),
            ErrorCode::DiskFull => Self::Unavailable(format!(
                "the disk of {path} is full ({error}); free some space and retry"
            )),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::Unavailable(format!(
                "{path} cannot be written ({error}); give this user the right to write the file \
                 and its directory"
            )),
            ErrorCode::CannotOpen => Self::Unavailable(format!(
                "{path} cannot be opened ({error}); check that its directory exists and that this \
                 user may write there"
            )),
            ErrorCode::DatabaseCorrupt => Self::Damaged(format!(
                "{path} is corrupt ({error}); restore it from a backup, then advance its \
                 sequences above every id issued since"
            )),
            ErrorCode::NotADatabase => Self::Damaged(format!(
                "{path} is not a database of idgen ({error}); choose another path"
            )),
            ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => {
                Self::Damaged(format!(
                    "{path} is not as idgen made it ({error}); restore it from a backup"
                ))
            }
            _ => Self::Unavailable(format!(
                "{path} cannot be used ({error}); check the disk and retry"
            )),
        }
    }
}

/// Why a request got no result: its own answer, or the file's failure.
#[derive(Debug)]
pub(super) enum Fault<E> {
    Answer(E),
    Sql(rusqlite::Error),
    Damaged(String),
}

impl<E> From<rusqlite::Error> for Fault<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault<StoreError> {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl From<RegistryError> for Fault<RegistryError> {
    fn from(error: RegistryError) -> Self {
        Self::Answer(error)
    }
}

impl<E: From<Trouble>> Fault<E> {
    /// The error that the caller gets.
    pub(super) fn tell(self, path: &Path) -> E {
        match self {
            Self::Answer(error) => error,
            Self::Sql(error) => Trouble::of(path, &error).into(),
            Self::Damaged(what) => {
                let said = format!("{}: {what}; restore it from a backup", path.display());
                Trouble::Damaged(said).into()
            }
        }
    }
}
