//! The runtime itself: what a service starts once, takes generators from, and stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use idgen_segment::{Pace, PaceError, PaceLimits};
use idgen_store::{
    Alteration, Created, Definition, HostClock, Name, OpenStore, SequenceStore, StoreError,
    SystemHostClock, WorkerRegistry,
};

use crate::background::{Background, lock};
use crate::clocks::AnyClock;
use crate::error::{IssueError, StartError};
use crate::guard::Guard;
use crate::journal::Journal;
use crate::keeper::Keeper;
use crate::sequence::{Sequence, late};
use crate::settings::{Settings, SnowflakeSettings};
use crate::snowflakes::Snowflakes;
use crate::soft_horizon::SoftHorizon;
use crate::state_dir::StateDir;
use crate::supply::Supplier;

/// Keeps generators supplied from one store. A cheap handle: clones are the same runtime.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use idgen_runtime::{Runtime, Settings, store};
///
/// let runtime = Runtime::start(store::open("memory:")?, Settings::default())?;
/// let orders = runtime.create_blocking("orders", &store::Definition::default())?;
/// let deadline = Instant::now() + Duration::from_secs(5);
/// assert_eq!(orders.next_id_blocking(deadline)?, 1);
/// runtime.stop_blocking();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

struct Shared {
    store: OpenStore,
    settings: Settings,
    background: Arc<Background>,
    journal: Arc<Journal>,
    clock: Arc<AnyClock>,
    pace: Pace,
    dir: Option<StateDir>,
    sequences: RwLock<HashMap<Name, Arc<Sequence>>>,
    snowflakes: Mutex<Vec<Arc<Snowflakes>>>,
    /// What the tasks report when they end: ids that could not be handed back.
    tasks: Mutex<Vec<oneshot::Receiver<u64>>>,
    stopped: OnceLock<()>,
}

/// What a stop left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopReport {
    /// Serial ids that were leased, not issued, and could not be handed back.
    pub lost_ids: u64,
    /// Tasks that were not done when the time was up.
    pub unfinished: usize,
}

/// How long a stop waits for the store.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// How long a call waits for a store when its caller names no deadline.
const ADMIN_WAIT: Duration = Duration::from_secs(10);

