//! What a node looks at before it issues: the layout record, its peers, its clock, its floor.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use idgen_core::Clock;
use idgen_runtime::snowflake::{Layout, preset};
use idgen_runtime::store::{self, Name, OpenStore, Wish};
use idgen_runtime::testing::FakeClock;
use idgen_runtime::{
    Cause, ClockKind, ExactClock, Machine, Runtime, Settings, Sight, SnowflakeSettings, Snowflakes,
    StartError,
};

const EPOCH_MS: u64 = 1_735_689_600_000;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn memory() -> OpenStore {
    store::open("memory:").unwrap()
}

/// A node and what it was given, or why it was refused.
fn node(
    store: &OpenStore,
    settings: Settings,
    wished: SnowflakeSettings,
) -> Result<(Runtime, Arc<Snowflakes>), String> {
    let runtime = Runtime::start(store.clone(), settings).unwrap();
    match runtime.snowflakes_blocking(wished) {
        Ok(snowflakes) => Ok((runtime, snowflakes)),
        Err(refused) => Err(refused.to_string()),
    }
}

fn of(layout: &Layout) -> SnowflakeSettings {
    let mut settings = SnowflakeSettings::new("orders", layout).unwrap();
    settings.holder = "a node".to_owned();
    settings
}

fn on(clock: &FakeClock) -> Settings {
    Settings { clock: ClockKind::Custom(Arc::new(clock.clone())), ..Settings::default() }
}

fn layout(time_bits: u32, epoch_ms: u64, worker_bits: u32) -> Layout {
    Layout::builder(time_bits)
        .epoch_unix_ms(epoch_ms)
        .node("worker", worker_bits)
        .sequence(10)
        .build()
}

fn recorded(store: &OpenStore) -> (u64, String) {
    let registry = store.workers.clone().unwrap();
    let record = block_on(registry.layout(&Name::new("orders").unwrap())).unwrap().unwrap();
    (record.version, record.text)
}

#[test]
fn a_layout_that_could_make_a_number_twice_is_refused_with_each_reason() {
    let store = memory();
    node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 10))).unwrap().0.stop_blocking();
    for (other, reason) in [
        (layout(41, EPOCH_MS, 9), "field worker had 10 bits, now 9"),
        (layout(40, EPOCH_MS, 10), "time had 41 bits, now 40"),
        (layout(41, EPOCH_MS + 1, 10), "the epoch was 1735689600000 ms since 1970, now"),
    ] {
        let refused = node(&store, Settings::default(), of(&other)).err().unwrap();
        assert!(refused.contains(reason), "{refused}");
        assert!(refused.contains("another id space"), "no way out: {refused}");
    }
    assert_eq!(recorded(&store).0, 1, "a refusal changes nothing");
}

#[test]
fn more_time_bits_are_taken_up_and_recorded() {
    let store = memory();
    let (old, ids) = node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 10))).unwrap();
    let (_wide, wide) = node(&store, Settings::default(), of(&layout(42, EPOCH_MS, 10))).unwrap();
    let (version, text) = recorded(&store);
    assert_eq!(version, 2);
    assert!(text.contains("time:42 "), "{text}");
    let (a, b) = (ids.next_id_blocking(soon()).unwrap(), wide.next_id_blocking(soon()).unwrap());
    assert_ne!(a, b);
    old.stop_blocking();
    let back = node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 10))).err().unwrap();
    assert!(back.contains("time had 42 bits, now 41"), "{back}");
}

#[test]
fn an_earlier_epoch_is_taken_up_while_no_peer_holds_a_worker_id() {
    let store = memory();
    let (old, ids) = node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 10))).unwrap();
    let last = ids.next_id_blocking(soon()).unwrap();
    let earlier = of(&layout(41, EPOCH_MS - 1000, 10));
    let refused = node(&store, Settings::default(), earlier.clone()).err().unwrap();
    assert!(refused.contains("'a node' on host "), "the peer is not named: {refused}");
    assert!(refused.contains("stop all nodes"), "{refused}");
    assert_eq!(recorded(&store).0, 1);
    old.stop_blocking();
    let (_node, ids) = node(&store, Settings::default(), earlier).unwrap();
    assert!(ids.next_id_blocking(soon()).unwrap() > last);
    assert_eq!(recorded(&store).0, 2);
}

