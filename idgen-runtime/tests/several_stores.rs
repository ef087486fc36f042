//! One sequence in two stores: ids go on while one is down, and each is watched by itself.

mod faulty;

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faulty::FaultyStore;
use futures_lite::future::block_on;
use idgen_runtime::store::set::StoreSet;
use idgen_runtime::store::{self, Definition, Name, OpenStore, StoreError};
use idgen_runtime::{Cause, IssueError, Runtime, Sequence, Settings};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn set(stores: [OpenStore; 2]) -> OpenStore {
    let members = stores.iter().enumerate();
    let members =
        members.map(|(at, store)| (Arc::clone(&store.sequences), format!("store {at}"))).collect();
    let [mut whole, _] = stores;
    whole.sequences = Arc::new(StoreSet::new(members).unwrap());
    whole
}

fn take(sequence: &Sequence, n: u64) -> Result<Vec<u64>, IssueError> {
    let ranges = sequence.take_all_blocking(NonZeroU64::new(n).unwrap(), soon())?;
    Ok(ranges.iter().flat_map(|range| range.iter()).collect())
}

/// Ids until both residues have come, or only one for long enough.
fn mint(sequence: &Sequence, ids: &mut Vec<u64>, time: Duration) -> [bool; 2] {
    let (begun, until) = (ids.len(), Instant::now() + time);
    loop {
        ids.extend(take(sequence, 700).unwrap());
        let seen = [0, 1].map(|residue| ids[begun..].iter().any(|id| id % 2 == residue));
        if seen == [true, true] || Instant::now() > until {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn ids_rise_while_one_of_two_stores_is_down_and_when_it_is_back() {
    let (one, other) = (FaultyStore::new(), FaultyStore::new());
    let settings = Settings { max_step: 1_000, ..Settings::default() };
    let runtime = Runtime::start(set([one.open(), other.open()]), settings).unwrap();
    let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
    let mut ids = Vec::new();
    assert_eq!(mint(&sequence, &mut ids, Duration::from_secs(10)), [true, true]);
    for store in [&one, &other] {
        store.break_down(true);
        // What is in hand and on its way is of both yet.
        (0..10).for_each(|_| ids.extend(take(&sequence, 700).unwrap()));
        let alone = mint(&sequence, &mut ids, Duration::from_millis(1_500));
        assert_eq!(alone.iter().filter(|seen| **seen).count(), 1, "one store is down");
        store.break_down(false);
        assert_eq!(mint(&sequence, &mut ids, Duration::from_secs(10)), [true, true], "it is back");
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids rise, so none comes twice");
    runtime.stop_blocking();
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", file.display())).ok();
    }
}

/// Two files, the second of which is put back.
#[test]
fn a_store_of_two_that_is_put_back_freezes_until_thawed() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let name = Name::new("a").unwrap();
    let open = |names: [&str; 2]| {
        let stores =
            names.map(|name| store::open(&format!("sqlite:{}", file(name).display())).unwrap());
        let settings = Settings {
            state_dir: Some(dir.path().to_owned()),
            max_step: 1_000,
            ..Settings::default()
        };
        Runtime::start(set(stores), settings).unwrap()
    };
    let session = |names: [&str; 2], n: u64| {
        let runtime = open(names);
        let sequence = runtime.create_blocking("a", &Definition::default()).unwrap();
        let ids = take(&sequence, n);
        runtime.stop_blocking();
        ids
    };
    let mut all = session(["1.db", "2.db"], 5_000).unwrap();
    std::fs::copy(file("2.db"), file("copy")).unwrap();
    // The other order on another day is none of the guard's business.
    all.extend(session(["2.db", "1.db"], 20_000).unwrap());
    all.extend(session(["1.db", "2.db"], 5_000).unwrap());
    let highest = *all.iter().max().unwrap();

    remove(&file("2.db"));
    std::fs::copy(file("copy"), file("2.db")).unwrap();
    let refused = session(["1.db", "2.db"], 1).unwrap_err();
    assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    assert!(refused.to_string().contains("idgen sequence thaw NAME --above"), "{refused}");
    let runtime = open(["2.db", "1.db"]);
    let low = block_on(runtime.thaw(&name, highest / 2)).unwrap_err();
    assert!(matches!(low, StoreError::WouldLower { .. }), "{low}");
    block_on(runtime.thaw(&name, highest + 1_000)).unwrap();
    runtime.stop_blocking();
    drop(runtime);
    all.extend(session(["2.db", "1.db"], 5_000).unwrap());
    assert!(all[all.len() - 5_000..].iter().all(|id| *id > highest + 1_000));

    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "no id comes twice");
}
