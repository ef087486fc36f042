//! The supplier of one sequence: a task on the background thread.
//!
//! It sleeps until a request has parked, a standby segment has become active, a lease has come, or
//! a deadline or a retry is due. Then it serves the parked in order, and keeps one standby segment
//! ahead: as soon as a segment is begun the next one is leased, so that each alone holds the
//! reserve. Every lease is marked in the journal before its first id is issued; a lease that shows
//! a store gone back freezes the sequence instead.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_lite::future::{or, pending};
use idgen_segment::{Pace, Refill, SegmentCursor, SupplyError};
use idgen_store::{Lease, SequenceInfo, StoreError, StoreIdentity};

use crate::background::{engine, lock};
use crate::error::{Cause, IssueError};
use crate::guard::Guard;
use crate::retry::Backoff;
use crate::sequence::{Sequence, Wake, late};

type Fetch = Pin<Box<dyn Future<Output = Result<Arrival, StoreError>> + Send>>;
type Permit = Refill<Arc<SegmentCursor<Wake>>, Wake>;

/// What the store was asked for.
enum Arrival {
    Lease(Lease, StoreIdentity),
    /// A look at a sequence that is frozen.
    Look(SequenceInfo, StoreIdentity),
}

/// An answer on its way; the permit is that of the cursor's standby slot.
struct Pending {
    fetch: Fetch,
    permit: Option<Permit>,
    begun: Instant,
}

pub(crate) struct Supplier {
    sequence: Arc<Sequence>,
    guard: Guard,
    pace: Pace,
    max_step: u64,
    store_timeout: Duration,
    pending: Option<Pending>,
    backoff: Backoff,
    retry_at: Option<Instant>,
    frozen: Option<IssueError>,
    /// The highest id granted to this process: leases lie above it.
    above: u64,
    /// The newest leases, to name the serial of a tail at the end.
    granted: VecDeque<Lease>,
    /// Leases that came after the closing.
    unsupplied: Vec<Lease>,
    /// The cursor that `granted` was supplied to; an operator may have put another in its place.
    supplied: Option<Arc<SegmentCursor<Wake>>>,
    last_turn: Instant,
    last_fetch: Duration,
}

enum Event {
    Woken,
    Fetched(Result<Arrival, StoreError>),
    TimedOut,
}

/// Active, standby and one more that a reset may have left behind.
const REMEMBERED: usize = 4;
/// A burst shorter than this is not taken for a rate: it would lease far more than it needs.
const RATE_WINDOW: Duration = Duration::from_millis(100);
/// How often the store of a frozen sequence is looked at, if anybody asks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// The most that one strict step leases.
const STRICT_MOST: u64 = 1 << 20;

impl Supplier {
    pub(crate) fn new(
        sequence: Arc<Sequence>,
        guard: Guard,
        pace: Pace,
        max_step: u64,
        store_timeout: Duration,
    ) -> Self {
        Self {
            sequence,
            guard,
            pace,
            max_step,
            store_timeout,
            pending: None,
            backoff: Backoff::new(20, 1000),
            retry_at: None,
            frozen: None,
            above: 0,
            granted: VecDeque::new(),
            unsupplied: Vec::new(),
            supplied: None,
            last_turn: Instant::now(),
            last_fetch: Duration::ZERO,
        }
    }

    /// Works until the sequence is closed; returns how many ids could not be handed back.
    pub(crate) async fn run(mut self) -> u64 {
        loop {
            let woken = self.sequence.wake.0.listen();
            self.serve();
            if self.sequence.waiters.closed().is_some() {
                return self.finish().await;
            }
            self.fetch_if_needed();
            let timer = self.next_timer();
            let event = or(
                async {
                    woken.await;
                    Event::Woken
                },
                or(fetched(self.pending.as_mut()), timed_out(timer)),
            )
            .await;
            match event {
                Event::Woken => {}
                Event::Fetched(answer) => self.arrived(answer),
                Event::TimedOut => self.timed_out(),
            }
        }
    }

    /// Gives parked requests what the cursor has.
    fn serve(&mut self) {
        if self.frozen.is_none() {
            let sequence = &self.sequence;
            sequence.waiters.serve(|max| sequence.take_at_hand(max));
        }
    }

