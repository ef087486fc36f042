//! The layer over documents in memory: every law, the twin, lost replies, bounds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::{DocumentStore, Documents, Found, Swapped, text};
use crate::conformance::{SequenceSubject, Subject, Task, block_on};
use crate::fate::{Fate, Road, wait};
use crate::{Definition, Durability, Lease, Name, SequenceStore, StoreError, StoreIdentity, key};

#[path = "../../tests/twin/mod.rs"]
mod twin;

#[derive(Default)]
struct Shelf {
    documents: Mutex<BTreeMap<String, (u64, String)>>,
    versions: AtomicU64,
    requests: AtomicU64,
    road: Road,
    /// Each swap finds another one before it.
    raced: AtomicBool,
}

/// One handle's way to the shelf.
struct Memory(Arc<Shelf>);

impl Memory {
    async fn travel<T>(&self, work: impl Fn(&Shelf) -> T) -> Result<T, StoreError> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        self.0.road.travel(|| work(&self.0)).await
    }
}

impl Documents for Memory {
    const SERVER: &'static str = "memory";
    type Version = u64;

    fn place(&self) -> &str {
        "memory:"
    }

    fn answer_timeout(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let (id, incarnation) = (String::new(), String::new());
        let durability = Durability::Keeps;
        Ok(StoreIdentity { backend: "memory", id, incarnation, durability, ceiling: u64::MAX })
    }

    async fn load(&self, key: &str) -> Result<Found<u64>, StoreError> {
        self.travel(|shelf| shelf.documents.lock().unwrap().get(key).cloned()).await
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&u64>,
        text: &str,
    ) -> Result<Swapped<u64>, StoreError> {
        let swap = |shelf: &Shelf| {
            let mut documents = shelf.documents.lock().unwrap();
            let version = shelf.versions.fetch_add(1, Ordering::SeqCst);
            if shelf.raced.load(Ordering::SeqCst) {
                documents.entry(key.to_owned()).and_modify(|found| found.0 = version);
            }
            if documents.get(key).map(|found| found.0) != seen.copied() {
                return Swapped::Stale(documents.get(key).cloned());
            }
            documents.insert(key.to_owned(), (version, text.to_owned()));
            Swapped::Done(version)
        };
        self.travel(swap).await
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let all = |shelf: &Shelf| {
            let documents = shelf.documents.lock().unwrap();
            documents.iter().map(|(key, (_, text))| (key.clone(), text.clone())).collect()
        };
        self.travel(all).await
    }
}

#[derive(Default)]
struct Place(Arc<Shelf>);

fn fresh() -> Place {
    Place::default()
}

impl Place {
    fn store(&self) -> DocumentStore<Memory> {
        DocumentStore::new(Memory(Arc::clone(&self.0)))
    }

    fn stocked(&self) -> DocumentStore<Memory> {
        let store = self.store();
        wait(store.create(&orders(), &Definition::default())).unwrap();
        store
    }

    fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    fn next(&self, fate: Fate) {
        self.0.road.meet(fate);
    }

    fn document(&self) -> String {
        self.0.documents.lock().unwrap()[&key::encode("orders")].1.clone()
    }
}

impl Subject for Place {
    fn run(&self, task: Task<'_>) {
        wait(task);
    }
}

impl SequenceSubject for Place {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(Arc::new(self.store()))
    }
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

fn lease(store: &DocumentStore<Memory>, len: u64) -> Result<Lease, StoreError> {
    wait(store.lease(&orders(), len, 0))
}

crate::sequence_laws!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn twins_say_the_same(steps in prop::collection::vec(twin::step(), 1..60)) {
        wait(twin::compare(&fresh().store(), &steps))?;
    }
}

#[test]
fn a_lease_is_one_round_trip() {
    let place = fresh();
    let store = place.stocked();
    let before = place.requests();
    let leases: Vec<Lease> = (0..50).map(|_| lease(&store, 10).unwrap()).collect();
    wait(store.hand_back(&orders(), &leases[49])).unwrap();
    assert_eq!(lease(&store, 10).unwrap().range, leases[49].range);
    assert_eq!(place.requests() - before, 52);
}

#[test]
fn a_lost_reply_is_a_gap_at_most() {
    for (fate, gap) in [(Fate::Lost, 0), (Fate::ReplyLost, 10), (Fate::Silent, 10)] {
        let place = fresh();
        let store = place.stocked();
        let end = lease(&store, 10).unwrap().range.last();
        place.next(fate);
        let lost = lease(&store, 10).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{fate:?}: {lost}");
        assert_eq!(lease(&store, 10).unwrap().range.start(), end + gap + 1, "{fate:?}");
    }
}

/// The swap of a caller that went away may take effect at any time later.
#[test]
fn a_late_swap_changes_nothing() {
    let place = fresh();
    let store = place.stocked();
    let first = lease(&store, 10).unwrap().range;
    let (version, stale) = place.0.documents.lock().unwrap()["orders"].clone();
    let next = lease(&store, 10).unwrap().range;
    let swapped = wait(Memory(Arc::clone(&place.0)).swap("orders", Some(&version), &stale));
    assert!(matches!(swapped, Ok(Swapped::Stale(Some(_)))), "{swapped:?}");
    assert_eq!((first.last(), next.start(), next.last()), (10, 11, 20));
    assert_eq!(lease(&store, 1).unwrap().range.start(), 21);
}

