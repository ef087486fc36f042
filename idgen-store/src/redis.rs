//! Sequences and worker ids in a Redis server, shared by any number of hosts.
//!
//! Of a sequence there are three keys: `idgen:{NAME}:mark`, a hash with its row,
//! `idgen:{NAME}:tails`, what was handed back, and `idgen:{NAME}:leases`, what may still be; bytes
//! of a name that are no letters, digits, `-` or `_` stand as `%XX`. Two more keys,
//! `idgen:names` and `idgen:identity`, list the sequences and tell one store from another. A key
//! that is missing is an unknown sequence, never one that begins anew. The worker ids of an id
//! space are one hash, `idgen:{NAME}:workers`; all leases of time count in `idgen:turn`.
//!
//! - A change is one script, which Redis runs as a whole. Lua's numbers are exact to 53 bits only,
//!   so numbers are texts of 20 digits, added and compared by halves: all 64 bits are there.
//! - The common lease is one script and one round trip. A tail, a rest and a change by hand are
//!   decided here on what a script showed, and written by a second that does nothing if what was
//!   decided on has changed; then all begins anew.
//! - All requests share one connection, which is made at the first use and anew when it was lost.
//!   What was under way then is *unavailable*, and costs a gap at most.
//! - A server that may forget what it answered is refused, unless `?durability=lossy` says that it
//!   may; so is one that evicts keys at will. A replica is unavailable: its numbers may be old.
//!
//! With a `key` in the URL, a [`RedisCounter`] shares one key with programs that increase it by
//! `INCRBY`.
//!
//! # Servers that belong together
//!
//! | URL, a login before the hosts if need be | servers |
//! |---|---|
//! | `redis://HOST[:PORT][/DATABASE]` | one, port 6379 |
//! | `redis-sentinel://HOST[:PORT],.../MASTER[/DATABASE]` | the one that sentinels call MASTER |
//! | `redis-cluster://HOST[:PORT],...` | the cluster that these nodes, port 6379, belong to |
//!
//! A login is `[USER]:PASSWORD@` and goes to the servers; sentinels, port 26379, have their own in
//! options.
//! With `rediss` for `redis` all connections are encrypted, those to sentinels too. A `+` may stand
//! for the `-`.
//!
//! - *Sentinel*: each new connection begins with the question to the sentinels, in their order,
//!   until one names a server that says itself that it is the master. A server that has become a
//!   replica refuses every script here, since each begins with a write.
//! - *Cluster*: all keys of a sequence lie on one node, by the name in braces; keys that move or
//!   have moved are followed. While a slot is on its way, its sequences may be *unavailable*. Names
//!   and identity are keys of their own, each on some node.
//! - Both *may lose* what they answered, even if each server syncs before it does: whoever is
//!   promoted may lack it. So `?durability=lossy` has to be written for a store of idgen's own, and
//!   each fail-over freezes the sequences of a runtime until its marks are merged or an operator
//!   thaws them. A cluster without replicas fails over to nobody; it keeps if all its masters do.
//! - With `?wait=N` every change is followed, in the same packet, by a `WAIT`: a lease that fewer
//!   than N replicas have is given up, a gap. A master that was cut off then leases nothing.

use std::fmt;
use std::sync::Arc;

use crate::records::RecordRegistry;
use crate::{OpenStore, StoreError, WorkerRegistry};

mod adopted;
mod connection;
mod fault;
mod identity;
mod link;
mod rows;
mod scripts;
mod sequences;
mod servers;
mod settings;
mod tls;
mod workers;

pub use adopted::RedisCounter;

/// Whether a URL of this scheme is one of Redis.
pub(crate) fn is_scheme(scheme: &str) -> bool {
    servers::Form::of_scheme(scheme).is_some()
}

/// Opens what `url` names: a counter if it has a `key`, else a store of idgen's own.
pub(crate) fn open(url: &str) -> Result<OpenStore, StoreError> {
    let (settings, adopted) = settings::RedisSettings::parse(url)?;
    Ok(match adopted {
        Some(adopted) => OpenStore::of_sequences(Arc::new(RedisCounter::of(settings, adopted))),
        None => {
            let store = RedisStore::with(settings);
            let workers = store.workers();
            OpenStore::of_both(Arc::new(store), workers)
        }
    })
}

/// Sequences in a Redis server, and the worker ids beside them.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct RedisStore {
    link: Arc<link::Link>,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("place", &self.link.settings.place).finish()
    }
}

impl RedisStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// The forms of a URL stand at the [module](super::redis), `?OPTION=VALUE&...` behind each:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `durability` | `lossy` takes a server that may forget answers, `kept` does not | `kept` |
    /// | `prefix` | what the keys begin with: letters, digits, `-`, `.`, `_` and `:` | `idgen` |
    /// | `wait` | how many replicas must have a change before it counts, 0 to 1000 | 0 |
    /// | `tls_ca` | PEM file with the only authorities to trust | those of the system |
    /// | `tls_cert`, `tls_key` | PEM files to show to a server that asks who calls | none |
    /// | `sentinel_user`, `sentinel_password` | who asks the sentinels | nobody |
    /// | `connect_timeout_ms` | until a new connection is ready, 1 ms to 1 h | 5000 |
    /// | `answer_timeout_ms` | for each request, half of it for replicas, 1 ms to 1 h | 5000 |
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::redis::RedisStore;
    /// let store = RedisStore::new("redis://:secret@cache.internal/3?prefix=ids")?;
    /// assert!(!format!("{store:?}").contains("secret"));
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        match settings::RedisSettings::parse(url)? {
            (settings, None) => Ok(Self::with(settings)),
            (settings, Some(_)) => Err(StoreError::Refused(format!(
                "{} names a counter by its key; open a RedisCounter",
                settings.place
            ))),
        }
    }

    fn with(settings: settings::RedisSettings) -> Self {
        Self { link: Arc::new(link::Link::new(settings)) }
    }

    /// Leases of time in the same server, over the same connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::redis::RedisStore;
    /// let store = RedisStore::new("redis://:secret@cache.internal/3?prefix=ids")?;
    /// assert!(!store.workers().is_of_this_host());
    /// # Ok::<(), idgen_store::StoreError>(())
    /// ```
    pub fn workers(&self) -> Arc<dyn WorkerRegistry> {
        Arc::new(RecordRegistry::new(workers::Workers { link: Arc::clone(&self.link) }))
    }
}
