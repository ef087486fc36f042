//! The registry in a directory passes every law, and what happens to its files: crashes between any
//! two steps, cut texts, copies, a directory that is gone, two processes at once, kill -9.
#![cfg(all(feature = "conformance", feature = "file", unix))]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::{Ended, Floor};
use idgen_store::conformance::{Subject, WorkerSubject, block_on};
use idgen_store::file::FileRegistry;
use idgen_store::{
    Claim, Claimed, HostClock, Name, RegistryError, SteppedClock, SystemHostClock, Wish,
    WorkerRegistry, open, open_registry,
};

mod scratch;

use scratch::Scratch;

/// Tells a child process the directory to claim in until it is killed.
const DIRECTORY: &str = "IDGEN_TEST_CLAIM_DIRECTORY";

struct InFiles {
    scratch: Scratch,
    clock: SteppedClock,
}

fn fresh() -> InFiles {
    InFiles { scratch: Scratch::new(), clock: SteppedClock::at(1_750_000_000_000) }
}

impl Subject for InFiles {}

impl WorkerSubject for InFiles {
    fn open(&self) -> Result<Arc<dyn WorkerRegistry>, RegistryError> {
        let clock = Arc::new(self.clock.clone());
        Ok(Arc::new(FileRegistry::with_clock(directory(&self.scratch), clock)?))
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

idgen_store::worker_laws!(fresh);

fn directory(scratch: &Scratch) -> PathBuf {
    scratch.directory().join("workers")
}

fn space() -> Name {
    Name::new("parcels").unwrap()
}

fn asking(nonce: u128, wish: Wish) -> Claim {
    Claim {
        ids: 0..=1023,
        wish,
        nonce,
        holder: "test".to_owned(),
        published: String::new(),
        lease_ms: 10_000,
        now_unix_ms: SystemHostClock::new().unix_ms(),
        proof: None,
    }
}

fn claim(registry: &FileRegistry, nonce: u128, wish: Wish) -> Result<Claimed, RegistryError> {
    block_on(registry.claim(&space(), &asking(nonce, wish)))
}

fn release(registry: &FileRegistry, claimed: &Claimed, floor: Floor) {
    let ended = Ended::receipt(claimed.lease.worker(), claimed.lease.token(), floor);
    block_on(registry.release(&space(), ended)).unwrap();
}

/// What opening the directory, or else a claim there, is refused with.
fn refusal(path: &Path) -> RegistryError {
    match FileRegistry::open(path) {
        Ok(registry) => claim(&registry, 99, Wish::Any).unwrap_err(),
        Err(error) => error,
    }
}

fn assert_says(error: &RegistryError, words: &[&str]) {
    let said = error.to_string();
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} not in: {said}");
}

#[test]
fn what_a_crash_leaves_is_never_read() {
    let scratch = Scratch::new();
    let path = directory(&scratch);
    // Killed after the identity was made, and while it was written.
    for left in ["", "idgen worker reg", "idgen worker registry 1\nid 00"] {
        fs::create_dir(&path).unwrap();
        fs::write(path.join("identity"), left).unwrap();
        claim(&FileRegistry::open(&path).unwrap(), 1, Wish::Exactly(3)).unwrap();
        fs::remove_dir_all(&path).unwrap();
    }
    let registry = FileRegistry::open(&path).unwrap();
    let first = claim(&registry, 1, Wish::Exactly(3)).unwrap();
    // Killed while the next text was written, and before it was renamed.
    let text = fs::read_to_string(path.join("parcels.workers")).unwrap();
    for left in ["", &text[..100], &text.replace("worker 3", "worker 4")] {
        fs::write(path.join("parcels.workers.new"), left).unwrap();
        let registry = FileRegistry::open(&path).unwrap();
        let held = claim(&registry, 2, Wish::Exactly(3)).unwrap_err();
        assert!(matches!(held, RegistryError::Held { worker: 3, .. }), "{held:?}");
        assert_eq!(block_on(registry.list(&space())).unwrap().len(), 1);
    }
    // The next change takes its place.
    release(&registry, &first, first.lease.floor());
    assert!(!path.join("parcels.workers.new").exists());
}

#[test]
fn a_cut_text_is_damaged_and_never_empty() {
    let scratch = Scratch::new();
    let path = directory(&scratch);
    let registry = FileRegistry::open(&path).unwrap();
    for nonce in 1..=3 {
        claim(&registry, nonce, Wish::Any).unwrap();
    }
    let file = path.join("parcels.workers");
    let text = fs::read(&file).unwrap();
    for end in [0, 1, text.len() / 2, text.len() - 1] {
        fs::write(&file, &text[..end]).unwrap();
        let error = claim(&registry, 9, Wish::Any).unwrap_err();
        assert!(matches!(error, RegistryError::Damaged(_)), "{end} bytes: {error:?}");
        assert_says(&error, &["parcels.workers", "restore"]);
        block_on(registry.list(&space())).unwrap_err();
        assert_eq!(fs::read(&file).unwrap(), text[..end], "it is left as it was found");
    }
    fs::write(&file, [0xff; 100]).unwrap();
    assert!(matches!(refusal(&path), RegistryError::Damaged(_)));
    fs::write(&file, &text).unwrap();
    assert_eq!(claim(&registry, 9, Wish::Any).unwrap().lease.worker(), 3);
    fs::write(path.join("identity"), "").unwrap();
    assert!(matches!(refusal(&path), RegistryError::Damaged(_)), "grants without an identity");
    fs::write(path.join("identity"), "somebody else's").unwrap();
    assert!(matches!(refusal(&path), RegistryError::Damaged(_)));
    assert_eq!(fs::read_to_string(path.join("identity")).unwrap(), "somebody else's");
}

#[test]
fn a_text_of_another_id_space_is_damaged() {
    let scratch = Scratch::new();
    let path = directory(&scratch);
    claim(&FileRegistry::open(&path).unwrap(), 1, Wish::Any).unwrap();
    fs::copy(path.join("parcels.workers"), path.join("letters.workers")).unwrap();
    let registry = FileRegistry::open(&path).unwrap();
    let letters = Name::new("letters").unwrap();
    let error = block_on(registry.claim(&letters, &asking(2, Wish::Any))).unwrap_err();
    assert!(matches!(error, RegistryError::Damaged(_)), "{error:?}");
}

#[test]
fn a_copy_is_refused_until_it_is_adopted() {
    let scratch = Scratch::new();
    let (path, copy) = (directory(&scratch), scratch.directory().join("copy"));
    let registry = FileRegistry::open(&path).unwrap();
    let claimed = claim(&registry, 1, Wish::Exactly(3)).unwrap();
    fs::create_dir(&copy).unwrap();
    for name in ["identity", "parcels.workers"] {
        fs::copy(path.join(name), copy.join(name)).unwrap();
    }
    assert_says(&refusal(&copy), &["is a copy", "remove", "identity"]);
    fs::remove_file(copy.join("identity")).unwrap();
    let adopted = FileRegistry::open(&copy).unwrap();
    let identities = [&registry, &adopted].map(|it| block_on(it.identity()).unwrap().id);
    assert_ne!(identities[0], identities[1], "what was proven of one holds for that one");
    let listed = block_on(adopted.list(&space())).unwrap();
    assert_eq!(listed[0].horizon_unix_ms, claimed.lease.horizon_unix_ms(), "nothing was lost");
    // A directory that was moved is the same.
    let moved = scratch.directory().join("moved");
    fs::rename(&path, &moved).unwrap();
    FileRegistry::open(&moved).unwrap();
}

#[test]
fn a_directory_that_is_gone_or_replaced_grants_nothing() {
    let scratch = Scratch::new();
    let path = directory(&scratch);
    let registry = FileRegistry::open(&path).unwrap();
    let claimed = claim(&registry, 1, Wish::Any).unwrap();
    let ask = |what: &str| {
        let (space, now_ms) = (space(), SystemHostClock::new().unix_ms());
        let (worker, token) = (claimed.lease.worker(), claimed.lease.token());
        let error = block_on(registry.renew(&space, worker, token, now_ms)).unwrap_err();
        assert!(matches!(error, RegistryError::Unavailable(_)), "{what}: {error:?}");
        assert_says(&error, &["removed or replaced", "restart"]);
        block_on(registry.list(&space)).unwrap_err();
    };
    fs::remove_dir_all(&path).unwrap();
    ask("gone");
    FileRegistry::open(&path).unwrap();
    ask("made anew");
    assert!(!path.join("parcels.workers").exists(), "nothing is written into another directory");
}

#[test]
fn who_holds_the_lock_is_waited_for_but_not_for_ever() {
    let scratch = Scratch::new();
    let path = directory(&scratch);
    let registry = FileRegistry::open(&path).unwrap();
    let lock = fs::File::options().read(true).write(true).open(path.join("identity")).unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let error = claim(&registry, 1, Wish::Any).unwrap_err();
    assert_says(&error, &["locked by another process", "retry"]);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    lock.unlock().unwrap();
    claim(&registry, 1, Wish::Any).unwrap();
}

#[test]
fn what_cannot_be_a_registry_is_refused_by_name() {
    let scratch = Scratch::new();
    let file = scratch.directory().join("file");
    fs::write(&file, "x").unwrap();
    assert_says(&FileRegistry::open(&file).unwrap_err(), &["is a file", "name a directory"]);
    let deep = scratch.directory().join("no/such");
    assert_says(&FileRegistry::open(deep).unwrap_err(), &["make it first"]);
    assert_says(&FileRegistry::open("").unwrap_err(), &["no path of a directory"]);
    let registry = FileRegistry::open(directory(&scratch)).unwrap();
    let long = Name::new(&"\u{e9}".repeat(64)).unwrap();
    let error = block_on(registry.claim(&long, &asking(1, Wish::Any))).unwrap_err();
    assert_says(&error, &["384 bytes", "shorter"]);
}

#[test]
fn it_is_a_registry_and_no_store() {
    let scratch = Scratch::new();
    let url = format!("file:{}", directory(&scratch).display());
    let refused = open(&url).unwrap_err().to_string();
    assert!(refused.contains("worker ids only") && refused.contains("--registry"), "{refused}");
    let registry = open_registry(&url.replacen("file:", "file://", 1)).unwrap();
    assert!(registry.outlives_process && registry.workers.is_of_this_host());
    let store = open("memory:").unwrap().with_registry(registry);
    assert!(!store.outlives_process, "the sequences are forgotten");
    let workers = store.workers.unwrap();
    assert_eq!(block_on(workers.identity()).unwrap().backend, "file");
    assert!(!open_registry("memory:").unwrap().outlives_process);
    assert!(open_registry("pigeon:loft").is_err());
}

fn claim_for_ever(path: &str) {
    let registry = FileRegistry::open(path).unwrap();
    let mut out = std::io::stdout();
    for round in 0_u128.. {
        let nonce = u128::from(std::process::id()) << 64 | round;
        let Ok(claimed) = claim(&registry, nonce, Wish::Any) else { continue };
        let lease = &claimed.lease;
        let (floor, worker) = (lease.floor(), lease.worker());
        // Issues one millisecond of its lease.
        let end = floor.unix_ms.max(SystemHostClock::new().unix_ms()) + 1;
        let end = end.min(lease.horizon_unix_ms());
        let told = format!("\nheld {worker} {} {end} {} .\n", floor.unix_ms, lease.token().serial);
        out.write_all(told.as_bytes()).unwrap();
        out.flush().unwrap();
        release(&registry, &claimed, Floor::at(end));
    }
}

fn spawn(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["two_processes_and_kill_9_share_no_time", "--exact", "--nocapture"]);
    child.env(DIRECTORY, path).stdout(Stdio::piped()).spawn().unwrap()
}

