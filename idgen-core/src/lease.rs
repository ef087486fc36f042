//! Leases of time: the right to stamp one worker id on ticks from a floor up to a horizon.
//!
//! A registry never grants the same stretch of time of one worker id twice. That is all the safety
//! there is, so the values here cannot be copied: one [`WorkerLease`] makes one generator, and one
//! generator yields one [`Ended`].
//!
//! ```compile_fail
//! fn twice(lease: idgen_core::WorkerLease) -> [idgen_core::WorkerLease; 2] {
//!     [lease.clone(), lease]
//! }
//! ```
//!
//! ```compile_fail
//! fn twice(ended: idgen_core::Ended) -> [idgen_core::Ended; 2] {
//!     [ended, ended]
//! }
//! ```

/// Where a lease of time begins: a moment, and how much of that moment's tick is used up.
///
/// Ordered by time, then by sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Floor {
    /// Milliseconds since 1970-01-01T00:00:00Z. A layout rounds it *up* to a tick.
    pub unix_ms: u64,
    /// The first free sequence number of the tick that begins exactly at `unix_ms`; 0 when that
    /// tick is untouched. Where no tick begins at `unix_ms` the next one is untouched.
    pub sequence: u64,
}

impl Floor {
    /// A floor at a moment whose tick is untouched.
    pub const fn at(unix_ms: u64) -> Self {
        Self { unix_ms, sequence: 0 }
    }
}

/// What tells one grant of a worker id from every other.
///
/// The nonce is the claimer's own, fresh for each claim call; the serial is the registry's, and
/// only rises. A lease that was assumed, not granted, has both 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken {
    /// The registry's count of grants; only rises.
    pub serial: u64,
    /// Random, fresh for each claim call.
    pub nonce: u128,
}

const ASSUMED: LeaseToken = LeaseToken { serial: 0, nonce: 0 };

/// A lease whose values contradict one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The horizon is at or below the floor: nothing is leased.
    #[error(
        "the lease is empty: horizon {horizon_unix_ms} ms is not above floor {floor_unix_ms} ms; \
         ask the registry for a longer lease"
    )]
    Empty {
        /// Where the lease was to begin, in Unix milliseconds.
        floor_unix_ms: u64,
        /// Where it was to end, in Unix milliseconds.
        horizon_unix_ms: u64,
    },
    /// A receipt and a renewal that belong to different leases.
    #[error(
        "the receipt is of lease {ended} and the renewal of lease {renewal}; use the answer of the \
         registry for this very lease"
    )]
    Foreign {
        /// Serial of the lease that ended.
        ended: u64,
        /// Serial of the lease that was renewed.
        renewal: u64,
    },
}

/// The right to stamp one worker id on ticks from a floor up to, not including, a horizon.
///
/// Neither `Clone` nor `Copy`: one lease makes one generator.
#[derive(Debug, PartialEq, Eq)]
pub struct WorkerLease {
    worker: u64,
    token: LeaseToken,
    floor: Floor,
    horizon_unix_ms: u64,
    limit_unix_ms: u64,
}

impl WorkerLease {
    /// The registries' path: puts into words what a registry has durably granted.
    ///
    /// Only an implementation of a worker registry calls this, once for each recorded grant.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Empty`] if the horizon is not above the floor.
    pub const fn granted(
        worker: u64,
        token: LeaseToken,
        floor: Floor,
        horizon_unix_ms: u64,
    ) -> Result<Self, LeaseError> {
        if horizon_unix_ms <= floor.unix_ms {
            return Err(LeaseError::Empty { floor_unix_ms: floor.unix_ms, horizon_unix_ms });
        }
        Ok(Self { worker, token, floor, horizon_unix_ms, limit_unix_ms: horizon_unix_ms })
    }

    /// A lease on the caller's own word, for C callers and firmware without a registry.
    ///
    /// The caller **promises** that no other generator ever was or will be given any moment of
    /// `floor..horizon_unix_ms` for this worker id. A broken promise is a duplicate id.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Empty`] if the horizon is not above the floor.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::{Floor, WorkerLease};
    /// let lease = WorkerLease::assume(7, Floor::at(1_750_000_000_000), 1_750_000_010_000)?;
    /// assert_eq!(lease.worker(), 7);
    /// # Ok::<(), idgen_core::LeaseError>(())
    /// ```
    pub const fn assume(
        worker: u64,
        floor: Floor,
        horizon_unix_ms: u64,
    ) -> Result<Self, LeaseError> {
        Self::granted(worker, ASSUMED, floor, horizon_unix_ms)
    }

    /// Goes on with the same lease after its generator has ended: from the receipt up to the
    /// renewed horizon.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Foreign`] if the two are not of one lease, [`LeaseError::Empty`] if the
    /// receipt lies at or above the horizon. Either way the receipt comes back beside the error.
    pub fn resume(ended: Ended, renewal: &Renewal) -> Result<Self, (LeaseError, Ended)> {
        if ended.token != renewal.token || ended.worker != renewal.worker {
            let error =
                LeaseError::Foreign { ended: ended.token.serial, renewal: renewal.token.serial };
            return Err((error, ended));
        }
        Self::granted(ended.worker, ended.token, ended.floor, renewal.horizon_unix_ms)
            .map_err(|error| (error, ended))
    }

    /// Makes a generator that begins with a horizon of its holder's own, at most the lease's: it
    /// issues below `limit_unix_ms` until it is extended; nothing at all if that is the floor.
    #[must_use]
    pub const fn limited_to(mut self, limit_unix_ms: u64) -> Self {
        if limit_unix_ms < self.limit_unix_ms {
            self.limit_unix_ms = limit_unix_ms;
        }
        self
    }