/// A node that was started before an earlier epoch was taken up would repeat ids that the others
/// have issued, once it is granted a worker id of theirs.
#[test]
fn a_node_that_lost_its_lease_looks_at_the_record_again() {
    let store = memory();
    let registry = store.workers.clone().unwrap();
    let space = Name::new("orders").unwrap();
    let short = Settings { lease_ms: 1000, ..Settings::default() };
    let (_runtime, ids) = node(&store, short, of(&layout(41, EPOCH_MS, 10))).unwrap();
    ids.next_id_blocking(soon()).unwrap();
    let text = recorded(&store).1.replace("1735689600000", "1735689599000");
    block_on(registry.put_layout(&space, 1, &text)).unwrap();
    let held = block_on(registry.peers(&space)).unwrap();
    let floor = idgen_core::Floor::at(u64::MAX);
    let ended = idgen_core::Ended::receipt(held[0].worker, held[0].token, floor);
    block_on(registry.release(&space, ended)).unwrap();
    let until = soon();
    let told = loop {
        match ids.trouble() {
            Some(trouble) if trouble.cause() == Cause::Clash => break trouble.to_string(),
            _ => assert!(Instant::now() < until, "the record was not looked at"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(told.contains("on record is not this node's any more"), "{told}");
    assert!(ids.next_id_blocking(Instant::now() + Duration::from_millis(300)).is_err());
    assert!(block_on(registry.peers(&space)).unwrap().is_empty(), "the worker id was kept");
}

#[test]
fn the_second_node_of_one_worker_id_is_refused_and_told_the_first() {
    let store = memory();
    let short = || Settings { lease_ms: 5000, ..Settings::default() };
    let mut first = SnowflakeSettings::new("genid", preset("genid").unwrap()).unwrap();
    first.wish = Wish::Exactly(3 << 6 | 1 << 3 | 2);
    first.holder = "the first".to_owned();
    let _first = node(&store, short(), first.clone()).unwrap();
    let begun = Instant::now();
    let second = SnowflakeSettings { holder: "the second".to_owned(), ..first };
    let refused = node(&store, short(), second).err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for said in ["(zone=3 dc=1 machine=2)", "'the first' on host ", "is alive", "other node"] {
        assert!(refused.contains(said), "{refused}");
    }
}

/// Beside the case above: whoever is killed does not renew, and its successor waits it out.
#[test]
fn the_successor_of_a_killed_node_is_not_refused() {
    let store = memory();
    let short = || Settings { lease_ms: 1500, ..Settings::default() };
    let mut pinned = of(preset("standard").unwrap());
    pinned.wish = Wish::Exactly(7);
    // Dropped without a stop, nothing is released.
    drop(node(&store, short(), pinned.clone()).unwrap());
    let begun = Instant::now();
    let (_runtime, ids) = node(&store, short(), pinned).unwrap();
    assert_eq!(ids.worker(), Some(7));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_hand_over_is_waited_for() {
    let store = memory();
    let mut pinned = of(preset("standard").unwrap());
    pinned.wish = Wish::Exactly(7);
    let (old, ids) = node(&store, Settings::default(), pinned.clone()).unwrap();
    let last = ids.next_id_blocking(soon()).unwrap();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        old.stop_blocking();
        Instant::now()
    });
    let (_new, ids) = node(&store, Settings::default(), pinned).unwrap();
    assert!(ids.next_id_blocking(soon()).unwrap() > last);
    let (now, stopped) = (Instant::now(), stopping.join().unwrap());
    let pause = now.saturating_duration_since(stopped);
    assert!(pause < Duration::from_millis(100), "{pause:?} from the release to the first id");
}

#[test]
fn a_clock_far_from_those_of_half_the_peers_is_refused_and_the_worst_named() {
    let store = memory();
    let now = ExactClock.unix_ms();
    let (good, late) = (FakeClock::at(now), FakeClock::at(now - 60_000));
    let one = node(&store, on(&good), of(preset("standard").unwrap())).unwrap();
    let refused = node(&store, on(&late), of(preset("standard").unwrap())).err().unwrap();
    for said in [" ms behind that of 'a node' on host ", "limit is 5000 ms", "set the wrong"] {
        assert!(refused.contains(said), "{refused}");
    }
    let registry = store.workers.clone().unwrap();
    let space = Name::new("orders").unwrap();
    assert_eq!(block_on(registry.peers(&space)).unwrap().len(), 1, "a worker id was kept");
    // A wider limit lets it in, and then it is the one that most others differ from.
    let lenient = Settings { clock_limit_ms: 90_000, ..on(&late) };
    let wrong = node(&store, lenient, of(preset("standard").unwrap())).unwrap();
    let two = node(
        &store,
        Settings { clock_limit_ms: 90_000, ..on(&good) },
        of(preset("standard").unwrap()),
    );
    let three = node(&store, on(&good), of(preset("standard").unwrap()));
    three.unwrap().0.stop_blocking();
    drop((one, wrong, two));
}

#[test]
fn peers_of_another_layout_are_named() {
    let store = memory();
    let registry = store.workers.clone().unwrap();
    let space = Name::new("orders").unwrap();
    let _one = node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 10))).unwrap();
    // The record was lost and written anew beside a node that goes on.
    let text = recorded(&store).1.replace("worker:10", "worker:9");
    block_on(registry.put_layout(&space, 1, &text)).unwrap();
    let refused = node(&store, Settings::default(), of(&layout(41, EPOCH_MS, 9))).err().unwrap();
    for said in ["held by 'a node' on host ", "field worker had 10 bits, now 9", "one layout"] {
        assert!(refused.contains(said), "{refused}");
    }
}

