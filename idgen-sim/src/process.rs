//! One start of the real runtime on one node, and those who ask it for ids.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, Instant};

use fastrand::Rng;
use idgen_core::IdRange;
use idgen_runtime::simulated::{Work, World};
use idgen_runtime::{
    ClockKind, IssueError, Runtime, Sequence, Settings, SnowflakeSettings, Snowflakes,
};
use idgen_store::{Name, OpenStore, Order, Wish};

use crate::books::{Books, Incarnation};
use crate::clocks::{Reading, preemptible};
use crate::engine::{Engine, Group};
use crate::trace::Trace;
use crate::weather::Weather;

/// What a runtime takes for its thread and its clock.
struct Inside {
    engine: Engine,
    group: Group,
    rng: Mutex<Rng>,
}

impl World for Inside {
    fn spawn(&self, work: Work) {
        self.engine.spawn(self.group, work);
    }

    fn sleep(&self, duration: Duration) -> Work {
        Box::pin(self.engine.sleep(duration))
    }

    fn now(&self) -> Instant {
        self.engine.instant()
    }

    fn random(&self) -> u64 {
        locked(&self.rng).u64(..)
    }

    fn stop(&self) {
        self.engine.kill(self.group);
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

/// What a process is started with.
pub(crate) struct Start {
    pub(crate) engine: Engine,
    pub(crate) weather: Arc<Weather>,
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) trace: Trace,
    /// Of all processes of the run; ids of strict order lie above it.
    pub(crate) answered_by_all: Arc<Mutex<Option<u64>>>,
    pub(crate) store: OpenStore,
    pub(crate) reading: Reading,
    pub(crate) node: usize,
    pub(crate) incarnation: Incarnation,
    pub(crate) rng: Rng,
}

/// A process that runs, or is about to.
pub(crate) struct Process {
    pub(crate) incarnation: Incarnation,
    pub(crate) background: Group,
    pub(crate) load: Group,
    engine: Engine,
    weather: Arc<Weather>,
    books: Arc<Mutex<Books>>,
    runtime: Mutex<Option<Runtime>>,
    node: usize,
    /// The highest id that was answered, for each bucket and worker id.
    answered: Mutex<BTreeMap<(usize, u64), u64>>,
    answered_serial: Mutex<Option<u64>>,
    answered_by_all: Arc<Mutex<Option<u64>>>,
    trace: Trace,
    is_stopping: AtomicBool,
}

/// The id space and the sequence of every run.
pub(crate) const NAME: &str = "simulated";

/// What they are called in the runtime's terms.
pub(crate) fn name() -> Name {
    Name::new(NAME).expect("it is a name")
}

impl Process {
    /// Starts a runtime in two groups of its own: its thread, and those who ask it.
    pub(crate) fn start(start: Start) -> Arc<Self> {
        let Start { engine, weather, books, store, reading, node, incarnation, .. } = start;
        let mut rng = start.rng;
        let (background, load) = (engine.group(), engine.group());
        let inside =
            Inside { engine: engine.clone(), group: background, rng: Mutex::new(rng.fork()) };
        let settings = Settings {
            clock: ClockKind::Custom(Arc::new(reading)),
            reserve_ms: 200,
            min_step: 10,
            max_step: weather.max_step,
            lease_ms: weather.lease_ms,
            clock_limit_ms: weather.clock_limit_ms,
            store_timeout: weather.store_timeout,
            ..Settings::default()
        };
        let runtime = Runtime::start_in(Arc::new(inside), store, settings)
            .expect("these settings are in range");
        let process = Arc::new(Self {
            incarnation,
            background,
            load,
            engine: engine.clone(),
            weather,
            books,
            runtime: Mutex::new(Some(runtime)),
            node,
            answered: Mutex::default(),
            answered_serial: Mutex::default(),
            answered_by_all: start.answered_by_all,
            trace: start.trace,
            is_stopping: AtomicBool::new(false),
        });
        for kind in [Kind::Snowflakes, Kind::Serials] {
            let work = Arc::clone(&process).open(kind, rng.fork());
            engine.spawn(load, Box::pin(work));
        }
        process
    }

