//! The soft horizon: what lets a killed process start again at once, on one host.
//!
//! A worker lease is durable up to its horizon, seconds ahead; whoever claims the id after a crash
//! must start there. On one host a process can do better: it issues only below a *soft* horizon
//! 100 ms ahead, kept in a small file that outlives the process but not the boot. The file is
//! written with one call, without fsync: a killed process leaves it whole, and a machine that went
//! down has another boot id, so that the file proves nothing.
//!
//! Whoever may issue under it holds a lock on the very file, not only on its directory: a second
//! generator of the same id space, one that has outlived its runtime, or a process whose directory
//! lock was deleted under it are all still alive, and what is alive cannot be taken over. The file
//! names its own inode, so that a copy of it proves nothing either.
//!
//! It is raised when a generator asks, never by a timer: an idle process writes nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use idgen_core::{LeaseToken, WorkerLease};
use idgen_store::SoftProof;

use crate::journal::check;

/// How far ahead of the clock the soft horizon is raised, in milliseconds; a layout rounds it up
/// to the end of a tick.
pub(crate) const AHEAD_MS: u64 = 100;

#[derive(Debug)]
pub(crate) struct SoftHorizon {
    /// Locked as long as it is open.
    file: File,
    inode: u64,
    path: PathBuf,
    proof: SoftProof,
}

impl SoftHorizon {
    /// Opens the file of an id space in one registry. What an earlier process left is its proof,
    /// if it was written in this boot; another registry's is another file. `None` if a generator
    /// that is alive has it.
    pub(crate) fn open(
        dir: &Path,
        registry: &str,
        space: &str,
        boot_id: &str,
    ) -> io::Result<Option<Self>> {
        let path = dir.join(file_name(registry, space));
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut left = Vec::new();
        file.read_to_end(&mut left)?;
        let inode = inode(&file)?;
        let nothing = SoftProof {
            worker: None,
            token: None,
            nonce: 0,
            boot_id: boot_id.to_owned(),
            soft_horizon_unix_ms: 0,
        };
        let left = parse(&String::from_utf8_lossy(&left), inode);
        let proof = left.filter(|proof| proof.boot_id == boot_id).unwrap_or(nothing);
        Ok(Some(Self { file, inode, path, proof }))
    }

    /// What the last process of this boot can show; `None` if there was none.
    pub(crate) fn proof(&self) -> Option<SoftProof> {
        (self.proof.nonce != 0).then(|| self.proof.clone())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Before a claim is sent: its nonce, so that a grant whose answer is lost can be shown.
    pub(crate) fn claiming(&mut self, nonce: u128) -> io::Result<()> {
        self.write(SoftProof { nonce, ..self.proof.clone() })
    }

    /// After a grant: nothing is issued below its floor.
    pub(crate) fn granted(&mut self, lease: &WorkerLease) -> io::Result<()> {
        self.write(SoftProof {
            worker: Some(lease.worker()),
            token: Some(lease.token()),
            nonce: lease.token().nonce,
            boot_id: self.proof.boot_id.clone(),
            soft_horizon_unix_ms: lease.floor().unix_ms,
        })
    }

    /// After a release: all that was issued lies below its receipt, and nothing follows.
    pub(crate) fn released(&mut self, floor_unix_ms: u64) -> io::Result<()> {
        let soft_horizon_unix_ms = self.proof.soft_horizon_unix_ms.min(floor_unix_ms);
        self.write(SoftProof { soft_horizon_unix_ms, ..self.proof.clone() })
    }

    /// Raises the soft horizon to `wanted_unix_ms`, at most to the lease's horizon, and returns
    /// what of the lease lies below it. It never falls.
    pub(crate) fn raise(&mut self, wanted_unix_ms: u64, horizon_unix_ms: u64) -> io::Result<u64> {
        let wanted = wanted_unix_ms.min(horizon_unix_ms);
        if wanted > self.proof.soft_horizon_unix_ms {
            self.write(SoftProof { soft_horizon_unix_ms: wanted, ..self.proof.clone() })?;
        }
        // A request that still held an earlier lease may have raised it past this one's end.
        Ok(self.proof.soft_horizon_unix_ms.min(horizon_unix_ms))
    }

    fn write(&mut self, proof: SoftProof) -> io::Result<()> {
        write_whole(&self.file, render(&proof, self.inode).as_bytes())?;
        self.proof = proof;
        Ok(())
    }
}

/// The space for the reader's eye, and what tells every pair of registry and space apart.
fn file_name(registry: &str, space: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let shown: String = space.chars().filter(plain).take(40).collect();
    format!("soft-{shown}-{:016x}", check(&format!("{registry}\0{space}")))
}

/// One call at offset 0: a signal cannot tear it, and every text has the same length.
fn write_whole(file: &File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
    }
    #[cfg(not(unix))]
    {
        use std::io::{Seek, Write};
        let mut file = file;
        file.rewind()?;
        file.write_all(bytes)
    }
}

/// What tells a file from a copy of it.
#[cfg(unix)]
fn inode(file: &File) -> io::Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::ino(&file.metadata()?))
}

/// Elsewhere a copy cannot be told.
#[cfg(not(unix))]
fn inode(_file: &File) -> io::Result<u64> {
    Ok(0)
}

