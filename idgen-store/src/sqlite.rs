//! The embedded store: one SQLite file, safe for several processes on one host.
//!
//! The file is in WAL mode with `synchronous=FULL`: a lease is on disk before it is told. Every
//! [`SqliteStore`] has one connection on a thread of its own; callers send it requests over a
//! channel and await the answers, under any executor or none. Requests that have queued up
//! meanwhile are one transaction, hence one fsync; each runs in a savepoint of its own, so that one
//! request's failure undoes that request alone. Nothing is told before the commit.
//!
//! - A commit whose outcome is unknown is *unavailable*, and costs a gap at most.
//! - All numbers stand in the file as `n - 2^63`, so that a signed column holds and sorts them all.
//! - Before each transaction the file's device and inode are compared with those opened: a file
//!   that was removed or replaced grants nothing any more.
//! - WAL needs shared memory between the processes: the file must be on a local filesystem.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::{Durability, HostClock, StoreError, StoreIdentity, SystemHostClock};

mod column;
mod fault;
mod file;
mod sequences;
mod thread;
mod workers;

/// How a [`SqliteStore`] is opened; the default suits a server.
///
/// # Examples
///
/// ```
/// use idgen_store::sqlite::SqliteOptions;
/// use std::time::Duration;
/// let options = SqliteOptions::default().busy_timeout(Duration::from_secs(1));
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct SqliteOptions {
    busy_timeout: Duration,
    max_pages: Option<u32>,
    clock: Arc<dyn HostClock>,
}

impl Default for SqliteOptions {
    /// Waits 5 s for another process's lock, grows as far as the disk goes, goes by the clocks of
    /// this machine.
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            max_pages: None,
            clock: Arc::new(SystemHostClock::new()),
        }
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("busy_timeout", &self.busy_timeout)
            .field("max_pages", &self.max_pages)
            .finish_non_exhaustive()
    }
}

impl SqliteOptions {
    /// How long to wait for another process's lock, to the millisecond.
    #[must_use]
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// How many pages of 4096 bytes the file may have; at that size it answers like a full disk.
    #[must_use]
    pub fn max_pages(mut self, max_pages: u32) -> Self {
        self.max_pages = Some(max_pages);
        self
    }

    /// The clocks that worker leases go by.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn HostClock>) -> Self {
        self.clock = clock;
        self
    }
}

/// Sequences and worker ids in one SQLite file.
///
/// Dropping it finishes the requests under way, then closes the file.
pub struct SqliteStore {
    identity: StoreIdentity,
    clock: Arc<dyn HostClock>,
    thread: thread::StoreThread,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it; its directory must exist.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be made, opened, locked or written;
    /// [`StoreError::Damaged`] if it is no database, another program's, a newer version's or
    /// corrupt. Both name the path.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use idgen_store::sqlite::{SqliteOptions, SqliteStore};
    /// let store = SqliteStore::open("/var/lib/idgen/idgen.db", SqliteOptions::default())?;
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = file::StoreFile::open(path.as_ref(), &options)?;
        let (id, incarnation) = file.identity()?;
        let identity = StoreIdentity {
            backend: "sqlite",
            id,
            incarnation,
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        };
        let thread = thread::StoreThread::start(file)?;
        Ok(Self { identity, clock: options.clock, thread })
    }
}

/// The name in a row.
fn name<E>(bytes: Vec<u8>) -> Result<crate::Name, fault::Fault<E>> {
    let text = String::from_utf8(bytes).ok();
    let name = text.and_then(|text| crate::Name::new(&text).ok());
    name.ok_or_else(|| fault::Fault::Damaged("a sequence has a name that is none".to_owned()))
}