    pub(crate) fn runtime(&self) -> Option<Runtime> {
        locked(&self.runtime).clone()
    }

    /// Whether the process has had ids of the sequence: then its guard knows of the store.
    pub(crate) fn knows_store(&self) -> bool {
        locked(&self.answered_serial).is_some()
    }

    /// True for the first who asks: a process is stopped once.
    pub(crate) fn may_stop(&self) -> bool {
        // Relaxed: all of a run is on one thread.
        !self.is_stopping.swap(true, Ordering::Relaxed)
    }

    /// The end of the process, in good order or not: nothing of it goes on.
    pub(crate) fn die(&self) {
        self.engine.kill(self.load);
        self.engine.kill(self.background);
        let runtime = locked(&self.runtime).take();
        drop(runtime);
    }

    fn snowflake_settings(&self, rng: &mut Rng) -> SnowflakeSettings {
        let weather = &self.weather;
        let own = weather.ids.start() + self.node as u64;
        let wish = match rng.u32(..10) < weather.pinned && weather.ids.contains(&own) {
            true => Wish::Exactly(own),
            false if rng.bool() => Wish::Prefer(own),
            false => Wish::Any,
        };
        let mut settings =
            SnowflakeSettings::new(NAME, &weather.layout).expect("the space has a name");
        settings.ids = weather.ids.clone();
        settings.wish = wish;
        settings.holder = format!("node {}", self.node);
        settings.borrow_ms = weather.borrow_ms;
        settings.claim_timeout = Duration::from_millis(2 * weather.lease_ms);
        settings
    }

    /// Opens the id space or the sequence, however often it takes, and lets requests come.
    async fn open(self: Arc<Self>, kind: Kind, mut rng: Rng) {
        let Some(runtime) = self.runtime() else { return };
        let tap = loop {
            let opened = match kind {
                Kind::Snowflakes => {
                    let settings = self.snowflake_settings(&mut rng);
                    runtime.snowflakes(settings).await.ok().map(Tap::Snowflakes)
                }
                Kind::Serials => {
                    let deadline = self.engine.instant() + Duration::from_secs(3);
                    runtime.sequence(&name(), deadline).await.ok().map(Tap::Serials)
                }
            };
            match opened {
                Some(tap) => break Arc::new(tap),
                None => self.engine.sleep(Duration::from_millis(rng.u64(20..=500))).await,
            }
        };
        drop(runtime);
        for _ in 0..self.weather.threads {
            let work = Arc::clone(&self).ask(Arc::clone(&tap), rng.fork());
            self.engine.spawn(self.load, Box::pin(work));
        }
    }

    /// One thread's requests, for ever.
    async fn ask(self: Arc<Self>, tap: Arc<Tap>, mut rng: Rng) {
        loop {
            let pause_ms = rng.u64(1..=self.weather.pause_ms);
            self.engine.sleep(Duration::from_millis(pause_ms)).await;
            for _ in 0..rng.u32(1..=4) {
                let waits = rng.bool();
                let deadline = waits.then(|| self.engine.instant() + patience(&mut rng));
                let len = len(&mut rng);
                match &*tap {
                    Tap::Snowflakes(tap) => self.ask_snowflakes(tap, len, deadline, &mut rng).await,
                    Tap::Serials(tap) => self.ask_serials(tap, len, deadline).await,
                }
                if self.engine.is_dead(self.load) {
                    return;
                }
            }
        }
    }

    async fn ask_snowflakes(
        &self,
        tap: &Snowflakes,
        len: NonZeroU64,
        deadline: Option<Instant>,
        rng: &mut Rng,
    ) {
        let buckets = usize::try_from(self.weather.layout.buckets()).unwrap_or(1).min(3);
        let bucket = rng.usize(..buckets.max(1));
        let answered = locked(&self.answered).clone();
        let range = match deadline {
            Some(deadline) => {
                self.told("id space", on_own_thread(tap.take(bucket, len, deadline)).await)
            }
            None => preemptible(|| tap.take_at_hand(bucket, len)),
        };
        // What a process that has died meanwhile would have got reached nobody.
        let Some(range) = range.filter(|_| !self.engine.is_dead(self.load)) else { return };
        let parts = self.weather.layout.decode(range.start());
        let key = (bucket, parts.map_or(u64::MAX, |parts| parts.worker()));
        locked(&self.books).snowflakes(range, self.incarnation, answered.get(&key).copied());
        let mut answered = locked(&self.answered);
        let highest = answered.entry(key).or_default();
        *highest = range.last().max(*highest);
    }

