//! Leases of time, as values.

use idgen_core::{Floor, LeaseToken, Renewal, WorkerLease};

use crate::status::Answer;

/// The right to stamp one worker id on times from a floor up to, not including, a horizon.
///
/// Whoever passes a lease to a generator promises that no other generator, on any machine, at any
/// time, was or will be given any moment of it for this worker id. A broken promise is a duplicate
/// id. A registry that records each lease before it answers keeps it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The worker id: the number that the layout's node fields together hold.
    pub worker: u64,
    /// Where the lease begins, in Unix milliseconds. A layout rounds it up to a tick.
    pub floor_unix_ms: u64,
    /// The first free sequence number of the tick that begins exactly at the floor; 0 unless the
    /// lease goes on where another generator ended.
    pub floor_sequence: u64,
    /// Where the lease ends (exclusive), in Unix milliseconds. A layout rounds it down to a tick.
    pub horizon_unix_ms: u64,
    /// What tells this grant from every other of the worker id: the registry's count of grants, or
    /// 0 where there is none. A renewal has the same.
    pub serial: u64,
    /// The claimer's own number for this grant, or 0. A renewal has the same.
    pub nonce: u64,
}

impl Lease {
    const fn token(&self) -> LeaseToken {
        LeaseToken { serial: self.serial, nonce: self.nonce as u128 }
    }

    pub(crate) fn granted(&self) -> Answer<WorkerLease> {
        let floor = Floor { unix_ms: self.floor_unix_ms, sequence: self.floor_sequence };
        Ok(WorkerLease::granted(self.worker, self.token(), floor, self.horizon_unix_ms)?)
    }

    pub(crate) const fn renewal(&self) -> Renewal {
        Renewal::granted(self.worker, self.token(), self.horizon_unix_ms)
    }

    /// What a generator leaves when it ends.
    pub(crate) fn left(ended: &idgen_core::Ended, horizon_unix_ms: u64) -> Self {
        let (floor, token) = (ended.floor(), ended.token());
        Self {
            worker: ended.worker(),
            floor_unix_ms: floor.unix_ms,
            floor_sequence: floor.sequence,
            horizon_unix_ms,
            serial: token.serial,
            // Made from a word of the caller's; its upper half is 0.
            nonce: u64::try_from(token.nonce).unwrap_or(0),
        }
    }
}
