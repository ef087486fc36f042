//! Worker ids in a directory: for static ids, ordinals and whoever wants no database.
//!
//! The directory holds one text for each id space, `standard.workers` for the space `standard`,
//! and the file `identity`. Any number of processes of one host may use it at once:
//!
//! ```text
//! change   lock identity, see that it is still the one in the directory
//!          read the text, decide
//!          write NAME.workers.new, fsync; rename it over NAME.workers; fsync the directory
//!          see that identity is still the same, unlock, answer
//! look     see that identity is still the same, read the text
//! ```
//!
//! - A crash between any two steps leaves the old text or the new one, whole; what a crash left of
//!   a text that was being written is never read. A text that is cut off, empty or of another form
//!   is *damaged*: it is never taken for an id space without worker ids.
//! - An error on the way is *unavailable* and answers nothing; what it may have granted is free
//!   after its lease.
//! - The lock ends with the process that holds it. Because it is the identity that is locked, and
//!   looked for again before the answer, a directory that was removed, replaced or emptied while in
//!   use grants nothing any more. Files are opened and renamed by the directory's handle: another
//!   one that is put in its place in between is not written.
//! - The identity names its own inode, so that a copy of the directory is refused: two directories
//!   that go on from one state grant the same time twice. A copy that takes the original's place
//!   for good is adopted by removing its `identity`, one lease after the original's last use. A
//!   snapshot of the whole volume keeps the inode and cannot be told.
//! - Times of renewals are the boot clock's, with the boot they belong to, so the processes must
//!   share one boot clock: the directory may move from host to host with its volume, but two hosts
//!   cannot use it at once. For those there are registries on servers.
//!
//! # What the file system must do
//!
//! Local file systems do all of it. One on a network must let an exclusive lock of a whole file
//! (`flock`) keep out the processes that share it, free it when its holder dies, replace a name by
//! a rename at once, keep inode numbers, and have on disk what `fsync` has answered. NFS 4 does;
//! NFS 3 does with its lock daemon, but not mounted with `nolock` or `local_lock`; a file system
//! that refuses locks is refused.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken};

use crate::clock::Moment;
use crate::rows::Rows;
use crate::tenure::Desk;
use crate::{
    Claim, Claimed, Durability, HostClock, LayoutRecord, Name, RegistryError, Renewed,
    StoreIdentity, SystemHostClock, WorkerInfo, WorkerRegistry,
};

mod directory;
mod place;
mod text;
mod thread;

use directory::Directory;
use thread::DirectoryThread;

/// Worker ids in the files of a directory.
///
/// Dropping it finishes the request under way.
pub struct FileRegistry {
    identity: StoreIdentity,
    clock: Arc<dyn HostClock>,
    thread: DirectoryThread,
}

impl fmt::Debug for FileRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRegistry").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl FileRegistry {
    /// Opens the directory, or makes it; what it lies in must exist, and should be on a volume that
    /// outlives the process.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`] if it cannot be made, locked or written, or is a copy;
    /// [`RegistryError::Damaged`] if its identity is not as it was written. Both name the path.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use idgen_store::file::FileRegistry;
    /// let registry = FileRegistry::open("/var/lib/idgen/workers")?;
    /// # Ok::<(), idgen_store::RegistryError>(())
    /// ```
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, RegistryError> {
        Self::with_clock(directory, Arc::new(SystemHostClock::new()))
    }

    /// The same by the clocks given.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn with_clock(
        directory: impl AsRef<Path>,
        clock: Arc<dyn HostClock>,
    ) -> Result<Self, RegistryError> {
        let directory = Directory::open(directory.as_ref())?;
        let id = directory.id().to_owned();
        let identity = StoreIdentity {
            backend: "file",
            incarnation: id.clone(),
            id,
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        };
        Ok(Self { identity, clock, thread: DirectoryThread::start(directory)? })
    }

    /// Changes the rows of an id space: alone, as a whole, and durably.
    async fn change<T: Send + 'static>(
        &self,
        space: &Name,
        change: impl FnOnce(&Name, &mut Rows, &Moment) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let (space, clock) = (space.clone(), Arc::clone(&self.clock));
        let work = move |directory: &Directory| {
            directory.alone(|directory| {
                let kept = directory.read(&space)?;
                let mut rows = kept.clone().unwrap_or_default();
                // Under the lock, so that anchors of two processes do not cross.
                let answer = change(&space, &mut rows, &Moment::read(&*clock))?;
                if kept.as_ref() != Some(&rows) {
                    directory.write(&space, &rows)?;
                }
                Ok(answer)
            })
        };
        self.thread.call(work).await
    }

    /// The rows of an id space as they stand; `None` if nothing was ever written of it.
    async fn look(&self, space: &Name) -> Result<Option<Rows>, RegistryError> {
        let space = space.clone();
        let look = move |directory: &Directory| {
            directory.check_same()?;
            // It needs no lock: what was renamed is whole.
            directory.read(&space)
        };
        self.thread.call(look).await
    }
}

#[async_trait]
impl WorkerRegistry for FileRegistry {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        Ok(self.identity.clone())
    }

    fn is_of_this_host(&self) -> bool {
        true
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        Desk::check(space, claim)?;
        let claim = claim.clone();
        self.change(space, move |space, rows, moment| rows.claim(space, &claim, moment)).await
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let renew = move |space: &Name, rows: &mut Rows, moment: &Moment| {
            rows.renew(space, (worker, token), now_unix_ms, moment)
        };
        self.change(space, renew).await
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        self.change(space, move |space, rows, _| rows.release(space, &ended)).await
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let rows = self.look(space).await?.unwrap_or_default();
        Ok(rows.list(&Moment::read(&*self.clock)))
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        Ok(self.look(space).await?.and_then(|rows| rows.layout))
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let text = text.to_owned();
        self.change(space, move |space, rows, _| rows.put_layout(space, expected, &text)).await
    }
}
