//! The directory in which one process keeps what it must remember over its own death.
//!
//! `lock` is held as long as the process lives, so two processes never share a directory;
//! `journal*` hold the marks of [`journal`](crate::journal); `soft-*` the soft horizons of
//! [`soft_horizon`](crate::soft_horizon).
//!
//! A process that is forked from this one, and starts no other program, shares the lock and may
//! outlive it. It issues nothing, but the directory stays in use until it ends as well: nobody can
//! tell from the lock which of the two is left, so a refusal names both.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::StartError;

/// An exclusive claim on a state directory; dies with the process and all that it has forked.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |error| StartError::StateDir { path: path.to_owned(), error };
        std::fs::create_dir_all(path).map_err(failed)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::InUse { path: path.to_owned(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_pid(&mut lock).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    // The number is a help for the reader; without it the sentence still stands.
    match lock.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => {
            format!(" (pid {}, or one forked from it if that is gone)", pid.trim())
        }
        _ => String::new(),
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let held = StateDir::open(dir.path()).unwrap();
        let refused = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("(pid {},", std::process::id())), "{refused}");
        drop(held);
        StateDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_process_forked_from_the_holder_is_named_while_it_lives() {
        let dir = tempfile::tempdir().unwrap();
        let held = StateDir::open(dir.path()).unwrap();
        // A child has the same open file as well.
        let inherited = held._lock.try_clone().unwrap();
        drop(held);
        let refused = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("one forked from it"), "{refused}");
        drop(inherited);
        StateDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let refused = StateDir::open(&path).unwrap_err().to_string();
        assert!(refused.contains("file"), "{refused}");
    }
}
