//! Sequences and worker ids in ZooKeeper, shared by any number of hosts.
//!
//! A sequence is one persistent node, `/idgen/sequences/KEY` below the path of the URL, whose data
//! is a readable text of at most 4 KiB. A lease replaces the text on the condition that its version
//! is still the one that was seen: one round trip, on the disks of a quorum before it is told.
//! `KEY` is the name, with bytes that are no letters, digits, `-` or `_` as `%XX`.
//!
//! A worker id of an id space is one persistent node, `/idgen/SPACE/workers/N`, replaced likewise,
//! and `/idgen/SPACE/layout` the layout record. `SPACE` is a name as above; the id space
//! `sequences` is written `%73equences`. The lease of a worker id is that record alone: neither the
//! end of a session nor anything that becomes of an ephemeral node takes it away. The ephemeral
//! node `/idgen/SPACE/live/N` names the holder while its session lives, for people to look at; it
//! is made after the record, and again with the next renewal when the session is another.
//!
//! - Nodes above are made at the first use; `/idgen/sequences` itself holds the store's identity.
//! - Serials of grants are transactions, and the registry's clock is the leader's: each claim
//!   writes to `/idgen` itself and is told both.
//! - A lease of a worker id is at most as long as the session may be silent, so that no holder
//!   seems gone while it holds. Servers bound sessions, by default to 20 ticks of 2 s; a longer
//!   lease is refused.
//! - All requests share one session. What was under way on a lost connection is *unavailable*, and
//!   costs a gap at most; the driver connects again, to any of the servers, within the session's
//!   timeout. A session that has expired is replaced by another: nothing of a lease depends on it.
//! - A read first catches up with the leader (`sync`, in the same round trip). Should the leader
//!   change in that moment, it may still show what was there just before; a lease cannot be had
//!   from it, as its version is old.
//! - A refusal to lease, such as *unknown*, rests on such a read too.
//! - Versions are 32 bits and wrap. Version -1, which ZooKeeper takes for "any", is jumped over.
//! - What a server with `forceSync=no` forgets when it loses power cannot be seen from outside.
//!   Nor can a sequence's node that was removed by hand: its mark goes with it.
//!
//! [`node_number`] is apart from all this: a number for the process among those that share the
//! ZooKeeper, in a session of its own and below the node `/sequence`.
//!
//! With `USER:PASSWORD` in the URL the session authenticates by the scheme `digest`, and what it
//! makes is for that user alone. There is no TLS and no SASL.

use std::sync::Arc;

use crate::document::DocumentStore;
use crate::records::RecordRegistry;
use crate::{OpenStore, StoreError};

mod fault;
mod live;
mod nodes;
mod numbers;
mod session;
mod settings;
mod workers;

pub use numbers::node_number;

/// Takes `url` apart; nothing is connected yet.
///
/// `zookeeper://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][/PATH][?OPTION=VALUE&...]`; the port
/// is 2181 if none is given. The futures of the store run inside a tokio runtime with time and I/O
/// enabled. Options:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `session_timeout_ms` | asked of the servers, who have bounds, 100 ms to 1 h | 10000 |
/// | `answer_timeout_ms` | for each request, connecting included, 1 ms to 1 h | 5000 |
///
/// # Errors
///
/// [`StoreError::Refused`] names what is wrong, and shows no password.
///
/// # Examples
///
/// ```
/// let store = idgen_store::zookeeper::open("zookeeper://zoo1,zoo2,zoo3/prod")?;
/// assert!(idgen_store::zookeeper::open("zookeeper://zoo1/prod?retries=3").is_err());
/// # drop(store);
/// # Ok::<(), idgen_store::StoreError>(())
/// ```
pub fn open(url: &str) -> Result<OpenStore, StoreError> {
    let session = session::Session::new(settings::ZooKeeperSettings::parse(url)?);
    let session = Arc::new(session);
    let sequences = DocumentStore::new(nodes::Nodes::new(Arc::clone(&session)));
    let workers = RecordRegistry::new(workers::Workers::new(session));
    Ok(OpenStore::of_both(Arc::new(sequences), Arc::new(workers)))
}
