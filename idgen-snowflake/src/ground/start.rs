//! How a generator begins: a lease checked against a layout, once, before any id is issued.
//!
//! The floor is rounded up to a tick, the horizon down; both are cut to the layout's lifetime.

use core::num::NonZeroU64;

use idgen_core::{Floor, WorkerLease};

use super::{Ground, Scale, WORD_END};
use crate::error::NewError;
use crate::layout::Layout;
use crate::rule::Rules;

/// Floors lie above the borrow window after 1970, so that a hint of 0 is before every window.
const EARLIEST_MS: u64 = crate::MAX_BORROW_MS + 1;
const MIN_LEASE_TICKS: u64 = 3;

/// A generator's ground and where its word and its horizon start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) ground: Ground,
    pub(crate) word: u64,
    pub(crate) last: i64,
}

impl Start {
    /// Checks a lease against a layout; the ground is that of bucket 0, where there are buckets.
    pub(crate) fn new(
        layout: &Layout,
        lease: &WorkerLease,
        borrow_ms: u64,
        rules: Rules,
    ) -> Result<Self, NewError> {
        if borrow_ms > crate::MAX_BORROW_MS {
            return Err(NewError::BorrowTooWide { borrow_ms });
        }
        let (worker, workers) = (lease.worker(), layout.workers());
        if worker >= workers {
            return Err(NewError::WorkerTooLarge { worker, workers });
        }
        let (floor_tick, sequence) = floor_tick(layout, lease.floor());
        if floor_tick > layout.last_tick() {
            return Err(NewError::LayoutEnded { end_unix_ms: layout.end_unix_ms() });
        }
        let ticks = leased_ticks(layout, floor_tick, lease.horizon_unix_ms())?;
        let max_ticks = (WORD_END >> layout.sequence().bits()) - 1;
        if ticks > max_ticks {
            return Err(NewError::LeaseTooLong { ticks, max_ticks });
        }
        let ground = Ground::new(layout, floor_tick, worker, borrow_ms, rules);
        // A limit at or below the floor: nothing is issued until it is extended.
        let limit = ground.last_below(lease.limit_unix_ms()).unwrap_or(i64::MAX).max(-1);
        Ok(Self { ground, word: sequence, last: limit.min(ticks.cast_signed() - 1) })
    }
}

impl Ground {
    fn new(layout: &Layout, floor_tick: u64, worker: u64, borrow_ms: u64, rules: Rules) -> Self {
        let (sequence, time_shift) = (layout.sequence(), layout.time_shift());
        let tick_ms = NonZeroU64::new(layout.tick_ms()).unwrap_or(NonZeroU64::MIN);
        let base_ms = layout.tick_unix_ms(floor_tick);
        let counted = 1_u64.checked_shl(sequence.bits() + sequence.shift()).unwrap_or(0);
        Self {
            base_ms,
            // Floors lie above the borrow window after 1970.
            reach_ms: base_ms - borrow_ms,
            tick_ms,
            borrow: (borrow_ms / tick_ms).cast_signed(),
            scale: Scale {
                bits: sequence.bits(),
                #[cfg(target_pointer_width = "64")]
                ticks: 1 << (u64::BITS - sequence.bits()),
                place: layout.sequence_place(),
                stretch: (1_u64 << time_shift).wrapping_sub(counted),
                origin: (floor_tick << time_shift) | layout.spread(worker),
            },
            plain: layout.tick_ms() == 1 && sequence.shift() == 0,
            end: (layout.last_tick() + 1 - floor_tick).cast_signed(),
            floor_tick,
            rules,
        }
    }

    /// The same ground in the bucket above.
    pub(crate) fn next_bucket(mut self, layout: &Layout) -> Self {
        let one = layout.bucket().map_or(0, |field| 1 << field.shift());
        self.scale.origin = self.scale.origin.wrapping_add(one);
        self
    }
}

/// The tick at which a floor begins, rounded up and raised to the epoch, and its first number.
fn floor_tick(layout: &Layout, floor: Floor) -> (u64, u64) {
    let earliest_ms = layout.epoch_unix_ms().max(EARLIEST_MS);
    let floor = if floor.unix_ms < earliest_ms { Floor::at(earliest_ms) } else { floor };
    let above_ms = floor.unix_ms - layout.epoch_unix_ms();
    let tick = above_ms.div_ceil(layout.tick_ms());
    if !above_ms.is_multiple_of(layout.tick_ms()) {
        return (tick, 0);
    }
    if floor.sequence > layout.sequence().max() {
        return (tick + 1, 0);
    }
    (tick, floor.sequence)
}

/// How many whole ticks of the layout are leased.
///
/// Whether the lease is too short is asked before it is cut to the layout's end: the last ticks
/// of a layout can be used.
fn leased_ticks(layout: &Layout, floor_tick: u64, horizon_unix_ms: u64) -> Result<u64, NewError> {
    let above_ms = horizon_unix_ms.saturating_sub(layout.epoch_unix_ms());
    let ticks = (above_ms / layout.tick_ms()).saturating_sub(floor_tick);
    if ticks < MIN_LEASE_TICKS {
        return Err(NewError::LeaseTooShort { ticks, tick_ms: layout.tick_ms() });
    }
    Ok(ticks.min(layout.last_tick() + 1 - floor_tick))
}
