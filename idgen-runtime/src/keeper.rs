//! The keeper of one worker lease: a task on the background thread.
//!
//! It claims a worker id, renews the lease after three tenths of it, and at the stop ends the
//! generator and releases the lease. A lost lease ends the generator before anything else is done;
//! then another one is claimed. The horizon is recorded before an id is issued under it, so none
//! of this need be in time: late, it costs a refusal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use idgen_core::{Clock, Renewal, WorkerLease};
use idgen_snowflake::NewError;
use idgen_store::{Claim, Claimed, Renewed, SoftProof, Wish, WorkerRegistry};

use crate::background::{Background, lock};
use crate::copies::copied_meanwhile;
use crate::error::{Cause, IssueError, StartError};
use crate::guard::SpaceGuard;
use crate::joining::{Watch, above_issued, is_held};
use crate::lifetime::LifetimeWarning;
use crate::published::Published;
use crate::retry::{Backoff, nonce};
use crate::snowflakes::{Holding, Snowflakes};

pub(crate) struct Keeper {
    pub(crate) snowflakes: Arc<Snowflakes>,
    pub(crate) registry: Arc<dyn WorkerRegistry>,
    pub(crate) guard: SpaceGuard,
    pub(crate) lease_ms: u64,
    pub(crate) timeout: Duration,
    /// How far this clock may be from the peers', and behind its own last lease.
    pub(crate) clock_limit_ms: u64,
    pub(crate) last_worker: Option<u64>,
    /// Which warning of the layout's end was told last.
    pub(crate) warned: Option<LifetimeWarning>,
    /// How many signs of a copy had been seen when the last claim was sent.
    pub(crate) copies: u64,
}

/// A keeper with its first lease, till somebody takes it over. A caller that has gone away
/// meanwhile never does: then the worker id is released instead of being held for nobody.
pub(crate) struct Unwatched(Option<Keeper>);

impl Unwatched {
    pub(crate) fn new(keeper: Keeper) -> Self {
        Self(Some(keeper))
    }

    pub(crate) fn watched(mut self) -> Option<Keeper> {
        self.0.take()
    }
}

impl Drop for Unwatched {
    fn drop(&mut self) {
        if let Some(keeper) = self.0.take() {
            let background = Arc::clone(&keeper.snowflakes.background);
            background.spawn(async move { keeper.release().await });
        }
    }
}

