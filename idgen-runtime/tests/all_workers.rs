//! Every worker id of an id space at work at once, given back, and claimed again.
//!
//! `IDGEN_FULL=1` does it ten times.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use idgen_runtime::snowflake::preset;
use idgen_runtime::{Cause, Runtime, Settings, SnowflakeSettings, Snowflakes, StartError, store};

/// How many claim at the same time: so that some share a transaction.
const CALLERS: u64 = 16;

fn rounds() -> usize {
    if std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1") { 10 } else { 2 }
}

/// A lease that nobody has to renew meanwhile.
fn start(dir: &Path) -> Runtime {
    let store = store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap();
    let store_timeout = Duration::from_secs(30);
    Runtime::start(store, Settings { lease_ms: 3_600_000, store_timeout, ..Settings::default() })
        .unwrap()
}

fn standard() -> SnowflakeSettings {
    SnowflakeSettings::new("standard", preset("standard").unwrap()).unwrap()
}

fn claim(runtime: &Runtime, count: u64) -> Vec<Arc<Snowflakes>> {
    (0..count).map(|_| runtime.snowflakes_blocking(standard()).unwrap()).collect()
}

fn claim_all(runtime: &Runtime, count: u64) -> Vec<Arc<Snowflakes>> {
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let some = claim(runtime, count / CALLERS);
                all.lock().unwrap().extend(some);
            });
        }
    });
    all.into_inner().unwrap()
}

#[test]
fn all_worker_ids_are_claimed_released_and_claimed_again() {
    let (dir, mut ids) = (tempfile::tempdir().unwrap(), HashSet::new());
    let count = standard().layout.workers();
    assert_eq!(count, 1024, "ten bits");
    for round in 1..=rounds() {
        let runtime = start(dir.path());
        let all = claim_all(&runtime, count);
        let workers: BTreeSet<u64> = all.iter().filter_map(|it| it.worker()).collect();
        assert!(workers.iter().copied().eq(0..count), "round {round}: {workers:?}");
        let deadline = Instant::now() + Duration::from_secs(30);
        for snowflakes in &all {
            let id = snowflakes.next_id_blocking(deadline).unwrap();
            assert!(ids.insert(id), "round {round}: {id} again");
        }
        let one_more = SnowflakeSettings { claim_timeout: Duration::ZERO, ..standard() };
        let Err(StartError::Refused(refused)) = runtime.snowflakes_blocking(one_more) else {
            panic!("round {round}: one more than there are");
        };
        assert_eq!(refused.cause(), Cause::Clash);
        assert!(refused.to_string().contains("all 1024 worker ids"), "{refused}");
        let report = runtime.stop_blocking();
        assert_eq!(report.unfinished, 0, "round {round}: not all were released");
    }
}
