//! The file: how it is opened, recognised, migrated, and noticed to be gone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::SqliteOptions;
use super::fault::Trouble;
use crate::inode::Inode;

/// "idgn": what `file` and a look at the header tell of the file.
const APPLICATION_ID: i64 = 0x6964_676e;

/// What brings a file of version `n` to version `n + 1`, for `n` from 0.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// How long to pause between tries to switch the journal mode, which no busy handler covers.
const JOURNAL_PAUSE: Duration = Duration::from_millis(5);

/// An open database of this program.
pub(super) struct StoreFile {
    conn: Connection,
    path: PathBuf,
    /// Those of the file, its write-ahead log and the log's index: SQLite keeps all three in place
    /// while a connection is open, and two processes with different logs would grant ids twice.
    inodes: [Inode; 3],
}

impl StoreFile {
    pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Self, Trouble> {
        let path = absolute(path)?;
        check_place(&path)?;
        let sql = |error: rusqlite::Error| Trouble::of(&path, &error);
        // Without URI in the flags a path is a path, whatever it looks like.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(&path, flags).map_err(sql)?;
        conn.busy_timeout(options.busy_timeout).map_err(sql)?;
        // A stranger's file is recognised before anything is changed in it, and in one snapshot:
        // another process may be making it at this moment.
        recognise(&conn.transaction().map_err(sql)?, &path)?;
        set_up(&conn, options).map_err(sql)?;
        switch_to_wal(&conn, &path, options.busy_timeout)?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let version = recognise(&tx, &path)?;
        migrate(&tx, version).map_err(sql)?;
        check_sound(&tx, &path)?;
        tx.commit().map_err(sql)?;
        let inodes = inodes(&path)?;
        Ok(Self { conn, path, inodes })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file was named at its creation.
    pub(super) fn identity(&self) -> Result<(String, String), Trouble> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.conn
            .query_row("SELECT id, incarnation FROM store", [], read)
            .map_err(|error| Trouble::of(&self.path, &error))
    }

    /// The connection, with no transaction open, if the file is still the one that was opened.
    pub(super) fn checked(&self) -> Result<&Connection, Trouble> {
        if inodes(&self.path)? != self.inodes {
            return Err(Trouble::Unavailable(format!(
                "{}, or its -wal or -shm, was replaced while in use; restart this process, and if \
                 the file is an older copy advance its sequences first",
                self.path.display()
            )));
        }
        if !self.conn.is_autocommit() {
            let rolled_back = self.conn.execute_batch("ROLLBACK");
            rolled_back.map_err(|error| Trouble::of(&self.path, &error))?;
        }
        Ok(&self.conn)
    }
}

fn inodes(path: &Path) -> Result<[Inode; 3], Trouble> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        inode(Path::new(&name))
    };
    Ok([inode(path)?, beside("-wal")?, beside("-shm")?])
}

fn absolute(path: &Path) -> Result<PathBuf, Trouble> {
    std::path::absolute(path).map_err(|error| {
        Trouble::Unavailable(format!(
            "'{}' is no path of a file ({error}); name one, for example /var/lib/idgen/idgen.db",
            path.display()
        ))
    })
}

fn check_place(path: &Path) -> Result<(), Trouble> {
    let unavailable = |said: String| Err(Trouble::Unavailable(said));
    if path.is_dir() {
        return unavailable(format!("{} is a directory; name a file", path.display()));
    }
    // Only the root has no parent, and it is a directory.
    let Some(directory) = path.parent() else { return Ok(()) };
    let (path, shown) = (path.display(), directory.display());
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => unavailable(format!(
            "{path} cannot be opened: {shown} is no directory; choose another path"
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => unavailable(format!(
            "{path} cannot be opened: there is no directory {shown}; make it first"
        )),
        Err(error) => unavailable(format!(
            "{path} cannot be opened: {shown} cannot be read ({error}); give this user the right"
        )),
    }
}

fn inode(path: &Path) -> Result<Inode, Trouble> {
    std::fs::metadata(path).map(|found| Inode::of(&found)).map_err(|error| {
        Trouble::Unavailable(format!(
            "{} cannot be found any more ({error}); put it back and restart this process",
            path.display()
        ))
    })
}

/// The version of an idgen database, 0 for an empty file.
fn recognise(conn: &Transaction<'_>, path: &Path) -> Result<usize, Trouble> {
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        let application = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, tables))
    };
    let (application, version, tables) = read().map_err(|error| Trouble::of(path, &error))?;
    let path = path.display();
    if (application, version, tables) == (0, 0, 0) {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(Trouble::Damaged(format!(
            "{path} is the database of another program (application id {application:#x}, {tables} \
             tables); choose another path"
        )));
    }
    match usize::try_from(version) {
        Ok(known @ 1..=MIGRATIONS_LEN) => Ok(known),
        _ => Err(Trouble::Damaged(format!(
            "{path} has schema version {version}, this program knows 1 to {MIGRATIONS_LEN}; use a \
             newer idgen"
        ))),
    }
}

const MIGRATIONS_LEN: usize = MIGRATIONS.len();

fn set_up(conn: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    conn.pragma_update(None, "synchronous", "FULL")?;
    // On macOS only this makes fsync reach the disk; elsewhere it changes nothing.
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    if let Some(pages) = options.max_pages {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

fn switch_to_wal(conn: &Connection, path: &Path, busy_timeout: Duration) -> Result<(), Trouble> {
    let began = Instant::now();
    let mode: String = loop {
        match conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Ok(mode) => break mode,
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < busy_timeout =>
            {
                std::thread::sleep(JOURNAL_PAUSE);
            }
            Err(error) => return Err(Trouble::of(path, &error)),
        }
    };
    if mode == "wal" {
        return Ok(());
    }
    Err(Trouble::Unavailable(format!(
        "{} cannot have a write-ahead log (it stays in mode '{mode}'); put it on a local disk",
        path.display()
    )))
}

fn migrate(tx: &Transaction<'_>, version: usize) -> rusqlite::Result<()> {
    for step in &MIGRATIONS[version..] {
        tx.execute_batch(step)?;
    }
    if version < MIGRATIONS_LEN {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        let newest = i64::try_from(MIGRATIONS_LEN).expect("few migrations");
        tx.pragma_update(None, "user_version", newest)?;
    }
    Ok(())
}

fn check_sound(conn: &Connection, path: &Path) -> Result<(), Trouble> {
    let said: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| Trouble::of(path, &error))?;
    if said == "ok" {
        return Ok(());
    }
    Err(Trouble::Damaged(format!(
        "{} is corrupt ({}); restore it from a backup, then advance its sequences above every id \
         issued since",
        path.display(),
        said.replace('\n', " ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_is_synced() {
        let path = std::env::temp_dir().join(format!("idgen-file-test-{}.db", std::process::id()));
        let file = StoreFile::open(&path, &SqliteOptions::default()).unwrap();
        let pragma = |name: &str| -> String {
            let read = |row: &rusqlite::Row<'_>| {
                row.get::<_, i64>(0).map(|n| n.to_string()).or_else(|_| row.get(0))
            };
            file.conn.pragma_query_value(None, name, read).unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal");
        assert_eq!(pragma("synchronous"), "2", "2 is FULL");
        assert_eq!(pragma("application_id"), "1768187758", "the bytes idgn");
        drop(file);
        std::fs::remove_file(&path).unwrap();
    }
}
