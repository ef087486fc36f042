//! Snowflakes through the runtime: claims, renewals, restarts, clocks that jump.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::{At, Clock};
use idgen_runtime::snowflake::{Layout, preset};
use idgen_runtime::store::{self, Claim, OpenStore, Wish};
use idgen_runtime::testing::FakeClock;
use idgen_runtime::{
    Cause, ClockKind, ExactClock, Runtime, Settings, SnowflakeSettings, Snowflakes,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn sqlite(dir: &Path) -> OpenStore {
    store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap()
}

fn settings(dir: &Path) -> Settings {
    Settings { state_dir: Some(dir.to_owned()), ..Settings::default() }
}

fn standard() -> SnowflakeSettings {
    SnowflakeSettings::new("standard", preset("standard").unwrap()).unwrap()
}

fn genid() -> SnowflakeSettings {
    SnowflakeSettings::new("genid", preset("genid").unwrap()).unwrap()
}

fn take(snowflakes: &Snowflakes, bucket: usize, n: u64) -> Vec<u64> {
    let ranges = snowflakes.take_all_blocking(bucket, NonZeroU64::new(n).unwrap(), soon());
    ranges.unwrap().iter().flat_map(|range| range.iter()).collect()
}

fn unix_ms(layout: &Layout, id: u64) -> u64 {
    layout.decode(id).unwrap().unix_ms()
}

#[test]
fn ids_tell_the_time_and_rise() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
    let ids = take(&snowflakes, 0, 20_000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    let now = ExactClock.unix_ms();
    assert!(unix_ms(snowflakes.layout(), ids[19_999]).abs_diff(now) <= 50);
    assert_eq!(runtime.stop_blocking().unfinished, 0);
    assert_eq!(snowflakes.next_id_blocking(soon()).unwrap_err().cause(), Cause::Draining);
}

#[test]
fn nodes_of_one_registry_never_meet() {
    let store = store::open("memory:").unwrap();
    let nodes: Vec<(Runtime, Arc<Snowflakes>)> = (0..4)
        .map(|_| {
            let runtime = Runtime::start(store.clone(), Settings::default()).unwrap();
            let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
            (runtime, snowflakes)
        })
        .collect();
    let mut seen = HashSet::new();
    for _ in 0..10 {
        for (_, snowflakes) in &nodes {
            for id in take(snowflakes, 0, 500) {
                assert!(seen.insert(id));
            }
        }
    }
    let workers: HashSet<u64> =
        nodes.iter().map(|(_, snowflakes)| snowflakes.worker().unwrap()).collect();
    assert_eq!(workers.len(), 4);
}

/// A dropped runtime has released nothing, as after a kill.
#[test]
fn a_crash_costs_a_tenth_of_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let mut one = standard();
        one.ids = 5..=5;
        let snowflakes = runtime.snowflakes_blocking(one).unwrap();
        for id in take(&snowflakes, 0, 3000) {
            assert!(seen.insert(id));
        }
        let first = begun.elapsed();
        assert!(first < Duration::from_millis(1500), "{first:?}");
    }
}

/// Nothing is issued below the soft horizon that the killed process has left, whatever the clock.
#[test]
fn a_crash_and_a_clock_set_back_repeat_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let begun = ExactClock.unix_ms();
    let clock = FakeClock::at(begun);
    let mut seen = HashSet::new();
    // The second has to come past the first one's soft horizon.
    for (least, rest_ms) in [(50, 500), (51, 1000)] {
        clock.set(begun);
        let custom = ClockKind::Custom(Arc::new(clock.clone()));
        let settings = Settings { clock: custom, ..settings(dir.path()) };
        let runtime = Runtime::start(sqlite(dir.path()), settings).unwrap();
        let mut one = standard();
        one.ids = 5..=5;
        let snowflakes = runtime.snowflakes_blocking(one).unwrap();
        for _ in 0..50 {
            clock.advance(5);
            match snowflakes.next_id_blocking(Instant::now()) {
                Ok(id) => assert!(seen.insert(id), "{id} twice"),
                Err(refused) => assert_eq!(refused.cause(), Cause::ClockHold, "{refused}"),
            }
        }
        clock.advance(rest_ms);
        assert!(seen.insert(take(&snowflakes, 0, 1)[0]));
        assert!(seen.len() > least, "{} ids", seen.len());
    }
}