impl Keeper {
    /// Claims until it succeeds, the error cannot pass, or the time is up.
    pub(crate) async fn claim_first(&mut self) -> Result<(), StartError> {
        self.agree_on_layout().await?;
        self.meet_peers().await?;
        let mut watch = Watch::new(self.background().now());
        let until = self.background().now() + self.snowflakes.settings.claim_timeout;
        let mut backoff = Backoff::new(50, 1000);
        loop {
            let refused = match self.claim().await {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            if self.is_hopeless(&refused) {
                return Err(refused.into());
            }
            let pause = self.pause_after(&refused, &mut backoff);
            if refused.cause() == Cause::Clash {
                self.watch_holder(&mut watch).await?;
            }
            if self.background().now() + pause >= until {
                return Err(refused.into());
            }
            if watch.is_news(&refused) {
                tracing::warn!(space = %self.snowflakes.settings.space, %refused,
                    "no worker id yet; trying again");
            }
            or(self.background().nap(pause), self.handed_over(is_held(&refused))).await;
        }
    }

    async fn claim(&mut self) -> Result<(), IssueError> {
        if let Some(frozen) = self.guard.frozen() {
            return Err(frozen);
        }
        let snowflakes = Arc::clone(&self.snowflakes);
        let settings = &snowflakes.settings;
        let nonce = nonce(self.background()).map_err(|error| {
            IssueError::new(Cause::StoreDown, format!("no randomness for a claim: {error}"))
        })?;
        let copies = snowflakes.copies();
        let proof = match &snowflakes.soft {
            Some(soft) => {
                let mut soft = lock(soft);
                // What a copy proves is not so: the original may have gone on.
                let proof = soft.proof().filter(|_| copies == self.copies);
                soft.claiming(nonce).map_err(soft_failed)?;
                proof
            }
            None => None,
        };
        let proven = proof.as_ref().and_then(|it| Some((it.worker?, it.soft_horizon_unix_ms)));
        let claim = self.asking(nonce, proof);
        self.guard.claiming();
        let claimed = self.within(self.registry.claim(&settings.space, &claim)).await?;
        if snowflakes.copies() != copies {
            // Not given back: the original may hold it by now.
            return Err(copied_meanwhile());
        }
        if let Err(refused) = self.may_hold(&claimed).await {
            self.give_back(claimed.lease).await;
            return Err(refused);
        }
        let identity = match self.within(self.registry.identity()).await {
            Ok(identity) => identity,
            Err(refused) => {
                self.give_back(claimed.lease).await;
                return Err(refused);
            }
        };
        let lease = claimed.lease;
        // Their horizons go by the registry's clock, and this node's may be behind it.
        self.guard.keep(&identity, snowflakes.clock.unix_ms(), self.longest_wait_ms());
        let checked = self.guard.check(&lease);
        let from_ms = match checked.and_then(|from_ms| above_issued(&lease, proven, from_ms)) {
            Ok(from_ms) => from_ms,
            Err(refused) => {
                self.give_back(lease).await;
                return Err(refused);
            }
        };
        if snowflakes.copies() != copies {
            return Err(copied_meanwhile());
        }
        let held = self.hold(Claimed { lease: lease.begun_at(from_ms), ..claimed });
        if let Err(unused) = held {
            let (refused, lease) = *unused;
            self.give_back(lease).await;
            return Err(refused);
        }
        self.copies = copies;
        Ok(())
    }

    fn asking(&self, nonce: u128, proof: Option<SoftProof>) -> Claim {
        let settings = &self.snowflakes.settings;
        let wish = match (settings.wish, self.last_worker) {
            (Wish::Any, Some(last)) => Wish::Prefer(last),
            (wish, _) => wish,
        };
        Claim {
            ids: settings.ids.clone(),
            wish,
            nonce,
            holder: settings.holder.clone(),
            published: Published::of(&settings.layout, &self.wished_ids()).to_string(),
            lease_ms: self.lease_ms,
            now_unix_ms: self.snowflakes.clock.unix_ms(),
            proof,
        }
    }

    fn hold(&mut self, claimed: Claimed) -> Result<(), Box<(IssueError, WorkerLease)>> {
        let snowflakes = Arc::clone(&self.snowflakes);
        let lease = claimed.lease;
        let worker = lease.worker();
        if let Some(soft) = &snowflakes.soft
            && let Err(error) = lock(soft).granted(&lease)
        {
            return Err(Box::new((soft_failed(error), lease)));
        }
        let lease = self.limited(lease);
        let now_ms = snowflakes.clock.unix_ms();
        let holding =
            Holding::new(&snowflakes.settings, lease, now_ms).map_err(|(error, lease)| {
                Box::new((unusable(&error, self.lease_ms, claimed.wait_ms), lease))
            })?;
        tracing::info!(space = %snowflakes.settings.space, worker, wait_ms = claimed.wait_ms,
            "holding a worker id");
        self.warn_of_wait(&holding);
        self.last_worker = Some(worker);
        self.warn_of_end();
        self.note_cut(claimed.cut);
        snowflakes.holding.store(Some(Arc::new(holding)));
        snowflakes.changed.notify(usize::MAX);
        Ok(())
    }

    /// With a soft horizon a generator begins with nothing: the first request raises it, so that a
    /// process that dies before that moves no floor.
    fn limited(&self, lease: WorkerLease) -> WorkerLease {
        let floor_ms = lease.floor().unix_ms;
        if self.snowflakes.soft.is_some() { lease.limited_to(floor_ms) } else { lease }
    }

    fn note_cut(&self, cut: bool) {
        *lock(&self.snowflakes.trouble) = cut.then(|| {
            IssueError::new(
                Cause::ClockHold,
                "this clock runs ahead of the registry's; ids stop at the horizon the registry \
                 grants until the clock is set right",
            )
            .retry(1000)
        });
    }

    /// Works until the generator is stopped; then ends it and releases the lease.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(100, 1000);
        let mut pause = self.renew_after();
        let mut failed = None;
        loop {
            let changed = self.snowflakes.changed.listen();
            if self.snowflakes.stopped.get().is_some() {
                return self.release().await;
            }
            let due = self.background().now() + pause;
            self.sleep_until(due, changed, failed).await;
            if self.snowflakes.stopped.get().is_some() {
                return self.release().await;
            }
            let done = self.renew_or_claim().await;
            failed = done.as_ref().err().map(is_held);
            match done {
                Ok(()) => {
                    backoff.reset();
                    pause = self.renew_after();
                }
                Err(refused) => {
                    tracing::warn!(space = %self.snowflakes.settings.space, %refused, "no lease");
                    pause = self.pause_after(&refused, &mut backoff).min(self.renew_after());
                    *lock(&self.snowflakes.trouble) = Some(refused);
                }
            }
        }
    }

    /// Sleeps till `due`; only a stop cuts it short, or a generator that is full or given up,
    /// unless the last try to replace that one has `failed`; an id that is handed over, if the try
    /// failed because somebody held it.
    async fn sleep_until(
        &self,
        due: Instant,
        mut changed: event_listener::EventListener,
        failed: Option<bool>,
    ) {
        while !self.must_act(failed.is_some()) {
            let left = due.saturating_duration_since(self.background().now());
            let woken = async {
                changed.await;
                true
            };
            let slept = async {
                or(self.background().nap(left), self.handed_over(failed == Some(true))).await;
                false
            };
            if !or(woken, slept).await || self.must_act(failed.is_some()) {
                return;
            }
            changed = self.snowflakes.changed.listen();
        }
    }

    fn must_act(&self, failed: bool) -> bool {
        let holding = self.snowflakes.holding.load();
        let none = holding.as_ref().is_none_or(|holding| holding.is_full());
        (none && !failed) || self.snowflakes.stopped.get().is_some()
    }

