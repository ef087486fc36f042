//! The SQLite store passes every law, through real processes where a law speaks of them.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use idgen_core::IdRange;
use idgen_store::conformance::{
    SequenceSubject, Subject, Violation, WorkerSubject, block_on, sequence,
};
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{
    HostClock, Name, RegistryError, SequenceStore, SteppedClock, StoreError, WorkerRegistry,
};

mod scratch;

use scratch::Scratch;

/// Tells a child process what to lease: path, name, times, length, by line.
const JOB: &str = "IDGEN_TEST_LEASE_JOB";

struct InFile {
    scratch: Scratch,
    clock: SteppedClock,
}

fn fresh() -> InFile {
    InFile { scratch: Scratch::new(), clock: SteppedClock::at(1_750_000_000_000) }
}

impl InFile {
    fn store(&self) -> Result<Arc<SqliteStore>, StoreError> {
        let options = SqliteOptions::default().clock(Arc::new(self.clock.clone()));
        SqliteStore::open(self.scratch.file(), options).map(Arc::new)
    }
}

impl Subject for InFile {}

impl SequenceSubject for InFile {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(self.store()?)
    }

    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let path = self.scratch.file();
        let job = format!("{}\n{}\n{times}\n{len}", path.display(), name.as_str());
        lease_in_child(&job).map_err(|error| Violation(error.to_string()))
    }

    fn out_of_reach(&self) -> Option<Arc<dyn SequenceStore>> {
        let elsewhere = Scratch::new();
        let store = SqliteStore::open(elsewhere.file(), SqliteOptions::default()).unwrap();
        drop(elsewhere);
        Some(Arc::new(store))
    }
}

impl WorkerSubject for InFile {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        let store = self.store().map_err(|error| RegistryError::Unavailable(error.to_string()))?;
        Ok(store)
    }

    fn now_unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    fn pass(&self, ms: u64) {
        self.clock.pass(ms);
    }

    fn set_unix_ms(&self, unix_ms: u64) -> bool {
        self.clock.set_unix_ms(unix_ms);
        true
    }

    fn boot_id(&self) -> Option<String> {
        Some(self.clock.boot_id())
    }
}

/// Runs this very binary again, for the one test that knows how to be a child.
fn lease_in_child(job: &str) -> std::io::Result<Vec<IdRange>> {
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["two_processes_lease_disjoint_ground", "--exact", "--nocapture"]);
    let output = child.env(JOB, job).stderr(Stdio::inherit()).output()?;
    assert!(output.status.success(), "the child failed: {}", output.status);
    Ok(scratch::leases_in(&output.stdout))
}

fn lease_as_child(job: &str) {
    let lines: Vec<&str> = job.lines().collect();
    let [path, name, times, len] = lines[..] else { panic!("a job has four lines: {job}") };
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    let name = Name::new(name).unwrap();
    for _ in 0..times.parse::<u64>().unwrap() {
        let lease = block_on(store.lease(&name, len.parse().unwrap(), 0)).unwrap();
        scratch::tell(&mut std::io::stdout(), &lease.range);
    }
    std::io::stdout().flush().unwrap();
}

#[test]
fn two_processes_lease_disjoint_ground() {
    if let Ok(job) = std::env::var(JOB) {
        return lease_as_child(&job);
    }
    let subject = fresh();
    let name = Name::new("orders").unwrap();
    let store = subject.store().unwrap();
    block_on(store.create(&name, &idgen_store::Definition::default())).unwrap();
    let elsewhere = subject.lease_elsewhere(&name, 5, 3).unwrap();
    let lens: Vec<u64> = elsewhere.iter().map(IdRange::len).collect();
    assert_eq!(lens, [3; 5], "the child leased what it was told");
    assert_eq!(block_on(store.last(&name)).unwrap(), 15);
}

#[test]
fn a_file_opened_by_many_at_once_is_made_once() {
    for _ in 0..5 {
        let scratch = Scratch::new();
        let path = scratch.file();
        let identities = std::thread::scope(|scope| {
            let open = || SqliteStore::open(&path, SqliteOptions::default()).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            let stores: Vec<_> = threads.into_iter().map(|open| open.join().unwrap()).collect();
            let identity = |store| block_on(SequenceStore::identity(store)).unwrap();
            stores.iter().map(identity).collect::<Vec<_>>()
        });
        assert_eq!(identities[0].id.len(), 32);
        assert_ne!(identities[0].id, identities[0].incarnation);
        assert!(identities.iter().all(|identity| *identity == identities[0]));
    }
}

#[test]
fn the_laws_have_their_numbers() {
    let numbers: Vec<&str> = sequence::LAWS.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers.len(), 14);
    assert_eq!((numbers[0], numbers[13]), ("S1", "S14"));
}

idgen_store::sequence_laws!(fresh);
idgen_store::worker_laws!(fresh);