    /// Gives up the leased time below `unix_ms`, if that lies inside the lease.
    ///
    /// For a worker id that was long unused: its floor lies further back than a generator with
    /// many sequence bits can count.
    #[must_use]
    pub const fn begun_at(mut self, unix_ms: u64) -> Self {
        if unix_ms > self.floor.unix_ms && unix_ms < self.horizon_unix_ms {
            self.floor = Floor::at(unix_ms);
        }
        self
    }

    /// The worker id: the number that the layout's worker fields together hold.
    pub const fn worker(&self) -> u64 {
        self.worker
    }

    /// What tells this grant from every other.
    pub const fn token(&self) -> LeaseToken {
        self.token
    }

    /// Where the leased time begins.
    pub const fn floor(&self) -> Floor {
        self.floor
    }

    /// Where the leased time ends (exclusive), in Unix milliseconds. A layout rounds it *down*.
    pub const fn horizon_unix_ms(&self) -> u64 {
        self.horizon_unix_ms
    }

    /// Where a generator of this lease first stops, in Unix milliseconds: the horizon, unless it
    /// was [limited](Self::limited_to).
    pub const fn limit_unix_ms(&self) -> u64 {
        self.limit_unix_ms
    }
}

/// A prolongation of one lease: its horizon has durably moved up.
#[derive(Debug, PartialEq, Eq)]
pub struct Renewal {
    worker: u64,
    token: LeaseToken,
    horizon_unix_ms: u64,
}

impl Renewal {
    /// The registries' path: puts into words what a registry has durably granted.
    pub const fn granted(worker: u64, token: LeaseToken, horizon_unix_ms: u64) -> Self {
        Self { worker, token, horizon_unix_ms }
    }

    /// A renewal on the caller's own word, for a lease that was
    /// [assumed](WorkerLease::assume). The same promise is made.
    pub const fn assume(worker: u64, horizon_unix_ms: u64) -> Self {
        Self::granted(worker, ASSUMED, horizon_unix_ms)
    }

    /// The worker id of the renewed lease.
    pub const fn worker(&self) -> u64 {
        self.worker
    }

    /// What tells the renewed lease from every other.
    pub const fn token(&self) -> LeaseToken {
        self.token
    }

    /// The new end of the leased time (exclusive), in Unix milliseconds.
    pub const fn horizon_unix_ms(&self) -> u64 {
        self.horizon_unix_ms
    }
}

/// The receipt of a generator that has ended: everything it issued lies below `floor`.
///
/// Neither `Clone` nor `Copy`: a registry takes it in a release and lets a successor start there.
/// The floor is raw: it may lie past the horizon when claims overshot it, and only the registry
/// cuts it, to the horizon in its own record.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    worker: u64,
    token: LeaseToken,
    floor: Floor,
}

impl Ended {
    /// The generators' path: what the election of the one ender yielded.
    ///
    /// Only a generator calls this, once, from the state word it has closed for ever; and whoever
    /// gives back a lease that no generator was made of, with its own floor.
    pub const fn receipt(worker: u64, token: LeaseToken, floor: Floor) -> Self {
        Self { worker, token, floor }
    }

    /// The worker id that the generator stamped.
    pub const fn worker(&self) -> u64 {
        self.worker
    }

    /// The lease that the generator was made from.
    pub const fn token(&self) -> LeaseToken {
        self.token
    }

    /// The first moment and sequence number that were not issued.
    pub const fn floor(&self) -> Floor {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(serial: u64) -> LeaseToken {
        LeaseToken { serial, nonce: 9 }
    }

    #[test]
    fn an_empty_lease_is_refused() {
        let refused = WorkerLease::granted(1, token(1), Floor::at(10), 10);
        assert_eq!(refused, Err(LeaseError::Empty { floor_unix_ms: 10, horizon_unix_ms: 10 }));
    }

    #[test]
    fn a_limit_only_lowers() {
        let lease = WorkerLease::granted(1, token(1), Floor::at(10), 50).unwrap();
        assert_eq!(lease.limit_unix_ms(), 50);
        let lease = lease.limited_to(20).limited_to(30);
        assert_eq!((lease.limit_unix_ms(), lease.horizon_unix_ms()), (20, 50));
    }

    #[test]
    fn a_beginning_is_only_given_up_inside_the_lease() {
        let floor = Floor { unix_ms: 10, sequence: 3 };
        let lease = WorkerLease::granted(1, token(1), floor, 50).unwrap();
        let lease = lease.begun_at(10).begun_at(50);
        assert_eq!(lease.floor(), floor);
        assert_eq!(lease.begun_at(49).floor(), Floor::at(49));
    }

    #[test]
    fn a_lease_resumes_from_its_receipt() {
        let floor = Floor { unix_ms: 12, sequence: 3 };
        let lease = WorkerLease::resume(
            Ended::receipt(1, token(4), floor),
            &Renewal::granted(1, token(4), 40),
        )
        .unwrap();
        assert_eq!((lease.floor(), lease.horizon_unix_ms()), (floor, 40));
    }

    #[test]
    fn a_foreign_renewal_gives_the_receipt_back() {
        let ended = Ended::receipt(1, token(4), Floor::at(12));
        let (error, ended) =
            WorkerLease::resume(ended, &Renewal::granted(1, token(5), 40)).unwrap_err();
        assert_eq!(error, LeaseError::Foreign { ended: 4, renewal: 5 });
        assert_eq!(ended.floor(), Floor::at(12));
    }
}
