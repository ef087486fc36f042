//! A thread's own block of numbers.
//!
//! A block is claimed from the shared word like any batch, so it is nobody else's and lies below
//! the receipt of an ender. It belongs to one tick and is kept while the clock's hint is in the
//! stretch in which that tick may be stamped: from `borrow` ticks before it to its end. That
//! stretch is kept in milliseconds, so the common call reads the hint, makes two compares and
//! counts; it touches no shared line.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ops::Deref;

use idgen_core::{Clock, Refusal};

use crate::rule::Rule;
use crate::snowflake::Snowflake;

/// Issues ids of a [`Snowflake`] from a block of its own, for one thread.
///
/// `S` is whatever lends the generator: a reference, an `Arc`. `Send`, not `Sync`. Ids of one
/// handle rise; ids of several do not rise among one another.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<idgen_snowflake::SnowflakeHandle<&'static idgen_snowflake::Snowflake>>();
/// ```
#[derive(Debug)]
pub struct SnowflakeHandle<S: Deref<Target = Snowflake>> {
    next: u64,
    /// One step behind the block's last id.
    stop: u64,
    /// When the block's tick may first be stamped, in Unix milliseconds.
    from_ms: u64,
    /// For how long, in milliseconds; 0 when there is no block.
    for_ms: u64,
    place: u64,
    snowflake: S,
    alone: PhantomData<Cell<()>>,
}

impl<S: Deref<Target = Snowflake>> SnowflakeHandle<S> {
    /// A handle with no block yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::{At, Floor, WorkerLease};
    /// use idgen_snowflake::{Snowflake, SnowflakeHandle, preset};
    /// let now = At(1_750_000_000_000);
    /// let lease = WorkerLease::assume(0, Floor::at(now.0), now.0 + 10_000)?;
    /// let snowflake = Snowflake::new(preset("standard").unwrap(), lease).map_err(|(e, _)| e)?;
    /// let (mut a, mut b) = (SnowflakeHandle::new(&snowflake), SnowflakeHandle::new(&snowflake));
    /// assert_ne!(a.next_id(&now)?, b.next_id(&now)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(snowflake: S) -> Self {
        snowflake.count_handle();
        let place = snowflake.lane().ground().place();
        Self { next: 0, stop: 0, from_ms: 0, for_ms: 0, place, snowflake, alone: PhantomData }
    }

    /// The next id.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for [`Snowflake::next_id`]. An ended generator's handles use up the blocks
    /// they have.
    #[inline]
    pub fn next_id(&mut self, clock: &(impl Clock + ?Sized)) -> Result<u64, Refusal> {
        let into_ms = clock.hint_unix_ms().wrapping_sub(self.from_ms);
        if into_ms < self.for_ms && self.next != self.stop {
            let id = self.next;
            self.next = id.wrapping_add(self.place);
            return Ok(id);
        }
        self.next_id_slow(clock)
    }

    #[cold]
    #[inline(never)]
    fn next_id_slow(&mut self, clock: &(impl Clock + ?Sized)) -> Result<u64, Refusal> {
        let lane = self.snowflake.lane();
        let ground = lane.ground();
        if self.next != self.stop && clock.hint_unix_ms() == 0 && self.covers(clock.unix_ms()) {
            let id = self.next;
            self.next = id.wrapping_add(self.place);
            return Ok(id);
        }
        self.for_ms = 0;
        // Past the horizon a block would go stale at once: its tick is behind the clock.
        let late = ground.tick_at(clock.unix_ms()) > lane.last();
        let claim = lane.claim(clock, if late { 1 } else { self.snowflake.block() })?;
        let tick = ground.tick_of(claim.first);
        let from_ms = ground.unix_ms_of(tick - ground.borrow).cast_unsigned();
        self.from_ms = from_ms;
        self.for_ms = ground.unix_ms_of(tick + 1).cast_unsigned().wrapping_sub(from_ms);
        if ground.rules.lack(Rule::BlockGoesWithTick) {
            self.for_ms = u64::MAX;
        }
        let id = ground.id(claim.first);
        self.next = id.wrapping_add(self.place);
        self.stop = id.wrapping_add(claim.len.wrapping_mul(self.place));
        Ok(id)
    }

    fn covers(&self, unix_ms: u64) -> bool {
        unix_ms.wrapping_sub(self.from_ms) < self.for_ms
    }

    /// Drops the block: the next id comes from a new claim.
    ///
    /// For whoever learns that the process was copied: the copy has the same block.
    pub fn drop_block(&mut self) {
        self.for_ms = 0;
        self.next = self.stop;
    }

    /// The generator that the blocks come from.
    pub fn snowflake(&self) -> &Snowflake {
        &self.snowflake
    }
}

impl<S: Deref<Target = Snowflake>> Drop for SnowflakeHandle<S> {
    fn drop(&mut self) {
        self.snowflake.discount_handle();
    }
}
