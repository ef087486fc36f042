//! Taking over a worker id at its soft horizon: only from a holder that is gone. And going on with
//! a registry that went back: only after a thaw.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::{Duration, Instant};

use idgen_core::Clock;
use idgen_runtime::snowflake::preset;
use idgen_runtime::store::{self, Name, OpenStore};
use idgen_runtime::{
    Cause, ExactClock, Runtime, Settings, SnowflakeSettings, Snowflakes, StartError,
    thaw_space_beside,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn sqlite(dir: &Path) -> OpenStore {
    store::open(&format!("sqlite:{}", dir.join("ids.db").display())).unwrap()
}

fn start(dir: &Path, state: &str) -> Runtime {
    let settings = Settings { state_dir: Some(dir.join(state)), ..Settings::default() };
    Runtime::start(sqlite(dir), settings).unwrap()
}

fn standard() -> SnowflakeSettings {
    SnowflakeSettings::new("standard", preset("standard").unwrap()).unwrap()
}

/// Ids for longer than a soft horizon reaches, from all in turn.
fn take_in_turn(all: &[&Snowflakes]) -> Vec<u64> {
    let mut ids = Vec::new();
    let until = Instant::now() + Duration::from_millis(400);
    while Instant::now() < until {
        for snowflakes in all {
            // One that may not issue is part of the question.
            if let Ok(range) = futures_lite::future::block_on(snowflakes.take(
                0,
                NonZeroU64::new(50).unwrap(),
                Instant::now(),
            )) {
                ids.extend(range.iter());
            }
        }
    }
    ids
}

fn assert_no_duplicate(ids: &[u64]) {
    let distinct: HashSet<&u64> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{} duplicates", ids.len() - distinct.len());
}

#[test]
fn two_generators_of_a_space_in_one_runtime_share_no_worker_id() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = start(dir.path(), "state");
    let first = runtime.snowflakes_blocking(standard()).unwrap();
    first.next_id_blocking(soon()).unwrap();
    let second = runtime.snowflakes_blocking(standard()).unwrap();
    assert_ne!(first.worker(), second.worker());
    assert_no_duplicate(&take_in_turn(&[&first, &second]));
}

#[test]
fn a_generator_that_outlives_its_runtime_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = start(dir.path(), "state");
    let first = runtime.snowflakes_blocking(standard()).unwrap();
    let mut ids = vec![first.next_id_blocking(soon()).unwrap()];
    drop(runtime);
    let runtime = start(dir.path(), "state");
    let second = runtime.snowflakes_blocking(standard()).unwrap();
    ids.extend(take_in_turn(&[&first, &second]));
    assert_no_duplicate(&ids);
    let refused = first.next_id_blocking(soon()).unwrap_err();
    assert_eq!(refused.cause(), Cause::Draining, "{refused}");
}

/// Operators remove lock files that they take for stale.
#[test]
fn a_removed_lock_file_makes_no_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = start(dir.path(), "state");
    let first = runtime.snowflakes_blocking(standard()).unwrap();
    first.next_id_blocking(soon()).unwrap();
    std::fs::remove_file(dir.path().join("state/lock")).unwrap();
    let other = start(dir.path(), "state");
    let second = other.snowflakes_blocking(standard()).unwrap();
    assert_no_duplicate(&take_in_turn(&[&first, &second]));
}

/// A second instance is set up with `cp -r` from the first.
#[cfg(unix)]
#[test]
fn a_copied_state_directory_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = start(dir.path(), "state");
    let first = runtime.snowflakes_blocking(standard()).unwrap();
    first.next_id_blocking(soon()).unwrap();
    std::fs::create_dir(dir.path().join("copy")).unwrap();
    for entry in std::fs::read_dir(dir.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join("copy").join(entry.file_name())).unwrap();
    }
    let other = start(dir.path(), "copy");
    let second = other.snowflakes_blocking(standard()).unwrap();
    assert_ne!(first.worker(), second.worker());
    assert_no_duplicate(&take_in_turn(&[&first, &second]));
}

#[test]
fn a_registry_that_went_back_stays_frozen_over_restarts_until_thawed() {
    let dir = tempfile::tempdir().unwrap();
    let (ids, old) = (dir.path().join("ids.db"), dir.path().join("old.db"));
    let open = || {
        let state_dir = Some(dir.path().join("state"));
        let settings =
            Settings { state_dir, lease_ms: 1000, clock_limit_ms: 1, ..Settings::default() };
        let runtime = Runtime::start(sqlite(dir.path()), settings).unwrap();
        let snowflakes = runtime.snowflakes_blocking(standard());
        (runtime, snowflakes)
    };
    let mint = || {
        let (runtime, snowflakes) = open();
        let id = snowflakes.unwrap().next_id_blocking(soon()).unwrap();
        runtime.stop_blocking();
        id
    };
    let mut all = vec![mint()];
    std::fs::copy(&ids, &old).unwrap();
    all.extend([mint(), mint()]);
    std::fs::copy(&old, &ids).unwrap();
    // Each claim raises what the registry counts: tries must not wear the freeze out.
    for _ in 0..4 {
        let Err(StartError::Refused(refused)) = open().1 else { panic!("not refused") };
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    }
    let now_ms = ExactClock.unix_ms();
    let space = Name::new("standard").unwrap();
    thaw_space_beside(&dir.path().join("state"), &space, now_ms + 2000).unwrap();
    // It waits, from when it met the registry.
    all.push(mint());
    assert_no_duplicate(&all);
    let begun_ms = standard().layout.decode(all[3]).unwrap().unix_ms();
    // What others were granted and the registry forgot: a lease, 2 s, the clock's limit.
    assert!(begun_ms >= now_ms + 3001, "{} ms", begun_ms - now_ms);
}
