//! What goes wrong with a file, and what the store then says: which kind, which path, what to do.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::path::Path;
use std::time::Duration;

use idgen_store::conformance::block_on;
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{Definition, Name, SequenceStore, StoreError};
use rusqlite::Connection;

mod scratch;

use scratch::Scratch;

fn orders() -> Name {
    Name::new("orders").unwrap()
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    let options = SqliteOptions::default().busy_timeout(Duration::from_millis(200));
    SqliteStore::open(path, options)
}

fn store_with_orders(path: &Path) -> SqliteStore {
    let store = open(path).unwrap();
    block_on(store.create(&orders(), &Definition::default())).unwrap();
    store
}

fn ensure_says(error: &StoreError, kind: &str, path: &Path, words: &str) {
    let said = error.to_string();
    assert!(said.starts_with(kind), "not {kind}: {said}");
    assert!(said.contains(&path.display().to_string()), "names no path: {said}");
    assert!(said.contains(words), "not '{words}': {said}");
    assert!(said.contains("; "), "names no next step: {said}");
    assert!(!said.contains('\n'), "more than a line: {said}");
}

fn ensure_unavailable(error: &StoreError, path: &Path, words: &str) {
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    ensure_says(error, "store unavailable: ", path, words);
}

fn ensure_damaged(error: &StoreError, path: &Path, words: &str) {
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    ensure_says(error, "store damaged: ", path, words);
}

#[test]
fn a_directory_that_is_missing() {
    let scratch = Scratch::new();
    let path = scratch.directory().join("no/such/idgen.db");
    ensure_unavailable(&open(&path).unwrap_err(), &path, "there is no directory");
}

#[test]
fn a_directory_that_is_a_file() {
    let scratch = Scratch::new();
    std::fs::write(scratch.file(), "").unwrap();
    let path = scratch.file().join("idgen.db");
    ensure_unavailable(&open(&path).unwrap_err(), &path, "is no directory");
}

#[test]
fn a_path_that_is_a_directory() {
    let scratch = Scratch::new();
    ensure_unavailable(&open(scratch.directory()).unwrap_err(), scratch.directory(), "directory");
}

#[test]
fn a_file_of_something_else() {
    let scratch = Scratch::new();
    let path = scratch.file();
    let text = "dear diary, ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    ensure_damaged(&open(&path).unwrap_err(), &path, "not a database of idgen");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "a stranger's file was changed");
}

#[test]
fn a_database_of_another_program() {
    let scratch = Scratch::new();
    let path = scratch.file();
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    drop(conn);
    let before = std::fs::read(&path).unwrap();
    ensure_damaged(&open(&path).unwrap_err(), &path, "another program");
    assert_eq!(std::fs::read(&path).unwrap(), before, "a stranger's database was changed");
}

#[test]
fn a_database_of_a_newer_version() {
    let scratch = Scratch::new();
    let path = scratch.file();
    drop(store_with_orders(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    ensure_damaged(&open(&path).unwrap_err(), &path, "schema version 99");
}

#[test]
fn a_corrupt_file() {
    let scratch = Scratch::new();
    let path = scratch.file();
    drop(store_with_orders(&path));
    let mut bytes = std::fs::read(&path).unwrap();
    let len = bytes.len();
    bytes[4096..len].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    ensure_damaged(&open(&path).unwrap_err(), &path, "restore it from a backup");
}

#[test]
fn a_row_that_idgen_never_wrote() {
    let scratch = Scratch::new();
    let path = scratch.file();
    let store = store_with_orders(&path);
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("UPDATE sequence SET increment = -9223372036854775808").unwrap();
    let error = block_on(store.lease(&orders(), 1, 0)).unwrap_err();
    ensure_damaged(&error, &path, "the increment of a sequence is at least 1");
}

#[test]
fn a_lock_held_by_another() {
    let scratch = Scratch::new();
    let path = scratch.file();
    let store = store_with_orders(&path);
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = block_on(store.lease(&orders(), 1, 0)).unwrap_err();
    ensure_unavailable(&error, &path, "locked by another process");
    assert_eq!(block_on(store.last(&orders())).unwrap(), 0, "reading needs no lock");
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(block_on(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1);
}

#[test]
fn a_file_removed_or_replaced_under_a_running_process() {
    let scratch = Scratch::new();
    let path = scratch.file();
    let store = store_with_orders(&path);
    block_on(store.lease(&orders(), 10, 0)).unwrap();
    let aside = scratch.directory().join("aside.db");
    std::fs::rename(&path, &aside).unwrap();
    let error = block_on(store.lease(&orders(), 10, 0)).unwrap_err();
    ensure_unavailable(&error, &path, "cannot be found any more");
    std::fs::copy(&aside, &path).unwrap();
    let error = block_on(store.lease(&orders(), 10, 0)).unwrap_err();
    ensure_unavailable(&error, &path, "was replaced while in use");
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(block_on(store.lease(&orders(), 10, 0)).unwrap().range.start(), 11);
}

#[test]
fn a_log_removed_under_a_running_process() {
    for suffix in ["-wal", "-shm"] {
        let scratch = Scratch::new();
        let path = scratch.file();
        let store = store_with_orders(&path);
        let log = scratch.directory().join(format!("idgen.db{suffix}"));
        std::fs::remove_file(&log).unwrap();
        let error = block_on(store.lease(&orders(), 10, 0)).unwrap_err();
        ensure_unavailable(&error, &log, "cannot be found any more");
        // The next process makes a log of its own, which is another file.
        std::fs::write(&log, "").unwrap();
        let error = block_on(store.lease(&orders(), 10, 0)).unwrap_err();
        ensure_unavailable(&error, &path, "was replaced while in use");
    }
}

#[test]
fn a_requests_failure_undoes_that_request_alone() {
    let scratch = Scratch::new();
    let store = store_with_orders(&scratch.file());
    let unknown = Name::new("unknown").unwrap();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (store, unknown) = (&store, &unknown);
            scope.spawn(move || {
                for _ in 0..20 {
                    if caller % 2 == 0 {
                        block_on(store.lease(&orders(), 5, 0)).unwrap();
                    } else {
                        let error = block_on(store.lease(unknown, 5, 0)).unwrap_err();
                        assert!(matches!(error, StoreError::Unknown { .. }), "{error}");
                    }
                }
            });
        }
    });
    let info = block_on(store.describe(&orders())).unwrap();
    assert_eq!((info.bound, info.serial), (4 * 20 * 5, 4 * 20));
}