/// Worker id, floor, end and serial of each lease that a child told before it was killed.
fn kill_after(mut child: Child, count: usize) -> Vec<[u64; 4]> {
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let held = |line: &str| {
        let words = line.strip_prefix("held ")?.strip_suffix(" .")?;
        let numbers: Vec<u64> = words.split(' ').map(|word| word.parse().unwrap()).collect();
        Some(<[u64; 4]>::try_from(numbers).unwrap())
    };
    while told.len() < count {
        let line = out.next().expect("the child ended by itself").unwrap();
        told.extend(held(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    told.extend(out.map_while(Result::ok).filter_map(|line| held(&line)));
    told
}

#[test]
fn two_processes_and_kill_9_share_no_time() {
    if let Ok(path) = std::env::var(DIRECTORY) {
        return claim_for_ever(&path);
    }
    let scratch = Scratch::new();
    let path = directory(&scratch);
    let mut told = Vec::new();
    for round in 0..8 {
        let children: Vec<Child> = (0..2).map(|_| spawn(&path)).collect();
        for (child, more) in children.into_iter().zip([3, 9]) {
            told.extend(kill_after(child, more + round));
        }
        let registry = FileRegistry::open(&path).unwrap();
        assert!(!block_on(registry.list(&space())).unwrap().is_empty());
    }
    let mut serials: Vec<u64> = told.iter().map(|lease| lease[3]).collect();
    serials.sort_unstable();
    assert!(serials.windows(2).all(|pair| pair[0] < pair[1]), "a serial was granted twice");
    told.sort_unstable();
    for pair in told.windows(2) {
        let ([worker, _, end, _], [next, floor, _, _]) = (pair[0], pair[1]);
        assert!(worker != next || end <= floor, "{:?} and {:?}", pair[0], pair[1]);
    }
    assert!(told.len() >= 8 * 12, "{} leases", told.len());
}
