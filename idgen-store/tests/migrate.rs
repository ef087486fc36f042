//! Sequences that move from store to store: nothing is granted twice, wherever a move ends.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Alteration, Arrival, Created, Definition, Departure, Lease, Name, Order, SequenceInfo,
    SequenceStore, Site, StoreError, StoreIdentity, migrate,
};

mod scratch;

use idgen_store::conformance::block_on;
use scratch::Scratch;

/// A store whose connection breaks at a chosen call: before it takes effect, or after.
struct Breaking {
    inner: MemoryStore,
    calls_left: AtomicU32,
    /// The call at which it breaks takes effect.
    late: bool,
}

impl Breaking {
    fn new(inner: &MemoryStore, calls_left: u32, late: bool) -> Self {
        Self { inner: inner.clone(), calls_left: AtomicU32::new(calls_left), late }
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let broken = || Err(StoreError::Unavailable("cut off".to_owned()));
        // SeqCst: nothing here depends on more than the count itself.
        match self.calls_left.load(Ordering::SeqCst) {
            0 => broken(),
            1 if !self.late => {
                self.calls_left.store(0, Ordering::SeqCst);
                broken()
            }
            left => {
                self.calls_left.store(left - 1, Ordering::SeqCst);
                let answer = call.await;
                if left == 1 { broken() } else { answer }
            }
        }
    }
}

#[async_trait]
impl SequenceStore for Breaking {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.call(SequenceStore::identity(&self.inner)).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.call(self.inner.create(name, definition)).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.call(self.inner.lease(name, len, above)).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.call(self.inner.hand_back(name, tail)).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.call(self.inner.last(name)).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.call(self.inner.advance_to(name, above)).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.call(self.inner.alter(name, alteration)).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.call(SequenceStore::list(&self.inner)).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.call(self.inner.describe(name)).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.call(self.inner.delete(name)).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        self.call(self.inner.move_away(name, to)).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.call(self.inner.move_in(name, arrival)).await
    }
}

/// A store that knows moves by their default only, as an adopted form does.
struct Plain(MemoryStore);

#[async_trait]
impl SequenceStore for Plain {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        SequenceStore::identity(&self.0).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.0.create(name, definition).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.0.lease(name, len, above).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.0.hand_back(name, tail).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.0.last(name).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.0.advance_to(name, above).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.0.alter(name, alteration).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        SequenceStore::list(&self.0).await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.0.describe(name).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.0.delete(name).await
    }
}

fn orders() -> Name {
    Name::new("orders").unwrap()
}

fn of(increment: u64, end: u64) -> Definition {
    Definition::new(1, increment, 0, end, Order::Leased).unwrap()
}

/// A store with a sequence that has granted ids up to 100.
fn stocked() -> MemoryStore {
    let store = MemoryStore::new();
    block_on(store.create(&orders(), &of(1, u64::MAX))).unwrap();
    block_on(store.lease(&orders(), 100, 0)).unwrap();
    store
}

fn site<'a>(store: &'a dyn SequenceStore, place: &'a str) -> Site<'a> {
    Site { store, place }
}

fn next(store: &dyn SequenceStore) -> Result<u64, StoreError> {
    block_on(store.lease(&orders(), 1, 0)).map(|lease| lease.range.start())
}

/// Whatever call a move ends at, at most one store leases after it, above what was granted; and the
/// same move again comes to its end.
#[test]
fn a_move_may_end_anywhere_and_be_repeated() {
    let mut ends = 0;
    for (calls, late) in (1..20).flat_map(|calls| [(calls, false), (calls, true)]) {
        for breaks_from in [true, false] {
            let (old, new) = (stocked(), MemoryStore::new());
            let cut_from = Breaking::new(&old, if breaks_from { calls } else { 1000 }, late);
            let cut_to = Breaking::new(&new, if breaks_from { 1000 } else { calls }, late);
            let (from, to) = (site(&cut_from, "old"), site(&cut_to, "new"));
            let moved = block_on(migrate(from, to, &orders(), Departure::Tombstone));
            ends += u32::from(moved.is_err());
            let granted = [next(&old), next(&new)].into_iter().flatten().collect::<Vec<_>>();
            assert!(granted.len() <= 1 && granted.iter().all(|id| *id > 100), "{granted:?}");
            let (from, to) = (site(&old, "old"), site(&new, "new"));
            let again = block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap();
            assert!(again.bound >= 100 && !again.exhausted, "{again:?}");
            assert!(
                matches!(next(&old), Err(StoreError::Moved { to, .. }) if to.starts_with("new ["))
            );
            let id = next(&new).unwrap();
            assert!(id > 100 && !granted.contains(&id), "{id} after {granted:?}");
        }
    }
    assert!(ends >= 12, "only {ends} of the moves were cut off");
}

