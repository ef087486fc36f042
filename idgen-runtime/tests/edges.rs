//! Sequences at their edges: answers that come late, restarts that gnaw at the guard, causes.

mod faulty;

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use faulty::FaultyStore;
use futures_lite::future::block_on;
use idgen_runtime::store::{self, Alteration, Definition, Name, OpenStore, Order};
use idgen_runtime::{Cause, Runtime, Sequence, Settings};

fn within(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

fn soon() -> Instant {
    within(10_000)
}

fn take(sequence: &Sequence, n: u64) -> Vec<u64> {
    let ranges = sequence.take_all_blocking(NonZeroU64::new(n).unwrap(), soon()).unwrap();
    ranges.iter().flat_map(|range| range.iter()).collect()
}

fn strict() -> Definition {
    Definition::new(1, 1, 0, u64::MAX, Order::Strict).unwrap()
}

/// `do_it` on a thread of its own; `None` if it does not return in time.
fn in_time<T: Send + 'static>(do_it: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, answer) = channel();
    std::thread::spawn(move || done.send(do_it()).ok());
    answer.recv_timeout(Duration::from_secs(5)).ok()
}

#[test]
fn a_request_of_a_dropped_runtime_is_refused_not_forgotten() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let leased = runtime.create_blocking("a", &Definition::default()).unwrap();
    let in_order = runtime.create_blocking("s", &strict()).unwrap();
    take(&in_order, 1);
    drop(runtime);
    for sequence in [leased, in_order] {
        let answer = in_time(move || sequence.next_id_blocking(within(200)));
        let refused = answer.expect("a request hangs for ever").unwrap_err();
        assert_eq!(refused.cause(), Cause::Draining, "{refused}");
    }
}

#[test]
fn a_request_that_waits_is_refused_when_its_runtime_is_dropped() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    faulty.delay(Duration::from_secs(3));
    let waiting = std::thread::spawn({
        let sequence = sequence.clone();
        move || in_time(move || sequence.next_id_blocking(within(60_000)))
    });
    std::thread::sleep(Duration::from_millis(100));
    drop(runtime);
    let refused = waiting.join().unwrap().expect("a request hangs for ever").unwrap_err();
    assert_eq!(refused.cause(), Cause::Draining, "{refused}");
}

/// Of a strict step whose request has gone, nothing may go to a request that came later: another
/// node may have issued above it meanwhile.
#[test]
fn strict_order_holds_when_an_answer_comes_after_its_request_has_gone() {
    let faulty = FaultyStore::new();
    let first = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let second = Runtime::start(faulty.inner(), Settings::default()).unwrap();
    let here = first.create_blocking("s", &strict()).unwrap();
    let there = second.create_blocking("s", &strict()).unwrap();
    faulty.delay_answers(Duration::from_millis(400));
    assert_eq!(here.next_id_blocking(within(50)).unwrap_err().cause(), Cause::StoreDown);
    let seen = there.next_id_blocking(soon()).unwrap();
    let later = here.next_id_blocking(soon()).unwrap();
    assert!(later > seen, "{later} was issued after {seen}");
    assert_eq!(here.gaps(), 1);
}

#[test]
fn a_sequence_made_strict_elsewhere_is_strict_with_the_next_lease() {
    let store = store::open("memory:").unwrap();
    let settings = || Settings { min_step: 10, max_step: 10, ..Settings::default() };
    let first = Runtime::start(store.clone(), settings()).unwrap();
    let second = Runtime::start(store, settings()).unwrap();
    let here = first.create_blocking("a", &Definition::default()).unwrap();
    let there = second.create_blocking("a", &Definition::default()).unwrap();
    take(&here, 5);
    take(&there, 5);
    let name = Name::new("a").unwrap();
    let alteration =
        Alteration { order: Some(Order::Strict), above: 1000, ..Alteration::default() };
    block_on(first.alter(&name, &alteration)).unwrap();
    while take(&there, 1)[0] <= 1000 {}
    let mut last = 0;
    for _ in 0..20 {
        for node in [&here, &there] {
            let id = take(node, 1)[0];
            assert!(id > last, "{id} was issued after {last}");
            last = id;
        }
    }
    assert_eq!(there.definition().order(), Order::Strict);
}

