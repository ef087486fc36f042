//! The layer over records in memory: every law, lost requests and replies, races.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use idgen_core::Ended;

use super::{Item, Record, RecordRegistry, Records, Turn, Written};
use crate::conformance::{Subject, Task, WorkerSubject};
use crate::fate::{Fate, Road, executor, wait};
use crate::swap::{Found, Swapped};
use crate::{
    Claim, Durability, HostClock, Name, RegistryError, SteppedClock, StoreError, StoreIdentity,
    Wish, WorkerRegistry,
};

/// One text and until when its holder lives.
struct Kept {
    version: u64,
    text: String,
    lives_until_ms: u64,
}

/// The server.
struct Cabinet {
    clock: SteppedClock,
    /// Whether the server tells its clock; else it watches its holders.
    tells_time: bool,
    texts: Mutex<BTreeMap<(Name, Option<u64>), Kept>>,
    versions: AtomicU64,
    road: Road,
    requests: AtomicU64,
}

impl Cabinet {
    fn swap(&self, key: (Name, Option<u64>), seen: Option<u64>, new: Written<'_>) -> Swapped<u64> {
        let mut texts = self.texts.lock().unwrap();
        let now = texts.get(&key).map(|kept| (kept.version, kept.text.clone()));
        if now.as_ref().map(|(version, _)| *version) != seen {
            return Swapped::Stale(now);
        }
        let version = self.versions.fetch_add(1, Ordering::SeqCst) + 1;
        let held_ms = new.held.map_or(0, |(_, ms)| ms);
        let lives_until_ms = self.clock.boot_ms() + held_ms;
        texts.insert(key, Kept { version, text: new.text.to_owned(), lives_until_ms });
        Swapped::Done(version)
    }
}

/// One handle's way to the server.
struct Drawer(Arc<Cabinet>);

fn key(space: &Name, item: Item) -> (Name, Option<u64>) {
    let worker = match item {
        Item::Worker(worker) => Some(worker),
        Item::Layout => None,
    };
    (space.clone(), worker)
}

impl Drawer {
    fn count(&self) {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
    }
}

impl Records for Drawer {
    const SERVER: &'static str = "memory";
    type Version = u64;

    fn place(&self) -> &str {
        "memory:"
    }

    fn answer_timeout(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        Ok(StoreIdentity {
            backend: "memory",
            id: "cabinet".to_owned(),
            incarnation: "1".to_owned(),
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        })
    }

    async fn turn(&self) -> Result<Turn, StoreError> {
        self.count();
        let serial = self.0.versions.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Turn { serial, unix_ms: self.0.tells_time.then(|| self.0.clock.unix_ms()) })
    }

    async fn all(&self, space: &Name) -> Result<Vec<Record<u64>>, StoreError> {
        self.count();
        let texts = self.0.texts.lock().unwrap();
        let of_space = texts.iter().filter(|((name, _), _)| name == space);
        Ok(of_space
            .rev()
            .filter_map(|((_, worker), kept)| {
                let live = kept.lives_until_ms > self.0.clock.boot_ms();
                Some(Record {
                    worker: (*worker)?,
                    version: kept.version,
                    text: kept.text.clone(),
                    live: (!self.0.tells_time).then_some(live),
                })
            })
            .collect())
    }

    async fn load(&self, space: &Name, item: Item) -> Result<Found<u64>, StoreError> {
        self.count();
        let texts = self.0.texts.lock().unwrap();
        Ok(texts.get(&key(space, item)).map(|kept| (kept.version, kept.text.clone())))
    }

    async fn is_gone(&self, space: &Name, worker: u64) -> Result<bool, StoreError> {
        self.count();
        let texts = self.0.texts.lock().unwrap();
        let lives = texts[&key(space, Item::Worker(worker))].lives_until_ms;
        Ok(!self.0.tells_time && lives <= self.0.clock.boot_ms())
    }

    async fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&u64>,
        written: Written<'_>,
    ) -> Result<Swapped<u64>, StoreError> {
        self.count();
        let swap = || self.0.swap(key(space, item), seen.copied(), written);
        self.0.road.travel(swap).await
    }
}

/// A registry whose server tells the time, or watches its holders.
struct Office<const TELLS_TIME: bool>(Arc<Cabinet>);

