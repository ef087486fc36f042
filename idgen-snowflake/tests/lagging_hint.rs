//! A published tick whose publisher has no processor for a while lags behind the exact clock.
#![cfg(not(idgen_loom))]

use std::cell::Cell;

use idgen_core::{Clock, Floor, WorkerLease};
use idgen_snowflake::{Snowflake, SnowflakeHandle, preset};

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
