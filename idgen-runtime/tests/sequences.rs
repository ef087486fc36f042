//! Serial ids through the runtime: supply, outages, order, operators, regressions.

mod faulty;

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faulty::FaultyStore;
use idgen_runtime::store::{self, Alteration, Definition, Name, OpenStore, Order};
use idgen_runtime::{Cause, Runtime, Sequence, Settings};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn count(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap()
}

fn sqlite(dir: &Path) -> OpenStore {
    store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap()
}

fn settings(dir: &Path) -> Settings {
    Settings { state_dir: Some(dir.to_owned()), ..Settings::default() }
}

fn take(sequence: &Sequence, n: u64) -> Vec<u64> {
    let ranges = sequence.take_all_blocking(count(n), soon()).unwrap();
    ranges.iter().flat_map(|range| range.iter()).collect()
}

#[test]
fn threads_share_a_sequence_without_a_duplicate() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    let ids: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let sequence = Arc::clone(&sequence);
                scope.spawn(move || {
                    let next = |_| sequence.next_id_blocking(soon()).unwrap();
                    (0..20_000).map(next).collect::<Vec<u64>>()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for of_thread in &ids {
        assert!(of_thread.is_sorted(), "a thread's ids rise");
    }
    let all: HashSet<u64> = ids.into_iter().flatten().collect();
    assert_eq!(all.len(), 160_000);
    assert_eq!(runtime.stop_blocking().lost_ids, 0);
}

#[test]
fn a_clean_stop_loses_no_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = 1;
    for round in 0..4_u64 {
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
        let ids = take(&sequence, 700 + 300 * round);
        for id in ids {
            assert_eq!(id, expected);
            expected += 1;
        }
        assert_eq!(runtime.stop_blocking(), idgen_runtime::StopReport::default());
        assert_eq!(sequence.next_id_blocking(soon()).unwrap_err().cause(), Cause::Draining);
    }
}

#[test]
fn a_crash_costs_a_gap_and_no_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let mut highest = 0;
    for _ in 0..4 {
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
        let ids = take(&sequence, 1500);
        assert!(ids[0] > highest);
        assert!(ids[0] <= highest + 2 * Settings::default().min_step + 1, "two leases at most");
        highest = *ids.last().unwrap();
        drop(runtime);
    }
}

#[test]
fn unknown_is_not_unavailable() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    assert_eq!(runtime.sequence_blocking("nope").err().unwrap().cause(), Cause::Unknown);
    assert_eq!(runtime.sequence_blocking("").err().unwrap().cause(), Cause::BadRequest);
    faulty.break_down(true);
    assert_eq!(runtime.sequence_blocking("nope").err().unwrap().cause(), Cause::StoreDown);
}

#[test]
fn a_sequence_outlives_its_store_and_recovers() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    take(&sequence, 1);
    std::thread::sleep(Duration::from_millis(50));
    faulty.break_down(true);
    let in_hand = take(&sequence, 1999);
    assert_eq!(in_hand.len(), 1999, "the active segment and its standby");
    let begun = Instant::now();
    let refused = sequence.next_id_blocking(begun + Duration::from_millis(300)).unwrap_err();
    assert_eq!(refused.cause(), Cause::StoreDown);
    assert!(refused.to_string().contains("planted outage"), "{refused}");
    let waited = begun.elapsed();
    assert!((300..2000).contains(&waited.as_millis()), "{waited:?}");
    assert!(!runtime.troubles().is_empty());
    let waiting = Arc::clone(&sequence);
    let waiter = std::thread::spawn(move || waiting.next_id_blocking(soon()));
    std::thread::sleep(Duration::from_millis(50));
    faulty.break_down(false);
    assert_eq!(waiter.join().unwrap().unwrap(), 2001);
    assert!(runtime.troubles().is_empty());
}

#[test]
fn a_store_that_hangs_is_given_up_and_its_late_lease_goes_back() {
    let faulty = FaultyStore::new();
    let timeout = Duration::from_millis(100);
    let settings = Settings { store_timeout: timeout, ..Settings::default() };
    let runtime = Runtime::start(faulty.open(), settings).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    faulty.delay(Duration::from_millis(400));
    let refused = sequence.next_id_blocking(Instant::now() + timeout * 2).unwrap_err();
    assert_eq!(refused.cause(), Cause::StoreDown);
    faulty.delay(Duration::ZERO);
    let ids = take(&sequence, 10);
    assert_eq!(ids.len(), 10);
    std::thread::sleep(Duration::from_millis(1200));
    assert!(faulty.handed_back() > 0, "the late lease was handed back");
}

