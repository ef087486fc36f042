//! A directory by its handle: its name may be given to another one between any two steps, and what
//! was meant for this one must not be written there.
//!
//! Where directories cannot be opened, an open file in them keeps them in their place.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Read,
    /// To read and write one that is there; some systems lock only what may be written.
    Keep,
    /// To read and write one that is not there yet.
    Make,
    /// To write one anew.
    Replace,
}

pub(super) struct Place {
    path: PathBuf,
    #[cfg(unix)]
    handle: File,
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        self.open_file(name, How::Read)?.read_to_string(&mut text)?;
        Ok(text)
    }

    pub(super) fn replace(&self, name: &str) -> io::Result<File> {
        self.open_file(name, How::Replace)
    }

    /// A file to keep open, and whether it was not there.
    pub(super) fn keep(&self, name: &str) -> io::Result<(File, bool)> {
        match self.open_file(name, How::Make) {
            Ok(made) => Ok((made, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok((self.open_file(name, How::Keep)?, false))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn has_name(&self, is_wanted: impl Fn(&str) -> bool) -> io::Result<bool> {
        for entry in fs::read_dir(&self.path)? {
            if is_wanted(&entry?.file_name().to_string_lossy()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(unix)]
impl Place {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { handle: File::open(&path)?, path })
    }

    fn open_file(&self, name: &str, how: How) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags};
        let flags = match how {
            How::Read => OFlags::RDONLY,
            How::Keep => OFlags::RDWR,
            How::Make => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
            How::Replace => OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC,
        };
        // As the standard library makes files: what the user's mask leaves.
        let mode = Mode::from_raw_mode(0o666);
        let open = || rustix::fs::openat(&self.handle, name, flags | OFlags::CLOEXEC, mode);
        Ok(rustix::io::retry_on_intr(open)?.into())
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, rustix::fs::AtFlags::empty())?)
    }

    /// Makes the names in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

#[cfg(not(unix))]
impl Place {
    #[expect(clippy::unnecessary_wraps, reason = "where directories are opened this can fail")]
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { path })
    }

    fn open_file(&self, name: &str, how: How) -> io::Result<File> {
        let writes = how != How::Read;
        let mut options = File::options();
        options.read(how != How::Replace).write(writes);
        options.create(how == How::Replace).truncate(how == How::Replace);
        options.create_new(how == How::Make);
        options.open(self.path.join(name))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Names are written through.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
