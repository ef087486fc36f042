//! Sequences in a cluster of rqlite, shared by any number of hosts.
//!
//! Rows in tables whose names begin with `idgen_`; whatever changes them is one transaction, which
//! rqlite applies as a whole once a quorum of its nodes has it on disk, never by its write queue.
//! What is read is read at the level `strong`.
//!
//! - The common lease is one transaction and one round trip, decided by SQLite. All else is decided
//!   here on what was read, and written by a transaction that does nothing if that has changed.
//! - Numbers travel as decimal text and stand in the tables as `n - 2^63`: no digit of 64 bits is
//!   lost in JSON or in a signed column.
//! - A connection is kept and serves thousands of requests. Callers queue for one of a few.
//! - A node that does not lead names the one that does, which is asked from then on. When the
//!   leader is gone, the nodes of the URL and those found are asked again, with pauses, until the
//!   answer timeout has passed; then there is one error. Each step is told by `tracing`.
//! - A lease whose answer was lost is asked for again, on ground above it: a gap. What else was
//!   lost is *unavailable*, and is not sent again.
//!
//! With a `key` in the URL, a [`RqliteCounter`] shares a table with programs that draw integers by
//! `REPLACE INTO`.

use std::fmt;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::{SequenceStore, StoreError};

mod adopted;
mod cluster;
mod fault;
mod rows;
mod schema;
mod sequences;
mod settings;
mod statement;
mod tls;
mod wire;

pub use adopted::RqliteCounter;

/// Opens what `url` names: a counter if it has a `key`, else a store of idgen's own.
pub(crate) fn open(url: &str) -> Result<Arc<dyn SequenceStore>, StoreError> {
    let (settings, adopted) = settings::RqliteSettings::parse(url)?;
    Ok(match adopted {
        Some(adopted) => Arc::new(RqliteCounter::of(settings, adopted)),
        None => Arc::new(RqliteStore::of(settings)),
    })
}

/// Sequences in a cluster of rqlite.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct RqliteStore {
    cluster: cluster::Cluster,
    /// Set once the tables are there.
    ready: OnceCell<()>,
}

impl fmt::Debug for RqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RqliteStore").field("place", &self.cluster.settings.place).finish()
    }
}

impl RqliteStore {
    fn of(settings: settings::RqliteSettings) -> Self {
        Self { cluster: cluster::Cluster::new(settings), ready: OnceCell::new() }
    }

    /// Takes `url` apart; nothing is connected yet.
    ///
    /// `rqlite://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][?OPTION=VALUE&...]`, or the same with
    /// `http` or, encrypted, with `rqlites` or `https`. The port is 4001 if none is given. Options:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `prefix` | what the tables' names begin with: letters, digits and `_` | `idgen` |
    /// | `peers` | `found` asks nodes for others as well, `listed` does not | `found` |
    /// | `retries` | how often all nodes are asked again, 0 to 100,000 | 200 |
    /// | `connections` | how many requests are under way at once, 1 to 64 | 4 |
    /// | `connect_timeout_ms` | for each new connection, 1 ms to 1 h | 2000 |
    /// | `answer_timeout_ms` | for each request, with all that it takes, 1 ms to 1 h | 10000 |
    /// | `tls_ca` | if encrypted: a PEM file of what to trust | what the system trusts |
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::rqlite::RqliteStore;
    /// let store = RqliteStore::new("rqlite://me:secret@one,two:4003,three?prefix=ids")?;
    /// assert!(!format!("{store:?}").contains("secret"));
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        match settings::RqliteSettings::parse(url)? {
            (settings, None) => Ok(Self::of(settings)),
            (settings, Some(_)) => Err(StoreError::Refused(format!(
                "{} names a counter by its key; open a RqliteCounter",
                settings.place
            ))),
        }
    }
}
