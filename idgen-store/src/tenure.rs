//! What a worker registry decides, apart from where it keeps its rows.
//!
//! Every worker id that was ever granted has one row, its *tenure*. A claim looks at the rows of
//! its id range and picks:
//!
//! 1. the same nonce on a lease that is still current: the same lease again;
//! 2. an id whose holder is proven dead (a [`SoftProof`] of this boot that shows the token or the
//!    nonce last granted): floor = soft horizon, clamped to the dead lease's own stretch;
//! 3. the id wished for, if it is free;
//! 4. of the free ids the lowest whose floor has passed on the claimer's clock; an id never used
//!    has the floor *now*, so it always has;
//! 5. else the free id whose floor comes first.
//!
//! An id is free once released, or one lease after its last renewal on the boot clock, or after a
//! reboot. The floor of a released id is its receipt, of a lapsed one its horizon. The new horizon
//! is one lease above the claimer's clock, at least one lease above the floor, at most a lease and
//! 2 s above the registry's own clock.

use idgen_core::{Ended, Floor, LeaseToken, Renewal, WorkerLease};

use crate::clock::Moment;
use crate::{Claim, Claimed, Name, RegistryError, Renewed, SoftProof, Wish, WorkerInfo};

#[cfg(any(
    feature = "etcd",
    feature = "file",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
#[allow(dead_code, reason = "not every backend of a build keeps records")]
pub(crate) mod text;

/// How far ahead of the registry's clock, beyond one lease, a horizon may lie.
const SLACK_MS: u64 = 2000;

/// How far ahead of the claimer's clock the floor of a wished id may lie, where others are free: a
/// soft horizon and a tick of a second.
const SOON_MS: u64 = 1500;

/// The longest name a holder may give itself, and the longest text it may publish, in bytes.
const MAX_HOLDER_BYTES: usize = 1024;

/// The row of one worker id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenure {
    pub(crate) worker: u64,
    pub(crate) token: LeaseToken,
    pub(crate) holder: String,
    pub(crate) published: String,
    /// How far the holder's clock was ahead of the registry's at its last renewal.
    pub(crate) clock_ahead_ms: i64,
    /// Granted and not released; whether the lease has lapsed is another question.
    pub(crate) granted: bool,
    /// Where the lease begins; once released, where the next one begins.
    pub(crate) floor: Floor,
    pub(crate) horizon_unix_ms: u64,
    pub(crate) lease_ms: u64,
    pub(crate) renewed_boot_ms: u64,
    pub(crate) boot_id: String,
}

impl Tenure {
    /// How long the holder keeps the id if it never renews; 0 if it is free.
    fn held_for_ms(&self, moment: &Moment) -> u64 {
        let same_boot = self.boot_id == moment.boot_id;
        // Without a boot id a boot clock that turned back is the only sign of a reboot.
        let rebooted = moment.boot_id.is_empty() && moment.boot_ms < self.renewed_boot_ms;
        if !self.granted || !same_boot || rebooted {
            return 0;
        }
        let age_ms = moment.boot_ms.saturating_sub(self.renewed_boot_ms);
        self.lease_ms.saturating_sub(age_ms)
    }

    pub(crate) fn is_held(&self, moment: &Moment) -> bool {
        self.held_for_ms(moment) > 0
    }

    fn is_current(&self, token: LeaseToken) -> bool {
        self.granted && self.token == token
    }

    fn next_floor(&self) -> Floor {
        if self.granted { Floor::at(self.horizon_unix_ms) } else { self.floor }
    }

    /// The floor of a claim that proves this holder dead: never outside the dead lease.
    fn proven_floor(&self, soft_horizon_unix_ms: u64) -> Floor {
        // At or below the floor nothing was issued, so the floor keeps its sequence number.
        self.floor.max(Floor::at(soft_horizon_unix_ms.min(self.horizon_unix_ms)))
    }

    fn is_proven_dead(&self, proof: &SoftProof, moment: &Moment) -> bool {
        let same_boot = !proof.boot_id.is_empty()
            && proof.boot_id == moment.boot_id
            && self.boot_id == moment.boot_id;
        let token = proof.worker == Some(self.worker) && proof.token == Some(self.token);
        self.granted && same_boot && (token || proof.nonce == self.token.nonce)
    }

