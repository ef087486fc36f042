//! Several stores at once: no id twice, each store watched by itself, and on with one of them down.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use idgen_store::conformance::{SequenceSubject, Subject, block_on, sequence};
use idgen_store::memory::MemoryStore;
use idgen_store::set::StoreSet;
use idgen_store::{
    Alteration, Arrival, Created, Definition, Lease, Name, Order, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

mod scratch;

use scratch::Scratch;

/// A store that can be cut off.
#[derive(Clone)]
struct Cut {
    inner: Arc<dyn SequenceStore>,
    down: Arc<AtomicBool>,
}

impl Cut {
    fn new(inner: impl SequenceStore + 'static) -> Self {
        Self { inner: Arc::new(inner), down: Arc::default() }
    }

    fn reach(&self) -> Result<&dyn SequenceStore, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("cut off".to_owned()));
        }
        Ok(self.inner.as_ref())
    }
}

#[async_trait]
impl SequenceStore for Cut {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.reach()?.identity().await
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        self.reach()?.notes().await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.reach()?.create(name, definition).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.reach()?.lease(name, len, above).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.reach()?.hand_back(name, tail).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.reach()?.last(name).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.reach()?.advance_to(name, above).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.reach()?.alter(name, alteration).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.reach()?.list().await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.reach()?.describe(name).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.reach()?.delete(name).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.reach()?.move_in(name, arrival).await
    }
}

fn set(stores: &[&Cut]) -> StoreSet {
    let member = |(at, store): (usize, &&Cut)| {
        let store: Arc<dyn SequenceStore> = Arc::new((*store).clone());
        (store, format!("store {at}"))
    };
    StoreSet::new(stores.iter().enumerate().map(member).collect()).unwrap()
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

fn of(increment: u64, offset: u64) -> Definition {
    Definition::new(1, increment, offset, u64::MAX, Order::Leased).unwrap()
}

fn ids(lease: &Lease) -> Vec<u64> {
    lease.range.into_iter().collect()
}

/// Each lease lies above the one before, whichever store it comes from.
#[test]
fn stores_lease_in_turn_and_go_on_without_one() {
    let (odd, even) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    let both = set(&[&odd, &even]);
    assert_eq!(block_on(both.create(&orders(), &of(1, 0))).unwrap(), Created::New);
    assert_eq!(block_on(both.create(&orders(), &of(1, 0))).unwrap(), Created::Unchanged);
    let mut above = 0;
    let mut lease = || {
        let lease = block_on(both.lease(&orders(), 3, above)).unwrap();
        assert!(lease.range.start() > above);
        above = lease.range.last();
        lease
    };
    let first = (ids(&lease()), ids(&lease()));
    let either = [(vec![1, 3, 5], vec![6, 8, 10]), (vec![2, 4, 6], vec![7, 9, 11])];
    assert!(either.contains(&first), "{first:?}");
    let left = block_on(even.describe(&orders())).unwrap().definition.offset();
    odd.down.store(true, Ordering::SeqCst);
    let alone: Vec<u64> = (0..4).map(|_| lease().range.start() % 2).collect();
    assert_eq!(alone, [left; 4], "one store is down");
    odd.down.store(false, Ordering::SeqCst);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again: Vec<u64> = (0..4).map(|_| lease().range.start() % 2).collect();
    assert_eq!(again.iter().sum::<u64>(), 2, "both lease again: {again:?}");
    odd.down.store(true, Ordering::SeqCst);
    even.down.store(true, Ordering::SeqCst);
    let down = block_on(both.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(&down, StoreError::Unavailable(said) if said.contains("store ")), "{down}");
}

#[test]
fn a_tail_goes_back_to_the_store_it_came_from() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    let both = set(&[&one, &other]);
    block_on(both.create(&orders(), &of(1, 0))).unwrap();
    let leases: Vec<Lease> =
        (0..2).map(|_| block_on(both.lease(&orders(), 10, 0)).unwrap()).collect();
    for lease in &leases {
        let tail = Lease { range: lease.range.part(6, 4).unwrap(), serial: lease.serial };
        block_on(both.hand_back(&orders(), &tail)).unwrap();
        let twice = block_on(both.hand_back(&orders(), &tail)).unwrap_err();
        assert!(matches!(twice, StoreError::NotCurrent { serial, .. } if serial == lease.serial));
    }
    for store in [&one, &other] {
        assert_eq!(block_on(store.describe(&orders())).unwrap().returned, 4);
    }
}

