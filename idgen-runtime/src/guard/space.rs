//! The marks of one id space: does its registry still know what it leased to this node?
//!
//! - The same registry that counts a lease below one it had counted went back, and so did one that
//!   renews up to less than it had granted. Then this process issues nothing more of the id space:
//!   that a later lease counts higher, because others have claimed, proves nothing.
//! - A registry that may forget, in another incarnation, may have forgotten leases of *other*
//!   nodes, who issue under them until they are told. All such leases end one lease and 2 s after
//!   this node met it, so its own begin there. Renewals need not wait: what is renewed was not
//!   forgotten.
//! - Under another registry a lease begins above every horizon that this node was granted.

use std::sync::Arc;

use idgen_core::{Renewal, WorkerLease};
use idgen_store::{Name, StoreIdentity};

use super::{has_other_incarnation, store_key};
use crate::error::{Cause, IssueError};
use crate::journal::{Journal, Kind, Mark};

/// How far ahead of its clock a registry grants, beyond one lease.
const SLACK_MS: u64 = 2000;

/// Watches the registry of one id space.
pub(crate) struct SpaceGuard {
    journal: Arc<Journal>,
    space: Name,
    store: String,
    /// Where all has ended that an earlier incarnation of the registry may have forgotten.
    clear_ms: u64,
    /// The mark as it was when the last claim was sent: several generators of one id space share
    /// the mark, and their claims may be answered in another order than they were granted.
    before: Option<Mark>,
    frozen: Option<IssueError>,
}

impl SpaceGuard {
    pub(crate) fn new(journal: Arc<Journal>, space: Name) -> Self {
        Self { journal, space, store: String::new(), clear_ms: 0, before: None, frozen: None }
    }

    /// Why nothing more is issued, if the registry was seen to have gone back.
    pub(crate) fn frozen(&self) -> Option<IssueError> {
        self.frozen.clone()
    }

    /// A claim is about to be sent: what it is granted is newer than all that is marked now.
    pub(crate) fn claiming(&mut self) {
        self.before = Some(self.mark());
    }

    /// Which registry the next leases are of; they last for `lease_ms`.
    pub(crate) fn keep(&mut self, identity: &StoreIdentity, now_unix_ms: u64, lease_ms: u64) {
        let store = store_key(identity);
        if store != self.store && has_other_incarnation(&self.mark().store, identity) {
            // Saturated, it lies beyond every lease, and none is taken.
            self.clear_ms = now_unix_ms.saturating_add(lease_ms).saturating_add(SLACK_MS);
        }
        self.store = store;
    }

    /// Marks a lease, and tells up to which time nothing may be issued under it, in Unix
    /// milliseconds; or says why nothing may be at all.
    pub(crate) fn check(&mut self, lease: &WorkerLease) -> Result<u64, IssueError> {
        if let Some(frozen) = self.frozen() {
            return Err(frozen);
        }
        let before = self.before.take();
        let (mark, serial) = (before.unwrap_or_else(|| self.mark()), lease.token().serial);
        let is_known = mark.store == self.store;
        if is_known && serial <= mark.serial {
            let seen = mark.serial;
            return Err(self.freeze(&format!("granted lease {serial} after lease {seen}")));
        }
        let granted_ms = if is_known { 0 } else { mark.end };
        let from_ms = granted_ms.max(self.clear_ms);
        if from_ms >= lease.horizon_unix_ms() {
            return Err(self.behind(granted_ms, lease.horizon_unix_ms()));
        }
        self.record(serial, lease.horizon_unix_ms());
        Ok(from_ms)
    }

    /// Marks a horizon, before an id is issued under it. `held_ms` is how far the lease was
    /// granted before.
    pub(crate) fn renewed(&mut self, renewal: &Renewal, held_ms: u64) -> Result<(), IssueError> {
        let horizon_ms = renewal.horizon_unix_ms();
        if horizon_ms < held_ms {
            let what = format!("renewed up to {horizon_ms} ms what it had granted up to {held_ms}");
            return Err(self.freeze(&what));
        }
        self.record(renewal.token().serial, horizon_ms);
        Ok(())
    }

    fn mark(&self) -> Mark {
        self.journal.mark(Kind::Space, self.space.as_str())
    }

    fn record(&self, serial: u64, end: u64) {
        let (mark, store) = (self.mark(), self.store.clone());
        // Another generator's newer lease stays marked.
        let (least, from) = if mark.store == store { (mark.serial, mark.end) } else { (0, 0) };
        let (serial, end) = (serial.max(least), end.max(from));
        let seen = Mark { generation: mark.generation, store, serial, end };
        if let Err(error) = self.journal.record(Kind::Space, self.space.as_str(), &seen) {
            tracing::warn!(%error, "the guard journal cannot be written; a registry that goes back \
                may go unnoticed after a restart; make room or mend the state directory");
        }
    }

    fn freeze(&mut self, what: &str) -> IssueError {
        let message = format!(
            "id space '{}' is frozen: its registry {what}, so it went back; restore the newer \
             registry, or begin another id space",
            self.space
        );
        let frozen = IssueError::new(Cause::Frozen, message);
        self.frozen = Some(frozen.clone());
        frozen
    }

