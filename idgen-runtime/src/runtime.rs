//! The runtime itself: what a service starts once, takes generators from, and stops.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use idgen_segment::{Pace, PaceError, PaceLimits};
use idgen_store::{
    Definition, HostClock, Name, OpenStore, SequenceStore, SystemHostClock, WorkerRegistry,
};

use crate::background::{Background, lock};
use crate::clocks::AnyClock;
use crate::copies::{self, ThisMachine};
use crate::error::{IssueError, StartError};
use crate::guard::{Guard, SpaceGuard};
use crate::journal::Journal;
use crate::keeper::{Keeper, Unwatched};
use crate::sequence::{Sequence, late};
use crate::settings::{Settings, SnowflakeSettings};
use crate::silence::Asked;
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
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store: OpenStore,
    settings: Settings,
    pub(crate) background: Arc<Background>,
    pub(crate) journal: Arc<Journal>,
    clock: Arc<AnyClock>,
    pace: Pace,
    dir: Option<StateDir>,
    pub(crate) sequences: RwLock<HashMap<Name, Arc<Sequence>>>,
    pub(crate) snowflakes: Mutex<Vec<Arc<Snowflakes>>>,
    /// What the tasks report when they end: ids that could not be handed back.
    tasks: Mutex<Vec<oneshot::Receiver<u64>>>,
    stopped: OnceLock<()>,
    /// How often a sign was seen that this process is a copy.
    pub(crate) copies: Arc<AtomicU64>,
}

/// Without a [`stop`](Runtime::stop) nothing is handed back: what was leased and not issued is a
/// gap, and a worker id is free only after its lease. Handles that are still about refuse.
impl Drop for Shared {
    fn drop(&mut self) {
        self.background.stop();
        for snowflakes in lock(&self.snowflakes).iter() {
            stop_snowflakes(snowflakes);
        }
        let sequences = self.sequences.get_mut();
        for sequence in sequences.unwrap_or_else(std::sync::PoisonError::into_inner).values() {
            sequence.close(&IssueError::draining());
        }
    }
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
pub(crate) const ADMIN_WAIT: Duration = Duration::from_secs(10);

impl Runtime {
    /// Starts the background thread, takes the state directory's lock and reads its journals.
    ///
    /// # Errors
    ///
    /// [`StartError`]: the directory is in use or unusable, a setting is out of range.
    pub fn start(store: OpenStore, settings: Settings) -> Result<Self, StartError> {
        Self::start_on(|| Background::start().map_err(StartError::Thread), store, settings)
    }

    /// The same without a thread: the work in the background is done by `world`, in its time.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    #[cfg(feature = "simulated")]
    pub fn start_in(
        world: Arc<dyn crate::simulated::World>,
        store: OpenStore,
        settings: Settings,
    ) -> Result<Self, StartError> {
        Self::start_on(|| Ok(Background::World(world)), store, settings)
    }

    fn start_on(
        background: impl FnOnce() -> Result<Background, StartError>,
        store: OpenStore,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let pace = check(&settings)?;
        let dir = settings.state_dir.as_deref().map(StateDir::open).transpose()?;
        let path = dir.as_ref().map(StateDir::path);
        // A store that starts empty each time goes back by design.
        let journal_dir = path.filter(|_| store.outlives_process);
        let journal = Journal::open(journal_dir).map_err(|error| StartError::StateDir {
            path: path.map(ToOwned::to_owned).unwrap_or_default(),
            error,
        })?;
        let background = Arc::new(background()?);
        let clock = AnyClock::start(&settings.clock).map_err(StartError::Thread)?;
        let machine = match (&settings.machine, background.is_simulated()) {
            (None, true) => None,
            (machine, _) => {
                Some(machine.clone().unwrap_or_else(|| Arc::new(ThisMachine::default())))
            }
        };
        let gap_limit_ms = settings.clock_limit_ms;
        let shared = Arc::new(Shared {
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
            copies: Arc::default(),
        });
        if let Some(machine) = machine {
            let watch = copies::watch(Arc::downgrade(&shared), machine, gap_limit_ms);
            shared.background.spawn(watch);
        }
        Ok(Self { shared })
    }

    /// The store of sequences, for administration.
    pub fn sequences(&self) -> &Arc<dyn SequenceStore> {
        &self.shared.store.sequences
    }

