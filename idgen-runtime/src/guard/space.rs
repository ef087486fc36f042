//! The marks of one id space: does its registry still know what it leased to this node?
//!
//! - The same registry that counts a lease below one it had counted went back, and so did one that
//!   renews up to less than it had granted. Then this node issues nothing more of the id space:
//!   that a later lease counts higher, because others have claimed, proves nothing. With a state
//!   directory that holds over restarts, until an operator thaws the id space.
//! - A registry that may forget, in another incarnation, and each one after a thaw, may have
//!   forgotten leases of *other* nodes, who issue under them until they are told. All such leases
//!   end one lease and 2 s after this node met it, so its own begin there, also those of another
//!   generator and after a restart. Renewals need not wait: what is renewed was not forgotten.
//! - Under another registry a lease begins above every horizon that this node was granted, and
//!   after a thaw above the time that the operator named.

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

    /// Why nothing more is issued: the registry was seen to have gone back, by this process or an
    /// earlier one, and the id space was not thawed since.
    pub(crate) fn frozen(&mut self) -> Option<IssueError> {
        if self.is_frozen()
            && let Err(error) = self.journal.refresh()
        {
            tracing::warn!(%error, "the journal cannot be read again");
        }
        if self.is_frozen() {
            return Some(
                self.frozen.clone().unwrap_or_else(|| {
                    self.told_frozen("went back, as this node saw some time ago")
                }),
            );
        }
        if self.frozen.take().is_some() {
            // Thawed: the registry is met anew.
            self.store.clear();
        }
        None
    }

    fn is_frozen(&self) -> bool {
        let freeze = self.journal.mark(Kind::Freeze, self.space.as_str());
        freeze != Mark::default() && freeze.generation >= self.mark().generation
    }

    /// A claim is about to be sent: what it is granted is newer than all that is marked now.
    pub(crate) fn claiming(&mut self) {
        self.before = Some(self.mark());
    }

    /// Which registry the next leases are of; they last for `lease_ms`.
    pub(crate) fn keep(&mut self, identity: &StoreIdentity, now_unix_ms: u64, lease_ms: u64) {
        let store = store_key(identity);
        if store != self.store {
            // Saturated, it lies beyond every lease, and none is taken.
            let latest_ms = now_unix_ms.saturating_add(lease_ms).saturating_add(SLACK_MS);
            self.clear_ms = self.meet(identity, &store, latest_ms);
        }
        self.store = store;
    }

    /// From when on all has ended that a registry may have forgotten, if it was met now.
    fn meet(&self, identity: &StoreIdentity, store: &str, latest_ms: u64) -> u64 {
        let (mark, clear) = (self.mark(), self.journal.mark(Kind::Clear, self.space.as_str()));
        // The serial tells since which thaw.
        if clear.store == store && clear.serial == mark.generation {
            // Another generator met it, or an earlier process: by a clock that was ahead, perhaps.
            return clear.end.min(latest_ms);
        }
        if !is_thawed(&mark) && !has_other_incarnation(&mark.store, identity) {
            return 0;
        }
        self.write(
            Kind::Clear,
            &Mark {
                generation: clear.generation + 1,
                store: store.to_owned(),
                serial: mark.generation,
                end: latest_ms,
            },
        );
        latest_ms
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
            let what = format!("granted lease {serial} after lease {seen}, so it went back");
            return Err(self.freeze(&what));
        }
        let granted_ms = if is_known { 0 } else { mark.end };
        let from_ms = granted_ms.max(self.clear_ms);
        if from_ms >= lease.horizon_unix_ms() {
            return Err(self.behind(&mark, granted_ms, lease.horizon_unix_ms()));
        }
        self.record(serial, lease.horizon_unix_ms());
        Ok(from_ms)
    }

    /// Marks a horizon, before an id is issued under it. `held_ms` is how far the lease was
    /// granted before.
    pub(crate) fn renewed(&mut self, renewal: &Renewal, held_ms: u64) -> Result<(), IssueError> {
        let horizon_ms = renewal.horizon_unix_ms();
        if horizon_ms < held_ms {
            let what = format!(
                "renewed up to {horizon_ms} ms what it had granted up to {held_ms}, so it went back"
            );
            return Err(self.freeze(&what));
        }
        self.record(renewal.token().serial, horizon_ms);
        Ok(())
    }

    fn mark(&self) -> Mark {
        self.journal.mark(Kind::Space, self.space.as_str())
    }

    fn record(&self, serial: u64, end: u64) {
        // The journal keeps the higher: another generator's newer lease stays marked.
        let (generation, store) = (self.mark().generation, self.store.clone());
        let seen = Mark { generation, store, serial, end };
        self.write(Kind::Space, &seen);
    }

    fn write(&self, kind: Kind, mark: &Mark) {
        if let Err(error) = self.journal.record(kind, self.space.as_str(), mark) {
            tracing::warn!(%error, "the guard journal cannot be written; a registry that goes back \
                may go unnoticed after a restart; make room or mend the state directory");
        }
    }

    fn freeze(&mut self, what: &str) -> IssueError {
        let freeze = Mark { store: self.store.clone(), ..self.mark() };
        self.write(Kind::Freeze, &freeze);
        if let Err(error) = self.journal.sync() {
            tracing::warn!(%error, "the freeze may be forgotten if this machine loses power");
        }
        let frozen = self.told_frozen(what);
        self.frozen = Some(frozen.clone());
        frozen
    }

    fn told_frozen(&self, what: &str) -> IssueError {
        let (space, end) = (&self.space, self.mark().end);
        let message = format!(
            "id space '{space}' is frozen: its registry {what}; restore the newer registry, or \
             keep this one; if no node was granted time beyond {end} ms: idgen worker thaw SPACE \
             --above {end}"
        );
        IssueError::new(Cause::Frozen, message)
    }

    /// Of the reasons the one that lasts longest.
    fn behind(&self, mark: &Mark, granted_ms: u64, horizon_ms: u64) -> IssueError {
        let (space, from_ms) = (&self.space, granted_ms.max(self.clear_ms));
        let message = if granted_ms < from_ms {
            format!(
                "the registry of id space '{space}' went back, was restarted or replaced and may \
                 have forgotten leases of others, which end by {from_ms} ms since 1970; wait"
            )
        } else if is_thawed(mark) {
            format!("id space '{space}' was thawed above {from_ms} ms since 1970; wait")
        } else {
            format!(
                "another registry stands in the place of id space '{space}' and this node was \
                 granted time up to {from_ms} ms since 1970; wait, or put the earlier registry back"
            )
        };
        IssueError::new(Cause::ClockHold, message).retry(from_ms - horizon_ms + 1)
    }
}