fn render(proof: &SoftProof, inode: u64) -> String {
    let body = format!(
        "idgen-soft-2 {inode:020} {:020} {:020} {:032x} {:032x} {:020} {:>64}",
        proof.worker.map_or(0, |worker| worker + 1),
        proof.token.map_or(0, |token| token.serial),
        proof.token.map_or(0, |token| token.nonce),
        proof.nonce,
        proof.soft_horizon_unix_ms,
        proof.boot_id,
    );
    format!("{body} {:020}\n", check(&body))
}

fn parse(text: &str, inode: u64) -> Option<SoftProof> {
    let (body, sum) = text.lines().next()?.rsplit_once(' ')?;
    if sum.parse() != Ok(check(body)) {
        return None;
    }
    let mut words = body.split_whitespace();
    if words.next()? != "idgen-soft-2" || words.next()?.parse() != Ok(inode) {
        return None;
    }
    let worker: u64 = words.next()?.parse().ok()?;
    let serial: u64 = words.next()?.parse().ok()?;
    let mut nonce = || u128::from_str_radix(words.next()?, 16).ok();
    let token = LeaseToken { serial, nonce: nonce()? };
    let nonce = nonce()?;
    let soft_horizon_unix_ms = words.next()?.parse().ok()?;
    let boot_id = words.next()?.to_owned();
    Some(SoftProof {
        worker: worker.checked_sub(1),
        token: (serial != 0).then_some(token),
        nonce,
        boot_id,
        soft_horizon_unix_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::Floor;

    fn lease(floor_ms: u64) -> WorkerLease {
        let token = LeaseToken { serial: 9, nonce: 77 };
        WorkerLease::granted(3, token, Floor::at(floor_ms), floor_ms + 10_000).unwrap()
    }

    fn open(dir: &tempfile::TempDir, registry: &str, space: &str, boot_id: &str) -> SoftHorizon {
        SoftHorizon::open(dir.path(), registry, space, boot_id).unwrap().unwrap()
    }

    #[test]
    fn a_horizon_in_use_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let held = open(&dir, "r", "a", "boot");
        assert!(SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().is_none());
        drop(held);
        open(&dir, "r", "a", "boot");
    }

    #[test]
    fn a_raise_under_an_earlier_lease_lifts_no_later_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut soft = open(&dir, "r", "a", "boot");
        soft.granted(&lease(5000)).unwrap();
        soft.raise(70_000, 90_000).unwrap();
        assert_eq!(soft.raise(5100, 15_000).unwrap(), 15_000);
    }

    #[test]
    fn a_successor_reads_what_was_raised() {
        let dir = tempfile::tempdir().unwrap();
        let mut soft = open(&dir, "r", "standard", "boot");
        assert_eq!(soft.proof(), None);
        soft.claiming(77).unwrap();
        soft.granted(&lease(5000)).unwrap();
        assert_eq!(soft.raise(5100, 15_000).unwrap(), 5100);
        assert_eq!(soft.raise(4000, 15_000).unwrap(), 5100);
        assert_eq!(soft.raise(15_090, 15_000).unwrap(), 15_000);
        drop(soft);
        let proof = open(&dir, "r", "standard", "boot").proof().unwrap();
        let token = LeaseToken { serial: 9, nonce: 77 };
        assert_eq!((proof.worker, proof.token, proof.nonce), (Some(3), Some(token), 77));
        assert_eq!(proof.soft_horizon_unix_ms, 15_000);
    }

    #[test]
    fn after_a_release_nothing_beyond_it_was_issued() {
        let dir = tempfile::tempdir().unwrap();
        let mut soft = open(&dir, "r", "a", "boot");
        soft.granted(&lease(5000)).unwrap();
        soft.raise(5100, 15_000).unwrap();
        soft.released(5042).unwrap();
        drop(soft);
        let proof = open(&dir, "r", "a", "boot").proof().unwrap();
        assert_eq!(proof.soft_horizon_unix_ms, 5042);
    }

    #[test]
    fn another_boot_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir, "r", "a", "boot").granted(&lease(5000)).unwrap();
        assert!(open(&dir, "r", "a", "boot").proof().is_some());
        assert_eq!(open(&dir, "r", "a", "later").proof(), None);
        assert_eq!(open(&dir, "s", "a", "boot").proof(), None);
        let path = open(&dir, "r", "a", "boot").path().to_owned();
        std::fs::write(path, "torn").unwrap();
        assert_eq!(open(&dir, "r", "a", "boot").proof(), None);
    }

    #[test]
    fn what_could_not_be_written_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let mut soft = open(&dir, "r", "a", "boot");
        soft.granted(&lease(5000)).unwrap();
        let read_only = File::open(soft.path()).unwrap();
        let writable = std::mem::replace(&mut soft.file, read_only);
        soft.raise(5100, 15_000).unwrap_err();
        soft.raise(5100, 15_000).unwrap_err();
        soft.file = writable;
        assert_eq!(soft.raise(5050, 15_000).unwrap(), 5050);
    }

    #[test]
    fn a_claim_without_an_answer_shows_its_nonce() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir, "r", "a", "boot").claiming(5).unwrap();
        let proof = open(&dir, "r", "a", "boot").proof().unwrap();
        assert_eq!((proof.token, proof.nonce, proof.soft_horizon_unix_ms), (None, 5, 0));
    }
}
