//! The store in files passes every law of idgen's sequence stores.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Violation, block_on};
use idgen_store::{Definition, Name, SequenceStore, StoreError};
use store_in_files::FileStore;

/// Tells another process of this test program in which folder to lease, and what.
const JOB: &str = "STORE_IN_FILES_JOB";

/// A folder of its own for each law.
struct InFiles(PathBuf);

fn fresh() -> InFiles {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // SeqCst: one counter alone, and tests have the time.
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let folder = format!("{}-{count}", std::process::id());
    InFiles(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder))
}

impl Drop for InFiles {
    fn drop(&mut self) {
        // After a failure the files are worth a look.
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }
}

/// A backend whose futures need a runtime runs them in it here; this one's need none.
impl Subject for InFiles {}

impl SequenceSubject for InFiles {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        Ok(Arc::new(FileStore::open(&self.0)?))
    }

    /// By default these are leases through another handle. Where another process is another thing,
    /// as with locks on files, let there be one.
    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let job = format!("{}\n{}\n{times}\n{len}", self.0.display(), name.as_str());
        let program = std::env::current_exe().expect("a test runs from a file");
        let mut other = Command::new(program);
        other.args(["another_process_leases", "--exact", "--nocapture"]).env(JOB, job);
        let output = other.output().map_err(|error| Violation(error.to_string()))?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let starts =
            told.lines().filter_map(|line| line.strip_prefix("leased from ")?.parse().ok());
        Ok(starts.filter_map(|start| IdRange::new(start, 1, len).ok()).collect())
    }
}

idgen_store::sequence_laws!(fresh);

/// The other process, when a law has started one; else it sees that one is started and leases.
#[test]
fn another_process_leases() {
    let Ok(job) = std::env::var(JOB) else {
        let place = fresh();
        let name = Name::new("orders").unwrap();
        let store = place.open().unwrap();
        block_on(store.create(&name, &Definition::default())).unwrap();
        let starts: Vec<u64> =
            place.lease_elsewhere(&name, 3, 5).unwrap().iter().map(IdRange::start).collect();
        assert_eq!(starts, [1, 6, 11]);
        return;
    };
    let words: Vec<&str> = job.lines().collect();
    let (store, name) = (FileStore::open(words[0]).unwrap(), Name::new(words[1]).unwrap());
    for _ in 0..words[2].parse().unwrap() {
        let lease = block_on(store.lease(&name, words[3].parse().unwrap(), 0)).unwrap();
        println!("\nleased from {}", lease.range.start());
    }
}

/// What a process left that died while it wrote is no sequence, and what was cut off is no guess.
#[test]
fn torn_files_are_not_read_as_sequences() {
    let place = fresh();
    let store = place.open().unwrap();
    let name = Name::new("orders").unwrap();
    block_on(store.create(&name, &Definition::default())).unwrap();
    block_on(store.lease(&name, 10, 0)).unwrap();
    let of_orders = |path: &PathBuf| path.extension().is_some_and(|end| end == "sequence");
    let files = std::fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(of_orders).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(place.0.join("orders.sequence.new"), &text[..20]).unwrap();
    assert_eq!(block_on(store.list()).unwrap().len(), 1);
    for cut in [1, 5, text.len() / 2, text.len()] {
        std::fs::write(&file, &text[..text.len() - cut]).unwrap();
        let damaged = block_on(store.lease(&name, 1, 0)).unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged(_)), "{cut}: {damaged}");
        assert!(block_on(store.list()).is_err());
    }
    std::fs::write(&file, &text).unwrap();
    assert_eq!(block_on(store.lease(&name, 1, 0)).unwrap().range.start(), 11);
}
