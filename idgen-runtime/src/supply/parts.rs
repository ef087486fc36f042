//! What a supplier asks a set of stores, and what it makes of the answers.
//!
//! Each store is judged by the marks of its own part. A set that knows nothing of a sequence any
//! more, or whose stores could meet, has lost or been given something behind this node's back: what
//! this node holds may be granted to others, so it is not issued until a look finds all in order.

use idgen_store::{Account, Name, SequenceStore, Share, StoreError};

use super::{Arrival, Supplier, Told};
use crate::error::{Cause, IssueError};
use crate::guard::Since;

pub(super) async fn lease(
    store: &dyn SequenceStore,
    name: &Name,
    len: u64,
    above: u64,
) -> Result<Arrival, StoreError> {
    match store.lease(name, len, above).await {
        Err(error @ (StoreError::Unknown { .. } | StoreError::Refused(_))) => {
            Ok(Arrival::Apart(error))
        }
        Err(error) => Err(error),
        Ok(lease) => {
            // Only its account says which marks it is judged by; without one it is a gap.
            let share = store.share_of(name, &lease).await?;
            Ok(Arrival::Lease(lease, Told::OfSet(share)))
        }
    }
}

pub(super) async fn look(store: &dyn SequenceStore, name: &Name) -> Result<Arrival, StoreError> {
    let whole = match store.describe(name).await {
        Err(error @ (StoreError::Unknown { .. } | StoreError::Refused(_))) => {
            return Ok(Arrival::Apart(error));
        }
        answer => answer?,
    };
    Ok(Arrival::Looks(store.accounts(name).await?, whole))
}

fn key(account: &Account) -> (u64, u64) {
    (account.info.definition.increment(), account.info.definition.offset())
}

impl Supplier {
    /// Whether the store of this part has leased to this process.
    fn since_of(&self, account: &Account) -> Since {
        if self.parts.contains(&key(account)) { Since::Leased } else { Since::Started }
    }

    pub(super) fn check_share(&mut self, share: &Share) -> Result<(), IssueError> {
        let Share { lease, account } = share;
        let (guard, since) = (self.guard.of_part(&account.info.definition), self.since_of(account));
        guard.check_info(&account.info, &account.identity, since)?;
        guard.check(lease, &account.identity, since)?;
        self.parts.insert(key(account));
        Ok(())
    }

    pub(super) fn check_looks(&self, accounts: &[Account]) -> Result<(), IssueError> {
        accounts.iter().try_for_each(|account| {
            let guard = self.guard.of_part(&account.info.definition);
            guard.check_again(&account.info, &account.identity, self.since_of(account))
        })
    }

    pub(super) fn found_apart(&mut self, error: &StoreError) {
        if self.above == 0 {
            return self.failed(error);
        }
        let name = &self.sequence.name;
        let message = format!("sequence '{name}' is frozen: {error}");
        self.freeze(IssueError::new(Cause::Frozen, message));
    }
}
