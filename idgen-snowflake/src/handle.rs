//! A thread's own block of numbers.
//!
//! A block is claimed from the shared word like any batch, so it is nobody else's and lies below
//! the receipt of an ender. It belongs to one tick and is kept while the clock is in the
//! stretch in which that tick may be stamped: from `borrow` ticks before it to its end. That
//! stretch is kept in milliseconds, so the common call reads the hint, makes two compares and
//! counts; it touches no shared line. Only a hint outside it costs a look at the exact clock.
//!
//! # Orderings
//!
//! None are named here; a block is a claim of the lane, and from then on one thread's own.

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
    block: Block,
    snowflake: S,
    alone: PhantomData<Cell<()>>,
}

/// Ids of one tick, and when they may be issued.
#[derive(Clone, Copy, Debug)]
struct Block {
    next: u64,
    /// One step behind the last id.
    stop: u64,
    /// When the tick may first be stamped, in Unix milliseconds.
    from_ms: u64,
    /// For how long, in milliseconds; 0 when there is no block.
    for_ms: u64,
    step: u64,
}

impl Block {
    const NONE: Self = Self { next: 0, stop: 0, from_ms: 0, for_ms: 0, step: 0 };

    /// Whether ids of this block may be issued at this time.
    #[inline(always)]
    fn is_open(&self, unix_ms: u64) -> bool {
        unix_ms.wrapping_sub(self.from_ms) < self.for_ms
    }

    #[inline(always)]
    fn is_used_up(&self) -> bool {
        self.next == self.stop
    }

    #[inline(always)]
    fn pop(&mut self) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(self.step);
        id
    }

    /// A block of the present tick.
    fn claim<C: Clock + ?Sized>(snowflake: &Snowflake, clock: &C) -> Result<Self, Refusal> {
        let lane = snowflake.lane();
        let ground = lane.ground();
        // Past the horizon a block would go stale at once: its tick is behind the clock.
        let late = ground.tick_at(clock.unix_ms()) > lane.last();
        let claim = lane.claim(clock, if late { 1 } else { snowflake.block() })?;
        let tick = ground.tick_of(claim.first);
        let from_ms = ground.unix_ms_of(tick - ground.borrow).cast_unsigned();
        let to_ms = ground.unix_ms_of(tick + 1).cast_unsigned();
        let for_ever = ground.rules.lack(Rule::BlockGoesWithTick);
        let (next, step) = (ground.id(claim.first), ground.place());
        Ok(Self {
            next,
            stop: next.wrapping_add(claim.len.wrapping_mul(step)),
            from_ms,
            for_ms: if for_ever { u64::MAX } else { to_ms - from_ms },
            step,
        })
    }

    /// Where the hint lies outside the block's time, or is none.
    ///
    /// The exact clock decides then: a hint whose publisher was kept from a processor may lag by
    /// more than the borrow window, and every block of the present would look too early to it. To
    /// drop those, one for each id, would use up the window and end in a needless *not yet*.
    ///
    /// Takes and hands back the block by value: one whose address is known to no call can live in
    /// the registers of the caller's loop.
    #[cold]
    #[inline(never)]
    fn next_otherwise<C: Clock + ?Sized>(
        mut self,
        snowflake: &Snowflake,
        clock: &C,
    ) -> (Self, Result<u64, Refusal>) {
        if !self.is_used_up() && self.is_open(clock.unix_ms()) {
            let id = self.pop();
            return (self, Ok(id));
        }
        Self::next_of_new(snowflake, clock)
    }

    /// Apart from `next_otherwise`, so that the two tests before them stay two plain branches.
    #[cold]
    #[inline(never)]
    fn next_of_new<C: Clock + ?Sized>(
        snowflake: &Snowflake,
        clock: &C,
    ) -> (Self, Result<u64, Refusal>) {
        match Self::claim(snowflake, clock) {
            Ok(mut block) => {
                let id = block.pop();
                (block, Ok(id))
            }
            Err(refusal) => (Self::NONE, Err(refusal)),
        }
    }
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
        Self { block: Block::NONE, snowflake, alone: PhantomData }
    }

    /// The next id.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for [`Snowflake::next_id`]. An ended generator's handles use up the blocks
    /// they have.
    #[inline]
    pub fn next_id(&mut self, clock: &(impl Clock + ?Sized)) -> Result<u64, Refusal> {
        let (block, answer) = if !self.block.is_open(clock.hint_unix_ms()) {
            self.block.next_otherwise(&self.snowflake, clock)
        } else if self.block.is_used_up() {
            Block::next_of_new(&self.snowflake, clock)
        } else {
            return Ok(self.block.pop());
        };
        self.block = block;
        answer
    }

    /// Drops the block: the next id comes from a new claim.
    ///
    /// For whoever learns that the process was copied: the copy has the same block.
    pub fn drop_block(&mut self) {
        self.block = Block::NONE;
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
