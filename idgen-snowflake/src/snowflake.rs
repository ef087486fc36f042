//! A generator for one worker id and one lease, shared by any number of threads.
//!
//! All that decides about ids is the lane's; here are the lease that the lane was made from and a
//! count of the handles.
//!
//! # Orderings
//!
//! Only the count of handles is atomic here, and all its accesses are Relaxed: it sizes the blocks
//! of handles, which are claims like any other. A count that is out of date makes a block larger
//! or smaller, never another's. Its read-modify-writes cannot lose one another, and a handle's
//! subtraction comes after its own addition in the one order of the count's changes, because the
//! handle went from the one to the other: the count is never below 0.

use core::num::NonZeroU64;

use idgen_core::atomics::{AtomicU32, Ordering};
use idgen_core::{Clock, Ended, Floor, IdRange, Refusal, Renewal, WorkerLease};

use crate::MAX_BORROW_MS;
use crate::error::{ExtendError, NewError};
use crate::ground::Start;
use crate::lane::Lane;
use crate::layout::Layout;
use crate::rule::{Rule, Rules};

/// Mints ids of one worker inside one lease of time.
///
/// Ids rise. An id's time lies in the lease and, unless the clock is past the lease, no earlier
/// than the clock and no further ahead of it than the borrow window.
#[derive(Debug)]
pub struct Snowflake {
    lane: Lane,
    handles: AtomicU32,
    floor: Floor,
    lease: WorkerLease,
    layout: Layout,
}

impl Snowflake {
    /// A generator with the usual borrow window of 10 ms, in whole ticks.
    ///
    /// The floor is rounded up to a tick and raised to the layout's epoch, the horizon rounded
    /// down and cut to the layout's end.
    ///
    /// # Errors
    ///
    /// [`NewError`] with the lease, unused.
    pub fn new(layout: &Layout, lease: WorkerLease) -> Result<Self, (NewError, WorkerLease)> {
        Self::with_borrow(layout, lease, MAX_BORROW_MS)
    }

    /// A generator whose ids may be up to `borrow_ms` milliseconds ahead of the clock, 0 to 10.
    ///
    /// Only whole ticks count: 10 ms are no borrow where ticks are longer.
    ///
    /// # Errors
    ///
    /// [`NewError`] with the lease, unused.
    pub fn with_borrow(
        layout: &Layout,
        lease: WorkerLease,
        borrow_ms: u64,
    ) -> Result<Self, (NewError, WorkerLease)> {
        Self::with_rules(layout, lease, borrow_ms, Rules::default())
    }

    /// A generator that lacks one rule, for models that show what the rule is for.
    ///
    /// # Errors
    ///
    /// [`NewError`] with the lease, unused.
    #[cfg(idgen_loom)]
    pub fn without(
        rule: Option<Rule>,
        layout: &Layout,
        lease: WorkerLease,
        borrow_ms: u64,
    ) -> Result<Self, (NewError, WorkerLease)> {
        Self::with_rules(layout, lease, borrow_ms, Rules::without(rule))
    }

    fn with_rules(
        layout: &Layout,
        lease: WorkerLease,
        borrow_ms: u64,
        rules: Rules,
    ) -> Result<Self, (NewError, WorkerLease)> {
        if layout.bucket().is_some() {
            return Err((NewError::HasBuckets, lease));
        }
        let start = match Start::new(layout, &lease, borrow_ms, rules) {
            Ok(start) => start,
            Err(error) => return Err((error, lease)),
        };
        Ok(Self {
            lane: Lane::new(&start),
            handles: AtomicU32::new(0),
            floor: start.ground.floor_of(start.word),
            lease,
            layout: *layout,
        })
    }