    async fn ask_serials(&self, tap: &Sequence, len: NonZeroU64, deadline: Option<Instant>) {
        let answered = match self.weather.definition.order() {
            Order::Strict => *locked(&self.answered_by_all),
            Order::Leased => *locked(&self.answered_serial),
        };
        let range = match deadline {
            Some(deadline) => self.told("sequence", tap.take(len, deadline).await),
            None => tap.take_at_hand(len),
        };
        let Some(range) = range.filter(|_| !self.engine.is_dead(self.load)) else { return };
        locked(&self.books).serials(range, self.incarnation, answered);
        for answered in [&self.answered_serial, &*self.answered_by_all] {
            let mut answered = locked(answered);
            *answered = (*answered).max(Some(range.last()));
        }
    }

    /// Counts refusals by their causes.
    fn told(&self, of: &str, taken: Result<IdRange, IssueError>) -> Option<IdRange> {
        if let Err(refused) = &taken {
            let cause = refused.cause().name();
            let process = self.incarnation;
            self.trace.note(&format!("{of}: {cause}"), || format!("process {process}: {refused}"));
        }
        taken.ok()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Snowflakes,
    Serials,
}

enum Tap {
    Snowflakes(Arc<Snowflakes>),
    Serials(Arc<Sequence>),
}

/// Polls a future as what a thread does that can be preempted where it reads the clock.
async fn on_own_thread<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    std::future::poll_fn(|context| preemptible(|| -> Poll<T> { future.as_mut().poll(context) }))
        .await
}

fn patience(rng: &mut Rng) -> Duration {
    Duration::from_millis(if rng.u32(..4) == 0 { rng.u64(..3000) } else { rng.u64(..50) })
}

/// Mostly few ids, sometimes as many as a tick has.
fn len(rng: &mut Rng) -> NonZeroU64 {
    let most = match rng.u32(..10) {
        0..4 => 1,
        4..8 => 64,
        _ => 4096,
    };
    NonZeroU64::new(rng.u64(1..=most)).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;
    use idgen_store::memory::MemoryStore;
    use idgen_store::{Definition, SequenceStore};

    /// Of an order that was given up the operator has been told that it failed.
    #[test]
    fn an_order_that_is_given_up_is_not_carried_out_later() {
        let (engine, store) = (Engine::new(1), MemoryStore::new());
        block_on(store.create(&name(), &Definition::default())).unwrap();
        let (background, operator) = (engine.group(), engine.group());
        let rng = Mutex::new(Rng::with_seed(1));
        let inside = Inside { engine: engine.clone(), group: background, rng };
        let mut open = idgen_store::open("memory:").unwrap();
        open.sequences = Arc::new(store.clone());
        let runtime = Runtime::start_in(Arc::new(inside), open, Settings::default()).unwrap();
        let order = |above: u64| {
            let (runtime, told) = (runtime.clone(), Arc::new(Mutex::new(None)));
            let tell = Arc::clone(&told);
            let work = async move {
                *locked(&tell) = Some(runtime.advance(&name(), above).await);
            };
            engine.spawn(operator, Box::pin(work));
            told
        };
        let bound = || block_on(store.last(&name())).unwrap();
        let told = order(100);
        engine.pass(Duration::from_secs(1));
        assert!(matches!(*locked(&told), Some(Ok(()))));
        engine.stall(background);
        let told = order(200);
        engine.pass(Duration::from_secs(30));
        engine.resume(background);
        engine.pass(Duration::from_secs(30));
        let told = locked(&told).take();
        assert!(matches!(told, Some(Err(idgen_store::StoreError::Unavailable(_)))), "{told:?}");
        assert_eq!(bound(), 100);
    }
}
