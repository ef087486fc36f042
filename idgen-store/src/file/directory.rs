//! The directory: its identity, its lock, and texts that are replaced as a whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::place::Place;
use super::text;
use crate::inode::Inode;
use crate::random::fresh_id;
use crate::rows::Rows;
use crate::{Name, RegistryError, key};

/// What is locked, and tells this directory from every other.
const IDENTITY: &str = "identity";

/// The first line of the identity.
const FORM: &str = "idgen worker registry 1";

/// What texts of id spaces end with; one that was being written at a crash ends otherwise.
const SUFFIX: &str = ".workers";

/// The longest name of an id space, as it is written; file systems take 255 bytes with suffixes.
const MAX_NAME: usize = 200;

/// How long to wait for another process's lock: less than the two seconds that the runtime gives a
/// call, so that the cause is told.
const LOCK_WAIT: Duration = Duration::from_millis(1500);

const LOCK_PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Directory {
    place: Place,
    identity: File,
    inode: Inode,
    id: String,
}

/// Held until it is dropped, or the process ends.
struct Locked<'a>(&'a File);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when it is closed; until then others are told so.
        drop(self.0.unlock());
    }
}

impl Directory {
    /// Opens the directory, and makes it if only its last part is missing.
    pub(super) fn open(path: &Path) -> Result<Self, RegistryError> {
        let path = absolute(path)?;
        make(&path)?;
        let failed_at = |error| failed(&path, &error);
        let place = Place::open(path.clone()).map_err(failed_at)?;
        let opened = place.keep(IDENTITY);
        let (identity, is_new) = opened.map_err(|error| failed(&path.join(IDENTITY), &error))?;
        let found = identity.metadata().map_err(failed_at)?;
        let (inode, id) = (Inode::of(&found), String::new());
        let mut directory = Self { place, identity, inode, id };
        directory.id = directory.alone(|directory| directory.find_id(is_new))?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// What it was named at its creation.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Does `work` while no other process does any; its answer counts if the directory is still
    /// the same afterwards.
    pub(super) fn alone<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let _locked = self.lock()?;
        self.check_same()?;
        let answer = work(self)?;
        self.check_same()?;
        Ok(answer)
    }