/// Makes sequences until the store refuses; returns how many there are and what it said.
fn fill(store: &SqliteStore) -> (u64, StoreError) {
    for count in 0_u64.. {
        let name = Name::new(&format!("{count:0>100}")).unwrap();
        if let Err(error) = block_on(store.create(&name, &Definition::default())) {
            return (count, error);
        }
    }
    unreachable!("a disk has an end")
}

/// A full disk refuses, keeps what it granted, and goes on when there is room.
fn ensure_survives_full_disk(path: &Path, store: SqliteStore) {
    let lease = block_on(store.lease(&orders(), 10, 0)).unwrap();
    let (count, error) = fill(&store);
    ensure_unavailable(&error, path, "is full");
    assert!(count > 10, "some fit");
    let listed = block_on(store.list()).unwrap();
    assert_eq!(u64::try_from(listed.len()).unwrap(), count + 1, "what was told is there");
    drop(store);
    let store = open(path).unwrap();
    assert_eq!(block_on(store.last(&orders())).unwrap(), lease.range.last());
}

#[test]
fn a_full_file() {
    let scratch = Scratch::new();
    let path = scratch.file();
    drop(store_with_orders(&path));
    let store = SqliteStore::open(&path, SqliteOptions::default().max_pages(30)).unwrap();
    ensure_survives_full_disk(&path, store);
}

/// A tmpfs of 1 MiB, unmounted when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk<'a>(&'a Path);

#[cfg(target_os = "linux")]
impl<'a> SmallDisk<'a> {
    /// Mounts it over `directory`; what the system says if it may not.
    fn mount(directory: &'a Path) -> Result<Self, String> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "idgen-test"]).arg(directory);
        match mount.output() {
            Ok(done) if done.status.success() => Ok(Self(directory)),
            Ok(done) => Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let done = std::process::Command::new("umount").arg(self.0).status();
        assert!(done.unwrap().success(), "the small disk stays mounted");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let scratch = Scratch::new();
    match SmallDisk::mount(scratch.directory()) {
        Ok(disk) => {
            let path = scratch.file();
            ensure_survives_full_disk(&path, store_with_orders(&path));
            drop(disk);
        }
        // Only root may mount. The limit of `a_full_file` is then the full disk there is.
        Err(said) => {
            eprintln!("no small disk here ({said}): a limited file stands in for it");
            let path = scratch.file();
            drop(store_with_orders(&path));
            let options = SqliteOptions::default().max_pages(60);
            ensure_survives_full_disk(&path, SqliteStore::open(&path, options).unwrap());
        }
    }
}

/// Tells a child process, which is not root, the file to open.
#[cfg(unix)]
const FILE: &str = "IDGEN_TEST_UNWRITABLE_FILE";

#[cfg(unix)]
#[test]
fn a_directory_or_file_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    if let Ok(path) = std::env::var(FILE) {
        return ensure_refuses_unwritable(Path::new(&path));
    }
    let scratch = Scratch::new();
    let set_mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(scratch.directory(), 0o555);
    ensure_refused_to_others(&scratch.file());
    set_mode(scratch.directory(), 0o755);
    drop(store_with_orders(&scratch.file()));
    set_mode(&scratch.file(), 0o444);
    ensure_refused_to_others(&scratch.file());
}

#[cfg(unix)]
fn ensure_refuses_unwritable(path: &Path) {
    let error = open(path).map(|store| block_on(store.lease(&orders(), 1, 0)));
    match error {
        Err(error) | Ok(Err(error)) => ensure_unavailable(&error, path, "write"),
        Ok(Ok(lease)) => panic!("leased {lease:?} from a file that cannot be written"),
    }
}

/// Has a child look at the file, as nobody if this is root, to whom nothing is unwritable.
#[cfg(unix)]
fn ensure_refused_to_others(path: &Path) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let nobody = 65534;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let test = "a_directory_or_file_that_cannot_be_written";
    child.args([test, "--exact", "--nocapture"]).env(FILE, path);
    if std::fs::metadata(path.parent().unwrap()).unwrap().uid() == 0 {
        child.uid(nobody).gid(nobody);
    }
    // Its own account of tests run would be counted as this one's.
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "the child said: {said}");
}

#[test]
fn an_url_opens_the_file_it_names() {
    let scratch = Scratch::new();
    let path = scratch.file();
    for scheme in ["sqlite:", "sqlite://"] {
        let opened = idgen_store::open(&format!("{scheme}{}", path.display())).unwrap();
        assert!(opened.outlives_process && path.exists());
        let identity = block_on(opened.sequences.identity()).unwrap();
        assert_eq!(identity, block_on(opened.workers.unwrap().identity()).unwrap());
        assert_eq!((identity.backend, identity.ceiling), ("sqlite", u64::MAX));
    }
    let error = idgen_store::open("pigeon://user:secret@host/db").unwrap_err().to_string();
    let said = "no store of the kind 'pigeon' is built in; choose one of: memory:, sqlite:PATH";
    assert!(error.starts_with(said) && !error.contains("secret"), "{error}");
}