    /// The registry of workers, for administration; `None` if the store keeps none.
    pub fn workers(&self) -> Option<&Arc<dyn WorkerRegistry>> {
        self.shared.store.workers.as_ref()
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

    pub(crate) fn open_sequence(&self, name: &Name) -> Option<Arc<Sequence>> {
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
        let pace = shared.pace.clone();
        let supplier = Supplier::new(Arc::clone(&sequence), guard, pace, &shared.settings);
        let (done, ended) = oneshot::channel();
        shared.background.spawn(async move {
            // After the stop's time is up nobody listens.
            done.send(supplier.run().await).ok();
        });
        lock(&shared.tasks).push(ended);
        sequences.insert(name.clone(), Arc::clone(&sequence));
        sequence
    }

    /// Claims a worker id for an id space and keeps its lease.
    ///
    /// # Errors
    ///
    /// [`StartError`]: no id is free, the clock is behind or far from the peers', the layout is
    /// another than the space was begun with, the one id wished for is held by a node that is
    /// alive, the registry is down, or the store has none.
    pub async fn snowflakes(
        &self,
        settings: SnowflakeSettings,
    ) -> Result<Arc<Snowflakes>, StartError> {
        let (shared, copies) = (&self.shared, self.shared.copies());
        let registry = Arc::clone(self.workers().ok_or(StartError::NoRegistry)?);
        let soft = self.soft_horizon(&settings, &registry).await?;
        let snowflakes = Arc::new(Snowflakes {
            settings,
            background: Arc::clone(&shared.background),
            clock: Arc::clone(&shared.clock),
            holding: arc_swap::ArcSwapOption::empty(),
            soft: soft.map(Mutex::new),
            changed: event_listener::Event::new(),
            trouble: Mutex::default(),
            asked: Asked::default(),
            stopped: OnceLock::new(),
            copies: Arc::clone(&shared.copies),
        });
        let space = snowflakes.settings.space.clone();
        let guard = SpaceGuard::new(Arc::clone(&shared.journal), space);
        let mut keeper = Keeper {
            snowflakes: Arc::clone(&snowflakes),
            registry,
            guard,
            lease_ms: shared.settings.lease_ms,
            timeout: shared.settings.store_timeout,
            clock_limit_ms: shared.settings.clock_limit_ms,
            last_worker: None,
            warned: None,
            copies: 0,
        };
        let claimed = shared
            .background
            .run(async move { keeper.claim_first().await.map(|()| Unwatched::new(keeper)) });
        let keeper = match claimed.await {
            Some(claimed) => claimed?.watched(),
            None => None,
        };
        let Some(keeper) = keeper else { return Err(IssueError::draining().into()) };
        let (done, ended) = oneshot::channel();
        shared.background.spawn(async move {
            keeper.run().await;
            // After the stop's time is up nobody listens.
            done.send(0).ok();
        });
        lock(&shared.tasks).push(ended);
        lock(&shared.snowflakes).push(Arc::clone(&snowflakes));
        if shared.copies() != copies {
            snowflakes.renounce("a sign of it came while this generator was made");
        }
        if shared.stopped.get().is_some() {
            stop_snowflakes(&snowflakes);
        }
        Ok(snowflakes)
    }

    /// Only on one host, where a boot can be told from the next, and for one generator of an id
    /// space: another one waits out a lease after a crash.
    async fn soft_horizon(
        &self,
        settings: &SnowflakeSettings,
        registry: &Arc<dyn WorkerRegistry>,
    ) -> Result<Option<SoftHorizon>, StartError> {
        let Some(dir) = &self.shared.dir else { return Ok(None) };
        let boot_id = SystemHostClock::new().boot_id();
        if boot_id.is_empty() || !registry.is_of_this_host() {
            return Ok(None);
        }
        let registry = Arc::clone(registry);
        let identity = self.shared.background.run(async move { registry.identity().await }).await;
        let identity = identity.ok_or_else(IssueError::draining)?;
        let registry = identity.map_err(|error| IssueError::from(&error))?.id;
        SoftHorizon::open(dir.path(), &registry, settings.space.as_str(), &boot_id)
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
        let report = self.await_tasks(tasks, shared.background.now() + STOP_WAIT).await;
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
