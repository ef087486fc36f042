//! All that is kept of one sequence, for stores that read and write it as a whole: its mark, the
//! tails that came back, the leases that may.

use std::collections::BTreeMap;

use idgen_core::IdRange;

use crate::grant::{Grant, Ground, Mark};
use crate::{Lease, Name, SequenceInfo, StoreError};

/// A sequence with its tails by start and its remembered leases by serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) mark: Mark,
    pub(crate) tails: BTreeMap<u64, IdRange>,
    pub(crate) leases: BTreeMap<u64, IdRange>,
}

impl Ledger {
    /// Of a sequence that was just created.
    pub(crate) fn of(mark: Mark) -> Self {
        Self { mark, tails: BTreeMap::new(), leases: BTreeMap::new() }
    }

    /// Grants, and notes what was granted.
    pub(crate) fn lease(&mut self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        let from = above.checked_add(1);
        let tail = from.and_then(|from| self.tails.range(from..).next());
        let tail = tail.map(|(_, tail)| *tail);
        let grant = self.mark.lease(name, len, above, tail)?;
        self.write(&grant);
        Ok(Lease { range: grant.range, serial: grant.serial })
    }

    fn write(&mut self, grant: &Grant) {
        if let Ground::Tail { start, rest } = grant.ground {
            self.tails.remove(&start);
            self.tails.extend(rest.map(|rest| (rest.start(), rest)));
        }
        if grant.remembered(&self.mark) {
            self.leases.insert(grant.serial, grant.range);
        }
        if let Some(forgotten) = grant.forgotten() {
            self.leases = self.leases.split_off(&(forgotten + 1));
        }
    }

    /// Takes a tail back.
    pub(crate) fn hand_back(&mut self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        let lease = self.leases.get(&tail.serial).copied();
        let end = self.mark.hand_back(name, lease, tail)?;
        self.leases.remove(&tail.serial);
        self.tails.insert(end.start(), end);
        Ok(())
    }

    /// What every change by hand does.
    pub(crate) fn give_up_tails(&mut self) {
        self.tails.clear();
        self.leases.clear();
    }

    /// What the store tells about the sequence.
    pub(crate) fn info(&self, name: &Name) -> SequenceInfo {
        self.mark.info(name, self.tails.values().map(IdRange::len).sum())
    }
}
