//! A thaw without an operator: once every other node has told its mark.
//!
//! A sequence is frozen when its store may have forgotten what it granted. Nothing was granted
//! above the marks of all nodes: so the sequence is raised above the highest of them in one step,
//! and goes on. A node that does not answer may have been granted anything: then it stays frozen.
//!
//! A node tells its mark only while no lease is on its way to it, or one that was granted before
//! the store forgot could still come. A lease that it asks for later is checked against a store
//! that has forgotten already.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use idgen_store::{Arrival, Definition, SequenceStore, StoreError};

use crate::background::lock;
use crate::guard::{Guard, Since};
use crate::store::Name;

/// The answers of all peers, when they are there.
pub type PeerMarks = Pin<Box<dyn Future<Output = Vec<PeerMark>> + Send>>;

/// The other nodes that issue from the same store.
pub trait Peers: fmt::Debug + Send + Sync {
    /// Asks each of them for its mark of a sequence, which is what
    /// [`Runtime::mark`](crate::Runtime::mark) tells there. The future runs on the runtime's own
    /// thread, and should be done within a second.
    fn marks(&self, name: &Name) -> PeerMarks;
}

/// What one peer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerMark {
    /// What it is called.
    pub peer: String,
    /// The highest id that it was granted, or why it did not tell.
    pub mark: Result<u64, String>,
}

/// The thaw of one sequence by the marks of all nodes.
#[derive(Clone)]
pub(crate) struct Merge {
    guard: Guard,
    peers: Arc<dyn Peers>,
    /// Why the last attempt came to nothing.
    missing: Arc<Mutex<Option<String>>>,
}

impl Merge {
    pub(crate) fn new(guard: Guard, peers: Arc<dyn Peers>) -> Self {
        Self { guard, peers, missing: Arc::default() }
    }

    /// Why the last attempt came to nothing, if it did.
    pub(crate) fn missing(&self) -> Option<String> {
        lock(&self.missing).clone()
    }

    /// Thaws the sequence if it is still frozen and all peers answer. A sequence that the store has
    /// forgotten is made anew with `definition`.
    pub(crate) async fn thaw(
        &self,
        store: &dyn SequenceStore,
        definition: Definition,
        since: Since,
    ) -> Result<(), StoreError> {
        let name = self.guard.name();
        *lock(&self.missing) = None;
        let identity = store.identity().await?;
        let definition = match store.describe(name).await {
            Ok(info) if self.guard.check_again(&info, &identity, since).is_ok() => return Ok(()),
            Ok(info) => info.definition,
            Err(StoreError::Unknown { .. }) => definition,
            Err(error) => return Err(error),
        };
        let told = self.peers.marks(name).await;
        let highest = highest(&told);
        *lock(&self.missing) = highest.as_ref().err().cloned();
        let Ok(highest) = highest else { return Ok(()) };
        let bound = highest.max(self.guard.granted());
        let arrival = Arrival { definition, bound, from: String::new() };
        let info = store.move_in(name, &arrival).await?;
        // The identity from before: if the store has changed since, it is frozen again.
        self.guard.renew(&identity, info.serial, bound);
        tracing::warn!(sequence = %name, above = bound, "thawed above the marks of all nodes");
        Ok(())
    }
}

/// The highest mark, or who did not tell one.
fn highest(told: &[PeerMark]) -> Result<u64, String> {
    let silent =
        |told: &PeerMark| told.mark.as_ref().err().map(|why| format!("{} ({why})", told.peer));
    let silent: Vec<String> = told.iter().filter_map(silent).collect();
    if silent.is_empty() {
        let marks = told.iter().filter_map(|told| told.mark.as_ref().ok());
        return Ok(marks.max().copied().unwrap_or_default());
    }
    Err(format!("it thaws by itself once these nodes tell their marks: {}", silent.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, mark: Result<u64, &str>) -> PeerMark {
        PeerMark { peer: peer.to_owned(), mark: mark.map_err(str::to_owned) }
    }

    #[test]
    fn one_that_is_silent_stops_the_thaw_and_is_named() {
        let all = [told("a", Ok(7)), told("b", Err("no route")), told("c", Ok(9))];
        let why = highest(&all).unwrap_err();
        assert!(why.ends_with("marks: b (no route)"), "{why}");
        assert_eq!(highest(&[all[0].clone(), all[2].clone()]), Ok(9));
    }
}