#[test]
fn stores_whose_progressions_could_meet_are_refused_by_name() {
    let refused = |one: Definition, other: Definition| {
        let (here, there) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
        block_on(here.create(&orders(), &one)).unwrap();
        block_on(there.create(&orders(), &other)).unwrap();
        let both = set(&[&here, &there]);
        let described = block_on(both.describe(&orders())).unwrap_err();
        let leased = (0..2).find_map(|_| block_on(both.lease(&orders(), 1, 0)).err()).unwrap();
        for error in [&described, &leased] {
            let said = error.to_string();
            assert!(said.contains("store 0") && said.contains("store 1"), "{said}");
        }
        described.to_string()
    };
    assert!(refused(of(2, 1), of(2, 1)).contains("would meet itself"));
    assert!(refused(of(2, 1), of(3, 0)).contains("different increments"));
    let same = MemoryStore::new();
    let twice = set(&[&Cut::new(same.clone()), &Cut::new(same)]);
    let said = block_on(twice.identity()).unwrap_err().to_string();
    assert!(said.contains("store 0 and store 1 are the same store"), "{said}");
    let partly = Cut::new(MemoryStore::new());
    block_on(partly.create(&orders(), &of(2, 1))).unwrap();
    let said = block_on(set(&[&partly, &Cut::new(MemoryStore::new())]).describe(&orders()));
    let said = said.unwrap_err().to_string();
    assert!(said.contains("is in store 0 and not in store 1"), "{said}");
}

/// One store is altered behind the set's back, into what another leases.
#[test]
fn an_alteration_of_one_store_is_seen_with_its_next_lease() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    let both = set(&[&one, &other]);
    block_on(both.create(&orders(), &of(1, 0))).unwrap();
    for _ in 0..2 {
        block_on(both.lease(&orders(), 1, 0)).unwrap();
    }
    let offset = block_on(other.describe(&orders())).unwrap().definition.offset();
    let meeting = Alteration { offset: Some(offset), above: 100, ..Alteration::default() };
    block_on(one.alter(&orders(), &meeting)).unwrap();
    let mut granted = Vec::new();
    for _ in 0..6 {
        match block_on(both.lease(&orders(), 1, 0)) {
            Ok(lease) => granted.extend(ids(&lease)),
            Err(StoreError::Refused(said)) => assert!(said.contains("would meet itself"), "{said}"),
            Err(error) => assert!(error.to_string().contains("compared anew"), "{error}"),
        }
    }
    let count = granted.len();
    granted.sort_unstable();
    granted.dedup();
    assert_eq!(granted.len(), count, "{granted:?}");
}

#[test]
fn what_changes_all_stores_is_checked_in_all_first() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    let both = set(&[&one, &other]);
    block_on(both.create(&orders(), &of(1, 0))).unwrap();
    block_on(other.advance_to(&orders(), 5_000)).unwrap();
    let change =
        |above| Alteration { increment: Some(5), offset: Some(3), above, ..Default::default() };
    let lower = block_on(both.alter(&orders(), &change(4_999))).unwrap_err();
    assert!(matches!(lower, StoreError::WouldLower { bound: 5_000, asked: 4_999, .. }), "{lower}");
    assert_eq!(block_on(one.describe(&orders())).unwrap().definition.increment(), 2, "unchanged");
    assert_eq!(block_on(both.alter(&orders(), &change(5_000))).unwrap(), of(5, 3));
    let mut parts = [&one, &other].map(|it| block_on(it.describe(&orders())).unwrap().definition);
    parts.sort_by_key(Definition::offset);
    assert_eq!(parts, [of(10, 3), of(10, 8)]);
    block_on(both.advance_to(&orders(), 6_000)).unwrap();
    assert_eq!(ids(&block_on(both.lease(&orders(), 1, 0)).unwrap())[0] % 5, 3);
    other.down.store(true, Ordering::SeqCst);
    let last = block_on(one.last(&orders())).unwrap();
    assert!(block_on(both.advance_to(&orders(), 7_000)).is_err());
    assert_eq!(block_on(one.last(&orders())).unwrap(), last, "no store was moved");
    let strict = Definition::new(1, 1, 0, u64::MAX, Order::Strict).unwrap();
    let refused = block_on(both.create(&Name::new("strict").unwrap(), &strict)).unwrap_err();
    assert!(refused.to_string().contains("name one store"), "{refused}");
}

/// Another node names the stores in another order, and finds them as they are.
#[test]
fn the_order_in_which_stores_are_named_says_nothing() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    let (here, there) = (set(&[&one, &other]), set(&[&other, &one]));
    assert_eq!(block_on(here.create(&orders(), &of(1, 0))).unwrap(), Created::New);
    assert_eq!(block_on(there.create(&orders(), &of(1, 0))).unwrap(), Created::Unchanged);
    let conflict = block_on(there.create(&orders(), &of(3, 0))).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { existing, .. } if existing == of(1, 0)));
    let change =
        Alteration { increment: Some(3), offset: Some(1), above: 50, ..Default::default() };
    for _ in 0..4 {
        block_on(here.lease(&orders(), 2, 0)).unwrap();
    }
    assert_eq!(block_on(there.alter(&orders(), &change)).unwrap(), of(3, 1));
    let mut granted = Vec::new();
    while granted.len() < 40 {
        for nodes in [&here, &there] {
            match block_on(nodes.lease(&orders(), 5, 0)) {
                Ok(lease) => granted.extend(ids(&lease)),
                Err(error) => assert!(error.to_string().contains("compared anew"), "{error}"),
            }
        }
    }
    assert!(granted.iter().all(|id| id % 3 == 1 && *id > 50), "{granted:?}");
    let count = granted.len();
    granted.sort_unstable();
    granted.dedup();
    assert_eq!(granted.len(), count, "{granted:?}");
}

