//! A sequence store in plain files: the template for a backend of idgen.
//!
//! Each sequence is one file of a folder, which any number of processes of one host may share. What
//! makes it a store is three things, and every backend has to find its own form of each:
//!
//! - *A change is whole.* [`FileStore`] reads the sequence's file, decides, writes a new file
//!   beside it and renames that over the old one. A crash leaves the old one or the new one.
//! - *A change is alone.* It happens under an exclusive lock on one file of the folder, which ends
//!   with the process that holds it. Where a server decides, it is a transaction, a script, or a
//!   write that compares a version.
//! - *A change is durable before it is told.* The new file is synced before it is renamed, the
//!   folder after that, and only then does the caller get its lease. An error on the way is
//!   [`StoreError::Unavailable`]: nobody knows whether it took effect, so the ground is a gap.
//!
//! What is decided stands in `record.rs`, free of any I/O; how it is written down in `text.rs`. The
//! tests are `sequence_laws!` of `idgen_store::conformance` on a folder of their own: a backend
//! that passes them may stand under idgen's runtime. Begin there: copy `tests/laws.rs`, return
//! errors from every method, and make one law after the other pass.
//!
//! This one waits for the disk on the thread that polls it. A backend for servers moves such work
//! to a thread of its own, as the `sqlite` module of idgen-store does.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use idgen_store::{
    Alteration, Arrival, Created, Definition, Durability, Lease, Name, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

mod record;
mod text;

use record::Record;

/// What files of sequences end with; one that was being written at a crash ends otherwise.
const SUFFIX: &str = ".sequence";

/// Sequences in the files of one folder.
///
/// # Examples
///
/// ```
/// use idgen_store::{Definition, Name, SequenceStore};
/// use store_in_files::FileStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = FileStore::open("/var/lib/ids")?;
/// let orders = Name::new("orders")?;
/// store.create(&orders, &Definition::default()).await?;
/// assert_eq!(store.lease(&orders, 100, 0).await?.range.last(), 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Opens a folder, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { folder: folder.into() };
        std::fs::create_dir_all(&store.folder).map_err(|error| store.failed(&error))?;
        Ok(store)
    }

    /// Changes a sequence that is there: alone, as a whole, and durably.
    fn change<T>(
        &self,
        name: &Name,
        change: impl FnOnce(&mut Record) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _lock = self.lock()?;
        let mut record = self.read(name)?.ok_or_else(|| unknown(name))?;
        record.check_live()?;
        let answer = change(&mut record)?;
        self.write(&file_name(name), &record.to_text())?;
        Ok(answer)
    }

    /// Puts the sequence that `decide` makes in place of what is there; whether it made one.
    fn place(
        &self,
        name: &Name,
        decide: impl FnOnce(Option<Record>) -> Result<Option<Record>, StoreError>,
    ) -> Result<bool, StoreError> {
        let _lock = self.lock()?;
        let Some(record) = decide(self.read(name)?)? else { return Ok(false) };
        self.write(&file_name(name), &record.to_text())?;
        Ok(true)
    }

    /// The lock of the whole folder, until it is dropped. Each holder opens the file anew, so
    /// threads of one process wait for each other too.
    fn lock(&self) -> Result<File, StoreError> {
        let open = File::options().create(true).append(true).open(self.folder.join("lock"));
        let locked = open.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| self.failed(&error))
    }

    /// What is written of a sequence, deleted or not. It needs no lock: a renamed file is whole.
    fn read(&self, name: &Name) -> Result<Option<Record>, StoreError> {
        let path = self.folder.join(file_name(name));
        let Some(text) = self.text_of(&path)? else { return Ok(None) };
        let record = Record::of_text(&text).filter(|record| record.name == *name);
        record.map(Some).ok_or_else(|| damaged(&path))
    }

    fn text_of(&self, path: &Path) -> Result<Option<String>, StoreError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(damaged(path)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A sequence that is there, or was moved away.
    fn listed(&self, name: &Name) -> Result<Record, StoreError> {
        self.read(name)?.filter(Record::is_listed).ok_or_else(|| unknown(name))
    }

    /// Puts a text in place of a file; it is on disk when this returns.
    fn write(&self, file: &str, text: &str) -> Result<(), StoreError> {
        let (path, new) = (self.folder.join(file), self.folder.join(format!("{file}.new")));
        let write = || {
            let mut made = File::create(&new)?;
            made.write_all(text.as_bytes())?;
            made.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> StoreError {
        let folder = self.folder.display();
        StoreError::Unavailable(format!(
            "{folder}: {error}; see its rights and its disk, and retry"
        ))
    }
}

fn unknown(name: &Name) -> StoreError {
    StoreError::Unknown { name: name.clone() }
}

fn damaged(path: &Path) -> StoreError {
    StoreError::Damaged(format!("{} is not as it was written; restore it", path.display()))
}

/// A name of 128 bytes has to fit in 255, and file systems may take `a` and `A` for the same: so 32
/// signs of 5 bits each.
fn file_name(name: &Name) -> String {
    let (mut signs, mut bits, mut count) = (String::new(), 0_u32, 0);
    for byte in name.as_str().bytes() {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            signs.push(sign(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    signs.push(sign(bits << (5 - count)));
    signs + SUFFIX
}

fn sign(bits: u32) -> char {
    char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(bits & 31) as usize])
}

#[async_trait]
impl SequenceStore for FileStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let _lock = self.lock()?;
        let id = match self.text_of(&self.folder.join("identity"))? {
            Some(id) => id,
            None => {
                // Each such state is keyed at random.
                let half = || RandomState::new().hash_one(0);
                let id = format!("{:016x}{:016x}", half(), half());
                self.write("identity", &id)?;
                id
            }
        };
        Ok(StoreIdentity {
            backend: "files",
            incarnation: id.clone(),
            id,
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        })
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let made = self.place(name, |existing| Record::create(existing, name, definition))?;
        Ok(if made { Created::New } else { Created::Unchanged })
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.change(name, |record| record.lease(len, above))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.change(name, |record| record.hand_back(tail))
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        Ok(self.listed(name)?.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.change(name, |record| record.advance_to(above))
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.change(name, |record| record.alter(alteration))
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(|error| self.failed(&error))? {
            let path = entry.map_err(|error| self.failed(&error))?.path();
            if !path.to_string_lossy().ends_with(SUFFIX) {
                continue;
            }
            let Some(text) = self.text_of(&path)? else { continue };
            let record = Record::of_text(&text).ok_or_else(|| damaged(&path))?;
            found.extend(record.is_listed().then(|| record.info()));
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        Ok(self.listed(name)?.info())
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.change(name, |record| {
            record.delete();
            Ok(())
        })
    }
    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        self.place(name, |existing| existing.ok_or_else(|| unknown(name))?.move_away(to))?;
        self.describe(name).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.place(name, |existing| Record::move_in(existing, name, arrival))?;
        self.describe(name).await
    }
}
