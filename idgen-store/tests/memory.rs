//! The store in memory passes every law.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use idgen_store::conformance::{SequenceSubject, Subject, WorkerSubject, block_on};
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Definition, HostClock, Lease, Name, RegistryError, SequenceStore, SteppedClock, StoreError,
    WorkerRegistry,
};

struct InMemory {
    store: MemoryStore,
    clock: SteppedClock,
}

fn fresh() -> InMemory {
    let clock = SteppedClock::at(1_750_000_000_000);
    InMemory { store: MemoryStore::with_clock(Arc::new(clock.clone())), clock }
}

impl Subject for InMemory {}

impl SequenceSubject for InMemory {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(Arc::new(self.store.clone()))
    }
}

impl WorkerSubject for InMemory {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        Ok(Arc::new(self.store.clone()))
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

#[test]
fn a_lease_is_remembered_for_16384_serials() {
    let store = MemoryStore::new();
    let name = Name::new("orders").unwrap();
    block_on(store.create(&name, &Definition::default())).unwrap();
    let leases: Vec<Lease> =
        (0..16_385).map(|_| block_on(store.lease(&name, 2, 0)).unwrap()).collect();
    let answer = block_on(store.hand_back(&name, &leases[0]));
    assert!(matches!(answer, Err(StoreError::NotCurrent { serial: 1, .. })), "{answer:?}");
    block_on(store.hand_back(&name, &leases[1])).unwrap();
    assert_eq!(block_on(store.lease(&name, 9, 0)).unwrap().range, leases[1].range);
}

idgen_store::sequence_laws!(fresh);
idgen_store::worker_laws!(fresh);
