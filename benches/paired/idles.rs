//! Row 12: nothing wakes up while nobody asks.

use std::thread;
use std::time::{Duration, Instant};

use idgen_core::Clock;
use idgen_runtime::{PublishedTick, Runtime, Settings, store};

const WATCHED: Duration = Duration::from_secs(1);

/// How often a tick publisher comes round once it has parked.
pub(crate) fn tick() -> (String, bool) {
    let tick = PublishedTick::start().expect("a thread more");
    let (begun, mut before) = (Instant::now(), 0);
    while before == 0 && begun.elapsed() < WATCHED {
        tick.unix_ms();
        before = tick.wakes();
    }
    let was_awake = before > 0;
    while tick.hint_unix_ms() != 0 {
        thread::sleep(Duration::from_millis(10));
    }
    before = tick.wakes();
    thread::sleep(WATCHED);
    let wakes = tick.wakes() - before;
    (format!("{wakes} a second, parked after use"), was_awake && wakes == 0)
}

/// How often the threads of a runtime with a sequence in hand leave a processor and come back.
pub(crate) fn runtime() -> (String, bool) {
    let opened = store::open("memory:").expect("memory is always there");
    let runtime = Runtime::start(opened, Settings::default()).expect("a thread more");
    let definition = store::Definition::default();
    let orders = runtime.create_blocking("orders", &definition).expect("it is new");
    let deadline = Instant::now() + Duration::from_secs(5);
    orders.next_id_blocking(deadline).expect("the store is there");
    // The standby is fetched meanwhile.
    thread::sleep(Duration::from_millis(500));
    let before = switches();
    thread::sleep(WATCHED);
    let result = match (before, switches()) {
        (Some(before), Some(after)) => {
            let switches = after - before;
            (format!("{switches} context switches a second"), switches == 0)
        }
        _ => ("not told by this system".to_owned(), false),
    };
    runtime.stop_blocking();
    result
}

/// Voluntary context switches of our threads; clocks of others tick in this process too.
fn switches() -> Option<u64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?.filter_map(Result::ok);
    let counts: Vec<u64> =
        threads.filter_map(|thread| switches_of(&thread.path().join("status"))).collect();
    // None is ours: nothing was watched.
    (!counts.is_empty()).then(|| counts.iter().sum())
}

fn switches_of(status: &std::path::Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("Name:"))?;
    if !name.trim().starts_with("idgen") {
        return None;
    }
    let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}
