//! The generators that are measured, ours and others', made alike.
//!
//! All wide layouts leave 2^22 numbers to a millisecond, or as many as their crate allows, so that
//! nobody runs into a format's ceiling: what is measured is code.

use std::time::Duration;

use ferroid::time::MonotonicClock;
use idgen_core::{Clock, Floor, IdRange, Refusal, WorkerLease};
use idgen_segment::{MAX_SEGMENT_LEN, SegmentCursor};
use idgen_snowflake::{Layout, Snowflake};

/// The wide layout: 39 bits of milliseconds, 2 of worker, 22 of sequence.
pub const WIDE: Layout = Layout::builder(39).node("worker", 2).sequence(22).build();

/// 41 bits of milliseconds, 10 of worker, 12 of sequence: 4,096,000 ids a second.
pub const STANDARD: Layout = Layout::builder(41).node("worker", 10).sequence(12).build();

const LEASE_MS: u64 = 3_600_000;

/// A cursor with 2^32 ids in hand and as many behind them: more than a run takes.
///
/// # Panics
///
/// Not unless the cursor refuses what it must take.
pub fn cursor() -> SegmentCursor {
    let cursor = SegmentCursor::new();
    for nth in 0..2 {
        let segment = IdRange::new(1 + nth * MAX_SEGMENT_LEN, 1, MAX_SEGMENT_LEN);
        let refill = cursor.begin_refill().expect("nobody else refills");
        refill.supply(segment.expect("far from the end")).expect("each lies above the last");
        // The first makes the turn after which the second can be supplied.
        cursor.next_id().expect("just supplied");
    }
    assert!(!cursor.is_bare(), "a standby waits");
    cursor
}

/// A snowflake generator of worker 1 with a lease of an hour.
///
/// # Panics
///
/// If the layout does not hold the present.
pub fn snowflake(layout: &Layout, clock: &impl Clock) -> Snowflake {
    let now_ms = clock.unix_ms();
    let lease = WorkerLease::assume(1, Floor::at(now_ms), now_ms + LEASE_MS);
    Snowflake::new(layout, lease.expect("an hour is a lease")).expect("the layout takes it")
}

/// Asks until there is an id: a clock that is kept from a processor may lag for a while.
///
/// # Panics
///
/// If a generator whose lease lasts an hour refuses for another reason.
#[inline(always)]
pub fn insist(mut ask: impl FnMut() -> Result<u64, Refusal>) -> u64 {
    loop {
        match ask() {
            Ok(id) => return id,
            Err(Refusal::NotYet { .. }) => std::hint::spin_loop(),
            Err(refusal) => panic!("the lease lasts an hour, and yet: {refusal}"),
        }
    }
}

pub use ferroid_ids::{FerroidStandard, FerroidWide};

#[expect(missing_docs, reason = "what ferroid's macro makes")]
mod ferroid_ids {
    ferroid::define_snowflake_id!(
        FerroidWide, u64,
        reserved: 1,
        timestamp: 39,
        machine_id: 2,
        sequence: 22
    );

    ferroid::define_snowflake_id!(
        FerroidStandard, u64,
        reserved: 1,
        timestamp: 41,
        machine_id: 10,
        sequence: 12
    );
}

/// The tick that ferroid's clock publishes.
pub fn ferroid_clock() -> MonotonicClock {
    MonotonicClock::with_epoch(Duration::from_millis(WIDE.epoch_unix_ms()))
}

/// What ferroid calls when it has lost an exchange or must wait; its own benches do so.
pub fn backoff(_wait_ms: u64) {
    std::hint::spin_loop();
}

/// snowid with the most numbers a millisecond that it allows, 2^16; it runs ahead of the clock
/// when they are used up.
///
/// # Panics
///
/// Not unless it refuses its own limits.
pub fn snowid_wide() -> snowid::SnowID {
    let config = snowid::SnowIDConfig::builder().node_bits(6).expect("6 is allowed").build();
    snowid::SnowID::with_config(1, config).expect("node 1 fits 6 bits")
}

/// snowid with 2^12 numbers a millisecond.
///
/// # Panics
///
/// Not unless it refuses its own default.
pub fn snowid_standard() -> snowid::SnowID {
    snowid::SnowID::new(1).expect("node 1 fits 10 bits")
}

/// `snowflake_me` with so many bits of sequence; it waits when they are used up.
///
/// # Panics
///
/// If the bits do not fit beside 2 of machine in 63.
pub fn snowflake_me(sequence_bits: u8) -> snowflake_me::Snowflake {
    snowflake_me::Snowflake::builder()
        .start_time(WIDE.epoch_unix_ms().cast_signed())
        .bit_len_time(61 - sequence_bits)
        .bit_len_data_center_id(0)
        .bit_len_machine_id(2)
        .bit_len_sequence(sequence_bits)
        .data_center_id(&|| Ok(0))
        .machine_id(&|| Ok(1))
        .finalize()
        .expect("its bits make 63")
}
