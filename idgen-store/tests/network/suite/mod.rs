//! The tests of every store behind a network, a file for each kind of promise; the macro
//! `network_suite!` makes a test of each function.

use idgen_core::IdRange;
use idgen_store::{Lease, SequenceStore, StoreError};
use tokio::task::JoinHandle;

use super::{orders, wait};

pub(crate) mod callers;
pub(crate) mod crash;
pub(crate) mod names;
pub(crate) mod outage;
pub(crate) mod tenures;
pub(crate) mod wire;
pub(crate) mod workers;

/// The test in whose name other processes run; it asks first thing what they are to do.
pub(super) const CHILD: &str = "processes_lease_disjoint_ground";

fn lease(store: &dyn SequenceStore, len: u64) -> Result<Lease, StoreError> {
    wait(store.lease(&orders(), len, 0))
}

/// The first `kept` ids of a lease, if it is so long, and the rest as it is handed back.
pub(crate) fn split(lease: &Lease, kept: u64) -> (Option<IdRange>, Option<Lease>) {
    let kept = kept.min(lease.range.len());
    let rest = lease.range.part(kept, lease.range.len() - kept);
    let tail = rest.map(|range| Lease { range, serial: lease.serial });
    (lease.range.part(0, kept), tail)
}

/// What all tasks yield, in their order.
pub(crate) async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut yielded = Vec::new();
    for task in tasks {
        yielded.push(task.await.unwrap());
    }
    yielded
}
