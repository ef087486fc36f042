//! Sequences in a cluster of SummitDB, shared by any number of hosts.
//!
//! SummitDB speaks the protocol of Redis and keeps what it answers on a quorum of nodes. Of a
//! sequence there is one key, `idgen:sequence:NAME`, with a small text; bytes of a name that are no
//! letters, digits, `-` or `_` stand as `%XX`. One more key, `idgen:identity`, tells one store from
//! another.
//!
//! - A change is a script, which SummitDB runs as a whole: it replaces the text if it is still the
//!   one that was seen. The common lease is one script and one round trip.
//! - Numbers travel as texts: those of a script are exact to 53 bits only, and `INCRBY` alone goes
//!   past 2^63-1 without a word.
//! - All requests share one connection. A node that does not lead names the one that does, which is
//!   asked from then on. When the leader is gone, the nodes of the URL and those found are asked
//!   again, with pauses, until the answer timeout has passed; then there is one error. Each step is
//!   told as an event of `tracing`.
//! - A request whose answer was lost is sent again: a lease of a counter costs a gap at most, and a
//!   text is replaced once.
//!
//! With a `key` in the URL, the store shares one key with programs that increase it by
//! `INCRBY`.
//!
//! SummitDB knows no users and no encryption, so its port is for trusted hosts only. A server that
//! was started with a `durability` below `high` may forget what it answered, and cannot be asked.

use std::sync::Arc;

use crate::document::DocumentStore;
use crate::{Durability, SequenceStore, StoreError, StoreIdentity};

mod adopted;
mod cluster;
mod documents;
mod fault;
mod script;
mod settings;

/// What a server does not tell.
const UNSURE: &str = "SummitDB does not tell with which durability it was started: below high it \
                      may forget what it answered";

/// Takes `url` apart; nothing is connected yet.
///
/// `summitdb://HOST[:PORT][,HOST[:PORT]...][?OPTION=VALUE&...]`; the port is 7481 if none is given.
/// The futures of the store run inside a tokio runtime with time and I/O enabled. Options:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `prefix` | what the keys begin with: letters, digits, `-`, `.`, `_` and `:` | `idgen` |
/// | `peers` | `found` asks nodes that others name as well, `listed` does not | `found` |
/// | `retries` | how often all nodes are asked again, 0 to 100,000 | 200 |
/// | `connect_timeout_ms` | until a new connection is ready, 1 ms to 1 h | 2000 |
/// | `answer_timeout_ms` | for each request, whatever it takes, 1 ms to 1 h | 10000 |
///
/// For a counter that other programs increase too, without `prefix`, and:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `key` | the counter, and the name of its sequence | none |
/// | `increment` | how far neighbours are apart, 1 to 2^32 | 2 |
/// | `offset` | the residue of every id modulo the increment | 1; 0 without `increment` |
///
/// # Errors
///
/// [`StoreError::Refused`] names what is wrong, and shows no password.
///
/// # Examples
///
/// ```
/// let store = idgen_store::summitdb::open("summitdb://one,two,three?key=integers")?;
/// assert!(idgen_store::summitdb::open("summitdb://me:secret@one").is_err());
/// # drop(store);
/// # Ok::<(), idgen_store::StoreError>(())
/// ```
pub fn open(url: &str) -> Result<Arc<dyn SequenceStore>, StoreError> {
    let (settings, adopted) = settings::SummitSettings::parse(url)?;
    let cluster = cluster::Cluster::new(settings);
    Ok(match adopted {
        Some(adopted) => Arc::new(adopted::SummitCounter { cluster, adopted }),
        None => Arc::new(DocumentStore::new(documents::Keys { cluster })),
    })
}

/// Every answer stands on a quorum; there is nothing that would tell one run from another.
fn identity(id: String) -> StoreIdentity {
    StoreIdentity {
        backend: "summitdb",
        incarnation: id.clone(),
        id,
        durability: Durability::Keeps,
        ceiling: u64::MAX,
    }
}
