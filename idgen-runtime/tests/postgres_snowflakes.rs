//! The example of a service whose worker ids come from PostgreSQL, several times at once.

use std::collections::HashSet;
use std::thread;

use idgen_runtime::store::{self, Name};

#[path = "../examples/snowflakes_from_postgres.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod example;

const SERVICES: usize = 4;
const IDS: usize = 5_000;

#[test]
fn services_at_once_mint_different_ids() {
    let url = std::env::var("IDGEN_TEST_POSTGRES_URL").unwrap_or_default();
    assert!(!url.is_empty(), "run `cargo xtask services up` and set what it prints");
    let minted: Vec<Vec<u64>> = thread::scope(|scope| {
        let services: Vec<_> =
            (0..SERVICES).map(|_| scope.spawn(|| example::mint(&url, IDS).unwrap())).collect();
        services.into_iter().map(|service| service.join().unwrap()).collect()
    });
    for ids in &minted {
        assert!(ids.is_sorted_by(|one, next| one < next), "a service's ids rise");
    }
    let ids: HashSet<u64> = minted.into_iter().flatten().collect();
    assert_eq!(ids.len(), SERVICES * IDS, "no id twice");
    assert_eq!(held_here(&url), 0, "each worker id was given back");
}

/// How many worker ids this process still holds.
fn held_here(url: &str) -> usize {
    let workers = store::open(url).unwrap().workers.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let peers = runtime.block_on(workers.peers(&Name::new("events").unwrap())).unwrap();
    let own = format!("pid {}", std::process::id());
    peers.iter().filter(|peer| peer.holder == own).count()
}