    /// Of the two reasons the one that lasts longer.
    fn behind(&self, granted_ms: u64, horizon_ms: u64) -> IssueError {
        let (space, from_ms) = (&self.space, granted_ms.max(self.clear_ms));
        let message = if granted_ms == from_ms {
            format!(
                "another registry stands in the place of id space '{space}' and this node was \
                 granted time up to {from_ms} ms since 1970; wait, or put the earlier registry back"
            )
        } else {
            format!(
                "the registry of id space '{space}' was restarted or replaced and may have \
                 forgotten leases of others, which end by {from_ms} ms since 1970; wait"
            )
        };
        IssueError::new(Cause::ClockHold, message).retry(from_ms - horizon_ms + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{identity, may_lose};
    use super::*;
    use idgen_core::{Floor, LeaseToken};
    use idgen_store::Durability;

    const LEASE_MS: u64 = 10_000;

    fn token(serial: u64) -> LeaseToken {
        LeaseToken { serial, nonce: 7 }
    }

    fn lease(serial: u64, floor_ms: u64) -> WorkerLease {
        let horizon_ms = floor_ms + LEASE_MS;
        WorkerLease::granted(3, token(serial), Floor::at(floor_ms), horizon_ms).unwrap()
    }

    #[test]
    fn generators_that_claim_at_once_freeze_nothing() {
        let journal = Arc::new(Journal::open(None).unwrap());
        let space = || Name::new("parcels").unwrap();
        let [mut one, mut other] = [(); 2].map(|()| SpaceGuard::new(Arc::clone(&journal), space()));
        for guard in [&mut one, &mut other] {
            guard.claiming();
            guard.keep(&identity("a", "1", Durability::Keeps), 0, LEASE_MS);
        }
        // The second is answered first.
        other.check(&lease(2, 2000)).unwrap();
        one.check(&lease(1, 1000)).unwrap();
        one.renewed(&renewal(1, 11_500), 11_000).unwrap();
        let mark = one.mark();
        assert_eq!((mark.serial, mark.end), (2, 12_000), "the newer lease stays marked");
        one.claiming();
        assert!(one.check(&lease(2, 3000)).is_err(), "what was marked before the claim counts");
    }

    fn renewal(serial: u64, horizon_ms: u64) -> Renewal {
        Renewal::granted(3, token(serial), horizon_ms)
    }

    /// A guard that was granted lease 5 up to 110,000 ms by this registry.
    fn guard_of(identity: &StoreIdentity) -> SpaceGuard {
        let journal = Arc::new(Journal::open(None).unwrap());
        let mut guard = SpaceGuard::new(journal, Name::new("events").unwrap());
        guard.keep(identity, 100_000, LEASE_MS);
        assert_eq!(guard.check(&lease(5, 100_000)).unwrap(), 0);
        guard
    }

    fn kept() -> StoreIdentity {
        identity("a", "1", Durability::Keeps)
    }

    #[test]
    fn a_registry_that_counts_lower_freezes_for_good() {
        let mut guard = guard_of(&kept());
        let refused = guard.check(&lease(5, 130_000)).unwrap_err();
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
        assert!(refused.to_string().contains("lease 5 after lease 5"), "{refused}");
        assert_eq!(guard.frozen(), Some(refused.clone()));
        assert_eq!(guard.check(&lease(6, 130_000)).unwrap_err(), refused, "others have claimed");
    }

    #[test]
    fn a_renewal_up_to_less_than_was_granted_freezes() {
        let mut guard = guard_of(&kept());
        guard.renewed(&renewal(5, 110_000), 110_000).unwrap();
        let refused = guard.renewed(&renewal(5, 109_999), 110_000).unwrap_err();
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
        assert!(guard.check(&lease(9, 130_000)).is_err());
    }

    /// What it forgot may be held by another node for one lease and what a clock may be ahead.
    #[test]
    fn in_another_incarnation_of_one_that_may_forget_leases_begin_where_all_has_ended() {
        let mut guard = guard_of(&may_lose("a", "1"));
        let other = may_lose("a", "2");
        guard.keep(&other, 200_000, LEASE_MS);
        let refused = guard.check(&lease(1, 200_000)).unwrap_err();
        assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(2001)));
        assert!(refused.to_string().contains("may have forgotten leases of others"), "{refused}");
        guard.keep(&other, 202_001, LEASE_MS);
        assert_eq!(guard.check(&lease(2, 202_001)).unwrap(), 212_000, "from when it was met");
        guard.renewed(&renewal(2, 215_000), 212_001).unwrap();
        guard.keep(&other, 300_000, LEASE_MS);
        assert!(guard.check(&lease(3, 300_000)).unwrap() <= 300_000, "it is over");
    }

    #[test]
    fn one_that_keeps_may_be_started_again() {
        let mut guard = guard_of(&kept());
        guard.keep(&identity("a", "2", Durability::Keeps), 101_000, LEASE_MS);
        assert_eq!(guard.check(&lease(6, 101_000)).unwrap(), 0);
    }

    #[test]
    fn under_another_registry_a_lease_begins_above_what_was_granted() {
        let mut guard = guard_of(&kept());
        guard.keep(&identity("b", "1", Durability::Keeps), 99_000, LEASE_MS);
        let refused = guard.check(&lease(1, 99_000)).unwrap_err();
        assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(1001)));
        assert!(refused.to_string().contains("another registry"), "{refused}");
        assert_eq!(guard.check(&lease(2, 101_000)).unwrap(), 110_000);
    }
}