#[test]
fn a_crash_under_long_ticks_costs_a_tick_or_two() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let mut one = genid();
        one.ids = 5..=5;
        let snowflakes = runtime.snowflakes_blocking(one).unwrap();
        for bucket in 0..32 {
            for id in take(&snowflakes, bucket, 100) {
                assert!(seen.insert(id));
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_clean_restart_goes_on_in_the_same_tick() {
    let dir = tempfile::tempdir().unwrap();
    let now = ExactClock.unix_ms();
    let clock = FakeClock::at(now);
    let mut last = 0;
    for _ in 0..3 {
        let clock = ClockKind::Custom(Arc::new(clock.clone()));
        let settings = Settings { clock, ..settings(dir.path()) };
        let runtime = Runtime::start(sqlite(dir.path()), settings).unwrap();
        let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
        let ids = take(&snowflakes, 0, 10);
        assert!(ids[0] > last && ids.is_sorted());
        assert!(unix_ms(snowflakes.layout(), ids[9]) <= now + 10);
        last = ids[9];
        runtime.stop_blocking();
    }
}

#[test]
fn a_clock_set_back_is_held_and_repeats_nothing() {
    let now = ExactClock.unix_ms();
    let clock = FakeClock::at(now);
    let custom = ClockKind::Custom(Arc::new(clock.clone()));
    let settings = Settings { clock: custom, ..Settings::default() };
    let runtime = Runtime::start(store::open("memory:").unwrap(), settings).unwrap();
    let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
    clock.advance(100);
    let before = take(&snowflakes, 0, 100);
    clock.set(now + 95);
    let within = take(&snowflakes, 0, 1);
    assert!(within[0] > before[99], "the borrow window hides a small step");
    clock.set(now - 60_000);
    let refused = snowflakes.next_id_blocking(Instant::now() + Duration::from_millis(50));
    let refused = refused.unwrap_err();
    assert_eq!(refused.cause(), Cause::ClockHold, "{refused}");
    assert!(refused.retry_after_ms().unwrap() > 59_000);
    clock.set(now + 200);
    assert!(take(&snowflakes, 0, 1)[0] > within[0]);
}

#[test]
fn a_wild_clock_stops_at_the_horizon() {
    let now = ExactClock.unix_ms();
    let clock = FakeClock::at(now);
    let custom = ClockKind::Custom(Arc::new(clock.clone()));
    let settings = Settings { clock: custom, ..Settings::default() };
    let runtime = Runtime::start(store::open("memory:").unwrap(), settings).unwrap();
    let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
    take(&snowflakes, 0, 1);
    clock.set(now + 3_600_000);
    let refused = snowflakes.next_id_blocking(Instant::now() + Duration::from_millis(100));
    assert_eq!(refused.unwrap_err().cause(), Cause::ClockHold);
    clock.set(now + 20);
    assert!(unix_ms(snowflakes.layout(), take(&snowflakes, 0, 1)[0]) <= now + 60);
}

#[test]
fn a_store_without_worker_ids_is_refused_unless_another_lends_its_own() {
    let mut store = store::open("memory:").unwrap();
    let lender = store.workers.take();
    let runtime = Runtime::start(store.clone(), Settings::default()).unwrap();
    let refused = runtime.snowflakes_blocking(standard()).err().unwrap();
    assert!(matches!(refused, idgen_runtime::StartError::NoRegistry), "{refused}");
    assert!(refused.to_string().contains("from another store"), "{refused}");
    store.workers = lender;
    let runtime = Runtime::start(store, Settings::default()).unwrap();
    take(&runtime.snowflakes_blocking(standard()).unwrap(), 0, 1);
}

#[test]
fn a_lost_lease_ends_the_generator_and_another_is_claimed() {
    let store = store::open("memory:").unwrap();
    let registry = store.workers.clone().unwrap();
    let clock = FakeClock::at(ExactClock.unix_ms());
    let custom = ClockKind::Custom(Arc::new(clock.clone()));
    let settings = Settings { clock: custom, lease_ms: 1000, ..Settings::default() };
    let runtime = Runtime::start(store, settings).unwrap();
    let snowflakes = runtime.snowflakes_blocking(standard()).unwrap();
    let before = take(&snowflakes, 0, 10);
    let worker = snowflakes.worker().unwrap();
    // Another holder takes the id over, as if this process had been asleep for a lease.
    let space = store::Name::new("standard").unwrap();
    let held = futures_lite::future::block_on(registry.list(&space)).unwrap();
    let token = held.iter().find(|info| info.worker == worker).unwrap().token;
    let receipt = idgen_core::Ended::receipt(worker, token, idgen_core::Floor::at(u64::MAX));
    futures_lite::future::block_on(registry.release(&space, receipt)).unwrap();
    let other = Claim {
        ids: 0..=1023,
        wish: Wish::Exactly(worker),
        nonce: 99,
        holder: "other".into(),
        published: String::new(),
        lease_ms: 60_000,
        now_unix_ms: At(clock.unix_ms() + 1500).unix_ms(),
        proof: None,
    };
    futures_lite::future::block_on(registry.claim(&space, &other)).unwrap();
    let until = soon();
    while snowflakes.worker() == Some(worker) {
        assert!(Instant::now() < until, "the loss was never noticed");
        std::thread::sleep(Duration::from_millis(20));
    }
    clock.advance(1000);
    let after = take(&snowflakes, 0, 10);
    assert_ne!(snowflakes.worker(), Some(worker));
    assert!(after.iter().all(|id| !before.contains(id)));
}

#[test]
fn an_id_space_keeps_its_layout() {
    let store = store::open("memory:").unwrap();
    let runtime = Runtime::start(store, Settings::default()).unwrap();
    runtime.snowflakes_blocking(standard()).unwrap();
    let other = SnowflakeSettings::new("standard", preset("twitter").unwrap()).unwrap();
    let refused = runtime.snowflakes_blocking(other).err().unwrap().to_string();
    assert!(refused.contains("was begun with layout"), "{refused}");
}

#[test]
fn a_taken_id_is_refused_with_its_holder() {
    let store = store::open("memory:").unwrap();
    let first = Runtime::start(store.clone(), Settings::default()).unwrap();
    let mut fixed = standard();
    fixed.wish = Wish::Exactly(7);
    fixed.holder = "the first".into();
    fixed.claim_timeout = Duration::from_millis(200);
    first.snowflakes_blocking(fixed.clone()).unwrap();
    let second = Runtime::start(store, Settings::default()).unwrap();
    let refused = second.snowflakes_blocking(fixed.clone()).err().unwrap().to_string();
    assert!(refused.contains("the first"), "{refused}");
    first.stop_blocking();
    assert_eq!(second.snowflakes_blocking(fixed).unwrap().worker(), Some(7));
}

#[test]
fn a_bucket_that_is_used_up_waits_for_the_next_second() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let snowflakes = runtime.snowflakes_blocking(genid()).unwrap();
    let ids = take(&snowflakes, 3, 70_000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids[69_999] >> 32 > ids[0] >> 32);
    assert!(ids.iter().all(|id| (id >> 16) & 31 == 3));
}

#[test]
fn a_crash_loop_without_ids_moves_no_floor() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let mut one = genid();
        one.ids = 5..=5;
        let snowflakes = runtime.snowflakes_blocking(one).unwrap();
        (runtime, snowflakes)
    };
    let (runtime, snowflakes) = open();
    let first = take(&snowflakes, 0, 1)[0];
    drop((snowflakes, runtime));
    for _ in 0..8 {
        let (runtime, snowflakes) = open();
        let hurried = Instant::now() + Duration::from_millis(1);
        // Served or not: it must not push the floor ahead of the clock.
        snowflakes.next_id_blocking(hurried).ok();
        drop((snowflakes, runtime));
    }
    let begun = Instant::now();
    let (_runtime, snowflakes) = open();
    assert!(take(&snowflakes, 0, 1)[0] > first);
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
}

