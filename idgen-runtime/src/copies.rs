//! Signs that this process goes on in a copy of its machine: ids of a copy are the original's.
//!
//! What a process was leased is safe by value as long as one process has it. A virtual machine that
//! is cloned, or put back to a snapshot while it runs, is two: both have the generator and the
//! ground, and no store can tell them apart. Nothing shows that for sure, but three things hint at
//! it, and a false hint costs a lease and no more:
//!
//! - another boot id: the process was moved to another kernel (a checkpoint restored elsewhere);
//! - another generation: the hypervisor counts up when it makes a copy, and an operator has it
//!   written to a file;
//! - a clock gap: in a copy both clocks stand where the snapshot was taken, until the wall clock is
//!   set right and the boot clock is not. So the wall clock has gone ahead of the boot clock.
//!
//! On a sign, seen within a second, each generator is ended and leases anew, and each sequence
//! gives up what it had in hand. Nothing is released or handed back: it may be in use elsewhere.
//! What is issued before the sign is seen can repeat ids; only the operator can keep copies from
//! running.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use idgen_store::{HostClock, SystemHostClock};

use crate::background::lock;
use crate::error::{Cause, IssueError};
use crate::runtime::Shared;
use crate::snowflakes::Snowflakes;

/// How often it is looked for signs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What can be seen of a machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// What tells this boot from every other; empty if that cannot be seen.
    pub boot_id: String,
    /// What counts the copies of the machine; `None` if that cannot be seen.
    pub generation: Option<String>,
    /// The wall clock, in Unix milliseconds.
    pub unix_ms: u64,
    /// Milliseconds since the boot, time asleep included.
    pub boot_ms: u64,
}

/// A machine that can be looked at.
pub trait Machine: Send + Sync + Debug {
    /// What can be seen now. It is called once a second and must not block.
    fn look(&self) -> Sight;
}

/// The machine that this process runs on.
#[derive(Clone, Debug, Default)]
pub struct ThisMachine {
    generation: Option<PathBuf>,
}

impl ThisMachine {
    /// Looks at a file whose content changes with each copy of the machine as well.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn with_generation(path: &Path) -> io::Result<Self> {
        std::fs::read(path)?;
        Ok(Self { generation: Some(path.to_owned()) })
    }
}

impl Machine for ThisMachine {
    fn look(&self) -> Sight {
        // Made anew each time: it reads the boot id but once.
        let host = SystemHostClock::new();
        let generation = self.generation.as_ref().and_then(|path| std::fs::read(path).ok());
        Sight {
            boot_id: host.boot_id(),
            generation: generation.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()),
            unix_ms: host.unix_ms(),
            boot_ms: host.boot_ms(),
        }
    }
}

impl Sight {
    /// What in `later` shows that it is of a copy, in words.
    fn sign_of_copy(&self, later: &Self, gap_limit_ms: u64) -> Option<String> {
        let seen = |old: &str, new: &str| !old.is_empty() && !new.is_empty() && old != new;
        if seen(&self.boot_id, &later.boot_id) {
            let (old, new) = (&self.boot_id, &later.boot_id);
            return Some(format!("the boot id was {old} and is {new}"));
        }
        if let (Some(old), Some(new)) = (&self.generation, &later.generation)
            && old != new
        {
            return Some(format!("the generation of the machine was '{old}' and is '{new}'"));
        }
        let wall_ms = i128::from(later.unix_ms) - i128::from(self.unix_ms);
        let boot_ms = i128::from(later.boot_ms) - i128::from(self.boot_ms);
        let gap_ms = wall_ms - boot_ms;
        (gap_ms > i128::from(gap_limit_ms)).then(|| {
            format!("the wall clock has gone {gap_ms} ms further than the boot clock in one look")
        })
    }

    /// What is to be compared with the next look: a generation that cannot be read now counts on.
    fn followed_by(self, later: Self) -> Self {
        Self { generation: later.generation.or(self.generation), ..later }
    }
}

