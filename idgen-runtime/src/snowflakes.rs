//! Time-ordered ids of one id space: the face that requests see.
//!
//! A request reads the clock, and takes from the generator: one atomic add. The
//! [keeper](crate::keeper) holds the worker lease; when it is lost the generator is ended and
//! another one takes its place. On one host the generator's own horizon is the soft one, which
//! requests raise as they go.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use event_listener::Event;
use idgen_core::{At, Clock, Ended, IdRange, LeaseToken, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{Buckets, ExtendError, Layout, NewError, Snowflake};

use crate::background::{Background, lock};
use crate::clocks::AnyClock;
use crate::error::{Cause, IssueError};
use crate::fork;
use crate::settings::SnowflakeSettings;
use crate::silence::Asked;
use crate::soft_horizon::{AHEAD_MS, SoftHorizon};

/// One lease at work.
pub(crate) struct Holding {
    generator: Generator,
    pub(crate) worker: u64,
    pub(crate) token: LeaseToken,
    /// Where the recorded lease ends, in Unix milliseconds.
    durable_ms: AtomicU64,
    /// Where the generator stops for now; equal to `durable_ms` without a soft horizon.
    usable_ms: AtomicU64,
    /// The generator can count no further and must be replaced.
    full: AtomicBool,
    /// Where its first tick begins, in Unix milliseconds.
    pub(crate) begins_ms: u64,
}

enum Generator {
    Plain(Box<Snowflake>),
    Buckets(Box<Buckets>),
}

impl Generator {
    fn new(
        layout: &Layout,
        lease: WorkerLease,
        borrow_ms: u64,
    ) -> Result<Self, (NewError, WorkerLease)> {
        if layout.bucket().is_some() {
            Buckets::with_borrow(layout, lease, borrow_ms).map(|it| Self::Buckets(Box::new(it)))
        } else {
            Snowflake::with_borrow(layout, lease, borrow_ms).map(|it| Self::Plain(Box::new(it)))
        }
    }

    fn take(&self, bucket: usize, now: &At, max: NonZeroU64) -> Result<IdRange, Refusal> {
        match self {
            Self::Plain(snowflake) => snowflake.take(now, max),
            Self::Buckets(buckets) => match buckets.bucket(bucket) {
                Some(bucket) => bucket.take(now, max),
                None => Err(Refusal::Ended),
            },
        }
    }

    fn begins_ms(&self) -> u64 {
        match self {
            Self::Plain(snowflake) => snowflake.floor().unix_ms,
            Self::Buckets(buckets) => buckets.floor().unix_ms,
        }
    }

    fn extend(&self, renewal: &Renewal) -> Result<(), ExtendError> {
        match self {
            Self::Plain(snowflake) => snowflake.extend(renewal),
            Self::Buckets(buckets) => buckets.extend(renewal),
        }
    }

    fn end(&self) -> Option<Ended> {
        match self {
            Self::Plain(snowflake) => snowflake.end(),
            Self::Buckets(buckets) => buckets.end(),
        }
    }
}

impl Holding {
    pub(crate) fn new(
        settings: &SnowflakeSettings,
        lease: WorkerLease,
        now_ms: u64,
    ) -> Result<Self, (NewError, WorkerLease)> {
        let (worker, token) = (lease.worker(), lease.token());
        let (durable_ms, usable_ms) = (lease.horizon_unix_ms(), lease.limit_unix_ms());
        let (layout, borrow_ms) = (&settings.layout, settings.borrow_ms);
        let generator = match Generator::new(layout, lease, borrow_ms) {
            // The id was long unused: what lies before this moment is given up.
            Err((NewError::LeaseTooLong { .. }, lease)) => {
                Generator::new(layout, lease.begun_at(now_ms), borrow_ms)?
            }
            made => made?,
        };
        Ok(Self {
            begins_ms: generator.begins_ms(),
            generator,
            worker,
            token,
            durable_ms: AtomicU64::new(durable_ms),
            usable_ms: AtomicU64::new(usable_ms),
            full: AtomicBool::new(false),
        })
    }

    pub(crate) fn durable_ms(&self) -> u64 {
        // Relaxed: the number stands for itself; a stale one is lower and refuses too early.
        self.durable_ms.load(Ordering::Relaxed)
    }

    /// Records that the lease now runs up to `horizon_ms`.
    pub(crate) fn renewed_to(&self, horizon_ms: u64) {
        // Relaxed: as in `durable_ms`.
        self.durable_ms.fetch_max(horizon_ms, Ordering::Relaxed);
    }

    /// Lets the generator issue below `limit_ms`.
    pub(crate) fn usable_to(&self, limit_ms: u64) -> Result<(), ExtendError> {
        let extended = self.generator.extend(&Renewal::granted(self.worker, self.token, limit_ms));
        if let Err(ExtendError::WordFull) = extended {
            // Relaxed: the keeper looks again at every renewal.
            self.full.store(true, Ordering::Relaxed);
        }
        extended?;
        // Relaxed: a stale limit only sends a request to raise it again.
        self.usable_ms.fetch_max(limit_ms, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn is_full(&self) -> bool {
        // Relaxed: as in `usable_to`.
        self.full.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) -> Option<Ended> {
        self.generator.end()
    }
}

/// Mints ids of one id space under a worker lease that is kept in the background. Shared by any
/// number of threads.
pub struct Snowflakes {
    pub(crate) settings: SnowflakeSettings,
    pub(crate) background: Arc<Background>,
    pub(crate) clock: Arc<AnyClock>,
    pub(crate) holding: ArcSwapOption<Holding>,
    pub(crate) soft: Option<Mutex<SoftHorizon>>,
    /// The horizon moved, the holding changed, or the keeper stopped.
    pub(crate) changed: Event,
    /// Why there is no ground beyond what is held; what requests at the horizon are told.
    pub(crate) trouble: Mutex<Option<IssueError>>,
    /// Whether the registry owes an answer.
    pub(crate) asked: Asked,
    pub(crate) stopped: std::sync::OnceLock<IssueError>,
    /// How often a sign was seen that this process is a copy; counted for the whole runtime.
    pub(crate) copies: Arc<AtomicU64>,
}

/// Between two looks at the clock a waiting request sleeps this long at most: clocks jump.
const LONGEST_NAP_MS: u64 = 250;

impl Snowflakes {
    /// 1 to `max` ids of one tick, waiting for the clock or the lease until the deadline at most.
    /// `bucket` counts from 0 and is 0 for layouts without buckets.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; its cause says what to do.
    pub async fn take(
        &self,
        bucket: usize,
        max: NonZeroU64,
        deadline: Instant,
    ) -> Result<IdRange, IssueError> {
        loop {
            let changed = self.changed.listen();
            let refused = match self.try_take(bucket, max) {
                Ok(range) => return Ok(range),
                Err(refused) => refused,
            };
            let left = deadline.saturating_duration_since(self.background.now());
            match refused {
                Why::Wait(wait_ms) if Duration::from_millis(wait_ms) <= left => {
                    let nap = Duration::from_millis(wait_ms.min(LONGEST_NAP_MS));
                    self.background.sleep(nap).await;
                }
                Why::Wait(wait_ms) => return Err(clock_behind(wait_ms)),
                Why::NoGround => {
                    if self.background.until(deadline, changed).await.is_none() {
                        return Err(self.why_no_ground());
                    }
                }
                Why::Never(error) => return Err(error),
            }
        }
    }

    /// 1 to `max` ids if there are some at hand: never waits. `None` says only that
    /// [`take`](Self::take) would have to wait, or to tell why it refuses.
    pub fn take_at_hand(&self, bucket: usize, max: NonZeroU64) -> Option<IdRange> {
        self.try_take(bucket, max).ok()
    }

    fn try_take(&self, bucket: usize, max: NonZeroU64) -> Result<IdRange, Why> {
        if self.background.is_forked() {
            return Err(Why::Never(fork::refused()));
        }
        if let Some(why) = self.stopped.get() {
            return Err(Why::Never(why.clone()));
        }
        let holding = self.holding.load();
        let Some(holding) = &*holding else { return Err(Why::NoGround) };
        let mut now = At(self.clock.hint_unix_ms());
        if now.0 == 0 {
            now = At(self.clock.unix_ms());
        }
        let reach_ms = now.0.saturating_add(self.settings.borrow_ms);
        if reach_ms < holding.begins_ms {
            // Asked before anything is raised: what is not issued moves no floor.
            return Err(Why::Wait(holding.begins_ms - reach_ms));
        }
        // Relaxed: a stale limit only sends this request to raise it again.
        if now.0 >= holding.usable_ms.load(Ordering::Relaxed) {
            self.raise(holding, now)?;
        }
        match holding.generator.take(bucket, &now, max) {
            Ok(range) => Ok(range),
            Err(Refusal::NotYet { wait_ms }) => Err(Why::Wait(wait_ms)),
            Err(Refusal::Exhausted) => Err(self.at_the_edge(holding, now)),
            Err(Refusal::Ended) if now.0 >= self.settings.layout.end_unix_ms() => {
                Err(Why::Never(self.layout_ended()))
            }
            Err(Refusal::Ended) => Err(Why::NoGround),
        }
    }

    /// The generator has used up what lies below its limit although the clock is not there yet.
    fn at_the_edge(&self, holding: &Holding, now: At) -> Why {
        // Relaxed: as in `try_take`.
        let limit_ms = holding.usable_ms.load(Ordering::Relaxed);
        if limit_ms < holding.durable_ms() {
            return match self.raise(holding, At(limit_ms.max(now.0))) {
                Ok(()) => Why::Wait(0),
                Err(why) => why,
            };
        }
        Why::NoGround
    }

    /// Raises the soft horizon, the file first.
    fn raise(&self, holding: &Holding, now: At) -> Result<(), Why> {
        let durable_ms = holding.durable_ms();
        if now.0 >= durable_ms {
            return Err(Why::NoGround);
        }
        let Some(soft) = &self.soft else { return Ok(()) };
        let mut soft = lock(soft);
        let wanted_ms = tick_end(&self.settings.layout, now.0.saturating_add(AHEAD_MS));
        let limit_ms = soft.raise(wanted_ms, durable_ms).map_err(|error| {
            let path = soft.path().display();
            let message = format!("{path} cannot be written: {error}; mend the state directory");
            Why::Never(IssueError::new(Cause::StoreDown, message).retry(1000))
        })?;
        let was_full = holding.is_full();
        holding.usable_to(limit_ms).map_err(|_| {
            // A generator that has ended or is full is replaced by the keeper. It is told once:
            // each notification wakes every request that waits, this one among them.
            if holding.is_full() && !was_full {
                self.changed.notify(usize::MAX);
            }
            Why::NoGround
        })
    }

    fn why_no_ground(&self) -> IssueError {
        if let Some(why) = self.stopped.get() {
            return why.clone();
        }
        let trouble = lock(&self.trouble).clone();
        trouble.or_else(|| self.asked.silence(self.background.now())).unwrap_or_else(|| {
            IssueError::new(
                Cause::ClockHold,
                "this clock is at the end of the worker lease: it ran ahead of the registry's \
                 clock, or the registry is slow; look at the clock",
            )
            .retry(1000)
        })
    }

    fn layout_ended(&self) -> IssueError {
        let end_ms = self.settings.layout.end_unix_ms();
        let message = format!(
            "the layout's time bits ran out at {end_ms} ms since 1970; begin another id space with \
             a later epoch or more time bits"
        );
        IssueError::new(Cause::Exhausted, message)
    }

    /// Exactly `n` ids in rising order.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; ids taken before it are gaps.
    pub async fn take_all(
        &self,
        bucket: usize,
        n: NonZeroU64,
        deadline: Instant,
    ) -> Result<Vec<IdRange>, IssueError> {
        let mut ranges = Vec::new();
        let mut left = Some(n);
        while let Some(max) = left {
            let range = self.take(bucket, max, deadline).await?;
            left = NonZeroU64::new(max.get() - range.len());
            ranges.push(range);
        }
        Ok(ranges)
    }

    /// The next id, of bucket 0.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; its cause says what to do.
    pub async fn next_id(&self, deadline: Instant) -> Result<u64, IssueError> {
        Ok(self.take(0, NonZeroU64::MIN, deadline).await?.start())
    }

    /// How the bits are laid out.
    pub fn layout(&self) -> &Layout {
        &self.settings.layout
    }

    /// The worker id held now, if one is.
    pub fn worker(&self) -> Option<u64> {
        self.holding.load().as_ref().map(|holding| holding.worker)
    }

    /// The id space.
    pub fn space(&self) -> &idgen_store::Name {
        &self.settings.space
    }

    /// What keeps this generator from issuing, if anything does.
    pub fn trouble(&self) -> Option<IssueError> {
        if let Some(why) = self.stopped.get() {
            return Some(why.clone());
        }
        let holding = self.holding.load();
        match holding.as_ref().filter(|it| self.clock.unix_ms() < it.durable_ms()) {
            Some(holding) => self.waiting(holding),
            None => Some(self.why_no_ground()),
        }
    }
}

/// Why a request cannot be served at once.
enum Why {
    /// Ask again after so many milliseconds.
    Wait(u64),
    /// Until something changes.
    NoGround,
    Never(IssueError),
}

fn clock_behind(wait_ms: u64) -> IssueError {
    let message = format!(
        "ids were issued up to {wait_ms} ms ahead of this clock: it was set back, or the \
         generator's ceiling is reached; wait or ask another node"
    );
    IssueError::new(Cause::ClockHold, message).retry(wait_ms)
}

/// The end of the tick that holds `unix_ms`.
pub(crate) fn tick_end(layout: &Layout, unix_ms: u64) -> u64 {
    let Some(above_ms) = unix_ms.checked_sub(layout.epoch_unix_ms()) else {
        return layout.epoch_unix_ms();
    };
    let ticks = above_ms / layout.tick_ms() + 1;
    ticks.saturating_mul(layout.tick_ms()).saturating_add(layout.epoch_unix_ms())
}
