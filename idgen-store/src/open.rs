//! Chooses a backend by URL.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::memory::MemoryStore;
#[cfg(feature = "postgres")]
use crate::postgres::PostgresStore;
use crate::strict::StrictStore;
use crate::{RegistryError, SequenceStore, StoreError, Unrecorded, WorkerRegistry};

/// A store that was opened by URL: the faces of one object.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenStore {
    /// Leases of numbers.
    pub sequences: Arc<dyn SequenceStore>,
    /// Leases of time; `None` for a backend that keeps none. Another store's may stand here.
    pub workers: Option<Arc<dyn WorkerRegistry>>,
    /// Whether what it grants outlives the process.
    pub outlives_process: bool,
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStore")
            .field("has_workers", &self.workers.is_some())
            .field("outlives_process", &self.outlives_process)
            .finish_non_exhaustive()
    }
}

impl OpenStore {
    fn of<S: SequenceStore + WorkerRegistry + 'static>(store: S, outlives_process: bool) -> Self {
        let store = Arc::new(store);
        Self { sequences: store.clone(), workers: Some(store), outlives_process }
    }

    /// A store of another process with two faces over one connection.
    #[cfg(any(
        feature = "etcd",
        feature = "mysql",
        feature = "postgres",
        feature = "redis",
        feature = "zookeeper"
    ))]
    pub(crate) fn of_both(
        sequences: Arc<dyn SequenceStore>,
        workers: Arc<dyn WorkerRegistry>,
    ) -> Self {
        Self { sequences, workers: Some(workers), outlives_process: true }
    }

    /// The store as one of `nodes` nodes serves it.
    ///
    /// Where [`is_strict_over_nodes`](SequenceStore::is_strict_over_nodes) says so, the order of
    /// its sequences is strict for more than one node; all nodes must be told the same. Else
    /// nothing changes.
    #[must_use]
    pub fn served_by(self, nodes: NonZeroU32) -> Self {
        if nodes.get() == 1 || !self.sequences.is_strict_over_nodes() {
            return self;
        }
        Self { sequences: Arc::new(StrictStore::new(self.sequences)), ..self }
    }

    /// The store with the worker ids of a registry in place of its own.
    #[must_use]
    pub fn with_registry(self, registry: OpenRegistry) -> Self {
        let outlives_process = self.outlives_process && registry.outlives_process;
        Self { workers: Some(registry.workers), outlives_process, ..self }
    }

    /// The store with worker ids that are recorded nowhere, in place of its own.
    ///
    /// A worker id must be wished for exactly, and its first claim waits one lease. Within this
    /// process nothing repeats. Over restarts promise P1 is withdrawn: a second process that uses
    /// the same worker id, or a clock that was set back between two runs, repeats ids, and nothing
    /// notices.
    #[must_use]
    pub fn with_unrecorded_workers(self) -> Self {
        Self { workers: Some(Arc::new(Unrecorded::new())), ..self }
    }

    /// A store of another process, which keeps sequences and no worker ids.
    #[cfg(any(feature = "mysql", feature = "redis", feature = "rqlite", feature = "summitdb"))]
    pub(crate) fn of_sequences(sequences: Arc<dyn SequenceStore>) -> Self {
        Self { sequences, workers: None, outlives_process: true }
    }
}

/// A registry of worker ids that was opened by URL.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenRegistry {
    /// Leases of time.
    pub workers: Arc<dyn WorkerRegistry>,
    /// Whether what it grants outlives the process.
    pub outlives_process: bool,
}

impl fmt::Debug for OpenRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRegistry")
            .field("outlives_process", &self.outlives_process)
            .finish_non_exhaustive()
    }
}

/// How the stores of this build are written; the command line shows it too.
const BUILT_IN: &[&str] = &[
    "memory:",
    #[cfg(feature = "sqlite")]
    "sqlite:PATH, sqlite://PATH",
    #[cfg(feature = "mysql")]
    "mysql://USER:PASSWORD@HOST/DATABASE, USER:PASSWORD@tcp(HOST:PORT)/DATABASE",
    #[cfg(feature = "postgres")]
    "postgres://USER:PASSWORD@HOST/DATABASE",
    #[cfg(feature = "redis")]
    "redis://HOST, redis-sentinel://HOST,.../MASTER, redis-cluster://HOST,..., rediss...",
    #[cfg(feature = "rqlite")]
    "rqlite://USER:PASSWORD@HOST,HOST, rqlites://..., http://HOST:PORT, https://...",
    #[cfg(feature = "summitdb")]
    "summitdb://HOST,HOST",
    #[cfg(feature = "zookeeper")]
    "zookeeper://HOST,HOST,HOST/PATH",
    #[cfg(feature = "etcd")]
    "etcd://HOST,HOST,HOST/PREFIX",
];