    /// The next id.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: *exhausted* at the horizon, *not yet* when the clock is behind by more than
    /// the borrow window, *ended* after [`end`](Self::end) or at the layout's end.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::{At, Floor, Refusal, WorkerLease};
    /// use idgen_snowflake::{Snowflake, preset};
    /// let lease = WorkerLease::assume(0, Floor::at(1_750_000_000_000), 1_750_000_000_100)?;
    /// let snowflake = Snowflake::new(preset("standard").unwrap(), lease).map_err(|(e, _)| e)?;
    /// let first = snowflake.next_id(&At(1_750_000_000_000))?;
    /// assert!(snowflake.next_id(&At(1_750_000_000_007))? > first);
    /// let early = snowflake.next_id(&At(1_749_999_999_990));
    /// assert_eq!(early, Err(Refusal::NotYet { wait_ms: 7 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn next_id(&self, clock: &(impl Clock + ?Sized)) -> Result<u64, Refusal> {
        self.lane.next_id(clock)
    }

    /// Up to `max` ids of one tick, at least 1; their step is the sequence field's place value.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for [`next_id`](Self::next_id).
    pub fn take(&self, clock: &(impl Clock + ?Sized), max: NonZeroU64) -> Result<IdRange, Refusal> {
        self.lane.take(clock, max.get())
    }

    /// Fills as much of `ids` as can be had now, in rising order, and returns how many that is.
    ///
    /// When that is too few, [`next_id`](Self::next_id) tells why.
    pub fn fill(&self, clock: &(impl Clock + ?Sized), ids: &mut [u64]) -> usize {
        self.lane.fill(clock, ids)
    }

    /// Raises the horizon to that of a renewal of the same lease; a lower one changes nothing.
    ///
    /// # Errors
    ///
    /// [`ExtendError::Foreign`] if worker or token differ, [`ExtendError::Ended`] after
    /// [`end`](Self::end), and [`ExtendError::WordFull`]: end this generator and start one with
    /// [`WorkerLease::resume`].
    pub fn extend(&self, renewal: &Renewal) -> Result<(), ExtendError> {
        if !self.lane.ground().rules.lack(Rule::SameLease) {
            same_lease(&self.lease, renewal)?;
        }
        self.lane.extend(renewal.horizon_unix_ms())
    }

    /// Ends the generator for ever; the one call that did it gets the receipt.
    ///
    /// Everything issued lies below the receipt, blocks of handles too. The receipt is raw: it may
    /// lie past the horizon.
    pub fn end(&self) -> Option<Ended> {
        let floor = self.lane.end()?;
        Some(Ended::receipt(self.lease.worker(), self.lease.token(), floor))
    }

    /// Whether [`end`](Self::end) was called.
    pub fn is_ended(&self) -> bool {
        self.lane.is_ended()
    }

    /// Where issuing stops (exclusive), in Unix milliseconds: the lease's horizon in whole ticks.
    pub fn horizon_unix_ms(&self) -> u64 {
        self.lane.ground().unix_ms_of(self.lane.last() + 1).cast_unsigned()
    }

    /// Where issuing began: the lease's floor in whole ticks.
    pub const fn floor(&self) -> Floor {
        self.floor
    }

    /// The worker id that this generator stamps.
    pub const fn worker(&self) -> u64 {
        self.lease.worker()
    }

    /// The layout of the ids.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(crate) fn count_handle(&self) {
        // Relaxed: a count for sizing blocks; an outdated one is as good.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn discount_handle(&self) {
        // Relaxed: as in `count_handle`.
        self.handles.fetch_sub(1, Ordering::Relaxed);
    }

    /// The largest block of a handle: all handles together hold a quarter of a tick at most.
    pub(crate) fn block(&self) -> u64 {
        // Relaxed: as in `count_handle`.
        let live = u64::from(self.handles.load(Ordering::Relaxed)).max(1);
        (self.lane.ground().numbers_per_tick() / (4 * live)).max(1)
    }
}

/// Refuses a renewal of any lease but this one.
pub(crate) fn same_lease(lease: &WorkerLease, renewal: &Renewal) -> Result<(), ExtendError> {
    if renewal.worker() == lease.worker() && renewal.token() == lease.token() {
        return Ok(());
    }
    Err(ExtendError::Foreign {
        worker: lease.worker(),
        lease: lease.token().serial,
        renewal_worker: renewal.worker(),
        renewal: renewal.token().serial,
    })
}