#[test]
fn a_form_without_a_tombstone_is_only_copied() {
    let (old, new) = (Plain(stocked()), Plain(MemoryStore::new()));
    let (from, to) = (site(&old, "old"), site(&new, "new"));
    let refused = block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap_err();
    assert!(refused.to_string().contains("--copy-only"), "{refused}");
    assert!(matches!(next(&new), Err(StoreError::Unknown { .. })), "nothing was changed");
    let copied = block_on(migrate(from, to, &orders(), Departure::Copy)).unwrap();
    assert_eq!((copied.left_at, copied.bound, copied.was_there), (100, 100, false));
    assert_eq!((next(&old).unwrap(), next(&new).unwrap()), (101, 101), "they meet, as was said");
    block_on(old.advance_to(&orders(), 500)).unwrap();
    assert_eq!(block_on(migrate(from, to, &orders(), Departure::Copy)).unwrap().bound, 500);
}

#[test]
fn a_sequence_comes_back_and_goes_on() {
    let (old, new, third) = (stocked(), MemoryStore::new(), MemoryStore::new());
    let (here, there, beyond) = (site(&old, "old"), site(&new, "new"), site(&third, "third"));
    let go = |from, to| block_on(migrate(from, to, &orders(), Departure::Tombstone));
    go(here, there).unwrap();
    assert!(go(here, there).unwrap().was_there);
    assert_eq!(next(&new).unwrap(), 101);
    let elsewhere = go(here, beyond).unwrap_err();
    assert!(
        matches!(elsewhere, StoreError::Moved { ref to, .. } if to.starts_with("new [")),
        "{elsewhere}"
    );
    go(there, here).unwrap();
    assert_eq!(next(&old).unwrap(), 102);
    assert!(matches!(next(&new), Err(StoreError::Moved { to, .. }) if to.starts_with("old [")));
    go(here, there).unwrap();
    assert_eq!(next(&new).unwrap(), 103);
}

/// A URL of this host may name another store on another host.
#[test]
fn a_place_that_means_another_store_is_another_place() {
    let (old, new, namesake) = (stocked(), MemoryStore::new(), MemoryStore::new());
    let (from, to) = (site(&old, "old"), site(&new, "new"));
    block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap();
    let elsewhere = site(&namesake, "new");
    let refused = block_on(migrate(from, elsewhere, &orders(), Departure::Tombstone)).unwrap_err();
    assert!(matches!(refused, StoreError::Moved { .. }), "{refused}");
    assert!(matches!(next(&namesake), Err(StoreError::Unknown { .. })));
    block_on(namesake.create(&orders(), &of(1, u64::MAX))).unwrap();
    let back = block_on(migrate(elsewhere, from, &orders(), Departure::Tombstone)).unwrap_err();
    assert!(matches!(back, StoreError::Moved { .. }), "{back}");
    assert!(matches!(next(&old), Err(StoreError::Moved { .. })), "its tombstone stands");
    assert_eq!(next(&new).unwrap(), 101);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_changed() {
    let (old, new) = (stocked(), MemoryStore::new());
    let (from, to) = (site(&old, "old"), site(&new, "new"));
    block_on(new.create(&orders(), &of(2, u64::MAX))).unwrap();
    let conflict = block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    let other_handle = old.clone();
    let same = site(&other_handle, "elsewhere");
    let refused = block_on(migrate(from, same, &orders(), Departure::Tombstone)).unwrap_err();
    assert!(refused.to_string().contains("the same store"), "{refused}");
    let nobody = Name::new("nobody").unwrap();
    let unknown = block_on(migrate(from, to, &nobody, Departure::Tombstone)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    assert_eq!(next(&old).unwrap(), 101, "it leases as before");
}

#[test]
fn an_exhausted_sequence_stays_exhausted() {
    let (old, new) = (MemoryStore::new(), MemoryStore::new());
    block_on(old.create(&orders(), &of(1, 100))).unwrap();
    block_on(old.lease(&orders(), 100, 0)).unwrap();
    let (from, to) = (site(&old, "old"), site(&new, "new"));
    let moved = block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap();
    assert!(moved.exhausted && moved.bound == 100, "{moved:?}");
    assert!(matches!(next(&new), Err(StoreError::Exhausted { .. })));
}

#[test]
fn a_move_from_file_to_file_outlives_both() {
    let scratch = Scratch::new();
    let open = |file: &str| {
        idgen_store::open(&format!("sqlite:{}", scratch.directory().join(file).display()))
            .unwrap()
            .sequences
    };
    let old = open("old.db");
    block_on(old.create(&orders(), &of(1, u64::MAX))).unwrap();
    block_on(old.lease(&orders(), 7, 0)).unwrap();
    let new = open("new.db");
    let (from, to) = (site(old.as_ref(), "sqlite:old.db"), site(new.as_ref(), "sqlite:new.db"));
    block_on(migrate(from, to, &orders(), Departure::Tombstone)).unwrap();
    drop((old, new));
    assert_eq!(next(open("new.db").as_ref()).unwrap(), 8);
    let moved = next(open("old.db").as_ref()).unwrap_err();
    assert!(moved.to_string().contains("moved to sqlite:new.db"), "{moved}");
}