/// Opens the store that `url` names, with that backend's defaults.
///
/// | URL | store |
/// |---|---|
/// | `memory:` | a new, empty [`MemoryStore`] |
/// | `sqlite:PATH`, `sqlite://PATH` | a `SqliteStore` in the file PATH, taken as it is |
/// | `mysql://...`, `mariadb://...`, `...@tcp(...)/...` | a `MysqlStore`, or as `schema` says |
/// | `postgres://...`, `postgresql://...` | a `PostgresStore`, with options behind a `?` |
/// | `redis://...` | a `RedisStore`, or with `key=NAME` a `RedisCounter`, likewise |
/// | `redis-sentinel://...`, `redis-cluster://...`, `rediss...` | the same on several, encrypted |
/// | `rqlite[s]://...`, `http[s]://...` | a `RqliteStore`, or with `key=NAME` a `RqliteCounter` |
/// | `summitdb://...` | a store of SummitDB, likewise |
/// | `zookeeper://...` | a store of ZooKeeper, likewise |
/// | `etcd://...` | a store of etcd, likewise |
///
/// Nothing is sent over a network: a store on one connects at its first use, inside a tokio
/// runtime, and its [`identity`](SequenceStore::identity) is the first thing to ask. No error and
/// no `Debug` shows a password.
///
/// # Errors
///
/// [`StoreError::Refused`] lists the backends of this build if `url` names none of them; else what
/// the backend says.
///
/// # Examples
///
/// ```
/// let store = idgen_store::open("memory:")?;
/// assert!(!store.outlives_process);
/// let error = idgen_store::open("carrier-pigeon://loft").unwrap_err();
/// assert!(error.to_string().contains("memory:"));
/// # Ok::<(), idgen_store::StoreError>(())
/// ```
pub fn open(url: &str) -> Result<OpenStore, StoreError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(OpenStore::of(MemoryStore::new(), false)),
        "memory" => Err(StoreError::Refused(
            "a store in memory has no name, but something stands behind memory:; write memory:"
                .to_owned(),
        )),
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let store = crate::sqlite::SqliteStore::open(path, Default::default())?;
            Ok(OpenStore::of(store, true))
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" if rest.starts_with("//") => crate::mysql::open(url),
        #[cfg(feature = "mysql")]
        _ if crate::mysql::is_dsn(url) => crate::mysql::open(url),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            let store = PostgresStore::new(url)?;
            let workers = store.workers();
            Ok(OpenStore::of_both(Arc::new(store), workers))
        }
        #[cfg(feature = "redis")]
        _ if crate::redis::is_scheme(scheme) => crate::redis::open(url),
        #[cfg(feature = "rqlite")]
        "rqlite" | "rqlites" | "http" | "https" => {
            Ok(OpenStore::of_sequences(crate::rqlite::open(url)?))
        }
        #[cfg(feature = "summitdb")]
        "summitdb" => Ok(OpenStore::of_sequences(crate::summitdb::open(url)?)),
        #[cfg(feature = "zookeeper")]
        "zookeeper" => crate::zookeeper::open(url),
        #[cfg(feature = "etcd")]
        "etcd" => crate::etcd::open(url),
        "file" => Err(StoreError::Refused(
            "file: keeps worker ids only: give it to --registry, and name a store of sequences \
             beside it, for example sqlite:PATH"
                .to_owned(),
        )),
        #[cfg(not(feature = "etcd"))]
        "etcd" => Err(StoreError::Refused(
            "etcd is not built in, because its driver is made with protoc; build idgen with the \
             feature etcd, on Debian after `apt-get install protobuf-compiler libprotobuf-dev`"
                .to_owned(),
        )),
        // Only the scheme is shown: what follows may hold a password.
        _ => Err(StoreError::Refused(format!(
            "no store of the kind '{scheme}' is built in; choose one of: {}",
            BUILT_IN.join(", ")
        ))),
    }
}

/// Opens the registry of worker ids that `url` names: a store of [`open`] that keeps some, or
/// `file:DIRECTORY` (also `file://DIRECTORY`), a `FileRegistry`.
///
/// # Errors
///
/// [`RegistryError::Refused`] if `url` names a store that keeps no worker ids, or none of this
/// build; else what the backend says.
///
/// # Examples
///
/// ```no_run
/// let store = idgen_store::open("sqlite:/var/lib/idgen/idgen.db")?;
/// let store = store.with_registry(idgen_store::open_registry("file:/mnt/volume/workers")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open_registry(url: &str) -> Result<OpenRegistry, RegistryError> {
    #[cfg(feature = "file")]
    if let Some(rest) = url.strip_prefix("file:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let workers = Arc::new(crate::file::FileRegistry::open(path)?);
        return Ok(OpenRegistry { workers, outlives_process: true });
    }
    let OpenStore { workers, outlives_process, .. } = open(url)?;
    let workers = workers.ok_or_else(|| {
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        RegistryError::Refused(format!(
            "a store of the kind '{scheme}' keeps no worker ids; name another registry, for \
             example file:DIRECTORY on a volume that outlives the process"
        ))
    })?;
    Ok(OpenRegistry { workers, outlives_process })
}