    fn fetch_if_needed(&mut self) {
        let now = Instant::now();
        if self.pending.is_some() {
            return;
        }
        let pausing = self.retry_at.is_some_and(|at| at > now);
        if let Some(why) = &self.frozen {
            if pausing {
                self.sequence.waiters.refuse_all(why);
            } else if !self.sequence.waiters.is_empty() {
                self.look();
            }
            return;
        }
        if pausing {
            return;
        }
        let ground = self.sequence.ground.load_full();
        if ground.strict() {
            let wanted = self.sequence.waiters.wanted(STRICT_MOST);
            if wanted > 0 {
                self.fetch(wanted, None);
            }
        } else if self.wanted()
            && let Some(permit) = Refill::begin(Arc::clone(&ground.cursor))
        {
            self.observe_turn(&ground.cursor);
            let waiting = self.sequence.waiters.wanted(self.max_step);
            self.fetch(self.pace.step().max(waiting), Some(permit));
        }
    }

    /// A sequence that nobody has asked leases nothing.
    fn wanted(&self) -> bool {
        // Relaxed: the request's notification came after its store.
        self.sequence.wanted.load(Ordering::Relaxed) || !self.sequence.waiters.is_empty()
    }

    fn fetch(&mut self, len: u64, permit: Option<Permit>) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        let above = self.above;
        let fetch = Box::pin(async move {
            let lease = store.lease(&name, len, above).await?;
            Ok(Arrival::Lease(lease, store.identity().await?))
        });
        self.pending = Some(Pending { fetch, permit, begun: Instant::now() });
    }

    fn look(&mut self) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        let fetch = Box::pin(async move {
            Ok(Arrival::Look(store.describe(&name).await?, store.identity().await?))
        });
        self.pending = Some(Pending { fetch, permit: None, begun: Instant::now() });
    }

    fn next_timer(&self) -> Option<Instant> {
        let fetch = self.pending.as_ref().map(|pending| pending.begun + self.store_timeout);
        let retry = self.retry_at.filter(|_| self.wanted());
        [fetch, retry, self.sequence.waiters.next_deadline()].into_iter().flatten().min()
    }

    fn timed_out(&mut self) {
        let now = Instant::now();
        let why = lock(&self.sequence.trouble).clone();
        self.sequence.waiters.expire(now, || match &why {
            Some(why) => IssueError::new(Cause::StoreDown, why.clone()).retry(1000),
            None => late("no lease could be had in time; the store is slow or the load too high"),
        });
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        let overdue = |pending: &mut Pending| pending.begun + self.store_timeout <= now;
        if let Some(pending) = self.pending.take_if(overdue) {
            self.give_up(pending.fetch);
            let silent = format!("no answer within {} ms", self.store_timeout.as_millis());
            self.failed(&StoreError::Unavailable(silent));
        }
    }

    /// A lease that comes after its time goes back, unissued.
    fn give_up(&self, fetch: Fetch) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        self.sequence.background.spawn(async move {
            if let Ok(Arrival::Lease(lease, _)) = fetch.await {
                // What cannot be handed back is a gap.
                store.hand_back(&name, &lease).await.ok();
            }
        });
    }

    fn arrived(&mut self, answer: Result<Arrival, StoreError>) {
        let Some(pending) = self.pending.take() else { return };
        match answer {
            Err(error) => self.failed(&error),
            Ok(Arrival::Lease(lease, identity)) => match self.guard.check(&lease, &identity) {
                Err(frozen) => self.freeze(frozen),
                Ok(()) => self.granted(lease, pending),
            },
            Ok(Arrival::Look(info, identity)) => match self.guard.check_again(&info, &identity) {
                Err(frozen) => self.freeze(frozen),
                Ok(()) => self.thawed(&info),
            },
        }
    }

    fn thawed(&mut self, info: &SequenceInfo) {
        tracing::info!(sequence = %self.sequence.name, bound = info.bound, "thawed");
        self.frozen = None;
        self.granted.clear();
        *lock(&self.sequence.trouble) = None;
        self.sequence.renew_ground(info.definition);
    }

    fn granted(&mut self, lease: Lease, pending: Pending) {
        self.backoff.reset();
        *lock(&self.sequence.trouble) = None;
        self.above = self.above.max(lease.range.last());
        let Some(permit) = pending.permit else {
            return self.sequence.waiters.share(lease.range);
        };
        self.last_fetch = pending.begun.elapsed();
        match permit.supply(lease.range) {
            Ok(()) => self.remember(lease),
            Err(refused) => self.refused(lease, &refused),
        }
    }

    fn remember(&mut self, lease: Lease) {
        self.granted.push_back(lease);
        if self.granted.len() > REMEMBERED {
            self.granted.pop_front();
        }
    }

    /// A cursor that is closed takes no lease: it goes back at the end. One that an operator has
    /// replaced meanwhile takes none either: then the sequence was moved away from it.
    fn refused(&mut self, lease: Lease, refused: &SupplyError) {
        let current = Arc::clone(&self.sequence.ground.load().cursor);
        let closed = self.supplied.as_ref().is_some_and(|it| Arc::ptr_eq(it, &current));
        if closed && matches!(refused, SupplyError::Retired { .. }) {
            self.unsupplied.push(lease);
        } else {
            tracing::warn!(sequence = %self.sequence.name, %refused, "a lease is a gap");
        }
    }

    /// The newest segment has become active: the one before it was issued since the last turn.
    fn observe_turn(&mut self, cursor: &Arc<SegmentCursor<Wake>>) {
        let now = Instant::now();
        let same = self.supplied.as_ref().is_some_and(|supplied| Arc::ptr_eq(supplied, cursor));
        if !same {
            self.granted.clear();
            self.supplied = Some(Arc::clone(cursor));
        } else if let Some(issued) = self.granted.iter().rev().nth(1) {
            let elapsed = (now - self.last_turn).max(RATE_WINDOW);
            self.pace.observe(issued.range.len(), ms(elapsed), ms(self.last_fetch));
        }
        self.last_turn = now;
    }

    fn failed(&mut self, error: &StoreError) {
        let pause = self.backoff.pause();
        self.retry_at = Some(Instant::now() + pause);
        let why = IssueError::from(error);
        *lock(&self.sequence.trouble) = Some(why.to_string());
        match why.cause() {
            Cause::StoreDown => {
                tracing::warn!(sequence = %self.sequence.name, %error, "no lease; trying again");
            }
            // The next request asks the store anew: it may have been altered or created.
            _ => {
                // Relaxed: set again by the next request before its notification.
                self.sequence.wanted.store(false, Ordering::Relaxed);
                self.sequence.waiters.refuse_all(&why);
            }
        }
    }

    /// Ids in hand are not issued either: the store may grant them to others.
    fn freeze(&mut self, why: IssueError) {
        tracing::error!(sequence = %self.sequence.name, %why, "frozen");
        *lock(&self.sequence.trouble) = Some(why.to_string());
        let ground = self.sequence.ground.load_full();
        // What is left may be another's by now: it is neither issued nor handed back.
        let _given_up = ground.cursor.retire();
        self.sequence.waiters.refuse_all(&why);
        self.frozen = Some(why);
        self.retry_at = Some(Instant::now() + LOOK_AGAIN);
    }

    /// Hands back what was not issued: each tail once, under the serial of its lease.
    async fn finish(mut self) -> u64 {
        let late = self.pending.take();
        let mut tails = VecDeque::new();
        if let Some(left) = lock(&self.sequence.left).take() {
            tails.extend([left.tail, left.standby].into_iter().flatten());
        }
        let mut lost = 0;
        if let Some(pending) = late
            && let Ok(Arrival::Lease(lease, _)) = pending.fetch.await
        {
            self.unsupplied.push(lease);
        }
        for lease in &self.unsupplied {
            lost += hand_back(&self.sequence, lease).await;
        }
        for range in tails {
            let of = self.granted.iter().find(|lease| lease.range.contains(range.start()));
            let Some(serial) = of.map(|lease| lease.serial) else {
                lost += range.len();
                continue;
            };
            lost += hand_back(&self.sequence, &Lease { range, serial }).await;
        }
        lost
    }
}

/// How many ids could not be handed back.
async fn hand_back(sequence: &Sequence, tail: &Lease) -> u64 {
    match sequence.store.hand_back(&sequence.name, tail).await {
        Ok(()) => 0,
        Err(error) => {
            let ids = tail.range.len();
            tracing::warn!(sequence = %sequence.name, ids, %error, "a tail is a gap");
            ids
        }
    }
}

async fn fetched(pending: Option<&mut Pending>) -> Event {
    match pending {
        Some(pending) => Event::Fetched(pending.fetch.as_mut().await),
        None => pending_for_ever().await,
    }
}

async fn pending_for_ever() -> Event {
    pending().await
}

async fn timed_out(timer: Option<Instant>) -> Event {
    match timer {
        Some(at) => {
            engine::sleep(at.saturating_duration_since(Instant::now())).await;
            Event::TimedOut
        }
        None => pending_for_ever().await,
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