    pub(crate) fn info(&self, moment: &Moment) -> WorkerInfo {
        WorkerInfo {
            worker: self.worker,
            token: self.token,
            holder: self.holder.clone(),
            published: self.published.clone(),
            clock_ahead_ms: self.clock_ahead_ms,
            held: self.is_held(moment),
            floor_unix_ms: self.floor.unix_ms,
            horizon_unix_ms: self.horizon_unix_ms,
        }
    }

    /// Moves the horizon up to one lease above `now_unix_ms`, cut to `limit`.
    pub(crate) fn renew(
        &mut self,
        space: &Name,
        token: LeaseToken,
        now_unix_ms: u64,
        now: Now<'_>,
    ) -> Result<Renewed, RegistryError> {
        if !self.is_current(token) {
            return Err(lost(space, self.worker));
        }
        let wanted = one_lease_above(now_unix_ms, self.lease_ms)?;
        let limit = now.limit_unix_ms(self.lease_ms);
        self.horizon_unix_ms = self.horizon_unix_ms.max(wanted.min(limit));
        self.clock_ahead_ms = now.ahead_ms(now_unix_ms);
        self.renewed_boot_ms = now.moment.boot_ms;
        now.moment.boot_id.clone_into(&mut self.boot_id);
        let renewal = Renewal::granted(self.worker, token, self.horizon_unix_ms);
        Ok(Renewed { renewal, cut: wanted > self.horizon_unix_ms })
    }

    /// Gives the lease back; the next one begins at the receipt, cut to the recorded horizon.
    pub(crate) fn release(&mut self, space: &Name, ended: &Ended) -> Result<(), RegistryError> {
        if !self.is_current(ended.token()) {
            return Err(lost(space, self.worker));
        }
        if ended.floor() < self.floor {
            return Err(RegistryError::Refused(format!(
                "the receipt of worker id {} in id space '{space}' ends at {} ms, below its \
                 lease's floor {} ms; report it, no generator does that",
                self.worker,
                ended.floor().unix_ms,
                self.floor.unix_ms
            )));
        }
        self.floor = ended.floor().min(Floor::at(self.horizon_unix_ms));
        self.horizon_unix_ms = self.floor.unix_ms;
        self.granted = false;
        Ok(())
    }
}

/// What a token that is not the current one is told.
pub(crate) fn lost(space: &Name, worker: u64) -> RegistryError {
    RegistryError::Lost { space: space.clone(), worker }
}

fn one_lease_above(unix_ms: u64, lease_ms: u64) -> Result<u64, RegistryError> {
    let too_late = || {
        RegistryError::Refused(format!(
            "a lease of {lease_ms} ms from {unix_ms} ms passes 2^64-1 ms; set the clock right or \
             ask for a shorter lease"
        ))
    };
    unix_ms.checked_add(lease_ms).ok_or_else(too_late)
}

/// The registry's time: the host's clocks and the registry's own reading of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now<'a> {
    pub(crate) moment: &'a Moment,
    pub(crate) unix_ms: u64,
}

impl Now<'_> {
    /// How far a clock that shows `unix_ms` is ahead of the registry's.
    fn ahead_ms(&self, unix_ms: u64) -> i64 {
        let ahead = i128::from(unix_ms) - i128::from(self.unix_ms);
        // Beyond 292 million years the limit says as much.
        i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
    }

    /// The highest horizon of a lease of that length.
    fn limit_unix_ms(&self, lease_ms: u64) -> u64 {
        // Saturated, the limit is the highest time there is and cuts nothing.
        self.unix_ms.saturating_add(lease_ms).saturating_add(SLACK_MS)
    }
}

/// One claim and the rows of its id range, by worker id.
pub(crate) struct Desk<'a> {
    pub(crate) space: &'a Name,
    pub(crate) claim: &'a Claim,
    pub(crate) tenures: &'a [Tenure],
}

/// A grant to be written down, and what the claimer is told then.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The new row; `None` if the claim was a repeat and nothing changes.
    pub(crate) tenure: Option<Tenure>,
    pub(crate) claimed: Claimed,
}

