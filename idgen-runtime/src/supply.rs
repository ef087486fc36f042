//! The supplier of one sequence: a task on the background thread.
//!
//! It sleeps until a request has parked, a standby segment has become active, a lease has come, or
//! a deadline or a retry is due. Then it serves the parked in order, and keeps one standby segment
//! ahead: as soon as a segment is begun the next one is leased, so that each alone holds the
//! reserve. Every lease is marked in the journal before its first id is issued; a lease that shows
//! a store gone back freezes the sequence instead. Where the journal knows the sequence, the store
//! is looked at before the first lease: a lease moves a store's bound, and a process that is
//! restarted again and again would move it past the marks.
//!
//! With each lease the store tells its definition, read after the grant: another node may have
//! altered the sequence, and one of strict order is not issued from a segment.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_lite::future::{or, pending};
use idgen_segment::{Pace, Refill, SegmentCursor};
use idgen_store::{Account, Lease, SequenceInfo, SequenceStore, Share, StoreError, StoreIdentity};

use crate::background::{Background, lock};
use crate::error::{Cause, IssueError};
use crate::guard::{Guard, Since, store_key};
use crate::peers::Merge;
use crate::retry::Backoff;
use crate::sequence::{Sequence, Wake, late};
use crate::settings::Settings;

mod answers;
mod closing;
mod parts;

type Fetch = Pin<Box<dyn Future<Output = Result<Arrival, StoreError>> + Send>>;
type Permit = Refill<Arc<SegmentCursor<Wake>>, Wake>;

/// What the store was asked for.
enum Arrival {
    /// A lease, and what is known of who granted it.
    Lease(Lease, Told),
    /// A look at a sequence that is frozen, or known to the journal.
    Look(SequenceInfo, StoreIdentity),
    /// The store knows of no such sequence: it was deleted, or all was.
    Gone(StoreError, StoreIdentity),
    /// A look at the stores of a set, and the sequence as a whole.
    Looks(Vec<Account>, SequenceInfo),
    /// The stores of a set do not fit together, or know of no such sequence.
    Apart(StoreError),
}

/// What was told with a lease.
enum Told {
    /// The account of the sequence as of after the grant, if it could be had.
    Alone(Option<SequenceInfo>, StoreIdentity),
    /// By a set of stores.
    OfSet(Share),
}

/// An answer on its way.
struct Pending {
    fetch: Fetch,
    purpose: Purpose,
    begun: Instant,
}

enum Purpose {
    Look,
    /// For the cursor's standby slot.
    Standby(Permit),
    /// For the requests up to this ticket.
    Strict(u64),
}

pub(crate) struct Supplier {
    sequence: Arc<Sequence>,
    guard: Guard,
    merge: Option<Merge>,
    pace: Pace,
    max_step: u64,
    store_timeout: Duration,
    pending: Option<Pending>,
    backoff: Backoff,
    retry_at: Option<Instant>,
    frozen: Option<IssueError>,
    /// The store is known not to be behind the journal, as far as a look can tell.
    looked: bool,
    /// When a strict step last asked for the definition.
    described: Option<Instant>,
    /// The highest id granted to this process: leases lie above it.
    above: u64,
    /// The parts, by increment and offset, that stores of a set have leased to this process.
    parts: HashSet<(u64, u64)>,
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
    Fetched(Box<Result<Arrival, StoreError>>),
    TimedOut,
}

/// Active, standby and one more that a reset may have left behind.
const REMEMBERED: usize = 4;
/// A burst shorter than this is not taken for a rate: it would lease far more than it needs.
const RATE_WINDOW: Duration = Duration::from_millis(100);
/// How often the store of a frozen sequence is looked at, if anybody asks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often strict steps ask for the definition: to learn late of a looser order breaks nothing.
const DESCRIBE_AGAIN: Duration = Duration::from_secs(1);
/// The most that one strict step leases.
const STRICT_MOST: u64 = 1 << 20;

