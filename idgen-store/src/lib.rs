//! Where leases are recorded.
//!
//! Two traits stand between the generators and the world: a [`SequenceStore`] leases numbers
//! (segments of named sequences), a [`WorkerRegistry`] leases time (worker ids with a floor and a
//! horizon). What is leased once is never leased again: that is written down as numbered laws in
//! `conformance`, which every backend passes.
//!
//! | backend | feature | sequences | workers | kept over a restart |
//! |---|---|---|---|---|
//! | [`memory`] | always there | yes | yes | no |
//! | `sqlite` | `sqlite` | yes | yes | yes, fsync before the answer |
//! | `file` | `file` | no | yes | yes, fsync before the answer |
//! | `mysql` | `mysql` | yes | yes | yes, if InnoDB is set to flush |
//! | `postgres` | `postgres` | yes | yes | yes, fsync before the answer |
//! | `redis` | `redis` | yes | yes | yes, if it appends and fsyncs always |
//! | `rqlite` | `rqlite` | yes | no | yes, on a quorum's disks before the answer |
//! | `summitdb` | `summitdb` | yes | no | yes, on a quorum of nodes |
//! | `zookeeper` | `zookeeper` | yes | yes | yes, on a quorum before the answer |
//! | `etcd` | `etcd` | yes | yes | yes, on a quorum before the answer |
//!
//! With `?schema=idpool` the `mysql` backend adopts idpool's tables, beside running originals: one
//! sequence, which takes nothing back. With `?schema=idpot` each pot of an idpot database is such a
//! sequence, and with `?key=TABLE` a table of tickets in the manner of Flickr. Adopted forms keep
//! no worker ids.
//!
//! [`open`] chooses a backend by URL, [`open_registry`] one for worker ids alone.
//!
//! All backends take back the unissued end of a lease while it is one of the last 16,384 grants and
//! hand-backs of its sequence, and no `advance_to`, `alter` or `delete` came between; an older one
//! is answered with [`StoreError::NotCurrent`] and is a gap. Backends that keep a sequence as one
//! small text take back one of the last 64 leases.

// The twin of the integration tests runs inside this crate too.
#[cfg(all(test, feature = "conformance"))]
extern crate self as idgen_store;

mod account;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(feature = "redis", feature = "rqlite", feature = "summitdb"))]
mod counter;
mod definition;
#[cfg(any(
    feature = "etcd",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
mod document;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
#[cfg(all(test, feature = "conformance"))]
mod fate;
#[cfg(feature = "file")]
pub mod file;
mod grant;
#[cfg(any(feature = "etcd", feature = "zookeeper", all(test, feature = "conformance")))]
mod held;
#[cfg(any(feature = "file", feature = "sqlite"))]
mod inode;
#[cfg(any(
    feature = "etcd",
    feature = "file",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "rqlite",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
mod key;
mod ledger;
pub mod memory;
mod migrate;
mod moved;
#[cfg(feature = "mysql")]
pub mod mysql;
mod name;
mod node_number;
mod open;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod pool;
#[cfg(feature = "postgres")]
pub mod postgres;
mod random;
#[cfg(any(
    feature = "etcd",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
#[allow(dead_code, reason = "a backend reads what it needs of a request")]
mod records;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(
    feature = "etcd",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "rqlite",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
mod retry;
mod rows;
#[cfg(feature = "rqlite")]
pub mod rqlite;
mod sequence;
pub mod set;
#[cfg(any(feature = "rqlite", feature = "sqlite"))]
mod signed;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod strict;
#[cfg(feature = "summitdb")]
pub mod summitdb;
#[cfg(any(
    feature = "etcd",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
mod swap;
mod tenure;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis"))]
mod tls;
mod unrecorded;
#[cfg(any(
    feature = "etcd",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "rqlite",
    feature = "summitdb",
    feature = "zookeeper"
))]
mod url;
mod worker;
#[cfg(feature = "zookeeper")]
pub mod zookeeper;

pub use account::{Account, Share};
#[cfg(feature = "conformance")]
pub use clock::SteppedClock;
pub use clock::{HostClock, SystemHostClock};
pub use definition::{Definition, DefinitionError, Order};
pub use error::{RegistryError, StoreError};
pub use migrate::{Departure, Migrated, Site, migrate};
pub use name::{Name, NameError};
pub use node_number::{NoNumber, NodeNumber};
pub use open::{OpenRegistry, OpenStore, open, open_registry};
pub use sequence::{
    Alteration, Arrival, Created, Durability, Lease, SequenceInfo, SequenceStore, StoreIdentity,
};
pub use unrecorded::Unrecorded;
pub use worker::{
    Claim, Claimed, LayoutRecord, Renewed, SoftProof, Wish, WorkerInfo, WorkerRegistry,
};