    fn lock(&self) -> Result<Locked<'_>, RegistryError> {
        let began = Instant::now();
        loop {
            match self.identity.try_lock() {
                Ok(()) => return Ok(Locked(&self.identity)),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(RegistryError::Unavailable(format!(
                        "{} was locked by another process for {} ms; retry, or end whoever holds \
                         it",
                        self.path().join(IDENTITY).display(),
                        LOCK_WAIT.as_millis()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(failed(self.path(), &error)),
            }
        }
    }

    /// Whether the identity is still the one that was opened.
    pub(super) fn check_same(&self) -> Result<(), RegistryError> {
        let path = self.path().join(IDENTITY);
        let found = fs::metadata(&path);
        if found.as_ref().is_ok_and(|found| Inode::of(found) == self.inode) {
            return Ok(());
        }
        let why = found.map_or_else(|error| error.to_string(), |_| "it is another file".to_owned());
        Err(RegistryError::Unavailable(format!(
            "{} was removed or replaced while in use ({why}); put the directory back, or restart \
             this process one lease after the last id",
            path.display()
        )))
    }

    /// Reads the identity, or writes it into a new one. What a crash left of it is replaced, for
    /// nothing was granted yet.
    fn find_id(&self, is_new: bool) -> Result<String, RegistryError> {
        let path = self.path().join(IDENTITY);
        let mut text = String::new();
        let read = (&self.identity).read_to_string(&mut text);
        read.map_err(|error| failed(&path, &error))?;
        let begun = FORM.starts_with(&text) || text.starts_with(FORM);
        match parse(&text) {
            Some((id, file)) if file == (self.inode.number, self.inode.born_ns) => {
                Ok(id.to_owned())
            }
            Some(_) => Err(RegistryError::Unavailable(format!(
                "{} is a copy of another worker registry, and both together would grant time \
                 twice; use the original, or, if that is gone for good, remove {} one lease after \
                 its last use",
                self.path().display(),
                path.display()
            ))),
            None if begun && (is_new || !self.has_texts()?) => {
                self.write_id().map_err(|error| failed(&path, &error))
            }
            None => Err(damaged(&path)),
        }
    }

    fn write_id(&self) -> io::Result<String> {
        let id = fresh_id();
        let mut file = &self.identity;
        file.set_len(0)?;
        file.rewind()?;
        let text = identity(&id, (self.inode.number, self.inode.born_ns));
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        self.place.sync()?;
        Ok(id)
    }

    fn has_texts(&self) -> Result<bool, RegistryError> {
        let found = self.place.has_name(|name| name.ends_with(SUFFIX));
        found.map_err(|error| failed(self.path(), &error))
    }

    fn text_name(space: &Name) -> Result<String, RegistryError> {
        let name = key::encode(space.as_str());
        if name.len() <= MAX_NAME {
            return Ok(name + SUFFIX);
        }
        Err(RegistryError::Refused(format!(
            "the name of id space '{space}' makes a file name of {} bytes, and {MAX_NAME} are the \
             most; give it a shorter one, or keep its worker ids in another registry",
            name.len()
        )))
    }

    /// The rows of an id space; `None` if nothing was ever written of it.
    pub(super) fn read(&self, space: &Name) -> Result<Option<Rows>, RegistryError> {
        let name = Self::text_name(space)?;
        let path = || self.path().join(&name);
        match self.place.read(&name) {
            Ok(text) => text::read(space, &text).map(Some).ok_or_else(|| damaged(&path())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(damaged(&path())),
            Err(error) => Err(failed(&path(), &error)),
        }
    }

    /// Puts the rows in place of what was there; they are on disk when this returns.
    pub(super) fn write(&self, space: &Name, rows: &Rows) -> Result<(), RegistryError> {
        let name = Self::text_name(space)?;
        let new = format!("{name}.new");
        let write = || {
            let mut made = self.place.replace(&new)?;
            made.write_all(text::write(space, rows).as_bytes())?;
            made.sync_all()?;
            self.place.rename(&new, &name)?;
            self.place.sync()
        };
        write().map_err(|error| {
            // Only for the room it takes: nobody reads it.
            drop(self.place.remove(&new));
            failed(&self.path().join(&name), &error)
        })
    }
}

/// The text of the identity.
fn identity(id: &str, (number, born_ns): (u64, u128)) -> String {
    format!("{FORM}\nid {id}\ninode {number}\nborn_ns {born_ns}\n")
}

/// Name, inode and birth in the text of an identity.
fn parse(text: &str) -> Option<(&str, (u64, u128))> {
    let mut lines = text.lines().skip(1);
    let id = lines.next()?.strip_prefix("id ")?;
    let number = lines.next()?.strip_prefix("inode ")?.parse().ok()?;
    let born_ns = lines.next()?.strip_prefix("born_ns ")?.parse().ok()?;
    (identity(id, (number, born_ns)) == text).then_some((id, (number, born_ns)))
}

fn absolute(path: &Path) -> Result<PathBuf, RegistryError> {
    std::path::absolute(path).map_err(|error| {
        RegistryError::Unavailable(format!(
            "'{}' is no path of a directory ({error}); name one, for example \
             file:/var/lib/idgen/workers",
            path.display()
        ))
    })
}

fn make(path: &Path) -> Result<(), RegistryError> {
    let shown = path.display();
    let parent = path.parent().unwrap_or(path);
    match fs::create_dir(path) {
        // Its name must be on disk before anything in it is.
        Ok(()) => {
            let synced = Place::open(parent.to_owned()).and_then(|parent| parent.sync());
            synced.map_err(|error| failed(parent, &error))
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(RegistryError::Unavailable(match error.kind() {
            ErrorKind::AlreadyExists => format!("{shown} is a file; name a directory"),
            ErrorKind::NotFound => {
                format!("{shown} cannot be made: there is no {}; make it first", parent.display())
            }
            _ => return Err(failed(path, &error)),
        })),
    }
}

fn failed(path: &Path, error: &io::Error) -> RegistryError {
    let path = path.display();
    RegistryError::Unavailable(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk of {path} is full ({error}); free some space and retry")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => format!(
            "{path} cannot be written ({error}); give this user the right to write the directory"
        ),
        ErrorKind::Unsupported => format!(
            "the file system of {path} cannot do this ({error}); the registry needs one with locks"
        ),
        _ => format!("{path} cannot be used ({error}); check the disk and retry"),
    })
}

fn damaged(path: &Path) -> RegistryError {
    RegistryError::Damaged(format!(
        "{} is not as this version writes it: it is cut off, or something else wrote it; restore \
         it from a backup, or use the version that wrote it",
        path.display()
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_put_in_its_place_meanwhile_is_not_written() {
        let scratch = std::env::temp_dir().join(fresh_id());
        fs::create_dir(&scratch).unwrap();
        let (path, moved) = (scratch.join("workers"), scratch.join("moved"));
        let (space, rows) = (Name::new("parcels").unwrap(), Rows::default());
        let directory = Directory::open(&path).unwrap();
        let refused = directory.alone(|directory| {
            fs::rename(&path, &moved).unwrap();
            Directory::open(&path)?;
            directory.write(&space, &rows)
        });
        assert!(matches!(refused, Err(RegistryError::Unavailable(_))), "{refused:?}");
        assert!(Directory::open(&path).unwrap().read(&space).unwrap().is_none(), "the other one");
        assert_eq!(directory.read(&space).unwrap(), Some(rows), "its own");
        fs::remove_dir_all(scratch).unwrap();
    }
}