struct Seat {
    worker: u64,
    floor: Floor,
    /// Where the proven-dead lease ends; its successor's horizon does not shrink below.
    least_horizon_unix_ms: u64,
}

impl Desk<'_> {
    /// Checks what no registry could grant.
    pub(crate) fn check(space: &Name, claim: &Claim) -> Result<(), RegistryError> {
        let refused = |why: String| Err(RegistryError::Refused(why));
        if claim.ids.is_empty() {
            return refused(format!("the range of worker ids in '{space}' is empty; widen it"));
        }
        if claim.lease_ms == 0 {
            return refused("a lease lasts at least 1 ms, not 0; ask for 10000".to_owned());
        }
        if claim.holder.len() > MAX_HOLDER_BYTES {
            let bytes = claim.holder.len();
            return refused(format!("a holder's name has at most 1024 bytes, not {bytes}"));
        }
        if claim.published.len() > MAX_HOLDER_BYTES {
            let bytes = claim.published.len();
            return refused(format!("a holder publishes at most 1024 bytes, not {bytes}"));
        }
        match claim.wish {
            Wish::Exactly(id) if !claim.ids.contains(&id) => refused(format!(
                "worker id {id} lies outside {}..={} of id space '{space}'; ask for one inside",
                claim.ids.start(),
                claim.ids.end()
            )),
            _ => one_lease_above(claim.now_unix_ms, claim.lease_ms).map(|_| ()),
        }
    }

    /// The worker id whose holder this claim proves dead.
    pub(crate) fn proven(&self, moment: &Moment) -> Option<&Tenure> {
        let proof = self.claim.proof.as_ref()?;
        self.tenures.iter().find(|tenure| tenure.is_proven_dead(proof, moment))
    }

    /// Decides the claim; `serial` is the one a new grant gets.
    pub(crate) fn decide(&self, now: Now<'_>, serial: u64) -> Result<Granted, RegistryError> {
        if let Some(tenure) = self.repeated() {
            return Ok(Granted { tenure: None, claimed: self.told(tenure)? });
        }
        let limit = now.limit_unix_ms(self.claim.lease_ms);
        let seat = self.choose(now, limit)?;
        if seat.floor.unix_ms >= limit {
            return Err(self.floor_ahead(&seat, limit));
        }
        let least = one_lease_above(seat.floor.unix_ms, self.claim.lease_ms)?;
        let wanted = one_lease_above(self.claim.now_unix_ms, self.claim.lease_ms)?.max(least);
        let tenure = Tenure {
            worker: seat.worker,
            token: LeaseToken { serial, nonce: self.claim.nonce },
            holder: self.claim.holder.clone(),
            published: self.claim.published.clone(),
            clock_ahead_ms: now.ahead_ms(self.claim.now_unix_ms),
            granted: true,
            floor: seat.floor,
            horizon_unix_ms: wanted.min(limit).max(seat.least_horizon_unix_ms),
            lease_ms: self.claim.lease_ms,
            renewed_boot_ms: now.moment.boot_ms,
            boot_id: now.moment.boot_id.clone(),
        };
        let claimed = self.told(&tenure)?;
        Ok(Granted { tenure: Some(tenure), claimed })
    }

    fn repeated(&self) -> Option<&Tenure> {
        self.tenures.iter().find(|tenure| tenure.granted && tenure.token.nonce == self.claim.nonce)
    }

    fn told(&self, tenure: &Tenure) -> Result<Claimed, RegistryError> {
        let claim = self.claim;
        let from_unix_ms = claim.now_unix_ms.max(tenure.floor.unix_ms);
        let wanted = one_lease_above(from_unix_ms, claim.lease_ms)?;
        let horizon = tenure.horizon_unix_ms;
        let lease = WorkerLease::granted(tenure.worker, tenure.token, tenure.floor, horizon)
            .map_err(|error| RegistryError::Damaged(error.to_string()))?;
        let wait_ms = tenure.floor.unix_ms.saturating_sub(claim.now_unix_ms);
        Ok(Claimed { lease, wait_ms, cut: wanted > horizon })
    }

    fn choose(&self, now: Now<'_>, limit: u64) -> Result<Seat, RegistryError> {
        if let Wish::Exactly(worker) = self.claim.wish {
            return self.seat(worker, now).map_err(|tenure| self.held(tenure, now));
        }
        let proven = self.proven(now.moment).map(|tenure| tenure.worker);
        let preferred = match self.claim.wish {
            Wish::Prefer(worker) if self.claim.ids.contains(&worker) => Some(worker),
            _ => None,
        };
        let wished = proven.into_iter().chain(preferred);
        let mut seats = wished.filter_map(|worker| self.seat(worker, now).ok());
        // An id that would keep the claimer waiting is no better than another.
        let soon = self.claim.now_unix_ms.saturating_add(SOON_MS).min(limit);
        match seats.find(|seat| seat.floor.unix_ms < soon) {
            Some(seat) => Ok(seat),
            None => self.lowest_passed(now).or_else(|| self.earliest(now)).ok_or_else(|| {
                let count = (self.claim.ids.end() - self.claim.ids.start()) + 1;
                self.all_taken(count, now)
            }),
        }
    }

    /// The seat of one worker id, or who holds it.
    fn seat(&self, worker: u64, now: Now<'_>) -> Result<Seat, &Tenure> {
        let Ok(at) = self.tenures.binary_search_by_key(&worker, |tenure| tenure.worker) else {
            let floor = Floor::at(now.unix_ms.min(self.claim.now_unix_ms));
            return Ok(Seat { worker, floor, least_horizon_unix_ms: 0 });
        };
        let tenure = &self.tenures[at];
        if let Some(proof) = &self.claim.proof
            && tenure.is_proven_dead(proof, now.moment)
        {
            let floor = tenure.proven_floor(proof.soft_horizon_unix_ms);
            return Ok(Seat { worker, floor, least_horizon_unix_ms: tenure.horizon_unix_ms });
        }
        if tenure.is_held(now.moment) {
            return Err(tenure);
        }
        Ok(Seat { worker, floor: tenure.next_floor(), least_horizon_unix_ms: 0 })
    }

    fn free_seats(&self, now: Now<'_>) -> impl Iterator<Item = Seat> {
        self.tenures.iter().filter_map(move |tenure| self.seat(tenure.worker, now).ok())
    }

    fn lowest_passed(&self, now: Now<'_>) -> Option<Seat> {
        let passed = self
            .free_seats(now)
            .find(|seat| seat.floor.unix_ms <= self.claim.now_unix_ms)
            .map(|seat| seat.worker);
        let lowest = passed.into_iter().chain(self.never_used()).min()?;
        self.seat(lowest, now).ok()
    }

    /// The lowest worker id of the range that has no row.
    fn never_used(&self) -> Option<u64> {
        let mut next = *self.claim.ids.start();
        for tenure in self.tenures {
            if tenure.worker != next {
                break;
            }
            next = next.checked_add(1)?;
        }
        self.claim.ids.contains(&next).then_some(next)
    }

    fn earliest(&self, now: Now<'_>) -> Option<Seat> {
        self.free_seats(now).min_by_key(|seat| (seat.floor, seat.worker))
    }

    fn held(&self, tenure: &Tenure, now: Now<'_>) -> RegistryError {
        RegistryError::Held {
            space: self.space.clone(),
            worker: tenure.worker,
            holder: tenure.holder.clone(),
            retry_ms: tenure.held_for_ms(now.moment),
        }
    }

    fn all_taken(&self, count: u64, now: Now<'_>) -> RegistryError {
        let waits = self.tenures.iter().map(|tenure| tenure.held_for_ms(now.moment));
        let retry_ms = waits.min().unwrap_or_default();
        RegistryError::AllTaken { space: self.space.clone(), count, retry_ms }
    }

    fn floor_ahead(&self, seat: &Seat, limit: u64) -> RegistryError {
        let floor_unix_ms = seat.floor.unix_ms;
        // The longer of two waits: until the claimer's clock has reached the floor, and until the
        // registry's own may grant a horizon above it.
        let ahead_ms = floor_unix_ms.saturating_sub(self.claim.now_unix_ms);
        let wait_ms = ahead_ms.max((floor_unix_ms - limit).saturating_add(1));
        let space = self.space.clone();
        RegistryError::FloorAhead { space, worker: seat.worker, floor_unix_ms, wait_ms }
    }
}