impl Supplier {
    pub(crate) fn new(
        sequence: Arc<Sequence>,
        guard: Guard,
        pace: Pace,
        settings: &Settings,
    ) -> Self {
        // Which marks the journal keeps of the stores of a set is known when they are looked at.
        let is_set = sequence.store.is_set();
        let looked = guard.knows_nothing() && !is_set;
        // What peers tell is of a sequence as a whole: a set is thawed by an operator.
        let peers = settings.peers.as_ref().filter(|_| !is_set);
        let merge = peers.map(|peers| Merge::new(guard.clone(), Arc::clone(peers)));
        let last_turn = sequence.background.now();
        Self {
            looked,
            described: None,
            sequence,
            guard,
            merge,
            pace,
            max_step: settings.max_step,
            store_timeout: settings.store_timeout,
            pending: None,
            backoff: Backoff::new(20, 1000),
            retry_at: None,
            frozen: None,
            above: 0,
            parts: HashSet::new(),
            granted: VecDeque::new(),
            unsupplied: Vec::new(),
            supplied: None,
            last_turn,
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
            if timer.is_some_and(|at| at <= self.now()) {
                // Not left to the race below, which a stream of requests would win for ever.
                self.timed_out();
                continue;
            }
            let event = or(
                async {
                    woken.await;
                    Event::Woken
                },
                or(fetched(self.pending.as_mut()), timed_out(&self.sequence.background, timer)),
            )
            .await;
            match event {
                Event::Woken => {}
                Event::Fetched(answer) => self.arrived(*answer),
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
        let now = self.now();
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
            return self.refuse_what_is_known();
        }
        let ground = self.sequence.ground.load_full();
        if !self.looked {
            if self.wanted() {
                self.look();
            }
        } else if ground.strict() {
            let newest = self.sequence.waiters.newest();
            let wanted = self.sequence.waiters.wanted(STRICT_MOST);
            if wanted > 0 {
                self.fetch(wanted, Purpose::Strict(newest));
            }
        } else if self.wanted()
            && let Some(permit) = Refill::begin(Arc::clone(&ground.cursor))
        {
            self.observe_turn(&ground.cursor);
            let waiting = self.sequence.waiters.wanted(self.max_step);
            self.fetch(self.pace.step().max(waiting), Purpose::Standby(permit));
        }
    }

    /// What the store has refused for good is not waited for.
    fn refuse_what_is_known(&self) {
        let why = lock(&self.sequence.trouble).clone();
        if let Some(why) = why.filter(|why| why.cause() != Cause::StoreDown) {
            self.sequence.waiters.refuse_all(&why);
        }
    }

    fn now(&self) -> Instant {
        self.sequence.background.now()
    }

    /// A sequence that nobody has asked leases nothing.
    fn wanted(&self) -> bool {
        // Relaxed: the request's notification came after its store.
        self.sequence.wanted.load(Ordering::Relaxed) || !self.sequence.waiters.is_empty()
    }

    fn fetch(&mut self, len: u64, purpose: Purpose) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        let above = self.above;
        let now = self.now();
        let fresh = |at: Instant| now.saturating_duration_since(at) < DESCRIBE_AGAIN;
        let describe = !matches!(purpose, Purpose::Strict(_)) || !self.described.is_some_and(fresh);
        if describe {
            self.described = Some(now);
        }
        // Release: pairs with the Acquire load of whoever tells the mark.
        self.sequence.leasing.store(true, Ordering::Release);
        let fetch = Box::pin(async move {
            if store.is_set() {
                return parts::lease(&*store, &name, len, above).await;
            }
            // Between the first lease and the question who gave it, another may take its place.
            let before = if above == 0 { Some(store.identity().await?) } else { None };
            let lease = match store.lease(&name, len, above).await {
                Err(unknown @ StoreError::Unknown { .. }) => return gone(&*store, unknown).await,
                answer => answer?,
            };
            // A lease in hand is not given up because the account of it failed.
            let info = if describe { store.describe(&name).await.ok() } else { None };
            let identity = store.identity().await?;
            if before.is_some_and(|before| store_key(&before) != store_key(&identity)) {
                let said = "it was replaced or promoted while it leased; the lease is a gap, retry";
                return Err(StoreError::Unavailable(said.to_owned()));
            }
            Ok(Arrival::Lease(lease, Told::Alone(info, identity)))
        });
        self.pending = Some(Pending { fetch, purpose, begun: now });
    }