/// Looks once a second for as long as the runtime is there.
pub(crate) async fn watch(shared: Weak<Shared>, machine: Arc<dyn Machine>, gap_limit_ms: u64) {
    let (mut seen, mut was_blind) = (machine.look(), false);
    while let Some(nap) = shared.upgrade().map(|shared| shared.background.nap(LOOK_EVERY)) {
        nap.await;
        let later = machine.look();
        let is_blind = seen.generation.is_some() && later.generation.is_none();
        if is_blind && !was_blind {
            tracing::warn!("the machine's generation cannot be read; see to its file");
        }
        was_blind = is_blind;
        let sign = seen.sign_of_copy(&later, gap_limit_ms);
        seen = seen.followed_by(later);
        if let Some(sign) = sign
            && let Some(shared) = shared.upgrade()
        {
            shared.renounce(&sign);
        }
    }
}

impl Shared {
    /// How often a sign of a copy was seen.
    pub(crate) fn copies(&self) -> u64 {
        // Relaxed: as in `Snowflakes::copies`; a generator that is in the list when a sign is seen
        // is given up there, and the list's lock orders the count before one that comes later.
        self.copies.load(Ordering::Relaxed)
    }

    /// Gives up all ground: it may be a copy's, or the original's.
    fn renounce(&self, sign: &str) {
        // Relaxed: as in `copies`.
        self.copies.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            "this process may go on in a copy of its machine: {sign}; worker ids are claimed and \
             segments leased anew, see that no copy of a running server is started"
        );
        for snowflakes in lock(&self.snowflakes).iter() {
            snowflakes.renounce(sign);
        }
        let sequences = self.sequences.read();
        let sequences = sequences.unwrap_or_else(std::sync::PoisonError::into_inner);
        for sequence in sequences.values() {
            sequence.reset(sequence.definition());
        }
    }
}

impl Snowflakes {
    /// How often a sign of a copy was seen.
    pub(crate) fn copies(&self) -> u64 {
        // Relaxed: signs are noted and looked for on the one background thread.
        self.copies.load(Ordering::Relaxed)
    }

    pub(crate) fn renounce(&self, sign: &str) {
        let (space, message) = (&self.settings.space, may_be_a_copy(sign));
        let lost = format!("{message}; a worker id of id space '{space}' is being claimed anew");
        *lock(&self.trouble) = Some(IssueError::new(Cause::LeaseLost, lost).retry(1000));
        if let Some(holding) = self.holding.swap(None) {
            // No release: the lease may be another's as well, and runs out by itself.
            let _receipt = holding.end();
        }
        self.changed.notify(usize::MAX);
    }
}

fn may_be_a_copy(sign: &str) -> String {
    format!("this process may go on in a copy of its machine: {sign}")
}

/// What a claim is told that was sent before a sign was seen: the original has the answer, too.
pub(crate) fn copied_meanwhile() -> IssueError {
    let message = may_be_a_copy("a sign of it came while a worker id was claimed");
    IssueError::new(Cause::LeaseLost, message).retry(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight() -> Sight {
        let generation = Some("1".to_owned());
        Sight { boot_id: "a".to_owned(), generation, unix_ms: 1_000_000, boot_ms: 5_000 }
    }

    fn sign(later: Sight) -> Option<String> {
        sight().sign_of_copy(&later, 5_000)
    }

    #[test]
    fn three_things_are_signs() {
        let boot = sign(Sight { boot_id: "b".to_owned(), boot_ms: 0, ..sight() });
        assert!(boot.unwrap().contains("boot id was a and is b"));
        let generation = sign(Sight { generation: Some("2".to_owned()), ..sight() });
        assert!(generation.unwrap().contains("was '1' and is '2'"));
        let gap = sign(Sight { unix_ms: 1_006_001, boot_ms: 6_000, ..sight() });
        assert!(gap.unwrap().contains("gone 5001 ms further"));
    }

    #[test]
    fn what_a_machine_does_by_itself_is_none() {
        assert_eq!(
            sign(Sight { unix_ms: 4_600_000, boot_ms: 3_605_000, ..sight() }),
            None,
            "sleep"
        );
        assert_eq!(sign(Sight { unix_ms: 1_006_000, boot_ms: 6_000, ..sight() }), None, "a step");
        assert_eq!(sign(Sight { unix_ms: 5, boot_ms: 6_000, ..sight() }), None, "a clock set back");
        assert_eq!(sign(Sight { generation: None, boot_id: String::new(), ..sight() }), None);
        let gone = sight().followed_by(Sight { generation: None, ..sight() });
        let back = Sight { generation: Some("2".to_owned()), ..sight() };
        assert!(gone.sign_of_copy(&back, 5_000).is_some(), "seen across a failed look");
    }
}