#[test]
fn exhausted_is_exhausted_however_short_the_deadline() {
    let runtime = Runtime::start(store::open("memory:").unwrap(), Settings::default()).unwrap();
    let few = Definition::new(1, 1, 0, 3, Order::Leased).unwrap();
    let sequence = runtime.create_blocking("few", &few).unwrap();
    take(&sequence, 3);
    for _ in 0..30 {
        let begun = Instant::now();
        let refused = sequence.next_id_blocking(within(400)).unwrap_err();
        assert_eq!(refused.cause(), Cause::Exhausted, "{refused}");
        assert!(begun.elapsed() < Duration::from_millis(200), "what is known is told at once");
    }
    let name = Name::new("few").unwrap();
    let longer = Alteration { end: Some(10), above: 3, ..Alteration::default() };
    block_on(runtime.alter(&name, &longer)).unwrap();
    assert_eq!(take(&sequence, 2), [4, 5]);
}

#[test]
fn last_is_told_before_the_first_id_of_a_lease() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let from_101 = Definition::new(101, 1, 0, u64::MAX, Order::Leased).unwrap();
    let sequence = runtime.create_blocking("a", &from_101).unwrap();
    assert_eq!(block_on(sequence.last(soon())).unwrap(), 100);
    faulty.delay_answers(Duration::from_millis(100));
    sequence.next_id_blocking(within(20)).unwrap_err();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(block_on(sequence.last(soon())).unwrap(), 100, "the lease came, no id was issued");
    assert_eq!(take(&sequence, 1), [101]);
}

#[test]
fn an_advance_counts_on_this_node_even_if_the_look_after_it_fails() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    assert_eq!(take(&sequence, 2), [1, 2]);
    faulty.fail_describe(true);
    block_on(runtime.advance(&Name::new("a").unwrap(), 5000)).unwrap();
    faulty.fail_describe(false);
    assert_eq!(take(&sequence, 1), [5001]);
}

fn sqlite(dir: &Path) -> OpenStore {
    store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap()
}

/// A supervisor restarts what reports itself unhealthy, again and again.
#[test]
fn restarts_do_not_wear_out_a_freeze() {
    let dir = tempfile::tempdir().unwrap();
    let (file, copy) = (dir.path().join("ids.db"), dir.path().join("copy.db"));
    let settings =
        || Settings { state_dir: Some(dir.path().to_owned()), min_step: 10, ..Settings::default() };
    let run = |n: u64| {
        let runtime = Runtime::start(sqlite(dir.path()), settings()).unwrap();
        let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
        let ids = sequence.take_all_blocking(NonZeroU64::new(n).unwrap(), soon());
        runtime.stop_blocking();
        ids.map(|ranges| ranges.last().unwrap().last())
    };
    run(1).unwrap();
    std::fs::copy(&file, &copy).unwrap();
    let highest = run(5000).unwrap();
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(dir.path().join(format!("ids.db{suffix}"))).ok();
    }
    std::fs::copy(&copy, &file).unwrap();
    for restart in 0..12 {
        match run(1) {
            Err(refused) => assert_eq!(refused.cause(), Cause::Frozen, "{refused}"),
            Ok(id) => panic!("id {id} of 1..={highest} was issued again after {restart} restarts"),
        }
    }
}

/// What the new one granted before nobody has told: the number named is of the old one.
#[test]
fn a_store_that_changes_during_a_thaw_stays_frozen() {
    let faulty = FaultyStore::new();
    let runtime = Runtime::start(faulty.open(), Settings::default()).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    let id = sequence.next_id_blocking(soon()).unwrap();
    let thaw = |above| block_on(runtime.thaw(sequence.name(), above));
    faulty.change_when_advanced(true);
    let refused = thaw(1_000_000).unwrap_err().to_string();
    assert!(refused.contains("thaw once more"), "{refused}");
    let refused = std::iter::repeat_with(|| sequence.next_id_blocking(soon()));
    let refused = refused.take(100_000).find_map(Result::err).expect("it freezes at a lease");
    assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    thaw(2_000_000).unwrap();
    let deadline = soon();
    let next = loop {
        match sequence.next_id_blocking(soon()) {
            Ok(next) => break next,
            Err(refused) => assert_eq!(refused.cause(), Cause::Frozen, "{refused}"),
        }
        assert!(Instant::now() < deadline, "it is not thawed");
    };
    assert!(id < 1_000_000 && next > 2_000_000, "{id} {next}");
}
