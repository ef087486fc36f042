//! The end of a supplier: tails go back to the store, and no request is left behind.

use std::collections::VecDeque;

use idgen_core::IdRange;
use idgen_store::Lease;

use super::{Arrival, Supplier};
use crate::background::lock;
use crate::error::IssueError;
use crate::sequence::Sequence;

/// Whatever ends a supplier, the end of its runtime or a panic: nobody would look after those who
/// wait, or enforce their deadlines. Only the first closing counts.
impl Drop for Supplier {
    fn drop(&mut self) {
        self.sequence.close(&IssueError::draining());
    }
}

impl Supplier {
    /// Hands back what was not issued: each tail once, under the serial of its lease.
    pub(super) async fn finish(mut self) -> u64 {
        let late = self.pending.take();
        let mut tails = VecDeque::new();
        if let Some(left) = lock(&self.sequence.left).take() {
            tails.extend([left.tail, left.standby].into_iter().flatten());
        }
        let mut lost = 0;
        if let Some(pending) = late
            && let Ok(Arrival::Lease(lease, ..)) = pending.fetch.await
        {
            self.unsupplied.push(lease);
        }
        if tails.is_empty() && self.unsupplied.is_empty() {
            return 0;
        }
        if let Err(error) = self.check_before_hand_back().await {
            let ids = tails.iter().chain(self.unsupplied.iter().map(|lease| &lease.range));
            let ids: u64 = ids.map(IdRange::len).sum();
            let sequence = &self.sequence.name;
            tracing::warn!(%sequence, ids, %error, "tails are a gap");
            return ids;
        }
        for lease in &self.unsupplied {
            lost += hand_back(&self.sequence, lease).await;
        }
        for range in tails {
            let of = self.granted.iter().find(|lease| lease.range.contains(range.start()));
            let Some(serial) = of.map(|lease| lease.serial) else {
                lost += range.len();
                continue;
            };
            lost += hand_back(&self.sequence, &Lease { range, serial }).await;
        }
        lost
    }

    /// A store that went back may have granted the same ground to another under the same serial:
    /// it would take that for handed back.
    async fn check_before_hand_back(&mut self) -> Result<(), IssueError> {
        let accounts = self.sequence.store.accounts(&self.sequence.name).await?;
        if self.sequence.store.is_set() {
            return self.check_looks(&accounts);
        }
        accounts.iter().try_for_each(|account| {
            self.guard.check_info(&account.info, &account.identity, self.since())
        })
    }
}

/// How many ids could not be handed back.
async fn hand_back(sequence: &Sequence, tail: &Lease) -> u64 {
    match sequence.store.hand_back(&sequence.name, tail).await {
        Ok(()) => 0,
        Err(error) => {
            let ids = tail.range.len();
            tracing::warn!(sequence = %sequence.name, ids, %error, "a tail is a gap");
            ids
        }
    }
}
