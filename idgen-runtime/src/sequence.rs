//! Serial ids of one sequence: the face that requests see.
//!
//! A request takes from the segment cursor: one atomic add, no lock, no wait. Only when there is
//! no ground does it park with its deadline; the [supplier](crate::supply) serves the parked in
//! order of arrival. A sequence of strict order has no cursor: every request parks, and the
//! supplier leases exactly what the parked requests want, in one durable step.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;
use event_listener::Event;
use idgen_core::IdRange;
use idgen_segment::{OnTurn, Retired, SegmentCursor};
use idgen_store::{Definition, Name, Order, SequenceStore};

use crate::background::{Background, lock};
use crate::error::{Cause, IssueError};
use crate::fork;
use crate::waiters::Waiters;

/// Wakes the supplier when a standby segment has become the active one.
#[derive(Clone, Default)]
pub(crate) struct Wake(pub(crate) Arc<Event>);

impl OnTurn for Wake {
    fn on_turn(&self) {
        self.0.notify(1);
    }
}

/// What ids are issued from; replaced as a whole when an operator moves the sequence.
pub(crate) struct Ground {
    pub(crate) definition: Definition,
    pub(crate) cursor: Arc<SegmentCursor<Wake>>,
}

impl Ground {
    pub(crate) fn new(definition: Definition, wake: &Wake) -> Self {
        Self { definition, cursor: Arc::new(SegmentCursor::with_on_turn(wake.clone())) }
    }

    pub(crate) fn strict(&self) -> bool {
        self.definition.order() == Order::Strict
    }
}

/// A named counter, supplied in the background. Shared by any number of threads.
pub struct Sequence {
    pub(crate) name: Name,
    pub(crate) store: Arc<dyn SequenceStore>,
    pub(crate) background: Arc<Background>,
    pub(crate) wake: Wake,
    pub(crate) ground: ArcSwap<Ground>,
    pub(crate) waiters: Waiters,
    pub(crate) wanted: AtomicBool,
    /// Whether a lease is on its way, the mark of which is not in the journal yet.
    pub(crate) leasing: AtomicBool,
    pub(crate) trouble: Mutex<Option<IssueError>>,
    /// What the last cursor held when the sequence was closed.
    pub(crate) left: Mutex<Option<Retired>>,
}