#[test]
fn a_registry_replaced_by_an_empty_one_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let now = ExactClock.unix_ms();
    let clock = FakeClock::at(now);
    let open = || {
        let clock = ClockKind::Custom(Arc::new(clock.clone()));
        let settings = Settings { clock, ..settings(dir.path()) };
        let runtime = Runtime::start(sqlite(dir.path()), settings).unwrap();
        let mut standard = standard();
        standard.claim_timeout = Duration::from_millis(300);
        let snowflakes = runtime.snowflakes_blocking(standard);
        (runtime, snowflakes)
    };
    let (runtime, snowflakes) = open();
    let before = take(&snowflakes.unwrap(), 0, 5000);
    runtime.stop_blocking();
    drop(runtime);
    for name in ["ids.db", "ids.db-wal", "ids.db-shm"] {
        std::fs::remove_file(dir.path().join(name)).ok();
    }
    // One lease further on, one second of it taken back.
    clock.set(now + 9_000);
    let (runtime, snowflakes) = open();
    let snowflakes = snowflakes.unwrap();
    let held = snowflakes.next_id_blocking(Instant::now() + Duration::from_millis(20));
    assert_eq!(held.unwrap_err().cause(), Cause::ClockHold, "above every horizon granted before");
    clock.set(now + 10_001);
    let after = take(&snowflakes, 0, 100);
    assert!(after[0] > before[4999]);
    runtime.stop_blocking();
    drop(runtime);
    clock.set(now - 60_000);
    for name in ["ids.db", "ids.db-wal", "ids.db-shm"] {
        std::fs::remove_file(dir.path().join(name)).ok();
    }
    let (_runtime, refused) = open();
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("another registry"), "{refused}");
}