#[test]
fn what_was_kept_is_never_the_ground_of_a_refusal() {
    let place = fresh();
    let (one, other) = (place.stocked(), place.store());
    lease(&one, 5).unwrap();
    wait(other.delete(&orders())).unwrap();
    assert!(matches!(lease(&one, 5), Err(StoreError::Unknown { .. })));
    wait(other.create(&orders(), &Definition::default())).unwrap();
    assert_eq!(lease(&one, 5).unwrap().range.start(), 6, "it is there again");
    wait(other.advance_to(&orders(), u64::MAX)).unwrap();
    assert!(matches!(lease(&one, 5), Err(StoreError::Exhausted { .. })));
    let given = lease(&one, 0).unwrap_err();
    assert!(matches!(given, StoreError::Refused(_)), "{given}");
}

#[test]
fn a_full_document_never_holds_a_lease_up() {
    let place = fresh();
    let store = place.store();
    let definition = Definition::new(u64::MAX / 2, 1, 0, u64::MAX, Default::default()).unwrap();
    wait(store.create(&orders(), &definition)).unwrap();
    let leases: Vec<Lease> = (0..200).map(|_| lease(&store, 1 << 40).unwrap()).collect();
    let old = wait(store.hand_back(&orders(), &leases[0])).unwrap_err();
    assert!(matches!(old, StoreError::NotCurrent { serial: 1, .. }), "{old}");
    let mut above = leases[199].range.last();
    for turn in 1..=300 {
        let fresh = wait(store.lease(&orders(), 7, above)).unwrap();
        wait(store.hand_back(&orders(), &fresh)).unwrap();
        above = fresh.range.last();
        assert!(place.document().len() <= text::MOST_BYTES, "turn {turn}");
    }
    let info = wait(store.describe(&orders())).unwrap();
    assert_eq!(info.returned, 7 * 64, "the last tails are kept");
    assert_eq!(lease(&store, 9).unwrap().range.last(), above - 7 * 63, "the lowest first");
}

#[test]
fn many_handles_race_and_all_get_theirs() {
    let place = fresh();
    place.stocked();
    let leases = wait(async {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let store = place.store();
                tokio::spawn(async move {
                    let mut leases = Vec::new();
                    for _ in 0..50 {
                        leases.push(store.lease(&orders(), 3, 0).await.unwrap().range);
                    }
                    leases
                })
            })
            .collect();
        let mut leases = Vec::new();
        for caller in callers {
            leases.extend(caller.await.unwrap());
        }
        leases
    });
    let mut starts: Vec<u64> = leases.iter().map(|range| range.start()).collect();
    starts.sort_unstable();
    assert!(starts.windows(2).all(|pair| pair[0] + 3 == pair[1]), "{starts:?}");
}

#[test]
fn callers_of_one_handle_do_not_race() {
    let place = fresh();
    let store = Arc::new(place.stocked());
    let before = place.requests();
    wait(async {
        let callers: Vec<_> = (0..1000)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.lease(&orders(), 10, 0).await.unwrap() })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    assert_eq!(place.requests() - before, 1000);
}

#[test]
fn losing_for_ever_ends_in_time_and_says_so() {
    let place = fresh();
    let store = place.stocked();
    place.0.raced.store(true, Ordering::SeqCst);
    let lost = lease(&store, 1).unwrap_err().to_string();
    assert!(lost.contains("memory:: within 500 ms others changed the sequence"), "{lost}");
    place.0.raced.store(false, Ordering::SeqCst);
    assert_eq!(lease(&store, 1).unwrap().range.start(), 1);
}

#[test]
fn those_who_waited_share_an_outage() {
    let place = fresh();
    let store = Arc::new(place.stocked());
    place.next(Fate::Silent);
    let before = place.requests();
    let errors = wait(async {
        let callers: Vec<_> = (0..100)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.lease(&orders(), 1, 0).await })
            })
            .collect();
        let mut errors = 0;
        for caller in callers {
            errors += u64::from(caller.await.unwrap().is_err());
        }
        errors
    });
    assert_eq!((errors, place.requests() - before), (100, 1));
    assert_eq!(lease(&store, 1).unwrap().range.start(), 2, "the silent one is a gap");
}

#[test]
fn another_text_is_damaged_and_named() {
    let place = fresh();
    let store = place.stocked();
    lease(&store, 10).unwrap();
    let text = place.document();
    let broken = [
        text.replace("idgen sequence 1", "idgen sequence 2"),
        text.replace("bound 10", "bound 010"),
        text.replace("bound 10", "bound 9"),
        text.replace("increment 1", "increment 0"),
        text.replace("deleted no", "deleted No"),
        text.replace("1:1+10", "2:1+10"),
        text.replace("1:1+10", "1:1+0"),
        text.replace("order leased\n", ""),
        format!("{text}more 1\n"),
        text.trim_end().to_owned(),
        String::new(),
    ];
    for broken in broken {
        assert_ne!(broken, text);
        place.0.documents.lock().unwrap().insert("orders".to_owned(), (77, broken.clone()));
        let damaged = wait(place.store().lease(&orders(), 1, 0)).unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged(_)), "{broken}: {damaged}");
        let said = damaged.to_string();
        assert!(said.contains("memory:: document orders is not as"), "{said}");
        assert_eq!(place.document(), broken, "it is left as it was");
    }
}

#[test]
fn a_text_is_what_the_page_shows() {
    let place = fresh();
    let store = place.stocked();
    let leases: Vec<Lease> = (0..3).map(|_| lease(&store, 100).unwrap()).collect();
    let tail = leases[0].range.part(50, 50).unwrap();
    let tail = Lease { range: tail, serial: leases[0].serial };
    wait(store.hand_back(&orders(), &tail)).unwrap();
    let page = include_str!("text.rs").lines().skip(3).take(12);
    let page: Vec<&str> = page.map(|line| line.trim_start_matches("//! ")).collect();
    assert_eq!(place.document().lines().collect::<Vec<_>>(), page);
}

#[test]
fn outside_tokio_the_store_says_so() {
    let refused = block_on(fresh().store().identity()).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("tokio runtime")));
}
