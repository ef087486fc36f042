//! Sequences and worker ids in a PostgreSQL database, shared by any number of hosts.
//!
//! Four tables named `idgen_*` are made at the first use, in the first schema of the search path;
//! three more for worker ids beside them, at the first use of those. A lease is a change of one
//! row, on disk before it is told: the session commits synchronously, whatever the server's
//! settings say otherwise. The common lease is one statement, hence one round trip; a tail, a rest,
//! an unknown name and every change by hand take a transaction that locks the row.
//!
//! - The URL is taken apart when the store is made; connections are made at the first use and anew
//!   when they were lost. What was under way on a lost connection is *unavailable*, and costs a gap
//!   at most.
//! - A worker id is one row, which one statement replaces if it is still the one that was seen.
//! - Serialization failures and deadlocks are tried again, with pauses that are bounded and differ.
//! - A replica, and a server in read-only mode, are refused: their numbers may be old.
//! - A pooler between must be in session mode. One in transaction mode is refused by the server's
//!   own answer to a prepared statement.
//! - Nothing is left unchecked in silence: what an unchecked certificate means is one of the
//!   store's notes.

use std::fmt;
use std::sync::Arc;

use crate::records::RecordRegistry;
use crate::{StoreError, WorkerRegistry};

mod column;
mod fault;
mod identity;
mod rows;
mod schema;
mod sequences;
mod session;
mod settings;
mod tls;
mod workers;

/// Runs `$work` on a session of the store's, again while others are in its way. A macro, because
/// a closure cannot say that the future it returns may change threads.
macro_rules! on_a_session {
    ($store:ident, |$session:ident| $work:expr) => {{
        let mut tries = crate::pool::Tries::new(&$store.pool);
        loop {
            let mut lent = tries.begin().await?;
            let $session = lent.session();
            let outcome = tries.limit($work).await;
            if let Some(told) = tries.end(lent, outcome).await {
                break told;
            }
        }
    }};
}
use on_a_session;

/// Sequences in a PostgreSQL database, and the worker ids beside them.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct PostgresStore {
    pool: Arc<crate::pool::Pool<settings::PostgresSettings>>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.pool.settings.place).finish()
    }
}

impl PostgresStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// `postgres://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...]/DATABASE[?OPTION=VALUE&...]`,
    /// `postgresql://` likewise. Of several hosts the one that takes writes is used. Options:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `connections` | how many are open at most, 1 to 64 | 4 |
    /// | `connect_timeout_ms` | until a new connection is ready, 1 ms to 1 h | 5000 |
    /// | `statement_timeout_ms` | for each statement, 1 ms to 1 h | 5000 |
    /// | `application_name` | what the server's statistics show | `idgen` |
    /// | `options` | passed to the server, for example `-c search_path=ids` | none |
    /// | `sslmode` | encryption, see below | `disable` |
    /// | `sslrootcert` | a PEM file with the authorities to trust, or `system` | `system` |
    ///
    /// | `sslmode` | connections |
    /// |---|---|
    /// | `disable` | are not encrypted |
    /// | `prefer` | are encrypted if the server offers it, whosever certificate it shows |
    /// | `require` | are encrypted, likewise; with `sslrootcert` the same as `verify-ca` |
    /// | `verify-ca` | are encrypted, and an authority vouches for the certificate |
    /// | `verify-full` | the same, and the certificate is for the host |
    ///
    /// `allow` is refused: the driver does not come back encrypted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::postgres::PostgresStore;
    /// let store = PostgresStore::new("postgres://idgen:secret@db.internal/ids?connections=8")?;
    /// assert!(!format!("{store:?}").contains("secret"));
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let pool = crate::pool::Pool::new(settings::PostgresSettings::parse(url)?);
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Leases of time in the same database, over the same connections.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::postgres::PostgresStore;
    /// let store = PostgresStore::new("postgres://idgen:secret@db.internal/ids")?;
    /// assert!(!store.workers().is_of_this_host());
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn workers(&self) -> Arc<dyn WorkerRegistry> {
        Arc::new(RecordRegistry::new(workers::Workers { pool: Arc::clone(&self.pool) }))
    }
}
