//! One id space as a node sees it, and all its worker ids claimed, released and claimed again.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeSet;
use std::sync::Arc;

use idgen_core::{Ended, Floor, LeaseToken, WorkerLease};
use idgen_store::{Claim, Claimed, Name, RegistryError, Renewed, Wish, WorkerInfo, WorkerRegistry};
use tokio::task::JoinSet;

/// Longer than any test but the laws waits.
const LEASE_MS: u64 = 60_000;
/// How many claim, renew or release at once.
const AT_ONCE: usize = 16;

/// One id space as a node sees it.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) registry: Arc<dyn WorkerRegistry>,
    pub(crate) space: Name,
    pub(crate) ids: u64,
}

impl Desk {
    /// An id space of 64 worker ids.
    pub(crate) fn of(registry: Arc<dyn WorkerRegistry>) -> Self {
        Self { registry, space: Name::new("parcels").unwrap(), ids: 64 }
    }

    pub(crate) async fn claim(&self, wish: Wish) -> Result<Claimed, RegistryError> {
        let nonce = nonce();
        let claim = Claim {
            ids: 0..=self.ids - 1,
            wish,
            nonce,
            holder: format!("holder {nonce:x}"),
            published: String::new(),
            lease_ms: LEASE_MS,
            now_unix_ms: now_unix_ms(),
            proof: None,
        };
        self.registry.claim(&self.space, &claim).await
    }

    pub(crate) async fn renew(&self, lease: &WorkerLease) -> Result<Renewed, RegistryError> {
        let (worker, token) = (lease.worker(), lease.token());
        self.registry.renew(&self.space, worker, token, now_unix_ms()).await
    }

    pub(crate) async fn release(
        &self,
        worker: u64,
        token: LeaseToken,
        floor: Floor,
    ) -> Result<(), RegistryError> {
        self.registry.release(&self.space, Ended::receipt(worker, token, floor)).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<WorkerInfo>, RegistryError> {
        self.registry.list(&self.space).await
    }

    /// All ids of a layout of 10 bits, ten times; by default 96 of them, twice.
    pub(crate) async fn grant_every_id(mut self) {
        let (ids, rounds) = if is_full() { (1024, 10) } else { (96, 2) };
        self.ids = ids;
        let mut used = Used::default();
        for round in 0..rounds {
            let began = std::time::Instant::now();
            used = self.grant_each_once(&used).await;
            eprintln!("round {round}: {ids} ids in {:.1?}", began.elapsed());
        }
    }

    /// Claims every id, one more, and releases them all where their leases began.
    async fn grant_each_once(&self, before: &Used) -> Used {
        let claimed = self.claim_all().await;
        assert_eq!(workers(&claimed), (0..self.ids).collect());
        // On a busy machine to claim a thousand may take longer than a lease.
        self.renew_all(&claimed).await;
        match self.claim(Wish::Any).await {
            Err(RegistryError::AllTaken { count, .. }) => assert_eq!(count, self.ids),
            other => panic!("one more: {other:?}"),
        }
        let tokens = || claimed.iter().map(|claimed| claimed.lease.token());
        assert!(tokens().all(|token| token.serial > before.serial), "a serial came back");
        let floors = || claimed.iter().map(|claimed| claimed.lease.floor());
        assert!(floors().all(|floor| floor >= before.floor), "a floor below one that was used");
        let serial = tokens().map(|token| token.serial).max().unwrap();
        let used = Used { serial, floor: floors().min().unwrap() };
        self.release_all(claimed).await;
        used
    }

    async fn claim_all(&self) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        for from in (0..self.ids).step_by(AT_ONCE) {
            let claim = |worker: u64| {
                let desk = self.clone();
                async move { desk.claim(Wish::Prefer(worker)).await.unwrap() }
            };
            let ids = from..self.ids.min(from + AT_ONCE as u64);
            claimed.extend(ids.map(claim).collect::<JoinSet<_>>().join_all().await);
        }
        claimed
    }

    async fn renew_all(&self, claimed: &[Claimed]) {
        for Claimed { lease, .. } in claimed {
            self.renew(lease).await.unwrap();
        }
    }

    async fn release_all(&self, claimed: Vec<Claimed>) {
        for some in claimed.chunks(AT_ONCE) {
            let release = |Claimed { lease, .. }: &Claimed| {
                let (desk, worker, token) = (self.clone(), lease.worker(), lease.token());
                let floor = lease.floor();
                async move { desk.release(worker, token, floor).await.unwrap() }
            };
            some.iter().map(release).collect::<JoinSet<_>>().join_all().await;
        }
    }
}

/// The greatest serial and the least floor of a round.
#[derive(Default)]
struct Used {
    serial: u64,
    floor: Floor,
}

/// Whether tests run at the promised length.
pub(crate) fn is_full() -> bool {
    std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1")
}

/// This host's clock.
pub(crate) fn now_unix_ms() -> u64 {
    u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// One that no other claim has.
fn nonce() -> u128 {
    use std::hash::BuildHasher;
    let random = || u128::from(std::collections::hash_map::RandomState::new().hash_one(0));
    random() << 64 | random()
}

/// The worker ids of claims that were answered.
fn workers(claims: &[Claimed]) -> BTreeSet<u64> {
    claims.iter().map(|claimed| claimed.lease.worker()).collect()
}