impl Sequence {
    pub(crate) fn new(
        name: Name,
        definition: Definition,
        store: Arc<dyn SequenceStore>,
        background: Arc<Background>,
    ) -> Self {
        let wake = Wake::default();
        Self {
            name,
            store,
            background,
            ground: ArcSwap::from_pointee(Ground::new(definition, &wake)),
            wake,
            waiters: Waiters::default(),
            wanted: AtomicBool::new(false),
            leasing: AtomicBool::new(false),
            trouble: Mutex::default(),
            left: Mutex::default(),
        }
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What the sequence counts.
    pub fn definition(&self) -> Definition {
        self.ground.load().definition
    }

    /// 1 to `max` ids of one segment, waiting for ground until the deadline at most.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; its cause says what to do.
    pub async fn take(&self, max: NonZeroU64, deadline: Instant) -> Result<IdRange, IssueError> {
        match self.take_at_hand(max) {
            Some(range) => Ok(range),
            None => self.park(max, deadline).await,
        }
    }

    /// 1 to `max` ids if there are some at hand: never waits. `None` says only that
    /// [`take`](Self::take) would have to wait, or to tell why it refuses; so it is in strict
    /// order.
    #[inline]
    pub fn take_at_hand(&self, max: NonZeroU64) -> Option<IdRange> {
        let ground = self.ground.load();
        if ground.strict() || self.background.is_forked() {
            return None;
        }
        ground.cursor.take(max).ok()
    }

    async fn park(&self, max: NonZeroU64, deadline: Instant) -> Result<IdRange, IssueError> {
        if self.background.is_forked() {
            return Err(fork::refused());
        }
        let answer = self.waiters.park(max, deadline)?;
        // Relaxed: the notification orders it before the supplier's look.
        self.wanted.store(true, Ordering::Relaxed);
        self.wake.0.notify(1);
        match answer.await {
            Ok(answer) => answer,
            Err(_supplier_gone) => Err(IssueError::draining()),
        }
    }

    /// Exactly `n` ids in rising order, as few ranges.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; ids taken before it are gaps.
    pub async fn take_all(
        &self,
        n: NonZeroU64,
        deadline: Instant,
    ) -> Result<Vec<IdRange>, IssueError> {
        let mut ranges = Vec::new();
        let mut left = Some(n);
        while let Some(max) = left {
            let range = self.take(max, deadline).await?;
            left = NonZeroU64::new(max.get() - range.len());
            ranges.push(range);
        }
        Ok(ranges)
    }

    /// The next id.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; its cause says what to do.
    pub async fn next_id(&self, deadline: Instant) -> Result<u64, IssueError> {
        Ok(self.take(NonZeroU64::MIN, deadline).await?.start())
    }

    /// The number just before the next one that *this node* would issue: its own last id, and
    /// before its first lease, or in strict order, the store's bound.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if the store must be asked and does not answer by the deadline.
    pub async fn last(&self, deadline: Instant) -> Result<u64, IssueError> {
        let ground = self.ground.load_full();
        if !ground.strict() {
            // Between its first lease and its first id the node has issued nothing.
            let before_first = || ground.cursor.upcoming().map(|next| next - 1);
            if let Some(last) = ground.cursor.last_issued().or_else(before_first) {
                return Ok(last);
            }
        }
        let (store, name) = (Arc::clone(&self.store), self.name.clone());
        let asked = self.background.run(async move { store.last(&name).await });
        match self.background.until(deadline, asked).await {
            Some(Some(answer)) => Ok(answer?),
            Some(None) => Err(IssueError::draining()),
            None => Err(late("the store did not answer in time")),
        }
    }

    /// Ids that were claimed and reached nobody.
    pub fn gaps(&self) -> u64 {
        self.waiters.gaps() + self.ground.load().cursor.gaps()
    }

    /// What is wrong with this sequence now, if anything.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.trouble).as_ref().map(ToString::to_string)
    }

    /// Replaces the ground; what the old cursor still held is given up.
    pub(crate) fn reset(&self, definition: Definition) {
        // Relaxed: leases begin again with the next request's notification.
        self.wanted.store(false, Ordering::Relaxed);
        // What the store said before the move counts no more; a freeze is the supplier's to lift.
        lock(&self.trouble).take_if(|why| why.cause() != Cause::Frozen);
        self.renew_ground(definition);
    }

    pub(crate) fn renew_ground(&self, definition: Definition) {
        // Held, so that no cursor is put in place behind the closing.
        let left = lock(&self.left);
        if self.waiters.closed().is_some() {
            return;
        }
        let old = self.ground.swap(Arc::new(Ground::new(definition, &self.wake)));
        drop(left);
        // Its rest is a gap: the sequence was moved away from it.
        let _given_up = old.cursor.retire();
        self.wake.0.notify(1);
    }

    /// Takes over what the store says of the sequence; only another order needs another ground.
    pub(crate) fn learn(&self, definition: Definition) {
        let known = self.ground.load_full();
        if known.definition == definition {
            return;
        }
        if known.definition.order() != definition.order() {
            return self.renew_ground(definition);
        }
        let same_cursor = Arc::new(Ground { definition, cursor: Arc::clone(&known.cursor) });
        // An operator on this node who was faster knows better.
        self.ground.compare_and_swap(&known, same_cursor);
    }

    /// Issues nothing from here on; what the cursor still held is left for the supplier to hand
    /// back.
    pub(crate) fn close(&self, why: &IssueError) {
        // Left before the closing is seen: the supplier looks for it then.
        let mut left = lock(&self.left);
        if let Some(retired) = self.ground.load_full().cursor.retire() {
            *left = Some(retired);
        }
        self.waiters.close(why);
        drop(left);
        self.wake.0.notify(1);
    }
}

pub(crate) fn late(why: &'static str) -> IssueError {
    IssueError::new(Cause::StoreDown, why).retry(1000)
}
