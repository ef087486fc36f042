//! kill -9 while leasing: what was told is never granted again, and the file opens at once.
#![cfg(all(feature = "conformance", feature = "sqlite", unix))]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use idgen_core::IdRange;
use idgen_store::conformance::block_on;
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{Definition, Name, SequenceStore};

mod scratch;

use scratch::Scratch;

/// Tells a child process the file to lease from until it is killed.
const FILE: &str = "IDGEN_TEST_LEASE_FILE";

const ROUNDS: usize = 6;
const CHILDREN: usize = 2;

fn orders() -> Name {
    Name::new("orders").unwrap()
}

fn lease_for_ever(path: &str) {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    let mut out = std::io::stdout();
    loop {
        let lease = block_on(store.lease(&orders(), 5, 0)).unwrap();
        scratch::tell(&mut out, &lease.range);
    }
}

fn spawn(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["kill_9_repeats_nothing", "--exact", "--nocapture"]).env(FILE, path);
    child.stdout(Stdio::piped()).spawn().unwrap()
}

/// Kills the child in mid-flight once it has told `leases`; returns all it told.
fn kill_after(mut child: Child, leases: usize) -> Vec<IdRange> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    while scratch::leases_in(&told).len() < leases {
        assert_ne!(out.read_until(b'\n', &mut told).unwrap(), 0, "the child ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_end(&mut told).unwrap();
    scratch::leases_in(&told)
}

#[test]
fn kill_9_repeats_nothing() {
    if let Ok(path) = std::env::var(FILE) {
        return lease_for_ever(&path);
    }
    let scratch = Scratch::new();
    let path = scratch.file();
    let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
    block_on(store.create(&orders(), &Definition::default())).unwrap();
    drop(store);
    let mut told: Vec<IdRange> = Vec::new();
    for round in 0..ROUNDS {
        let children: Vec<Child> = (0..CHILDREN).map(|_| spawn(&path)).collect();
        for (child, more) in children.into_iter().zip([7, 40]) {
            told.extend(kill_after(child, more + round));
        }
        let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
        told.push(block_on(store.lease(&orders(), 5, 0)).unwrap().range);
    }
    assert!(told.len() > ROUNDS * 47, "every child told its leases");
    told.sort_by_key(IdRange::start);
    for pair in told.windows(2) {
        assert!(pair[0].last() < pair[1].start(), "{:?} and {:?}", pair[0], pair[1]);
    }
}