/// Two nodes that each reach another store only would not see that the stores meet.
#[test]
fn nothing_is_leased_before_all_stores_were_compared() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    block_on(set(&[&one, &other]).create(&orders(), &of(1, 0))).unwrap();
    let both = set(&[&one, &other]);
    other.down.store(true, Ordering::SeqCst);
    let refused = block_on(both.lease(&orders(), 1, 0)).unwrap_err();
    let said = "store 1: cut off; sequence 'orders' is leased once all stores have been compared";
    assert!(refused.to_string().contains(said), "{refused}");
    let notes = block_on(both.notes()).unwrap();
    assert!(notes.iter().any(|note| note.contains("store 1 is down (cut off)")), "{notes:?}");
    other.down.store(false, Ordering::SeqCst);
    block_on(both.lease(&orders(), 1, 0)).unwrap();
    other.down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        block_on(both.lease(&orders(), 1, 0)).unwrap();
    }
}

/// What one store granted under an older progression, the other does not grant again.
#[test]
fn a_name_that_was_used_before_begins_above_the_highest_mark() {
    for used in [0, 1] {
        let stores = [Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new())];
        block_on(stores[used].create(&orders(), &of(1, 0))).unwrap();
        block_on(stores[used].lease(&orders(), 1_000, 0)).unwrap();
        block_on(stores[used].delete(&orders())).unwrap();
        let both = set(&[&stores[0], &stores[1]]);
        assert_eq!(block_on(both.create(&orders(), &of(3, 0))).unwrap(), Created::New);
        assert_eq!(block_on(both.create(&orders(), &of(3, 0))).unwrap(), Created::Unchanged);
        for _ in 0..2 {
            let lease = block_on(both.lease(&orders(), 10, 0)).unwrap();
            assert!(lease.range.start() > 1_000, "{lease:?}");
        }
        block_on(both.delete(&orders())).unwrap();
        assert!(matches!(block_on(both.lease(&orders(), 1, 0)), Err(StoreError::Unknown { .. })));
    }
}

/// A sequence of one store goes on in two: altered there, then created in the set.
#[test]
fn a_store_that_joins_begins_above_what_the_other_granted() {
    let (one, other) = (Cut::new(MemoryStore::new()), Cut::new(MemoryStore::new()));
    block_on(one.create(&orders(), &of(1, 0))).unwrap();
    let last = block_on(one.lease(&orders(), 77, 0)).unwrap().range.last();
    let both = set(&[&one, &other]);
    let conflict = block_on(both.create(&orders(), &of(1, 0))).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    let change =
        Alteration { increment: Some(2), offset: Some(1), above: 77, ..Default::default() };
    block_on(one.alter(&orders(), &change)).unwrap();
    assert_eq!(block_on(both.create(&orders(), &of(1, 0))).unwrap(), Created::New);
    for _ in 0..2 {
        assert!(block_on(both.lease(&orders(), 5, 0)).unwrap().range.start() > last);
    }
}

/// Two files, opened by each handle anew.
struct Files {
    scratch: Scratch,
}

impl Subject for Files {}

impl SequenceSubject for Files {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        let member = |file: &str| {
            let path = self.scratch.directory().join(file);
            let store = idgen_store::open(&format!("sqlite:{}", path.display()))?;
            Ok::<_, StoreError>((store.sequences, file.to_owned()))
        };
        Ok(Arc::new(StoreSet::new(vec![member("odd.db")?, member("even.db")?])?))
    }
}

/// Handles on the same two stores in memory.
struct Memories([MemoryStore; 2]);

impl Subject for Memories {}

impl SequenceSubject for Memories {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        let member = |store: &MemoryStore| {
            let store: Arc<dyn SequenceStore> = Arc::new(store.clone());
            (store, "memory".to_owned())
        };
        Ok(Arc::new(StoreSet::new(self.0.iter().map(member).collect())?))
    }
}

/// The laws that hold for several stores: the others say which id comes next, which depends on
/// whose turn it is, or make sequences of strict order, which a set refuses.
const LAWS: [(&str, sequence::Law); 4] = [
    ("S1", sequence::s01_leases_are_disjoint),
    ("S2", sequence::s02_two_connections_and_processes),
    ("S4", sequence::s04_a_lost_reply_is_a_gap),
    ("S5", sequence::s05_unknown_is_not_unavailable),
];

#[test]
fn a_set_keeps_the_laws() {
    for (law, check) in LAWS {
        let memories = Memories([MemoryStore::new(), MemoryStore::new()]);
        assert_eq!(check(&memories), Ok(()), "{law} in memory");
        assert_eq!(check(&Files { scratch: Scratch::new() }), Ok(()), "{law} in files");
    }
}
