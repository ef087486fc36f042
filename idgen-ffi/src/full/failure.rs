//! Failures with words: a status for the program, a sentence for its log.

use std::panic::{AssertUnwindSafe, catch_unwind};

use core::ffi::{CStr, c_char};

use idgen_runtime::{Cause, IssueError, StartError};
use idgen_store::{NameError, StoreError};

use crate::status::{Status, idgen_status_str};

/// What a call answers instead of OK, and why.
pub(super) struct Failure {
    status: Status,
    words: Option<String>,
}

pub(super) type Told<T = ()> = Result<T, Failure>;

impl Failure {
    pub(super) fn new(status: Status, words: impl Into<String>) -> Self {
        Self { status, words: Some(words.into()) }
    }

    /// The store has been closed.
    pub(super) fn closed() -> Self {
        Self::new(Status::Ended, "the store is closed; open it again")
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// The same told by another status, if it is `from`.
    pub(super) fn instead_of(mut self, from: Status, status: Status) -> Self {
        if self.status == from {
            self.status = status;
        }
        self
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self { status, words: None }
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::new(Status::BadName, error.to_string())
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        let status = match error.cause() {
            Cause::BadRequest => Status::OutOfRange,
            Cause::Unknown => Status::UnknownSequence,
            Cause::Exists => Status::Conflict,
            Cause::Exhausted => Status::SequenceEnded,
            Cause::StoreDown => Status::Unavailable,
            Cause::LeaseLost => Status::LeaseLost,
            Cause::ClockHold => Status::NotYet,
            Cause::Clash => Status::WorkersTaken,
            Cause::Frozen => Status::Frozen,
            Cause::Draining => return Self::closed(),
            _ => Status::Internal,
        };
        Self::new(status, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(IssueError::from(error))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let words = error.to_string();
        match error {
            StartError::Refused(refused) => Self::from(refused),
            StartError::InUse { .. } => Self::new(Status::InUse, words),
            StartError::Setting(_) => Self::new(Status::OutOfRange, words),
            StartError::Layout { .. } => Self::new(Status::Conflict, words),
            StartError::Thread(_) => Self::new(Status::Internal, words),
            _ => Self::new(Status::Unavailable, words),
        }
    }
}

/// Where the caller wants to read why a call failed; maybe nowhere.
#[derive(Clone, Copy)]
pub(super) struct Why {
    pub(super) buffer: *mut c_char,
    pub(super) size: usize,
}

impl Why {
    /// Writes the words, cut to the buffer between two characters, on one line.
    fn tell(self, words: &str) {
        let Some(room) = self.size.checked_sub(1) else { return };
        if self.buffer.is_null() {
            return;
        }
        let shown = words.get(..words.floor_char_boundary(room)).unwrap_or_default();
        for (at, byte) in shown.bytes().chain([0]).enumerate() {
            let is_end = at == shown.len();
            let byte = if byte < b' ' && !is_end { b' ' } else { byte };
            // SAFETY: `at` is below the size that the caller gave its buffer.
            unsafe { self.buffer.add(at).write(byte.cast_signed() as c_char) };
        }
    }
}

/// Runs a call; if it fails, `why` says so.
pub(super) fn explained(buffer: *mut c_char, size: usize, call: impl FnOnce() -> Told) -> Status {
    let caught = catch_unwind(AssertUnwindSafe(call));
    let Err(failure) = caught.unwrap_or_else(|_| Err(Status::Internal.into())) else {
        return Status::Ok;
    };
    let why = Why { buffer, size };
    match &failure.words {
        Some(words) => why.tell(words),
        None => why.tell(&sentence(failure.status)),
    }
    failure.status
}

fn sentence(status: Status) -> String {
    // SAFETY: a text of the library's own that lives as long as the program.
    unsafe { CStr::from_ptr(idgen_status_str(status as i32)) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str, size: usize) -> String {
        let mut buffer = [b'#'; 16];
        let failing = || Err(Failure::new(Status::Frozen, words));
        let status = explained(buffer.as_mut_ptr().cast(), size, failing);
        assert_eq!(status, Status::Frozen);
        assert!(buffer[size..].iter().all(|&byte| byte == b'#'), "written behind its end");
        let text = CStr::from_bytes_until_nul(&buffer).map(|text| text.to_str().unwrap());
        text.unwrap_or_default().to_owned()
    }

    #[test]
    fn words_are_cut_between_characters_and_kept_on_one_line() {
        assert_eq!(told("a\nb", 16), "a b");
        assert_eq!(told("abcdef", 4), "abc");
        assert_eq!(told("ab\u{e4}", 4), "ab");
        assert_eq!(told("ab\u{e4}", 5), "ab\u{e4}");
        assert_eq!(told("abc", 1), "");
        assert_eq!(told("abc", 0), "");
    }

    #[test]
    fn a_panic_is_told_and_no_buffer_is_no_matter() {
        let status = explained(core::ptr::null_mut(), 100, || panic!("planted"));
        assert_eq!(status, Status::Internal);
        assert_eq!(explained(core::ptr::null_mut(), 0, || Ok(())), Status::Ok);
    }
}