fn office<const TELLS_TIME: bool>() -> Office<TELLS_TIME> {
    Office(Arc::new(Cabinet {
        clock: SteppedClock::at(1_750_000_000_000),
        tells_time: TELLS_TIME,
        texts: Mutex::default(),
        versions: AtomicU64::new(0),
        road: Road::default(),
        requests: AtomicU64::new(0),
    }))
}

impl<const TELLS_TIME: bool> Office<TELLS_TIME> {
    fn registry(&self) -> RecordRegistry<Drawer> {
        let host = Arc::new(self.0.clock.clone());
        RecordRegistry::with_host(Drawer(Arc::clone(&self.0)), host)
    }

    fn meet(&self, fate: Fate) {
        self.0.road.meet(fate);
    }
}

impl<const TELLS_TIME: bool> Subject for Office<TELLS_TIME> {
    fn run(&self, task: Task<'_>) {
        wait(task);
    }
}

impl<const TELLS_TIME: bool> WorkerSubject for Office<TELLS_TIME> {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        Ok(Arc::new(self.registry()))
    }

    fn now_unix_ms(&self) -> u64 {
        self.0.clock.unix_ms()
    }

    fn pass(&self, ms: u64) {
        self.0.clock.pass(ms);
    }

    fn boot_id(&self) -> Option<String> {
        None
    }

    fn slack_ms(&self) -> u64 {
        // What holders published may be three tenths of a lease old.
        if TELLS_TIME { 2000 } else { 2000 + self.lease_ms() * 3 / 10 }
    }
}

mod with_a_clock {
    crate::worker_laws!(super::office::<true>);
}

mod by_its_holders {
    crate::worker_laws!(super::office::<false>);
}

fn space() -> Name {
    Name::new("parcels").unwrap()
}

fn asking<const TELLS_TIME: bool>(office: &Office<TELLS_TIME>, nonce: u128, wish: Wish) -> Claim {
    Claim {
        ids: 0..=1023,
        wish,
        nonce,
        holder: format!("holder {nonce}"),
        published: String::new(),
        lease_ms: 10_000,
        now_unix_ms: office.0.clock.unix_ms(),
        proof: None,
    }
}

#[test]
fn a_renewal_is_one_request() {
    let office = office::<true>();
    let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
    let claimed = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap();
    let (worker, token) = (claimed.lease.worker(), claimed.lease.token());
    let before = office.0.requests.load(Ordering::SeqCst);
    for _ in 0..10 {
        office.0.clock.pass(3000);
        let now_unix_ms = office.0.clock.unix_ms();
        let renewed = wait(registry.renew(&space(), worker, token, now_unix_ms)).unwrap();
        assert_eq!(renewed.renewal.horizon_unix_ms(), now_unix_ms + 10_000);
    }
    assert_eq!(office.0.requests.load(Ordering::SeqCst) - before, 10);
}

/// Else whoever waits for the id would try once a lease: it cannot be told for how long.
#[test]
fn a_watched_holder_that_is_gone_is_as_good_as_a_release() {
    fn after_a_lease<const TELLS_TIME: bool>() -> [bool; 2] {
        let office = office::<TELLS_TIME>();
        let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
        wait(registry.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap();
        [9999, 1].map(|ms| {
            office.0.clock.pass(ms);
            wait(registry.is_released(&space(), 0)).unwrap()
        })
    }
    assert_eq!(after_a_lease::<false>(), [false, true]);
    assert_eq!(after_a_lease::<true>(), [false, false], "the wait was told");
}

#[test]
fn an_unknown_outcome_is_a_lease_that_lapses() {
    for fate in [Fate::Lost, Fate::ReplyLost, Fate::Silent] {
        let office = office::<true>();
        let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
        office.meet(fate);
        let answer = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any)));
        assert!(matches!(answer, Err(RegistryError::Unavailable(_))), "{fate:?}: {answer:?}");
        let again = wait(registry.claim(&space(), &asking(&office, 2, Wish::Any))).unwrap();
        let lapses = u64::from(fate != Fate::Lost);
        assert_eq!(again.lease.worker(), lapses, "{fate:?}");
        // A repeat of the first call is the lease it was granted.
        let repeated = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap();
        assert_eq!(repeated.lease.worker(), 1 - lapses, "{fate:?}");
    }
}