    fn look(&mut self) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        let merge = self.merge.clone().filter(|_| self.frozen.is_some());
        let (definition, since) = (self.sequence.definition(), self.since());
        let fetch = Box::pin(async move {
            if store.is_set() {
                return parts::look(&*store, &name).await;
            }
            if let Some(merge) = merge {
                merge.thaw(&*store, definition, since).await?;
            }
            match store.describe(&name).await {
                Err(unknown @ StoreError::Unknown { .. }) => gone(&*store, unknown).await,
                info => Ok(Arrival::Look(info?, store.identity().await?)),
            }
        });
        self.pending = Some(Pending { fetch, purpose: Purpose::Look, begun: self.now() });
    }

    /// Of this process, not of the journal: what another one was granted says nothing of this
    /// store.
    fn since(&self) -> Since {
        if self.above > 0 { Since::Leased } else { Since::Started }
    }

    fn next_timer(&self) -> Option<Instant> {
        let fetch = self.pending.as_ref().map(|pending| pending.begun + self.store_timeout);
        let retry = self.retry_at.filter(|_| self.wanted());
        [fetch, retry, self.sequence.waiters.next_deadline()].into_iter().flatten().min()
    }

    fn timed_out(&mut self) {
        let now = self.now();
        let why = lock(&self.sequence.trouble).clone();
        self.sequence.waiters.expire(now, || match &why {
            Some(why) => why.clone(),
            None => late("no lease could be had in time; the store is slow or the load too high"),
        });
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        let overdue = |pending: &mut Pending| pending.begun + self.store_timeout <= now;
        if let Some(pending) = self.pending.take_if(overdue) {
            self.give_up(pending.fetch);
            // Release: as in `arrived`; a lease that comes later is not issued.
            self.sequence.leasing.store(false, Ordering::Release);
            let silent = format!("no answer within {} ms", self.store_timeout.as_millis());
            self.failed(&StoreError::Unavailable(silent));
        }
    }

    /// A lease that comes after its time goes back, unissued.
    fn give_up(&self, fetch: Fetch) {
        let (store, name) = (Arc::clone(&self.sequence.store), self.sequence.name.clone());
        self.sequence.background.spawn(async move {
            if let Ok(Arrival::Lease(lease, ..)) = fetch.await {
                // What cannot be handed back is a gap.
                store.hand_back(&name, &lease).await.ok();
            }
        });
    }

    /// The newest segment has become active: the one before it was issued since the last turn.
    fn observe_turn(&mut self, cursor: &Arc<SegmentCursor<Wake>>) {
        let now = self.now();
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
}

async fn gone(store: &dyn SequenceStore, unknown: StoreError) -> Result<Arrival, StoreError> {
    Ok(Arrival::Gone(unknown, store.identity().await?))
}

async fn fetched(pending: Option<&mut Pending>) -> Event {
    match pending {
        Some(pending) => Event::Fetched(Box::new(pending.fetch.as_mut().await)),
        None => pending_for_ever().await,
    }
}

async fn pending_for_ever() -> Event {
    pending().await
}

async fn timed_out(background: &Background, timer: Option<Instant>) -> Event {
    match timer {
        Some(at) => {
            background.nap(at.saturating_duration_since(background.now())).await;
            Event::TimedOut
        }
        None => pending_for_ever().await,
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
