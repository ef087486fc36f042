//! Sequences and worker ids in a MySQL or MariaDB database, shared by any number of hosts.
//!
//! Four InnoDB tables named `idgen_*` are made in the database at the first use, three more for
//! worker ids at the first use of those. A lease is a change of one row. The common lease is one
//! packet of statements, hence one round trip and one commit; a tail, a rest, an unknown name and
//! every change by hand take a transaction that locks the row.
//!
//! - The URL is taken apart when the store is made; connections are made at the first use and anew
//!   when they were lost. What was under way on a lost connection is *unavailable*, and costs a gap
//!   at most.
//! - A worker id is one row, which one statement replaces if it is still the one that was seen.
//!   Adopted tables have no room for worker ids.
//! - Deadlocks and waits for locks that took too long are tried again, with pauses that are bounded
//!   and differ.
//! - A server in read-only mode, such as a replica, is refused: its numbers may be old.
//! - No name and no text from outside is pasted into SQL: names travel as hexadecimal digits.
//!
//! Whether an answer is on disk is the server's to decide, not a session's: [`MysqlStore`]'s
//! identity says what the server is set to. Nothing is left unchecked in silence: what an
//! unchecked certificate means is one of the store's notes.

use std::fmt;
use std::sync::Arc;

use crate::pool::Pool;
use crate::records::RecordRegistry;
use crate::{OpenStore, StoreError, WorkerRegistry};
use settings::Schema;

mod dsn;
mod fault;
mod flickr;
mod identity;
mod idpool;
mod idpot;
mod rows;
mod schema;
mod sequences;
mod session;
mod settings;
mod table;
mod tls;
mod tombstone;
mod workers;

pub(crate) use dsn::is_dsn;
pub use flickr::FlickrStore;
pub use idpool::IdpoolStore;
pub use idpot::IdpotStore;

/// Runs `$work` on a session of the store's, again while others are in its way. A macro, because
/// a closure cannot say that the future it returns may change threads.
macro_rules! on_a_session {
    ($store:ident, |$session:ident| $work:expr) => {{
        let mut tries = crate::pool::Tries::new(&$store.pool);
        loop {
            let mut lent = tries.begin().await?;
            let $session = lent.session();
            let work = async {
                let outcome = $work.await;
                $session.settle(outcome).await
            };
            let outcome = tries.limit(work).await;
            if let Some(told) = tries.end(lent, outcome).await {
                break told;
            }
        }
    }};
}
use on_a_session;

/// The store whose tables `url` names by its option `schema`.
pub(crate) fn open(url: &str) -> Result<OpenStore, StoreError> {
    let settings = settings::MysqlSettings::parse(url)?;
    Ok(match settings.schema {
        Schema::Own => {
            let store = MysqlStore::with(settings);
            let workers = store.workers();
            OpenStore::of_both(Arc::new(store), workers)
        }
        Schema::Idpool(_) => OpenStore::of_sequences(Arc::new(IdpoolStore::with(settings))),
        Schema::Idpot => OpenStore::of_sequences(Arc::new(IdpotStore::with(settings))),
        Schema::Flickr(_) => OpenStore::of_sequences(Arc::new(FlickrStore::with(settings))),
    })
}

/// Sequences in a MySQL or MariaDB database, and the worker ids beside them.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct MysqlStore {
    pool: Arc<Pool<settings::MysqlSettings>>,
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlStore").field("place", &self.pool.settings.place).finish()
    }
}

impl MysqlStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// `mysql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?OPTION=VALUE&...]`, `mariadb://` likewise,
    /// or the form that Go programs use: `[USER[:PASSWORD]@][tcp(HOST[:PORT])]/DATABASE[?...]`,
    /// where a password is taken as it is and the host is 127.0.0.1 by default. A host that begins
    /// with a slash (`%2F` in a URL, `unix(PATH)` in Go's form) is the path of a socket. Options:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `connections` | how many are open at most, 1 to 64 | 4 |
    /// | `connect_timeout_ms` | until a new connection is ready, 1 ms to 1 h | 5000 |
    /// | `statement_timeout_ms` | for each statement, 1 ms to 1 h | 5000 |
    /// | `isolation` | `read-committed` or `repeatable-read`; both are safe | see below |
    /// | `schema` | `idpool`, `idpot` or `flickr`: an [`IdpoolStore`] and so on | own tables |
    /// | `key`, `increment`, `offset` | see [`FlickrStore`] | |
    /// | `ssl-mode` | encryption, see below | `DISABLED` |
    /// | `ssl-ca` | a PEM file with the authorities to trust | those of the system |
    /// | `tls` | the same as `ssl-mode` in the words of Go's driver | `false` |
    ///
    /// Under `read-committed`, the default, callers are less in each other's way; a server that
    /// writes statements into its binary log takes only `repeatable-read`, and gets it. Options
    /// of Go's driver that mean nothing here (`charset`, `parseTime`, `loc` and others) are taken
    /// in Go's form and left out.
    ///
    /// | `ssl-mode` | `tls` | connections |
    /// |---|---|---|
    /// | `DISABLED` | `false` | are not encrypted |
    /// | `PREFERRED` | `preferred` | are encrypted if the server offers it, unchecked |
    /// | `REQUIRED` | `skip-verify` | are encrypted, whosever certificate the server shows |
    /// | `VERIFY_IDENTITY` | `true` | are encrypted, and the certificate is for the host |
    ///
    /// `VERIFY_CA` is refused: the driver checks the host with the certificate or neither.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::mysql::MysqlStore;
    /// let store = MysqlStore::new("mysql://idgen:secret@db.internal/ids?connections=8")?;
    /// assert!(!format!("{store:?}").contains("secret"));
    /// let same = MysqlStore::new("idgen:secret@tcp(db.internal:3306)/ids?parseTime=True")?;
    /// assert!(!format!("{same:?}").contains("secret"));
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let settings = settings::MysqlSettings::parse(url)?;
        match settings.schema {
            Schema::Own => Ok(Self::with(settings)),
            _ => Err(settings.other_schema("idgen's own tables", "")),
        }
    }

    fn with(settings: settings::MysqlSettings) -> Self {
        Self { pool: Arc::new(Pool::new(settings)) }
    }

    /// Leases of time in the same database, over the same connections.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::mysql::MysqlStore;
    /// let store = MysqlStore::new("mysql://idgen:secret@db.internal/ids")?;
    /// assert!(!store.workers().is_of_this_host());
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn workers(&self) -> Arc<dyn WorkerRegistry> {
        Arc::new(RecordRegistry::new(workers::Workers { pool: Arc::clone(&self.pool) }))
    }
}
