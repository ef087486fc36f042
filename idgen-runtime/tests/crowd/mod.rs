//! A thousand callers at once on segments of ten ids, from a real server: the same for each store.

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use idgen_runtime::store::{self, Definition, Name};
use idgen_runtime::{Runtime, Sequence, Settings};

const CALLERS: u64 = 1_000;
const STEP: u64 = 10;

/// How many ids each caller draws: a slice of them, unless `IDGEN_FULL=1`.
fn draws() -> u64 {
    if std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1") { 20 } else { 5 }
}

fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{variable} is not set: run `cargo xtask services up` and set what it prints"),
    }
}

/// Nobody is refused, no id comes twice, each caller's rise, and none is lost at the stop.
pub(crate) fn a_thousand_callers_share_steps_of_ten(variable: &str) {
    let settings = Settings { min_step: STEP, max_step: STEP, ..Settings::default() };
    let runtime = Runtime::start(store::open(&server(variable)).unwrap(), settings).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let name = format!("crowd {} {now}", std::process::id());
    let sequence = runtime.create_blocking(&name, &Definition::default()).unwrap();
    let begun = Instant::now();
    let drawn = draw_at_once(&sequence);
    let (took, due) = (begun.elapsed(), CALLERS * draws());
    for ids in &drawn {
        assert!(ids.is_sorted(), "a caller's ids rise: {ids:?}");
    }
    let ids: HashSet<u64> = drawn.into_iter().flatten().collect();
    assert_eq!(u64::try_from(ids.len()).unwrap(), due);
    // What is in hand beyond them is the active segment's rest and its standby.
    assert!(ids.iter().all(|id| *id <= due + 2 * STEP), "no segment was skipped");
    assert_eq!(runtime.stop_blocking().lost_ids, 0);
    eprintln!("{due} ids in {took:?}");
    let store = store::open(&server(variable)).unwrap().sequences;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.delete(&Name::new(&name).unwrap())).unwrap();
}

/// The ids of every caller, in the order in which it got them.
fn draw_at_once(sequence: &Arc<Sequence>) -> Vec<Vec<u64>> {
    let all_are_there = Barrier::new(usize::try_from(CALLERS).unwrap());
    thread::scope(|scope| {
        let caller = || {
            all_are_there.wait();
            let draw = |_| {
                let deadline = Instant::now() + Duration::from_secs(60);
                sequence.next_id_blocking(deadline).unwrap_or_else(|error| panic!("{error}"))
            };
            (0..draws()).map(draw).collect()
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}
