//! Rows of the shared snowflake and its handles, against bare additions and against ferroid.
//!
//! All generators have the same wide layout, whose 4,194,304 numbers a millisecond nobody here
//! uses up: what is measured is code, not a format's ceiling. All read a tick that a thread of
//! their own publishes.

use std::time::Duration;

use ferroid::generator::{AtomicSnowflakeGenerator, BasicSnowflakeGenerator};
use ferroid::time::MonotonicClock;
use idgen_benches::{Method, Run};
use idgen_core::{Clock, Floor, Refusal, WorkerLease};
use idgen_runtime::PublishedTick;
use idgen_snowflake::{Layout, Snowflake, SnowflakeHandle};

use crate::bare::Bare;

const LAYOUT: Layout = Layout::builder(39).node("worker", 2).sequence(22).build();

ferroid::define_snowflake_id!(
    Wide, u64,
    reserved: 1,
    timestamp: 39,
    machine_id: 2,
    sequence: 22
);

const LEASE_MS: u64 = 3_600_000;

fn snowflake(clock: &impl Clock) -> Snowflake {
    let now_ms = clock.unix_ms();
    let lease = WorkerLease::assume(1, Floor::at(now_ms), now_ms + LEASE_MS);
    Snowflake::new(&LAYOUT, lease.expect("an hour is a lease")).expect("the layout takes it")
}

fn tick() -> PublishedTick {
    PublishedTick::start().expect("a thread more")
}

fn ferroid_clock() -> MonotonicClock {
    MonotonicClock::with_epoch(Duration::from_millis(LAYOUT.epoch_unix_ms()))
}

/// Its own benches do so when it has lost an exchange or must wait.
fn backoff(_wait_ms: u64) {
    std::hint::spin_loop();
}

/// Asks until there is an id: a clock that is kept from a processor may lag for a while.
#[inline(always)]
fn insist(mut ask: impl FnMut() -> Result<u64, Refusal>) -> u64 {
    loop {
        match ask() {
            Ok(id) => return id,
            Err(Refusal::NotYet { .. }) => std::hint::spin_loop(),
            Err(refusal) => panic!("the lease lasts an hour, and yet: {refusal}"),
        }
    }
}

fn shared(method: &Method, threads: u64) -> Run {
    let (clock, bare) = (tick(), Bare::default());
    let snowflake = snowflake(&clock);
    let candidate = || || insist(|| snowflake.next_id(&clock));
    method.compare(threads, candidate, || || bare.next())
}

pub(crate) fn shared_by_one(method: &Method) -> Run {
    shared(method, 1)
}

pub(crate) fn shared_by_two(method: &Method) -> Run {
    shared(method, 2)
}

pub(crate) fn shared_by_two_to_ferroid(method: &Method) -> Run {
    let clock = tick();
    let snowflake = snowflake(&clock);
    let ferroid = AtomicSnowflakeGenerator::<Wide, _>::new(1, ferroid_clock());
    let candidate = || || insist(|| snowflake.next_id(&clock));
    method.compare(2, candidate, || || ferroid.next_id(backoff).to_raw())
}

pub(crate) fn handle_alone(method: &Method) -> Run {
    let (clock, bare) = (tick(), Bare::default());
    let snowflake = snowflake(&clock);
    let candidate = || {
        let mut handle = SnowflakeHandle::new(&snowflake);
        let clock = &clock;
        move || insist(|| handle.next_id(clock))
    };
    method.compare(1, candidate, || || bare.next())
}

pub(crate) fn handle_to_ferroid(method: &Method) -> Run {
    let clock = tick();
    let snowflake = snowflake(&clock);
    let candidate = || {
        let mut handle = SnowflakeHandle::new(&snowflake);
        let clock = &clock;
        move || insist(|| handle.next_id(clock))
    };
    let reference = || {
        let ferroid = BasicSnowflakeGenerator::<Wide, _>::new(1, ferroid_clock());
        move || ferroid.next_id(backoff).to_raw()
    };
    method.compare(1, candidate, reference)
}
