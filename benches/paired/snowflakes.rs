//! Rows of the shared snowflake and its handles, against bare additions and against ferroid.
//!
//! All generators have the same wide layout, whose 4,194,304 numbers a millisecond nobody here
//! uses up: what is measured is code, not a format's ceiling. Rows 5, 6
//! and 8 read a tick that a thread of their own publishes, row 7 the coarse clock.

use ferroid::generator::{AtomicSnowflakeGenerator, BasicSnowflakeGenerator};
use idgen_benches::bare::Bare;
use idgen_benches::subjects::{
    FerroidWide, WIDE, backoff, ferroid_clock, insist, snowflake, snowid_wide,
};
use idgen_benches::{Method, Run};
use idgen_runtime::{CoarseClock, PublishedTick};
use idgen_snowflake::SnowflakeHandle;

pub(crate) fn tick() -> PublishedTick {
    PublishedTick::start().expect("a thread more")
}

fn shared(method: &Method, threads: u64) -> Run {
    let (clock, bare) = (tick(), Bare::default());
    let snowflake = snowflake(&WIDE, &clock);
    let candidate = || || insist(|| snowflake.next_id(&clock));
    method.compare(threads, candidate, || || bare.next_id())
}

pub(crate) fn shared_by_one(method: &Method) -> Run {
    shared(method, 1)
}

pub(crate) fn shared_by_two(method: &Method) -> Run {
    shared(method, 2)
}

pub(crate) fn shared_by_two_to_ferroid(method: &Method) -> Run {
    let clock = tick();
    let snowflake = snowflake(&WIDE, &clock);
    let ferroid = AtomicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
    let candidate = || || insist(|| snowflake.next_id(&clock));
    method.compare(2, candidate, || || ferroid.next_id(backoff).to_raw())
}

pub(crate) fn handle_alone(method: &Method) -> Run {
    let (clock, bare) = (tick(), Bare::default());
    let snowflake = snowflake(&WIDE, &clock);
    let candidate = || {
        let mut handle = SnowflakeHandle::new(&snowflake);
        let clock = &clock;
        move || insist(|| handle.next_id(clock))
    };
    method.compare(1, candidate, || || bare.next_id())
}

pub(crate) fn handle_to_ferroid(method: &Method) -> Run {
    let clock = tick();
    let snowflake = snowflake(&WIDE, &clock);
    let candidate = || {
        let mut handle = SnowflakeHandle::new(&snowflake);
        let clock = &clock;
        move || insist(|| handle.next_id(clock))
    };
    let reference = || {
        let ferroid = BasicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
        move || ferroid.next_id(backoff).to_raw()
    };
    method.compare(1, candidate, reference)
}

pub(crate) fn coarse(method: &Method) -> Run {
    let (clock, bare) = (CoarseClock, Bare::default());
    let snowflake = snowflake(&WIDE, &clock);
    method.compare(1, || || insist(|| snowflake.next_id(&clock)), || || bare.next_id())
}

pub(crate) fn coarse_to_snowid(method: &Method) -> Run {
    let (clock, snowid) = (CoarseClock, snowid_wide());
    let snowflake = snowflake(&WIDE, &clock);
    method.compare(1, || || insist(|| snowflake.next_id(&clock)), || || snowid.generate())
}
