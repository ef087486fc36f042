//! The store of the one sequence as a process reaches it: the memory store behind a bad net, which
//! now and then goes back to what it knew a while ago.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use idgen_core::IdRange;
use idgen_store::memory::MemoryStore;
use idgen_store::{
    Alteration, Arrival, Created, Definition, Durability, Lease, Name, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

use crate::breakage::Breakage;
use crate::engine::Engine;
use crate::process::name;
use crate::trace::Trace;
use crate::wire::{Net, Silence};

/// The far end.
#[derive(Clone)]
pub(crate) struct Depot {
    name: Name,
    definition: Definition,
    breakage: Option<Breakage>,
    trace: Trace,
    state: Arc<Mutex<State>>,
}

struct State {
    store: MemoryStore,
    /// Counts the times it went back.
    incarnation: u32,
    /// The highest id that was ever granted, or passed by an operator.
    highest: u64,
    /// What it will know when it goes back.
    remembered: u64,
    /// Tails that were taken back twice, under the planted defect.
    twice: Vec<IdRange>,
    /// Counts for the store that hides that it went back, under the planted defect.
    told_serial: u64,
}

/// One process's way to the depot.
#[derive(Clone)]
pub(crate) struct RemoteStore {
    pub(crate) depot: Depot,
    pub(crate) net: Net,
    pub(crate) engine: Engine,
    pub(crate) node: usize,
    pub(crate) rng: Arc<Mutex<Rng>>,
}

impl From<Silence> for StoreError {
    fn from(silence: Silence) -> Self {
        Self::Unavailable(silence.0.to_owned())
    }
}

impl Depot {
    pub(crate) async fn new(
        definition: Definition,
        breakage: Option<Breakage>,
        trace: Trace,
    ) -> Result<Self, StoreError> {
        let (name, store) = (name(), MemoryStore::new());
        store.create(&name, &definition).await?;
        let state = State {
            store,
            incarnation: 1,
            highest: 0,
            remembered: 0,
            twice: Vec::new(),
            told_serial: 0,
        };
        Ok(Self { name, definition, breakage, trace, state: Arc::new(Mutex::new(state)) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn store(&self) -> MemoryStore {
        self.state().store.clone()
    }

    fn is_broken(&self, breakage: Breakage) -> bool {
        self.breakage == Some(breakage)
    }

    pub(crate) fn highest(&self) -> u64 {
        self.state().highest
    }

    /// Notes what a copy made now would know.
    pub(crate) async fn copy(&self) -> Result<(), StoreError> {
        let bound = self.store().last(&self.name).await?;
        self.state().remembered = bound;
        Ok(())
    }

    /// Puts the copy in the store's place, as a failover to a replica that lagged does.
    pub(crate) async fn go_back(&self) -> Result<(), StoreError> {
        let store = MemoryStore::new();
        let (definition, bound) = (self.definition, self.state().remembered);
        let arrival = Arrival { definition, bound, from: String::new() };
        store.move_in(&self.name, &arrival).await?;
        let mut state = self.state();
        state.store = store;
        state.incarnation += 1;
        Ok(())
    }

    /// Moves the store past all that was ever granted, as an operator who thaws does.
    pub(crate) async fn raise(&self) -> Result<u64, StoreError> {
        let above = self.highest().max(self.store().last(&self.name).await?);
        self.advance(above).await?;
        Ok(above)
    }

    async fn advance(&self, above: u64) -> Result<(), StoreError> {
        self.store().advance_to(&self.name, above).await?;
        self.trace.tell(|| format!("the sequence is moved above {above}"));
        let mut state = self.state();
        state.highest = state.highest.max(above);
        Ok(())
    }

    fn identity(&self) -> StoreIdentity {
        let hides = self.is_broken(Breakage::GuardOff);
        let incarnation = if hides { 1 } else { self.state().incarnation };
        StoreIdentity {
            backend: "memory",
            id: "depot".to_owned(),
            incarnation: incarnation.to_string(),
            durability: Durability::MayLose("it is simulated".to_owned()),
            ceiling: u64::MAX,
        }
    }

    async fn lease(&self, len: u64, above: u64) -> Result<Lease, StoreError> {
        let Lease { mut range, mut serial } = self.store().lease(&self.name, len, above).await?;
        let mut state = self.state();
        state.highest = state.highest.max(range.last());
        if let Some(at) = state.twice.iter().position(|tail| tail.start() > above) {
            range = state.twice.swap_remove(at);
        }
        if self.is_broken(Breakage::GuardOff) {
            state.told_serial += 1;
            serial = state.told_serial;
        }
        self.trace.tell(|| format!("leased {}..={} ({serial})", range.start(), range.last()));
        Ok(Lease { range, serial })
    }

    async fn describe(&self) -> Result<SequenceInfo, StoreError> {
        let mut info = self.store().describe(&self.name).await?;
        if self.is_broken(Breakage::GuardOff) {
            let state = self.state();
            info.bound = info.bound.max(state.highest);
            info.serial = state.told_serial;
        }
        Ok(info)
    }

    async fn hand_back(&self, tail: &Lease) -> Result<(), StoreError> {
        self.store().hand_back(&self.name, tail).await?;
        let (start, last) = (tail.range.start(), tail.range.last());
        self.trace.note("tail", || format!("{start}..={last} came back ({})", tail.serial));
        Ok(())
    }
}

impl RemoteStore {
    async fn ask<T, F>(&self, effect: impl Fn(Depot) -> F + Send + 'static) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let depot = self.depot.clone();
        self.net.call(self.node, move || effect(depot.clone())).await?
    }

    /// The planted defect: what may not have arrived goes to the store once more, which has no
    /// memory of it by now.
    fn again(&self, tail: IdRange) {
        let (depot, engine) = (self.depot.clone(), self.engine.clone());
        let pause_ms = self.rng.lock().expect("no holder of this lock panics").u64(50..=2000);
        self.net.spawn(async move {
            engine.sleep(Duration::from_millis(pause_ms)).await;
            depot.state().twice.push(tail);
        });
    }
}

#[async_trait]
impl SequenceStore for RemoteStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.ask(|depot| async move { Ok(depot.identity()) }).await
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let (name, definition) = (name.clone(), *definition);
        self.ask(move |depot| {
            let name = name.clone();
            async move { depot.store().create(&name, &definition).await }
        })
        .await
    }

    async fn lease(&self, _: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.ask(move |depot| async move { depot.lease(len, above).await }).await
    }

    async fn hand_back(&self, _: &Name, tail: &Lease) -> Result<(), StoreError> {
        let (range, serial) = (tail.range, tail.serial);
        let answer = self
            .ask(move |depot| async move { depot.hand_back(&Lease { range, serial }).await })
            .await;
        let is_unknown = matches!(answer, Err(StoreError::Unavailable(_)));
        if is_unknown && self.depot.is_broken(Breakage::SecondHandBack) {
            self.again(range);
        }
        answer
    }

    async fn advance_to(&self, _: &Name, above: u64) -> Result<(), StoreError> {
        self.ask(move |depot| async move { depot.advance(above).await }).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        let (name, alteration) = (name.clone(), *alteration);
        self.ask(move |depot| {
            let name = name.clone();
            async move { depot.store().alter(&name, &alteration).await }
        })
        .await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.ask(|depot| async move { Ok(vec![depot.describe().await?]) }).await
    }

    async fn describe(&self, _: &Name) -> Result<SequenceInfo, StoreError> {
        self.ask(|depot| async move { depot.describe().await }).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let name = name.clone();
        self.ask(move |depot| {
            let name = name.clone();
            async move { depot.store().delete(&name).await }
        })
        .await
    }
}
