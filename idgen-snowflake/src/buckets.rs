//! Up to 32 generators of one worker id, told apart by the layout's bucket field.
//!
//! Each bucket is a lane of its own: a word and a horizon that rise independently. They
//! have one lease and so end as one. Bucket 0 elects the ender: the call whose `fetch_or` found it
//! open ends all others before it yields the one receipt, which is the greatest of theirs. A
//! bucket that is still open meanwhile issues ids that its own later `fetch_or` covers.
//!
//! # Orderings
//!
//! None are named here; each access is one of a lane. No bucket's ids hang on another's word, and
//! the one ender reads all receipts itself.

use core::num::NonZeroU64;

use idgen_core::{Clock, Ended, Floor, IdRange, Refusal, Renewal, WorkerLease};

use crate::MAX_BORROW_MS;
use crate::error::{ExtendError, NewError};
use crate::ground::Start;
use crate::lane::Lane;
use crate::layout::Layout;
use crate::rule::{Rule, Rules};
use crate::snowflake::same_lease;

/// The most buckets a layout can have; models of the checker have 2.
pub const MAX_BUCKETS: usize = if cfg!(idgen_loom) { 2 } else { 32 };

/// The generators of all buckets of one worker id, made from one lease.
#[derive(Debug)]
pub struct Buckets {
    /// Those at and behind `len` are ended from the start.
    lanes: [Lane; MAX_BUCKETS],
    len: usize,
    floor: Floor,
    lease: WorkerLease,
    layout: Layout,
}

/// One bucket of [`Buckets`].
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    lane: &'a Lane,
}

impl Bucket<'_> {
    /// The next id of this bucket.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for [`Snowflake::next_id`](crate::Snowflake::next_id).
    #[inline]
    pub fn next_id(&self, clock: &(impl Clock + ?Sized)) -> Result<u64, Refusal> {
        self.lane.next_id(clock)
    }

    /// Up to `max` ids of one tick, at least 1.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for [`Snowflake::next_id`](crate::Snowflake::next_id).
    pub fn take(&self, clock: &(impl Clock + ?Sized), max: NonZeroU64) -> Result<IdRange, Refusal> {
        self.lane.take(clock, max.get())
    }

    /// Fills as much of `ids` as can be had now, in rising order, and returns how many that is.
    pub fn fill(&self, clock: &(impl Clock + ?Sized), ids: &mut [u64]) -> usize {
        self.lane.fill(clock, ids)
    }
}

impl Buckets {
    /// Generators for a layout with a bucket field, with the usual borrow window of 10 ms.
    ///
    /// # Errors
    ///
    /// [`NewError`] with the lease, unused.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::{At, Floor, WorkerLease};
    /// use idgen_snowflake::{Buckets, preset};
    /// let layout = preset("genid").unwrap();
    /// let now = At(1_750_000_000_000);
    /// let lease = WorkerLease::assume(1, Floor::at(now.0), now.0 + 10_000)?;
    /// let buckets = Buckets::new(layout, lease).map_err(|(error, _)| error)?;
    /// let id = buckets.bucket(31).expect("one of 32").next_id(&now)?;
    /// assert_eq!(layout.decode(id)?.bucket(), Some(31));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(layout: &Layout, lease: WorkerLease) -> Result<Self, (NewError, WorkerLease)> {
        Self::with_borrow(layout, lease, MAX_BORROW_MS)
    }

    /// The same with a borrow window of `borrow_ms` milliseconds, 0 to 10, in whole ticks.
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

    /// Generators that lack one rule, for models that show what the rule is for.
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
        if layout.bucket().is_none() {
            return Err((NewError::NoBuckets, lease));
        }
        let mut start = match Start::new(layout, &lease, borrow_ms, rules) {
            Ok(start) => start,
            Err(error) => return Err((error, lease)),
        };
        let floor = start.ground.floor_of(start.word);
        let len = usize::try_from(layout.buckets()).unwrap_or(MAX_BUCKETS).min(MAX_BUCKETS);
        let lanes = core::array::from_fn(|index| {
            let lane = Lane::new(&start);
            if index >= len {
                lane.end();
            }
            start.ground = start.ground.next_bucket(layout);
            lane
        });
        Ok(Self { lanes, len, floor, lease, layout: *layout })
    }

    /// The bucket of this number; `None` if the layout has not so many.
    #[inline]
    pub fn bucket(&self, number: usize) -> Option<Bucket<'_>> {
        self.all().get(number).map(|lane| Bucket { lane })
    }

    /// How many buckets there are.
    #[expect(clippy::len_without_is_empty, reason = "a bucket field has at least one bit")]
    pub const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn all(&self) -> &[Lane] {
        &self.lanes[..self.len]
    }

    /// Raises the horizon of all buckets; see [`Snowflake::extend`](crate::Snowflake::extend).
    ///
    /// # Errors
    ///
    /// [`ExtendError`]. Buckets that were extended before one refused stay so: what is theirs is
    /// leased.
    pub fn extend(&self, renewal: &Renewal) -> Result<(), ExtendError> {
        same_lease(&self.lease, renewal)?;
        self.all().iter().try_for_each(|lane| lane.extend(renewal.horizon_unix_ms()))
    }

    /// Ends all buckets for ever; the one call that did it gets the receipt, which lies above all
    /// that any bucket issued.
    pub fn end(&self) -> Option<Ended> {
        let rules = self.lanes[0].ground().rules;
        let mut floor = self.lanes[0].end()?;
        for lane in &self.all()[1..] {
            if rules.lack(Rule::AllBucketsEnd) {
                break;
            }
            let other = lane.end().unwrap_or(floor);
            if !rules.lack(Rule::GreatestReceipt) {
                floor = floor.max(other);
            }
        }
        Some(Ended::receipt(self.lease.worker(), self.lease.token(), floor))
    }

    /// Whether [`end`](Self::end) was called. It may still be at work on the last buckets.
    pub fn is_ended(&self) -> bool {
        self.lanes[0].is_ended()
    }

    /// Where issuing stops (exclusive), in Unix milliseconds; while an extension is at work, for
    /// the last bucket.
    pub fn horizon_unix_ms(&self) -> u64 {
        let last = self.all().iter().map(Lane::last).min().unwrap_or_default();
        self.lanes[0].ground().unix_ms_of(last + 1).cast_unsigned()
    }

    /// Where issuing began, in every bucket.
    pub const fn floor(&self) -> Floor {
        self.floor
    }

    /// The worker id that these generators stamp.
    pub const fn worker(&self) -> u64 {
        self.lease.worker()
    }

    /// The layout of the ids.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }
}