fn pinned_on(dir: &Path, clock: &FakeClock) -> Result<(Runtime, Arc<Snowflakes>), StartError> {
    let store = store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap();
    let settings = Settings { lease_ms: 1000, ..on(clock) };
    let runtime = Runtime::start(store, settings).unwrap();
    let mut pinned = of(preset("standard").unwrap());
    pinned.wish = Wish::Exactly(7);
    runtime.snowflakes_blocking(pinned).map(|ids| (runtime, ids))
}

#[test]
fn a_floor_ahead_is_waited_for_in_words_and_refused_beyond_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let now = ExactClock.unix_ms();
    let clock = FakeClock::at(now);
    let (runtime, ids) = pinned_on(dir.path(), &clock).unwrap();
    let last = ids.next_id_blocking(soon()).unwrap();
    assert_eq!(ids.trouble(), None);
    runtime.stop_blocking();
    drop(runtime);
    clock.set(now - 2500);
    let (runtime, ids) = pinned_on(dir.path(), &clock).unwrap();
    let told = ids.trouble().unwrap();
    assert_eq!(told.cause(), Cause::ClockHold);
    assert!(told.to_string().contains("ahead of this clock, and ids begin there"), "{told}");
    assert_eq!(runtime.troubles(), [told.to_string()], "what /readyz says");
    clock.set(now + 1);
    assert_eq!(ids.trouble(), None);
    assert!(ids.next_id_blocking(soon()).unwrap() > last);
    runtime.stop_blocking();
    drop(runtime);
    clock.set(now - 3_600_000);
    let begun = Instant::now();
    let refused = pinned_on(dir.path(), &clock).err().unwrap().to_string();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(refused.contains("set the clock right"), "{refused}");
}

