//! Sequences and worker ids in etcd, shared by any number of hosts.
//!
//! A sequence is one key, `PREFIX/sequences/KEY`, whose value is a readable text of at most 4 KiB.
//! A lease is one transaction: it replaces the text if the key's `mod_revision` is still the one
//! that was seen, and else returns what stands there. That is one round trip, on the disks of a
//! quorum before it is told. `KEY` is the name, with bytes that are no letters, digits, `-` or `_`
//! as `%XX`. `PREFIX/identity` tells one store from another, since a cluster that was emptied and
//! made again by the same command line has the same cluster id.
//!
//! A worker id of an id space is one key, `PREFIX/workers/SPACE/N`, replaced likewise, and
//! `PREFIX/workers/SPACE/layout` the layout record. Serials of grants are revisions. etcd tells no
//! time, but watches leases of its own: each claim and each renewal has one granted, in whole
//! seconds, and attaches `PREFIX/workers/SPACE/live/N` to it in the transaction that writes the
//! record. While that key is there, the id is held. What time it is, the holders' clocks tell; a
//! horizon ahead of their lower median is cut.
//!
//! - A worker's lease lasts as long as etcd's: a second more at the most, and never shorter than
//!   the server's minimum, which is half as long again as its election timeout. A new leader of the
//!   cluster lets all of them begin anew. So an id may be held longer than it was asked for, and is
//!   never given to another sooner.
//! - Requests share one connection to each server. A request that met a connection which ended, or
//!   a server that is away, is sent again, to another if there are several; that is safe, because a
//!   revision is replaced once. What stays without an answer is *unavailable*, and costs a gap at
//!   most.
//! - Reads are linearizable, and a member without a leader refuses.
//! - etcd keeps every version of a key until it is told to compact: a server for idgen has
//!   `--auto-compaction-retention` set, or runs full after some millions of leases.
//! - What a server with `--unsafe-no-fsync` forgets cannot be seen from outside.
//!
//! With `USER:PASSWORD` in the URL the client authenticates, and again when its token has run out;
//! the user needs `readwrite` on the prefix. There is no TLS yet.

use std::sync::Arc;

use crate::document::DocumentStore;
use crate::records::RecordRegistry;
use crate::{OpenStore, StoreError};

mod connection;
mod fault;
mod keys;
mod settings;
mod workers;

/// Takes `url` apart; nothing is connected yet.
///
/// `etcd://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][/PREFIX][?OPTION=VALUE&...]`; the port is
/// 2379 and the prefix `idgen` if none is given. The futures of the store run inside a tokio
/// runtime with time and I/O enabled. Options:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `answer_timeout_ms` | for each request, connecting included, 1 ms to 1 h | 5000 |
///
/// # Errors
///
/// [`StoreError::Refused`] names what is wrong, and shows no password.
///
/// # Examples
///
/// ```
/// let store = idgen_store::etcd::open("etcd://etcd1,etcd2,etcd3/prod/ids")?;
/// assert!(idgen_store::etcd::open("etcd://etcd1/ids?tls=yes").is_err());
/// # drop(store);
/// # Ok::<(), idgen_store::StoreError>(())
/// ```
pub fn open(url: &str) -> Result<OpenStore, StoreError> {
    let connection = connection::Connection::new(settings::EtcdSettings::parse(url)?);
    let connection = Arc::new(connection);
    let sequences = DocumentStore::new(keys::Keys::new(Arc::clone(&connection)));
    let workers = RecordRegistry::new(workers::Workers::new(connection));
    Ok(OpenStore::of_both(Arc::new(sequences), Arc::new(workers)))
}