    pub(crate) fn background(&self) -> &Background {
        &self.snowflakes.background
    }

    /// As long as the refusal says, within reason; else the next pause of the row.
    fn pause_after(&self, refused: &IssueError, backoff: &mut Backoff) -> Duration {
        let told = refused.retry_after_ms().filter(|_| refused.cause() != Cause::StoreDown);
        let pause = backoff.drawn(self.background().random());
        told.map_or(pause, |ms| Duration::from_millis(ms.clamp(10, 1000)))
    }

    fn renew_after(&self) -> Duration {
        Duration::from_millis(self.lease_ms * 3 / 10)
    }

    async fn renew_or_claim(&mut self) -> Result<(), IssueError> {
        let Some(holding) = self.snowflakes.holding.load_full() else { return self.claim().await };
        if let Some(frozen) = self.guard.frozen() {
            self.give_up(&holding);
            return Err(frozen);
        }
        let (space, now_ms) = (&self.snowflakes.settings.space, self.snowflakes.clock.unix_ms());
        let renewed = self.registry.renew(space, holding.worker, holding.token, now_ms);
        match self.within(renewed).await {
            Ok(renewed) => self.renewed(&holding, renewed),
            Err(refused) if refused.cause() == Cause::LeaseLost => {
                // The receipt is of no use: only the current holder may release.
                self.give_up(&holding);
                *lock(&self.snowflakes.trouble) = Some(refused);
                self.claim().await
            }
            Err(refused) => Err(refused),
        }
    }

    /// Ends a generator whose lease is not released: that would let another begin where the
    /// registry thinks this one ended.
    fn give_up(&self, holding: &Holding) {
        self.snowflakes.holding.store(None);
        holding.end();
    }

    fn renewed(&mut self, holding: &Holding, renewed: Renewed) -> Result<(), IssueError> {
        let Renewed { renewal, cut } = renewed;
        // An answer about another lease says nothing of this one.
        if renewal.token() == holding.token {
            if let Err(refused) = self.guard.renewed(&renewal, holding.durable_ms()) {
                self.give_up(holding);
                return Err(refused);
            }
            holding.renewed_to(renewal.horizon_unix_ms());
        }
        if self.snowflakes.soft.is_none() {
            // One that is full is replaced just below, one that has ended at the next renewal.
            holding.usable_to(renewal.horizon_unix_ms()).ok();
        }
        if holding.is_full() {
            self.begin_anew(holding, &renewal)?;
        }
        self.note_cut(cut);
        self.warn_of_end();
        self.snowflakes.changed.notify(usize::MAX);
        Ok(())
    }

    /// A generator counts from its floor; one that has counted far goes on in a new one.
    fn begin_anew(&mut self, holding: &Holding, renewal: &Renewal) -> Result<(), IssueError> {
        let Some(ended) = holding.end() else { return Ok(()) };
        // If it cannot be replaced, the next turn claims anew.
        self.snowflakes.holding.store(None);
        let lease = WorkerLease::resume(ended, renewal)
            .map_err(|(error, _)| IssueError::new(Cause::LeaseLost, error.to_string()))?;
        let lease = self.limited(lease);
        let now_ms = self.snowflakes.clock.unix_ms();
        let holding = Holding::new(&self.snowflakes.settings, lease, now_ms)
            .map_err(|(error, _)| IssueError::new(Cause::BadRequest, error.to_string()))?;
        self.snowflakes.holding.store(Some(Arc::new(holding)));
        Ok(())
    }

    async fn release(&self) {
        let Some(holding) = self.snowflakes.holding.swap(None) else { return };
        let Some(ended) = holding.end() else { return };
        let space = &self.snowflakes.settings.space;
        let floor_ms = ended.floor().unix_ms;
        match self.within(self.registry.release(space, ended)).await {
            Ok(()) => {
                tracing::info!(%space, worker = holding.worker, "released a worker id");
                // If it fails, the next start begins where this one could have issued.
                let _kept = self.snowflakes.soft.as_ref().map(|soft| lock(soft).released(floor_ms));
            }
            Err(refused) => {
                tracing::warn!(%space, %refused, "not released; the id is free after its lease");
            }
        }
    }
}

/// Why no generator can be made of a lease.
fn unusable(error: &NewError, lease_ms: u64, wait_ms: u64) -> IssueError {
    match error {
        // It was cut: what the registry may grant ends shortly above the floor, and rises with
        // time.
        NewError::LeaseTooShort { tick_ms, .. } if lease_ms / 3 >= *tick_ms => {
            let message = format!(
                "ids may begin {wait_ms} ms ahead of this clock, and too little of a lease is \
                 left above that: {error}, or wait"
            );
            IssueError::new(Cause::ClockHold, message).retry(*tick_ms)
        }
        _ => IssueError::new(Cause::BadRequest, error.to_string()),
    }
}

fn soft_failed(error: std::io::Error) -> IssueError {
    let message = format!("the soft horizon cannot be written: {error}; mend the state directory");
    IssueError::new(Cause::StoreDown, message).retry(1000)
}