#[test]
fn the_end_of_the_layout_is_told() {
    let clock = FakeClock::at(preset("standard").unwrap().end_unix_ms() - 86_400_000);
    let (runtime, ids) = node(&memory(), on(&clock), of(preset("standard").unwrap())).unwrap();
    assert_eq!(ids.lifetime().left_days(), 1);
    let (space, lifetime) = runtime.lifetimes().remove(0);
    assert_eq!((space.as_str(), lifetime), ("orders", ids.lifetime()));
    assert!(lifetime.warning().unwrap().to_string().contains("90 days"));
}

/// A machine that is what a test says.
#[derive(Debug, Default)]
struct Told(Mutex<Sight>);

impl Machine for Told {
    fn look(&self) -> Sight {
        self.0.lock().unwrap().clone()
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let until = soon();
    while !done() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One node per sign: its lease is given up, not released, and another worker id is claimed; what
/// its sequence had in hand is never issued.
#[test]
fn a_sign_of_a_copy_ends_the_generator_and_leases_anew() {
    type Change = fn(&mut Sight);
    let signs: [(&str, Change); 3] = [
        ("another boot", |sight| sight.boot_id = "b".to_owned()),
        ("another generation", |sight| sight.generation = Some("2".to_owned())),
        ("a clock gap", |sight| sight.unix_ms += 3_600_000),
    ];
    for (what, change) in signs {
        let store = memory();
        let generation = Some("1".to_owned());
        let first = Sight { boot_id: "a".to_owned(), generation, unix_ms: 7, boot_ms: 7 };
        let machine = Arc::new(Told(Mutex::new(first)));
        let told: Arc<dyn Machine> = Arc::clone(&machine) as _;
        let settings = Settings { machine: Some(told), ..Settings::default() };
        let (runtime, ids) = node(&store, settings, of(preset("standard").unwrap())).unwrap();
        let orders = runtime.create_blocking("orders", &store::Definition::default()).unwrap();
        let mut seen = vec![ids.next_id_blocking(soon()).unwrap()];
        assert_eq!(orders.next_id_blocking(soon()).unwrap(), 1);
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(ids.worker(), Some(0), "{what}: no sign yet");
        change(&mut machine.0.lock().unwrap());
        until(what, || ids.worker() == Some(1));
        seen.push(ids.next_id_blocking(soon()).unwrap());
        assert_ne!(seen[0], seen[1]);
        assert!(orders.next_id_blocking(soon()).unwrap() > 2, "{what}: ground of the original");
        let registry = store.workers.clone().unwrap();
        let held = block_on(registry.peers(&Name::new("orders").unwrap())).unwrap();
        assert_eq!(held.len(), 2, "{what}: the original's lease was released");
    }
}

/// On one host a soft horizon proves the last holder dead, but not to a copy of it.
#[test]
fn a_copy_proves_nothing_by_the_soft_horizon_of_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let store = store::open(&format!("sqlite:{}", dir.path().join("ids.db").display())).unwrap();
    let machine = Arc::new(Told::default());
    let settings = Settings {
        machine: Some(Arc::clone(&machine) as _),
        state_dir: Some(dir.path().to_owned()),
        lease_ms: 3000,
        ..Settings::default()
    };
    let mut pinned = of(preset("standard").unwrap());
    pinned.wish = Wish::Exactly(7);
    let (_runtime, ids) = node(&store, settings, pinned).unwrap();
    let last = ids.next_id_blocking(soon()).unwrap();
    let registry = store.workers.clone().unwrap();
    let horizon =
        || block_on(registry.list(&Name::new("orders").unwrap())).unwrap()[0].horizon_unix_ms;
    machine.0.lock().unwrap().generation = Some("1".to_owned());
    std::thread::sleep(Duration::from_millis(1500));
    let before = horizon();
    machine.0.lock().unwrap().generation = Some("2".to_owned());
    until("the generator is ended", || ids.worker().is_none());
    let after = ids.next_id_blocking(soon()).unwrap();
    assert!(after > last);
    let at = ids.layout().decode(after).unwrap().unix_ms();
    assert!(at >= before, "{at} lies below the horizon {before} that the original had");
}
