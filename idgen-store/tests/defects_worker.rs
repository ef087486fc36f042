//! The laws of leased time find what they are there to find: each planted defect of a registry is
//! caught by the law it breaks.
#![cfg(feature = "conformance")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use idgen_core::{Ended, Floor, LeaseToken, Renewal, WorkerLease};
use idgen_store::conformance::{Subject, WorkerSubject, worker};
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Claim, Claimed, HostClock, LayoutRecord, Name, RegistryError, Renewed, SteppedClock,
    StoreIdentity, Wish, WorkerInfo, WorkerRegistry,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Who asks for a held id gets it as well.
    TwoHolders,
    /// A new lease begins at the claimer's clock.
    FloorIsNow,
    /// A proof is taken whatever boot it is of.
    AnyBoot,
    /// An old token renews the current lease.
    OldTokenRenews,
    /// An old token's release is answered with success.
    OldTokenReleases,
    /// A renewal by a slow clock pulls the horizon back.
    HorizonShrinks,
    /// A receipt past the horizon is taken as it is.
    ReceiptUncut,
    /// A receipt loses its sequence number.
    SequenceLost,
    /// Who waits for a release is never told.
    ReleaseUntold,
    /// Who waits for a release is told of none.
    ReleaseAtOnce,
    /// A horizon is granted as far as it was asked for.
    HorizonUncut,
    /// The horizon is cut and the answer does not say so.
    CutUntold,
    /// All ids taken is reported as an outage.
    TakenAsOutage,
    /// A holder loses its id half a lease early.
    EarlyLapse,
    /// A reopen finds an empty registry.
    Forgetful,
    /// A repeated nonce is a new claim.
    NonceForgotten,
}

#[derive(Clone)]
struct Flawed {
    inner: MemoryStore,
    clock: SteppedClock,
    flaw: Flaw,
    raw: Arc<Mutex<HashMap<(Name, u64), Floor>>>,
    nonces: Arc<Mutex<u128>>,
}

fn again(lease: &WorkerLease, floor: Floor, horizon_unix_ms: u64) -> WorkerLease {
    WorkerLease::granted(lease.worker(), lease.token(), floor, horizon_unix_ms).unwrap()
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        let clock = SteppedClock::at(1_750_000_000_000);
        let inner = MemoryStore::with_clock(Arc::new(clock.clone()));
        Self { inner, clock, flaw, raw: Arc::default(), nonces: Arc::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn spoil_claim(&self, claim: &Claim) -> Claim {
        let mut spoilt = claim.clone();
        if self.is(Flaw::NonceForgotten) {
            let mut nonces = self.nonces.lock().unwrap();
            *nonces += 1;
            spoilt.nonce += *nonces << 64;
        }
        if let (Flaw::AnyBoot, Some(proof)) = (self.flaw, &mut spoilt.proof) {
            proof.boot_id = self.clock.boot_id();
        }
        if self.is(Flaw::EarlyLapse) {
            spoilt.lease_ms /= 2;
        }
        spoilt
    }

    fn spoil_lease(&self, space: &Name, claim: &Claim, claimed: Claimed) -> Claimed {
        let lease = &claimed.lease;
        let raw = self.raw.lock().unwrap().get(&(space.clone(), lease.worker())).copied();
        let horizon = lease.horizon_unix_ms();
        let lease = match (self.flaw, raw) {
            (Flaw::FloorIsNow, _) => again(lease, Floor::at(claim.now_unix_ms), horizon),
            (Flaw::ReceiptUncut, Some(raw)) => again(lease, raw, horizon.max(raw.unix_ms + 1)),
            (Flaw::HorizonUncut, _) => {
                again(lease, lease.floor(), horizon.max(claim.now_unix_ms + claim.lease_ms))
            }
            _ => return Claimed { cut: claimed.cut && !self.is(Flaw::CutUntold), ..claimed },
        };
        Claimed { lease, ..claimed }
    }

    async fn current(&self, space: &Name, worker: u64) -> Option<WorkerInfo> {
        let workers = WorkerRegistry::list(&self.inner, space).await.unwrap();
        workers.into_iter().find(|info| info.worker == worker)
    }
}

#[async_trait]
impl WorkerRegistry for Flawed {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        WorkerRegistry::identity(&self.inner).await
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        match self.inner.claim(space, &self.spoil_claim(claim)).await {
            Ok(claimed) => Ok(self.spoil_lease(space, claim, claimed)),
            Err(RegistryError::Held { worker, .. }) if self.is(Flaw::TwoHolders) => {
                let spare = Claim { ids: 1000..=2000, wish: Wish::Any, ..claim.clone() };
                let claimed = self.inner.claim(space, &spare).await?;
                let token = claimed.lease.token();
                let (floor, end) = (claimed.lease.floor(), claimed.lease.horizon_unix_ms());
                let lease = WorkerLease::granted(worker, token, floor, end).unwrap();
                Ok(Claimed { lease, ..claimed })
            }
            Err(RegistryError::AllTaken { .. }) if self.is(Flaw::TakenAsOutage) => {
                Err(RegistryError::Unavailable("no answer".to_owned()))
            }
            Err(other) => Err(other),
        }
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        mut token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        if let (Flaw::OldTokenRenews, Some(info)) = (self.flaw, self.current(space, worker).await) {
            token = info.token;
        }
        let renewed = self.inner.renew(space, worker, token, now_unix_ms).await?;
        let horizon = renewed.renewal.horizon_unix_ms();
        let horizon = match self.flaw {
            Flaw::HorizonShrinks => horizon.min(now_unix_ms + 10_000),
            Flaw::HorizonUncut => horizon.max(now_unix_ms + 10_000),
            _ => horizon,
        };
        let renewal = Renewal::granted(worker, token, horizon);
        Ok(Renewed { renewal, cut: renewed.cut && !self.is(Flaw::CutUntold) })
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        let (worker, token, mut floor) = (ended.worker(), ended.token(), ended.floor());
        self.raw.lock().unwrap().insert((space.clone(), worker), floor);
        if self.is(Flaw::SequenceLost) {
            floor.sequence = 0;
        }
        match self.inner.release(space, Ended::receipt(worker, token, floor)).await {
            Err(RegistryError::Lost { .. }) if self.is(Flaw::OldTokenReleases) => Ok(()),
            other => other,
        }
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        WorkerRegistry::list(&self.inner, space).await
    }

    async fn is_released(&self, space: &Name, worker: u64) -> Result<bool, RegistryError> {
        match self.flaw {
            Flaw::ReleaseUntold => Ok(false),
            Flaw::ReleaseAtOnce => Ok(true),
            _ => self.inner.is_released(space, worker).await,
        }
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        self.inner.layout(space).await
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        self.inner.put_layout(space, expected, text).await
    }
}

