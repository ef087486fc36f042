//! The soft horizon: what lets a killed process start again at once, on one host.
//!
//! A worker lease is durable up to its horizon, seconds ahead; whoever claims the id after a crash
//! must start there. On one host a process can do better: it issues only below a *soft* horizon
//! 100 ms ahead, kept in a small file that outlives the process but not the boot. The file is
//! written with one call, without fsync: a killed process leaves it whole, and a machine that went
//! down has another boot id, so that the file proves nothing. It stands in a state directory whose
//! lock dies with the process, so whoever reads it knows that its writer is gone.
//!
//! It is raised when a generator asks, never by a timer: an idle process writes nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use idgen_core::WorkerLease;
use idgen_store::SoftProof;

use crate::journal::check;

/// How far ahead of the clock the soft horizon is raised, in milliseconds; a layout rounds it up
/// to the end of a tick.
pub(crate) const AHEAD_MS: u64 = 100;

#[derive(Debug)]
pub(crate) struct SoftHorizon {
    file: File,
    path: PathBuf,
    proof: SoftProof,
}

impl SoftHorizon {
    /// Opens the file of an id space in one registry. What an earlier process left is its proof,
    /// if it was written in this boot; another registry's is another file.
    pub(crate) fn open(dir: &Path, registry: &str, space: &str, boot_id: &str) -> io::Result<Self> {
        let path = dir.join(file_name(registry, space));
        let left = match std::fs::read(&path) {
            Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let nothing = SoftProof {
            worker: None,
            serial: None,
            nonce: 0,
            boot_id: boot_id.to_owned(),
            soft_horizon_unix_ms: 0,
        };
        let proof = left.filter(|proof| proof.boot_id == boot_id).unwrap_or(nothing);
        Ok(Self { file, path, proof })
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
            serial: Some(lease.token().serial),
            nonce: lease.token().nonce,
            boot_id: self.proof.boot_id.clone(),
            soft_horizon_unix_ms: lease.floor().unix_ms,
        })
    }

    /// Raises the soft horizon to `wanted_unix_ms`, at most to the lease's horizon, and returns it.
    /// It never falls.
    pub(crate) fn raise(&mut self, wanted_unix_ms: u64, horizon_unix_ms: u64) -> io::Result<u64> {
        let wanted = wanted_unix_ms.min(horizon_unix_ms);
        if wanted > self.proof.soft_horizon_unix_ms {
            self.write(SoftProof { soft_horizon_unix_ms: wanted, ..self.proof.clone() })?;
        }
        Ok(self.proof.soft_horizon_unix_ms)
    }

    fn write(&mut self, proof: SoftProof) -> io::Result<()> {
        write_whole(&self.file, render(&proof).as_bytes())?;
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

fn render(proof: &SoftProof) -> String {
    let body = format!(
        "idgen-soft-1 {:020} {:020} {:032x} {:020} {:>64}",
        proof.worker.map_or(0, |worker| worker + 1),
        proof.serial.unwrap_or(0),
        proof.nonce,
        proof.soft_horizon_unix_ms,
        proof.boot_id,
    );
    format!("{body} {:020}\n", check(&body))
}

fn parse(text: &str) -> Option<SoftProof> {
    let (body, sum) = text.lines().next()?.rsplit_once(' ')?;
    if sum.parse() != Ok(check(body)) {
        return None;
    }
    let mut words = body.split_whitespace();
    if words.next()? != "idgen-soft-1" {
        return None;
    }
    let worker: u64 = words.next()?.parse().ok()?;
    let serial: u64 = words.next()?.parse().ok()?;
    let nonce = u128::from_str_radix(words.next()?, 16).ok()?;
    let soft_horizon_unix_ms = words.next()?.parse().ok()?;
    let boot_id = words.next()?.to_owned();
    Some(SoftProof {
        worker: worker.checked_sub(1),
        serial: Some(serial).filter(|&serial| serial != 0),
        nonce,
        boot_id,
        soft_horizon_unix_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::{Floor, LeaseToken};

    fn lease(floor_ms: u64) -> WorkerLease {
        let token = LeaseToken { serial: 9, nonce: 77 };
        WorkerLease::granted(3, token, Floor::at(floor_ms), floor_ms + 10_000).unwrap()
    }

    #[test]
    fn a_successor_reads_what_was_raised() {
        let dir = tempfile::tempdir().unwrap();
        let mut soft = SoftHorizon::open(dir.path(), "r", "standard", "boot").unwrap();
        assert_eq!(soft.proof(), None);
        soft.claiming(77).unwrap();
        soft.granted(&lease(5000)).unwrap();
        assert_eq!(soft.raise(5100, 15_000).unwrap(), 5100);
        assert_eq!(soft.raise(4000, 15_000).unwrap(), 5100);
        assert_eq!(soft.raise(15_090, 15_000).unwrap(), 15_000);
        drop(soft);
        let proof =
            SoftHorizon::open(dir.path(), "r", "standard", "boot").unwrap().proof().unwrap();
        assert_eq!((proof.worker, proof.serial, proof.nonce), (Some(3), Some(9), 77));
        assert_eq!(proof.soft_horizon_unix_ms, 15_000);
    }

    #[test]
    fn another_boot_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().granted(&lease(5000)).unwrap();
        assert!(SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().proof().is_some());
        assert_eq!(SoftHorizon::open(dir.path(), "r", "a", "later").unwrap().proof(), None);
        assert_eq!(SoftHorizon::open(dir.path(), "s", "a", "boot").unwrap().proof(), None);
        let path = SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().path().to_owned();
        std::fs::write(path, "torn").unwrap();
        assert_eq!(SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().proof(), None);
    }

    #[test]
    fn a_claim_without_an_answer_shows_its_nonce() {
        let dir = tempfile::tempdir().unwrap();
        SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().claiming(5).unwrap();
        let proof = SoftHorizon::open(dir.path(), "r", "a", "boot").unwrap().proof().unwrap();
        assert_eq!((proof.serial, proof.nonce, proof.soft_horizon_unix_ms), (None, 5, 0));
    }
}
