//! Renewals: a generator that has counted its fill, and a registry that answers wrongly.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use idgen_core::{Clock, Ended, Floor, LeaseToken, Renewal, WorkerLease};
use idgen_runtime::snowflake::Layout;
use idgen_runtime::store::{
    self, Claim, Claimed, LayoutRecord, Name, OpenStore, RegistryError, Renewed, StoreIdentity,
    WorkerInfo, WorkerRegistry,
};
use idgen_runtime::{Cause, ExactClock, Runtime, Settings, SnowflakeSettings, Snowflakes};

/// A registry that counts renewals and, on command, answers them for another lease or not at all.
struct Odd {
    inner: Arc<dyn WorkerRegistry>,
    renewals: AtomicU64,
    foreign: AtomicBool,
    down: AtomicBool,
    /// Renewals are never answered.
    silent: AtomicBool,
    /// The next claim answers a lease whose generator is nearly full.
    old: AtomicBool,
}

/// How far a generator with 32 sequence bits counts, in ticks of 1 ms.
const COUNTED_MS: u64 = 1 << 30;

impl Odd {
    fn open() -> (Arc<Self>, OpenStore) {
        let mut open = store::open("memory:").unwrap();
        let odd = Arc::new(Self {
            inner: open.workers.clone().unwrap(),
            renewals: AtomicU64::new(0),
            foreign: AtomicBool::new(false),
            down: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            old: AtomicBool::new(true),
        });
        open.workers = Some(odd.clone());
        (odd, open)
    }
}

#[async_trait]
impl WorkerRegistry for Odd {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        self.inner.identity().await
    }

    /// So that a state directory brings a soft horizon, which requests raise between renewals.
    fn is_of_this_host(&self) -> bool {
        true
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        let Claimed { lease, wait_ms, cut } = self.inner.claim(space, claim).await?;
        let floor = if self.old.swap(false, Ordering::SeqCst) {
            Floor::at(claim.now_unix_ms - COUNTED_MS + 2000)
        } else {
            lease.floor()
        };
        let horizon = lease.horizon_unix_ms();
        let lease = WorkerLease::granted(lease.worker(), lease.token(), floor, horizon).unwrap();
        Ok(Claimed { lease, wait_ms, cut })
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(RegistryError::Unavailable("planted outage".into()));
        }
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let Renewed { renewal, cut } = self.inner.renew(space, worker, token, now_unix_ms).await?;
        let foreign = LeaseToken { serial: token.serial + 1, nonce: token.nonce };
        let token = if self.foreign.load(Ordering::SeqCst) { foreign } else { token };
        Ok(Renewed { renewal: Renewal::granted(worker, token, renewal.horizon_unix_ms()), cut })
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        self.inner.release(space, ended).await
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        self.inner.list(space).await
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

/// A generator that is full after 1 s, or with a soft horizon after 1.9 s.
fn short(open: OpenStore, state_dir: Option<PathBuf>) -> (Runtime, Arc<Snowflakes>) {
    let layout = Layout::builder(31)
        .epoch_unix_ms(ExactClock.unix_ms() - COUNTED_MS)
        .sequence(32)
        .try_build()
        .unwrap();
    let settings = Settings { lease_ms: 1000, state_dir, ..Settings::default() };
    let runtime = Runtime::start(open, settings).unwrap();
    let space = SnowflakeSettings::new("short", &layout).unwrap();
    let snowflakes = runtime.snowflakes_blocking(space).unwrap();
    (runtime, snowflakes)
}

fn take_for(snowflakes: &Snowflakes, time: Duration) -> Vec<u64> {
    let mut ids = Vec::new();
    let until = Instant::now() + time;
    while Instant::now() < until {
        let deadline = Instant::now() + Duration::from_millis(100);
        let max = NonZeroU64::new(3).unwrap();
        if let Ok(range) = futures_lite::future::block_on(snowflakes.take(0, max, deadline)) {
            ids.extend(range.iter());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    ids
}

#[test]
fn a_generator_that_has_counted_its_fill_goes_on_in_another() {
    let (odd, open) = Odd::open();
    let (_runtime, snowflakes) = short(open, None);
    let begun = Instant::now();
    let ids = take_for(&snowflakes, Duration::from_secs(4));
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(snowflakes.next_id_blocking(begun + Duration::from_secs(5)).is_ok());
    assert!(odd.renewals.load(Ordering::SeqCst) < 60);
}

#[test]
fn a_generator_that_cannot_be_replaced_is_claimed_anew() {
    let (odd, open) = Odd::open();
    let (_runtime, snowflakes) = short(open, None);
    odd.foreign.store(true, Ordering::SeqCst);
    let before = take_for(&snowflakes, Duration::from_secs(2));
    odd.foreign.store(false, Ordering::SeqCst);
    assert!(odd.renewals.load(Ordering::SeqCst) < 30, "renewed without a pause");
    let after = snowflakes.next_id_blocking(Instant::now() + Duration::from_secs(4)).unwrap();
    assert!(after > *before.last().unwrap());
}

#[test]
fn a_full_generator_does_not_storm_a_registry_that_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let (odd, open) = Odd::open();
    let (_runtime, snowflakes) = short(open, Some(dir.path().to_owned()));
    take_for(&snowflakes, Duration::from_millis(1700));
    odd.down.store(true, Ordering::SeqCst);
    let before = odd.renewals.load(Ordering::SeqCst);
    take_for(&snowflakes, Duration::from_millis(1500));
    let storm = odd.renewals.load(Ordering::SeqCst) - before;
    assert!(storm < 20, "{storm} renewals in 1.5 s");
}

/// The lease is over long before the store's time to answer is.
#[test]
fn a_silent_registry_is_named_and_not_the_clock() {
    let (odd, open) = Odd::open();
    odd.old.store(false, Ordering::SeqCst);
    let store_timeout = Duration::from_secs(30);
    let settings = Settings { lease_ms: 1000, store_timeout, ..Settings::default() };
    let runtime = Runtime::start(open, settings).unwrap();
    let layout = Layout::builder(41).node("worker", 10).sequence(12).build();
    let space = SnowflakeSettings::new("silent", &layout).unwrap();
    let snowflakes = runtime.snowflakes_blocking(space).unwrap();
    odd.silent.store(true, Ordering::SeqCst);
    let refused = loop {
        match snowflakes.next_id_blocking(Instant::now() + Duration::from_millis(100)) {
            Ok(_) => std::thread::sleep(Duration::from_millis(5)),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.cause(), Cause::StoreDown, "{refused}");
    assert!(refused.to_string().contains("has not answered for"), "{refused}");
    assert_eq!(snowflakes.trouble().map(|trouble| trouble.cause()), Some(Cause::StoreDown));
}