impl Subject for Flawed {}

impl WorkerSubject for Flawed {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        Ok(Arc::new(self.clone()))
    }

    fn reopen(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        if self.is(Flaw::Forgetful) { Ok(Arc::new(Self::new(self.flaw))) } else { self.open() }
    }

    fn now_unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    fn pass(&self, ms: u64) {
        self.clock.pass(ms);
    }

    fn set_unix_ms(&self, unix_ms: u64) -> bool {
        self.clock.set_unix_ms(unix_ms);
        true
    }

    fn boot_id(&self) -> Option<String> {
        Some(self.clock.boot_id())
    }
}

fn check(flaw: Flaw, law: worker::Law, said: &str) {
    let violation = law(&Flawed::new(flaw)).expect_err("the law sees the defect").to_string();
    assert!(violation.contains(said), "{flaw:?} was found for another reason: {violation}");
}

#[test]
fn without_a_defect_every_law_holds() {
    for (number, law) in worker::LAWS {
        assert_eq!(law(&Flawed::new(Flaw::None)), Ok(()), "{number}");
    }
}

#[test]
fn two_holders_of_one_id() {
    check(Flaw::TwoHolders, worker::w01_one_holder_per_worker_id, "holders of one worker id");
}

#[test]
fn floors_below_horizons() {
    check(Flaw::FloorIsNow, worker::w02_floors_lie_above_horizons, "below horizon");
    check(Flaw::FloorIsNow, worker::w10_recycled_ids_never_overlap, "which was issued");
    check(Flaw::AnyBoot, worker::w02_floors_lie_above_horizons, "a proof of another boot");
}

#[test]
fn old_tokens_that_act() {
    check(Flaw::OldTokenRenews, worker::w03_only_the_current_token_acts, "renewed by a wrong");
    check(Flaw::OldTokenReleases, worker::w03_only_the_current_token_acts, "released by a wrong");
}

#[test]
fn a_horizon_that_shrinks() {
    check(Flaw::HorizonShrinks, worker::w04_horizons_never_shrink, "a horizon went from");
}

#[test]
fn receipts_taken_wrongly() {
    check(Flaw::ReceiptUncut, worker::w05_a_release_sets_the_next_floor, "after an overshoot");
    check(Flaw::SequenceLost, worker::w05_a_release_sets_the_next_floor, "after a release");
    check(Flaw::ReleaseUntold, worker::w05_a_release_sets_the_next_floor, "just released is not");
    check(Flaw::ReleaseAtOnce, worker::w05_a_release_sets_the_next_floor, "just granted is");
}

#[test]
fn horizons_that_are_not_cut() {
    check(Flaw::HorizonUncut, worker::w06_far_horizons_are_cut, "an hour ahead");
    check(Flaw::CutUntold, worker::w06_far_horizons_are_cut, "cut: false");
}

#[test]
fn a_full_range_confused_with_an_outage() {
    check(Flaw::TakenAsOutage, worker::w07_all_taken_is_counted, "a fifth claim");
}

#[test]
fn a_hold_that_ends_early() {
    check(Flaw::EarlyLapse, worker::w08_held_for_one_lease, "of a lease after the claim");
}

#[test]
fn a_registry_that_forgets() {
    check(Flaw::Forgetful, worker::w09_survives_a_reopen, "after a reopen");
}

#[test]
fn a_nonce_granted_twice() {
    check(Flaw::NonceForgotten, worker::w11_a_nonce_is_one_lease, "the same claim again");
}
