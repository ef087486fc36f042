//! Clocks, leases and layouts at the ends of their numbers: no overflow, nothing outside the lease.
#![cfg(not(idgen_loom))]

use std::collections::HashSet;
use std::num::NonZeroU64;

use idgen_core::{At, Clock, Floor, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{Layout, NewError, Snowflake, SnowflakeHandle};

struct Pair {
    hint_ms: u64,
    exact_ms: u64,
}

impl Clock for Pair {
    fn unix_ms(&self) -> u64 {
        self.exact_ms
    }

    fn hint_unix_ms(&self) -> u64 {
        self.hint_ms
    }
}

/// The last of them ends at the last date that a layout may end at.
fn layouts() -> [Layout; 4] {
    [
        Layout::builder(41).epoch_unix_ms(0).sequence(2).build(),
        Layout::builder(20).epoch_unix_ms(0).tick_ms(10).sequence(2).node("w", 3).build(),
        Layout::builder(31).unsigned().node("w", 1).sequence(32).build(),
        Layout::builder(60).unsigned().epoch_unix_ms(0).tick_ms(2).node("w", 1).sequence(3).build(),
    ]
}

fn times(floor_ms: u64, horizon_ms: u64) -> Vec<u64> {
    let ends = [0, floor_ms, horizon_ms, 1 << 61, 1 << 62, 1 << 63, (1 << 63) + floor_ms];
    let near = [0, 1, 2, 10, 11, 20].map(|ms| [0_u64.wrapping_sub(ms), ms]).into_iter().flatten();
    near.flat_map(|ms| ends.map(|end| end.wrapping_add(ms))).collect()
}

/// One generator, and what it has issued.
struct Tortured<'a> {
    layout: &'a Layout,
    snowflake: Snowflake,
    floor_ms: u64,
    horizon_ms: u64,
    seen: HashSet<u64>,
}

impl<'a> Tortured<'a> {
    fn new(layout: &'a Layout, floor_ms: u64, horizon_ms: u64) -> Self {
        let lease = WorkerLease::assume(0, Floor::at(floor_ms), horizon_ms).unwrap();
        let snowflake = Snowflake::new(layout, lease).unwrap();
        let horizon_ms = snowflake.horizon_unix_ms();
        Self { layout, snowflake, floor_ms, horizon_ms, seen: HashSet::new() }
    }

    fn ask(&mut self, clock: &Pair) {
        let taken = self.snowflake.take(clock, NonZeroU64::MIN).map(|range| range.start());
        let handled = SnowflakeHandle::new(&self.snowflake).next_id(clock);
        for answer in [self.snowflake.next_id(clock), taken, handled] {
            match answer {
                Ok(id) => {
                    let decoded = self.layout.decode(id).unwrap();
                    assert!((self.floor_ms..self.horizon_ms).contains(&decoded.unix_ms()));
                    assert!(self.seen.insert(id), "twice: {id}");
                }
                Err(Refusal::NotYet { wait_ms }) => assert!(wait_ms > 0),
                Err(_) => {}
            }
        }
    }

    /// Extended as far as can be, and ended; returns how many ids there were.
    fn end(self) -> usize {
        let extended = self.snowflake.extend(&Renewal::assume(0, u64::MAX)).is_ok();
        assert!(!extended || self.snowflake.horizon_unix_ms() == self.layout.end_unix_ms());
        let floor = self.snowflake.end().unwrap().floor();
        for &id in &self.seen {
            let decoded = self.layout.decode(id).unwrap();
            let sequence = decoded.sequence();
            assert!(Floor { unix_ms: decoded.unix_ms(), sequence } < floor, "above the receipt");
        }
        self.seen.len()
    }
}

/// Every hint with every exact time, however little they have to do with one another: each pair on
/// a generator of its own, and all of them on one.
fn torture(layout: &Layout, floor_ms: u64, horizon_ms: u64) {
    let mut all = Tortured::new(layout, floor_ms, horizon_ms);
    let times = times(floor_ms, all.horizon_ms);
    let mut issued = 0;
    for (&hint_ms, &exact_ms) in times.iter().flat_map(|a| times.iter().map(move |b| (a, b))) {
        let clock = Pair { hint_ms, exact_ms };
        let mut own = Tortured::new(layout, floor_ms, horizon_ms);
        own.ask(&clock);
        all.ask(&clock);
        issued += own.end();
    }
    assert!(issued > times.len() && all.end() > 3, "hardly anything was issued");
}

