//! A published tick whose publisher has no processor for a while lags behind the exact clock.
#![cfg(not(idgen_loom))]

use std::cell::Cell;
use std::num::NonZeroU64;

use idgen_core::{At, Clock, Floor, WorkerLease};
use idgen_snowflake::{Layout, Snowflake, SnowflakeHandle, preset};

const START_MS: u64 = 1_800_000_000_000;

struct Lagging {
    exact_ms: Cell<u64>,
    hint_ms: u64,
}

impl Clock for Lagging {
    fn unix_ms(&self) -> u64 {
        self.exact_ms.get()
    }

    fn hint_unix_ms(&self) -> u64 {
        self.hint_ms
    }
}

/// Seen on a busy machine: each id dropped the rest of its block, 40 of them the whole window.
#[test]
fn a_hint_behind_the_borrow_window_costs_no_blocks() {
    let layout = preset("standard").unwrap();
    let lease = WorkerLease::assume(7, Floor::at(START_MS), START_MS + 10_000).unwrap();
    let snowflake = Snowflake::new(layout, lease).unwrap();
    let clock = Lagging { exact_ms: Cell::new(START_MS + 50), hint_ms: START_MS };
    let mut handle = SnowflakeHandle::new(&snowflake);
    let ids: Vec<u64> = (0..1000).map(|_| handle.next_id(&clock).unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    for id in ids {
        assert_eq!(layout.decode(id).unwrap().unix_ms(), START_MS + 50);
    }
    clock.exact_ms.set(START_MS + 60);
    let later = handle.next_id(&clock).unwrap();
    assert_eq!(layout.decode(later).unwrap().unix_ms(), START_MS + 60, "a stale block is dropped");
}

/// Where the window is narrower than the lag: calls that add below the tick that is open.
#[test]
fn a_lagging_hint_wastes_one_number() {
    let seconds = Layout::builder(32).epoch_unix_ms(0).tick_ms(1000).sequence(16).build();
    for (borrow_ms, layout) in [(0, *preset("standard").unwrap()), (10, seconds)] {
        let tick_ms = layout.tick_ms();
        let lease = WorkerLease::assume(0, Floor::at(START_MS), START_MS + 100_000).unwrap();
        let shared = Snowflake::with_borrow(&layout, lease, borrow_ms).unwrap();
        let there_ms = START_MS + 3 * tick_ms;
        let clock = Lagging { exact_ms: Cell::new(there_ms), hint_ms: there_ms - 1 };
        let first = shared.take(&clock, NonZeroU64::MIN).unwrap().start();
        let ids: Vec<u64> = (0..1000).map(|_| shared.next_id(&clock).unwrap()).collect();
        let place = layout.sequence_place();
        assert!(ids[999] <= first + place * 1001, "{} wasted", (ids[999] - first) / place - 1000);
        let caught_up = At(there_ms);
        assert_eq!(shared.next_id(&caught_up), Ok(ids[999] + place), "the gate is open again");
    }
}

/// A hint may say that an open tick is used, not which tick is opened.
#[test]
fn a_fill_opens_a_tick_by_the_exact_clock() {
    let layout = preset("standard").unwrap();
    let lease = WorkerLease::assume(7, Floor::at(START_MS), START_MS + 10_000).unwrap();
    let snowflake = Snowflake::new(layout, lease).unwrap();
    let tick_of = |ids: &[u64]| {
        let ticks: Vec<u64> = ids.iter().map(|&id| layout.decode(id).unwrap().unix_ms()).collect();
        assert!(ticks.iter().all(|&tick| tick == ticks[0]), "two ticks");
        ticks[0] - START_MS
    };
    let (mut first, mut second, mut third) = ([0; 9], [0; 9], [0; 9]);
    let clock = Lagging { exact_ms: Cell::new(START_MS + 50), hint_ms: START_MS + 45 };
    assert_eq!(snowflake.fill(&clock, &mut first), 9);
    assert_eq!(tick_of(&first), 50, "opened by the hint");
    clock.exact_ms.set(START_MS + 52);
    assert_eq!(snowflake.fill(&clock, &mut second), 9);
    assert_eq!(tick_of(&second), 50, "the hint leaves the open tick open");
    assert_eq!(second[0], first[8] + 1, "no number is lost");
    let parked = Lagging { hint_ms: 0, ..clock };
    assert_eq!(snowflake.fill(&parked, &mut third), 9);
    assert_eq!(tick_of(&third), 52, "without a hint the exact clock decides");
}

/// Two callers, one of them a tick behind the other, when the word stands far ahead of both: the
/// one is issued there, the other refused. Each opening lost a number: half of them.
#[test]
fn clocks_a_little_apart_waste_next_to_nothing() {
    let layout = preset("standard").unwrap();
    for lag_ms in [1, 5] {
        let lease = WorkerLease::assume(7, Floor::at(START_MS), START_MS + 10_000).unwrap();
        let snowflake = Snowflake::new(layout, lease).unwrap();
        let (ahead, behind) = (At(START_MS + 200), At(START_MS + 200 - lag_ms));
        snowflake.next_id(&ahead).unwrap();
        while snowflake.next_id(&behind).is_ok() {}
        let mut issued = 0;
        while snowflake.next_id(&ahead).is_ok() {
            issued += 1;
            assert!(snowflake.next_id(&behind).is_err());
        }
        assert!(issued >= 4096 * lag_ms - 8, "{issued} of {}", 4096 * lag_ms);
    }
}

#[test]
fn a_fill_by_a_wild_hint_stays_in_the_window() {
    let lease = WorkerLease::assume(7, Floor::at(START_MS), START_MS + 1000).unwrap();
    let snowflake = Snowflake::new(preset("standard").unwrap(), lease).unwrap();
    snowflake.next_id(&At(START_MS + 5000)).expect("the last tick is issued late");
    let wild = Lagging { exact_ms: Cell::new(START_MS), hint_ms: u64::MAX };
    assert!(snowflake.next_id(&wild).is_err());
    assert_eq!(snowflake.fill(&wild, &mut [0; 10]), 0);
}