#[test]
fn a_renewal_outlives_its_lost_reply() {
    for fate in [Fate::Lost, Fate::ReplyLost, Fate::Silent, Fate::SentTwice] {
        let office = office::<true>();
        let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
        let claimed = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap();
        let (worker, token) = (claimed.lease.worker(), claimed.lease.token());
        let now = office.0.clock.unix_ms();
        office.meet(fate);
        let answer = wait(registry.renew(&space(), worker, token, now + 500));
        assert_eq!(answer.is_ok(), fate == Fate::SentTwice, "{fate:?}: {answer:?}");
        let renewed = wait(registry.renew(&space(), worker, token, now + 700)).unwrap();
        assert_eq!(renewed.renewal.horizon_unix_ms(), now + 10_700, "{fate:?}");
        wait(registry.release(&space(), Ended::receipt(worker, token, claimed.lease.floor())))
            .unwrap();
    }
}

#[test]
fn a_renewal_of_what_another_handle_was_granted_meanwhile_is_lost() {
    let office = office::<true>();
    let open = || -> Arc<dyn WorkerRegistry> { Arc::new(office.registry()) };
    let (one, other) = (open(), open());
    let lease = wait(one.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap().lease;
    office.0.clock.pass(10_000);
    wait(other.claim(&space(), &asking(&office, 2, Wish::Exactly(lease.worker())))).unwrap();
    // The first handle still knows the record as it wrote it.
    let now_unix_ms = office.0.clock.unix_ms();
    let answer = wait(one.renew(&space(), lease.worker(), lease.token(), now_unix_ms));
    assert!(matches!(answer, Err(RegistryError::Lost { .. })), "{answer:?}");
}

#[test]
fn a_claim_that_was_sent_twice_is_one_lease() {
    let office = office::<true>();
    let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
    office.meet(Fate::SentTwice);
    let claimed = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any))).unwrap();
    assert_eq!(claimed.lease.worker(), 0);
    assert_eq!(wait(registry.list(&space())).unwrap().len(), 1);
}

#[test]
fn a_layout_that_another_wrote_meanwhile_is_told() {
    let office = office::<true>();
    let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
    office.meet(Fate::SentTwice);
    let answer = wait(registry.put_layout(&space(), 0, "41/10/12"));
    let conflict = matches!(answer, Err(RegistryError::LayoutConflict { version: 1, .. }));
    assert!(conflict, "{answer:?}");
}

#[test]
fn all_that_start_at_once_get_an_id_each() {
    let office = office::<true>();
    let registries: Vec<_> = (0..64).map(|_| Arc::new(office.registry())).collect();
    let claims = registries.into_iter().zip(1..).map(|(registry, nonce)| {
        let claim = asking(&office, nonce, Wish::Any);
        executor().spawn(async move {
            let registry: Arc<dyn WorkerRegistry> = registry;
            registry.claim(&space(), &claim).await.unwrap().lease.worker()
        })
    });
    let claims: Vec<_> = claims.collect();
    let mut workers: Vec<u64> = claims.into_iter().map(|claim| wait(claim).unwrap()).collect();
    workers.sort_unstable();
    assert_eq!(workers, (0..64).collect::<Vec<_>>());
}

#[test]
fn a_holder_that_lives_is_not_judged_by_the_clocks_of_others() {
    let office = office::<false>();
    let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
    let claim = |nonce, wish| wait(registry.claim(&space(), &asking(&office, nonce, wish)));
    assert_eq!(claim(1, Wish::Any).unwrap().lease.worker(), 0);
    office.0.clock.pass(9000);
    // Two later clocks are taken to be up to 3 s old: by them the first lease is over.
    claim(2, Wish::Any).unwrap();
    claim(3, Wish::Any).unwrap();
    let answer = claim(4, Wish::Exactly(0));
    assert!(matches!(answer, Err(RegistryError::Held { .. })), "{answer:?}");
}

#[test]
fn what_is_no_record_of_ours_is_damage() {
    let office = office::<true>();
    let registry: Arc<dyn WorkerRegistry> = Arc::new(office.registry());
    let wrong = Written { text: "idgen worker 9", held: None };
    office.0.swap((space(), Some(3)), None, wrong);
    let answer = wait(registry.claim(&space(), &asking(&office, 1, Wish::Any)));
    let Err(RegistryError::Damaged(said)) = answer else { panic!("{answer:?}") };
    assert!(said.contains("worker id 3 in id space 'parcels'"), "{said}");
    office.0.swap((space(), None), None, Written { text: "41/10/12", held: None });
    let answer = wait(registry.layout(&space()));
    assert!(matches!(answer, Err(RegistryError::Damaged(_))), "{answer:?}");
}