impl Runtime {
    /// Starts the background thread, takes the state directory's lock and reads its journals.
    ///
    /// # Errors
    ///
    /// [`StartError`]: the directory is in use or unusable, a setting is out of range.
    pub fn start(store: OpenStore, settings: Settings) -> Result<Self, StartError> {
        let pace = check(&settings)?;
        let dir = settings.state_dir.as_deref().map(StateDir::open).transpose()?;
        let path = dir.as_ref().map(StateDir::path);
        // A store that starts empty each time goes back by design.
        let journal_dir = path.filter(|_| store.outlives_process);
        let journal = Journal::open(journal_dir).map_err(|error| StartError::StateDir {
            path: path.map(ToOwned::to_owned).unwrap_or_default(),
            error,
        })?;
        let background = Arc::new(Background::start().map_err(StartError::Thread)?);
        let clock = AnyClock::start(&settings.clock).map_err(StartError::Thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                settings,
                background,
                journal: Arc::new(journal),
                clock: Arc::new(clock),
                pace,
                dir,
                sequences: RwLock::default(),
                snowflakes: Mutex::default(),
                tasks: Mutex::default(),
                stopped: OnceLock::new(),
            }),
        })
    }

    /// The store of sequences, for administration.
    pub fn sequences(&self) -> &Arc<dyn SequenceStore> {
        &self.shared.store.sequences
    }

    /// The registry of workers, for administration.
    pub fn workers(&self) -> &Arc<dyn WorkerRegistry> {
        &self.shared.store.workers
    }

    /// A sequence of the store, opened at its first use.
    ///
    /// # Errors
    ///
    /// [`IssueError`] with the cause `unknown`, `store_down` or `draining`.
    pub async fn sequence(
        &self,
        name: &Name,
        deadline: Instant,
    ) -> Result<Arc<Sequence>, IssueError> {
        if let Some(open) = self.open_sequence(name) {
            return Ok(open);
        }
        let store = Arc::clone(self.sequences());
        let asked = name.clone();
        let described = self.shared.background.run(async move { store.describe(&asked).await });
        let info = match self.shared.background.until(deadline, described).await {
            Some(Some(info)) => info?,
            Some(None) => return Err(IssueError::draining()),
            None => return Err(late("the store did not answer in time")),
        };
        Ok(self.begin(name, info.definition))
    }

    fn open_sequence(&self, name: &Name) -> Option<Arc<Sequence>> {
        let sequences = self.shared.sequences.read();
        let sequences = sequences.unwrap_or_else(std::sync::PoisonError::into_inner);
        sequences.get(name).cloned()
    }

    /// Starts the supplier, unless another caller was first.
    fn begin(&self, name: &Name, definition: Definition) -> Arc<Sequence> {
        let shared = &self.shared;
        let mut sequences =
            shared.sequences.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(open) = sequences.get(name) {
            return Arc::clone(open);
        }
        let (store, background) = (Arc::clone(self.sequences()), Arc::clone(&shared.background));
        let sequence = Arc::new(Sequence::new(name.clone(), definition, store, background));
        if shared.stopped.get().is_some() {
            sequence.close(&IssueError::draining());
            return sequence;
        }
        let guard = Guard::new(Arc::clone(&shared.journal), name.clone());
        let Settings { max_step, store_timeout, .. } = shared.settings;
        let pace = shared.pace.clone();
        let supplier = Supplier::new(Arc::clone(&sequence), guard, pace, max_step, store_timeout);
        let (done, ended) = oneshot::channel();
        shared.background.spawn(async move {
            // After the stop's time is up nobody listens.
            done.send(supplier.run().await).ok();
        });
        lock(&shared.tasks).push(ended);
        sequences.insert(name.clone(), Arc::clone(&sequence));
        sequence
    }

    /// Creates a sequence; with the same definition again nothing changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it exists with another definition.
    pub async fn create(
        &self,
        name: &Name,
        definition: &Definition,
    ) -> Result<Created, StoreError> {
        let (store, name, definition) = (self.store(), name.clone(), *definition);
        self.administer(async move { store.create(&name, &definition).await }).await
    }

    /// Makes the next id of a sequence lie above `above`: on this node at once, on others with
    /// their next lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if `above` is below the store's bound.
    pub async fn advance(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let (store, asked) = (self.store(), name.clone());
        self.administer(async move { store.advance_to(&asked, above).await }).await?;
        self.reset(name).await
    }

    /// Changes a sequence's settings: on this node at once, on others with their next lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if its `above` is below the store's bound.
    pub async fn alter(
        &self,
        name: &Name,
        alteration: &Alteration,
    ) -> Result<Definition, StoreError> {
        let (store, asked, alteration) = (self.store(), name.clone(), *alteration);
        let definition =
            self.administer(async move { store.alter(&asked, &alteration).await }).await?;
        self.reset(name).await?;
        Ok(definition)
    }

    /// Deletes a sequence; created again it starts above its mark.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`].
    pub async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let (store, asked) = (self.store(), name.clone());
        self.administer(async move { store.delete(&asked).await }).await?;
        self.forget(name);
        Ok(())
    }

    /// Lifts a freeze: the next id lies above `above`, which must be at or above what any node was
    /// granted.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if `above` is below the store's bound or this node's mark.
    pub async fn thaw(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let guard = Guard::new(Arc::clone(&self.shared.journal), name.clone());
        let store = self.store();
        self.administer(async move { guard.thaw(&*store, above).await }).await?;
        self.reset(name).await
    }

    fn store(&self) -> Arc<dyn SequenceStore> {
        Arc::clone(self.sequences())
    }

    /// Drivers of stores run on the background thread.
    async fn administer<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let background = &self.shared.background;
        match background.until(Instant::now() + ADMIN_WAIT, background.run(call)).await {
            Some(Some(answer)) => answer,
            Some(None) => Err(StoreError::Unavailable("this node is shutting down".into())),
            None => Err(StoreError::Unavailable("no answer in time; look at the store".into())),
        }
    }

    /// Gives up what this node holds of a sequence that was moved.
    async fn reset(&self, name: &Name) -> Result<(), StoreError> {
        let Some(sequence) = self.open_sequence(name) else { return Ok(()) };
        let (store, asked) = (self.store(), name.clone());
        let info = self.administer(async move { store.describe(&asked).await }).await?;
        sequence.reset(info.definition);
        Ok(())
    }

    fn forget(&self, name: &Name) {
        let sequences = self.shared.sequences.write();
        let mut sequences = sequences.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sequence) = sequences.remove(name) {
            sequence.close(&IssueError::from(StoreError::Unknown { name: name.clone() }));
        }
    }

    /// Claims a worker id for an id space and keeps its lease.
    ///
    /// # Errors
    ///
    /// [`StartError`]: no id is free, the clock is behind, the layout is another than the space
    /// was begun with, the registry is down.
    pub async fn snowflakes(
        &self,
        settings: SnowflakeSettings,
    ) -> Result<Arc<Snowflakes>, StartError> {
        let shared = &self.shared;
        let soft = self.soft_horizon(&settings)?;
        let snowflakes = Arc::new(Snowflakes {
            settings,
            background: Arc::clone(&shared.background),
            clock: Arc::clone(&shared.clock),
            holding: arc_swap::ArcSwapOption::empty(),
            soft: soft.map(Mutex::new),
            changed: event_listener::Event::new(),
            trouble: Mutex::default(),
            stopped: OnceLock::new(),
        });
        let mut keeper = Keeper {
            snowflakes: Arc::clone(&snowflakes),
            registry: Arc::clone(self.workers()),
            journal: Arc::clone(&shared.journal),
            lease_ms: shared.settings.lease_ms,
            timeout: shared.settings.store_timeout,
            last_worker: None,
        };
        let claimed =
            shared.background.run(async move { keeper.claim_first().await.map(|()| keeper) });
        let keeper = match claimed.await {
            Some(claimed) => claimed?,
            None => return Err(IssueError::draining().into()),
        };
        let (done, ended) = oneshot::channel();
        shared.background.spawn(async move {
            keeper.run().await;
            // After the stop's time is up nobody listens.
            done.send(0).ok();
        });
        lock(&shared.tasks).push(ended);
        lock(&shared.snowflakes).push(Arc::clone(&snowflakes));
        if shared.stopped.get().is_some() {
            stop_snowflakes(&snowflakes);
        }
        Ok(snowflakes)
    }

    fn soft_horizon(
        &self,
        settings: &SnowflakeSettings,
    ) -> Result<Option<SoftHorizon>, StartError> {
        let Some(dir) = &self.shared.dir else { return Ok(None) };
        if !self.workers().is_of_this_host() {
            return Ok(None);
        }
        let boot_id = SystemHostClock::new().boot_id();
        if boot_id.is_empty() {
            return Ok(None);
        }
        SoftHorizon::open(dir.path(), settings.space.as_str(), &boot_id)
            .map(Some)
            .map_err(|error| StartError::StateDir { path: dir.path().to_owned(), error })
    }

    /// What keeps this node from issuing now, one sentence each; empty when all is well.
    pub fn troubles(&self) -> Vec<String> {
        if self.shared.stopped.get().is_some() {
            return vec!["this node is shutting down".to_owned()];
        }
        let sequences = self.shared.sequences.read();
        let sequences = sequences.unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut troubles: Vec<String> =
            sequences.values().filter_map(|sequence| sequence.trouble()).collect();
        for snowflakes in lock(&self.shared.snowflakes).iter() {
            troubles.extend(snowflakes.trouble().map(|why| why.to_string()));
        }
        troubles
    }

    /// Stops: everything is refused from here on, cursors are retired and generators ended, tails
    /// handed back and leases released, in at most 2 s.
    pub async fn stop(&self) -> StopReport {
        let shared = &self.shared;
        if shared.stopped.set(()).is_err() {
            return StopReport::default();
        }
        let sequences = {
            let sequences = shared.sequences.write();
            std::mem::take(&mut *sequences.unwrap_or_else(std::sync::PoisonError::into_inner))
        };
        for sequence in sequences.values() {
            sequence.close(&IssueError::draining());
        }
        for snowflakes in lock(&shared.snowflakes).iter() {
            stop_snowflakes(snowflakes);
        }
        let tasks = std::mem::take(&mut *lock(&shared.tasks));
        let report = self.await_tasks(tasks, Instant::now() + STOP_WAIT).await;
        if let Err(error) = shared.journal.sync() {
            tracing::warn!(%error, "the guard journal cannot be made durable");
        }
        shared.background.stop();
        report
    }

    async fn await_tasks(
        &self,
        tasks: Vec<oneshot::Receiver<u64>>,
        deadline: Instant,
    ) -> StopReport {
        let mut report = StopReport::default();
        for task in tasks {
            match self.shared.background.until(deadline, task).await {
                Some(Ok(lost)) => report.lost_ids += lost,
                Some(Err(_)) | None => report.unfinished += 1,
            }
        }
        report
    }

    /// [`stop`](Self::stop) for threads: blocks.
    pub fn stop_blocking(&self) -> StopReport {
        futures_lite::future::block_on(self.stop())
    }

    /// [`sequence`](Self::sequence) for threads: blocks for at most 10 s.
    ///
    /// # Errors
    ///
    /// As for `sequence`; the cause `bad_request` if `name` is no name.
    pub fn sequence_blocking(&self, name: &str) -> Result<Arc<Sequence>, IssueError> {
        let name = Name::new(name)
            .map_err(|error| IssueError::new(crate::error::Cause::BadRequest, error.to_string()))?;
        futures_lite::future::block_on(self.sequence(&name, Instant::now() + ADMIN_WAIT))
    }

    /// [`create`](Self::create) for threads; the sequence is opened too. Blocks.
    ///
    /// # Errors
    ///
    /// As for `create` and `sequence`.
    pub fn create_blocking(
        &self,
        name: &str,
        definition: &Definition,
    ) -> Result<Arc<Sequence>, IssueError> {
        let parsed = Name::new(name)
            .map_err(|error| IssueError::new(crate::error::Cause::BadRequest, error.to_string()))?;
        futures_lite::future::block_on(self.create(&parsed, definition))?;
        self.sequence_blocking(name)
    }

    /// [`snowflakes`](Self::snowflakes) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `snowflakes`.
    pub fn snowflakes_blocking(
        &self,
        settings: SnowflakeSettings,
    ) -> Result<Arc<Snowflakes>, StartError> {
        futures_lite::future::block_on(self.snowflakes(settings))
    }
}

fn stop_snowflakes(snowflakes: &Snowflakes) {
    // Only the first reason counts.
    snowflakes.stopped.set(IssueError::draining()).ok();
    snowflakes.changed.notify(usize::MAX);
}

fn pace(settings: &Settings) -> Result<Pace, PaceError> {
    let Settings { min_step, max_step, reserve_ms, .. } = *settings;
    let limits =
        PaceLimits { min_len: min_step, max_len: max_step, reserve_ms, ..Default::default() };
    Pace::new(limits)
}

/// Checks the settings; the pace that sequences start with is made of them.
fn check(settings: &Settings) -> Result<Pace, StartError> {
    let lease_ms = settings.lease_ms;
    if !(1_000..=3_600_000).contains(&lease_ms) {
        let sentence = format!("a worker lease of {lease_ms} ms: it must last 1 s to 1 h");
        return Err(StartError::Setting(sentence));
    }
    pace(settings).map_err(|error| StartError::Setting(error.to_string()))
}