/// Whether nothing was granted since a thaw.
fn is_thawed(mark: &Mark) -> bool {
    mark.generation > 0 && mark.store.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{identity, may_lose};
    use super::super::thaw_space_beside;
    use super::*;
    use idgen_core::{Floor, LeaseToken};
    use idgen_store::Durability;
    use std::path::Path;

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

    fn guard_in(dir: Option<&Path>) -> SpaceGuard {
        SpaceGuard::new(Arc::new(Journal::open(dir).unwrap()), Name::new("events").unwrap())
    }

    /// A guard that was granted lease 5 up to 110,000 ms by this registry.
    fn guard_of(identity: &StoreIdentity) -> SpaceGuard {
        let mut guard = guard_in(None);
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

    /// A registry that counted lease 9 and counts from 3 on; restarts, or others, bring it to 10.
    #[test]
    fn a_freeze_outlives_the_process_however_far_the_registry_counts_then() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = guard_in(Some(dir.path()));
        guard.keep(&kept(), 100_000, LEASE_MS);
        guard.check(&lease(9, 100_000)).unwrap();
        assert_eq!(guard.frozen(), None);
        guard.check(&lease(3, 120_000)).unwrap_err();
        drop(guard);

        let mut guard = guard_in(Some(dir.path()));
        let frozen = guard.frozen().expect("not forgotten");
        assert_eq!(frozen.cause(), Cause::Frozen);
        assert!(frozen.to_string().contains("thaw SPACE --above 110000"), "{frozen}");
        guard.keep(&kept(), 130_000, LEASE_MS);
        assert_eq!(guard.check(&lease(10, 130_000)).unwrap_err(), frozen);
    }

    fn thaw(dir: &Path, space: &str, above: u64) -> Result<(), String> {
        thaw_space_beside(dir, &Name::new(space).unwrap(), above).map_err(|it| it.to_string())
    }

    #[test]
    fn after_a_thaw_leases_begin_where_all_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = guard_in(Some(dir.path()));
        guard.keep(&kept(), 100_000, LEASE_MS);
        guard.check(&lease(5, 100_000)).unwrap();
        let refused = thaw(dir.path(), "events", 110_000).unwrap_err();
        assert!(refused.contains("is not frozen"), "{refused}");
        guard.check(&lease(4, 120_000)).unwrap_err();
        assert!(thaw(dir.path(), "others", 200_000).unwrap_err().contains("is not frozen"));
        let refused = thaw(dir.path(), "events", 109_999).unwrap_err();
        assert!(refused.contains("up to 110000 ms"), "{refused}");
        thaw(dir.path(), "events", 110_000).unwrap();
        assert!(thaw(dir.path(), "events", 110_000).unwrap_err().contains("is not frozen"));

        assert_eq!(guard.frozen(), None, "a process that runs follows");
        // Others may hold what the registry forgot.
        guard.keep(&kept(), 121_000, LEASE_MS);
        assert_eq!(guard.check(&lease(6, 125_000)).unwrap(), 133_000);
        let mut other = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
        other.keep(&kept(), 122_000, LEASE_MS);
        assert_eq!(other.check(&lease(7, 125_000)).unwrap(), 133_000, "another generator");
        drop((guard, other));
        let mut guard = guard_in(Some(dir.path()));
        assert_eq!(guard.frozen(), None, "a restart neither");
        guard.keep(&kept(), 123_000, LEASE_MS);
        assert_eq!(guard.check(&lease(8, 125_000)).unwrap(), 133_000, "nor before it is over");
        assert_eq!(guard.check(&lease(8, 135_000)).unwrap_err().cause(), Cause::Frozen, "anew");
    }

    #[test]
    fn after_a_thaw_leases_begin_above_the_time_that_was_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = guard_in(Some(dir.path()));
        guard.keep(&kept(), 100_000, LEASE_MS);
        guard.check(&lease(5, 100_000)).unwrap();
        guard.check(&lease(4, 120_000)).unwrap_err();
        // A node had a clock that was ahead.
        thaw(dir.path(), "events", 500_000).unwrap();
        assert_eq!(guard.frozen(), None);
        guard.keep(&kept(), 121_000, LEASE_MS);
        let refused = guard.check(&lease(5, 125_000)).unwrap_err();
        assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(365_001)));
        assert!(refused.to_string().contains("thawed above 500000 ms"), "{refused}");
        assert_eq!(guard.check(&lease(6, 495_000)).unwrap(), 500_000);
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
        let mut second = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
        second.keep(&other, 203_000, LEASE_MS);
        assert_eq!(second.check(&lease(3, 203_000)).unwrap(), 212_000, "by another generator");
        let mut second = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
        second.keep(&other, 195_000, LEASE_MS);
        assert_eq!(second.check(&lease(4, 202_001)).unwrap(), 207_000, "the clock was ahead then");
        guard.renewed(&renewal(2, 215_000), 212_001).unwrap();
        guard.keep(&other, 300_000, LEASE_MS);
        assert!(guard.check(&lease(5, 300_000)).unwrap() <= 300_000, "it is over");
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