#[test]
fn exhausted_is_for_good() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let few = Definition::new(10, 5, 0, 60, Order::Leased).unwrap();
    let sequence = runtime.create_blocking("few", &few).unwrap();
    let ids: Vec<u64> = (0..11).map(|_| sequence.next_id_blocking(soon()).unwrap()).collect();
    assert_eq!(ids, [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]);
    for _ in 0..3 {
        let refused = sequence.next_id_blocking(soon()).unwrap_err();
        assert_eq!(refused.cause(), Cause::Exhausted, "{refused}");
    }
}

#[test]
fn strict_order_rises_over_two_nodes() {
    let store = store::open("memory:").unwrap();
    let first = Runtime::start(store.clone(), Settings::default()).unwrap();
    let second = Runtime::start(store, Settings::default()).unwrap();
    let strict = Definition::new(1, 1, 0, u64::MAX, Order::Strict).unwrap();
    let nodes = [
        first.create_blocking("s", &strict).unwrap(),
        second.create_blocking("s", &strict).unwrap(),
    ];
    let ids: Vec<u64> = (0..50).flat_map(|round| take(&nodes[round % 2], 3)).collect();
    assert_eq!(ids, (1..=150).collect::<Vec<u64>>());
    assert_eq!(first.stop_blocking().lost_ids, 0);
    assert_eq!(take(&nodes[1], 1), [151]);
}

#[test]
fn parked_strict_requests_share_a_step() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let strict = Definition::new(1, 1, 0, u64::MAX, Order::Strict).unwrap();
    let sequence = runtime.create_blocking("s", &strict).unwrap();
    faulty.delay(Duration::from_millis(50));
    let mut ids: Vec<u64> = std::thread::scope(|scope| {
        let next = || sequence.next_id_blocking(soon()).unwrap();
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(next)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    ids.sort_unstable();
    assert_eq!(ids, (1..=16).collect::<Vec<u64>>());
    assert!(faulty.leases() <= 4, "{} steps for 16 requests", faulty.leases());
}

#[test]
fn operators_move_a_sequence_at_once() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    let name = Name::new("a").unwrap();
    assert_eq!(take(&sequence, 2), [1, 2]);
    futures_lite::future::block_on(async {
        assert_eq!(sequence.last(soon()).await.unwrap(), 2);
        runtime.advance(&name, 5000).await.unwrap();
        assert_eq!(sequence.last(soon()).await.unwrap(), 5000);
    });
    assert_eq!(take(&sequence, 1), [5001]);
    let odd =
        Alteration { increment: Some(2), offset: Some(1), above: 20_000, ..Alteration::default() };
    futures_lite::future::block_on(runtime.alter(&name, &odd)).unwrap();
    assert_eq!(take(&sequence, 2), [20_001, 20_003]);
    let lower = futures_lite::future::block_on(runtime.advance(&name, 100)).unwrap_err();
    assert!(matches!(lower, store::StoreError::WouldLower { .. }), "{lower}");
    futures_lite::future::block_on(runtime.delete(&name)).unwrap();
    assert_eq!(sequence.next_id_blocking(soon()).unwrap_err().cause(), Cause::Unknown);
    let again = runtime.create_blocking("a", &Definition::default()).unwrap();
    assert!(take(&again, 1)[0] > 20_003);
}

#[test]
fn an_old_copy_of_the_store_freezes_until_thawed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, copy) = (dir.path().join("ids.db"), dir.path().join("copy.db"));
    let open = |n: u64| {
        let runtime = Runtime::start(sqlite(dir.path()), settings(dir.path())).unwrap();
        let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
        let ids = sequence.take_all_blocking(count(n), soon());
        (runtime, sequence, ids)
    };
    let (runtime, _, _) = open(100);
    runtime.stop_blocking();
    drop(runtime);
    std::fs::copy(&file, &copy).unwrap();
    let (runtime, _, ids) = open(10_000);
    let highest = ids.unwrap().last().unwrap().last();
    runtime.stop_blocking();
    drop(runtime);
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(dir.path().join(format!("ids.db{suffix}"))).ok();
    }
    std::fs::copy(&copy, &file).unwrap();

    let (runtime, sequence, ids) = open(1);
    assert_eq!(ids.unwrap_err().cause(), Cause::Frozen);
    let refused = sequence.next_id_blocking(soon()).unwrap_err();
    assert!(refused.to_string().contains("thaw"), "{refused}");
    let name = Name::new("a").unwrap();
    let too_low = futures_lite::future::block_on(runtime.thaw(&name, 50)).unwrap_err();
    assert!(matches!(too_low, store::StoreError::WouldLower { .. }), "{too_low}");
    futures_lite::future::block_on(runtime.thaw(&name, 5_000_000)).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let id = sequence.next_id_blocking(soon()).unwrap();
    assert!(id > highest && id > 5_000_000);
    runtime.stop_blocking();
    drop(runtime);
    let (_runtime, _, ids) = open(1);
    assert!(ids.unwrap()[0].start() > id, "a thaw outlives the process");
}