#[test]
fn no_clock_leads_out_of_the_lease() {
    for layout in layouts() {
        let (epoch_ms, end_ms) = (layout.epoch_unix_ms(), layout.end_unix_ms());
        let tick_ms = layout.tick_ms();
        let from_ms = epoch_ms + 20;
        torture(&layout, from_ms, from_ms + 3 * tick_ms);
        torture(&layout, from_ms, from_ms + 1000 * tick_ms);
        torture(&layout, end_ms - 4 * tick_ms, u64::MAX);
    }
}

#[test]
fn floors_at_the_ends_of_time() {
    for layout in layouts() {
        let new = |unix_ms, sequence, horizon_ms| {
            let lease = WorkerLease::assume(0, Floor { unix_ms, sequence }, horizon_ms).unwrap();
            Snowflake::new(&layout, lease).map_err(|(error, _)| error)
        };
        let ended = NewError::LayoutEnded { end_unix_ms: layout.end_unix_ms() };
        for sequence in [0, 1, u64::MAX] {
            assert_eq!(new(u64::MAX - 1, sequence, u64::MAX).unwrap_err(), ended);
            assert_eq!(new(layout.end_unix_ms(), sequence, u64::MAX).unwrap_err(), ended);
        }
        let last_ms = layout.end_unix_ms() - layout.tick_ms();
        assert_eq!(
            new(last_ms, layout.sequence().max(), u64::MAX).unwrap().floor().unix_ms,
            last_ms
        );
        assert_eq!(new(last_ms, layout.sequence().max() + 1, u64::MAX).unwrap_err(), ended);
        let short = NewError::LeaseTooShort { ticks: 0, tick_ms: layout.tick_ms() };
        assert_eq!(new(0, u64::MAX, 1).unwrap_err(), short);
    }
}

/// Clocks whose borrow windows end with the last tick below the horizon, before and after it.
#[test]
fn a_window_that_ends_at_the_horizon_ends_before_it() {
    let layout = Layout::builder(41).node("worker", 10).sequence(3).build();
    let (floor_ms, horizon_ms) = (1_750_000_000_000, 1_750_000_000_030);
    for early_ms in [9, 10, 11, 12] {
        let lease = WorkerLease::assume(1, Floor::at(floor_ms), horizon_ms).unwrap();
        let snowflake = Snowflake::new(&layout, lease).unwrap();
        let now = At(horizon_ms - early_ms);
        let ids: Vec<u64> = std::iter::from_fn(|| snowflake.next_id(&now).ok()).collect();
        let last_ms = ids.iter().map(|&id| layout.decode(id).unwrap().unix_ms()).max().unwrap();
        assert_eq!(last_ms, (now.0 + 10).min(horizon_ms - 1), "{early_ms} ms before the horizon");
        let refusal = snowflake.next_id(&now).unwrap_err();
        assert_eq!(refusal == Refusal::Exhausted, early_ms < 12, "{refusal:?}");
    }
}

/// Nobody has gone the slow way yet: what the short path lets through is what it began with.
#[test]
fn a_new_generator_stops_at_its_horizon() {
    let layout = Layout::builder(41).node("worker", 10).sequence(3).build();
    let floor_ms = 1_750_000_000_000;
    for lease_ms in [9, 10, 11] {
        let lease = WorkerLease::assume(1, Floor::at(floor_ms), floor_ms + lease_ms).unwrap();
        let snowflake = Snowflake::new(&layout, lease).unwrap();
        let ids = std::iter::from_fn(|| snowflake.next_id(&At(floor_ms)).ok());
        let last_ms = ids.map(|id| layout.decode(id).unwrap().unix_ms()).max().unwrap();
        assert!(last_ms < floor_ms + lease_ms, "{last_ms} of {lease_ms} ms");
    }
}
