//! The store-regression guard: does a store still know what it granted to this node?

use std::path::Path;
use std::sync::Arc;

use idgen_core::{Renewal, WorkerLease};
use idgen_store::{
    Durability, Lease, Name, SequenceInfo, SequenceStore, StoreError, StoreIdentity,
};

use crate::error::{Cause, IssueError};
use crate::journal::{self, Journal, Kind, Mark};

/// The marks of one sequence.
#[derive(Clone)]
pub(crate) struct Guard {
    journal: Arc<Journal>,
    name: Name,
}

impl Guard {
    pub(crate) fn new(journal: Arc<Journal>, name: Name) -> Self {
        Self { journal, name }
    }

    /// Whether this node was never granted a lease of the sequence.
    pub(crate) fn knows_nothing(&self) -> bool {
        self.mark().store.is_empty()
    }

    /// Marks a lease, or says why nothing may be issued from it.
    pub(crate) fn check(&self, lease: &Lease, identity: &StoreIdentity) -> Result<(), IssueError> {
        let mark = self.mark();
        let store = store_key(identity);
        let went_back = if mark.store == store {
            lease.serial <= mark.serial
        } else {
            lease.range.start() <= mark.end
        };
        if went_back {
            return Err(self.frozen(&mark, &store, lease.serial, lease.range.start()));
        }
        let seen = Mark {
            generation: mark.generation,
            store,
            serial: lease.serial,
            end: lease.range.last(),
        };
        self.record(Kind::Sequence, &seen);
        Ok(())
    }

    /// Whether a store's account of the sequence falls behind the marks.
    pub(crate) fn check_info(
        &self,
        info: &SequenceInfo,
        identity: &StoreIdentity,
    ) -> Result<(), IssueError> {
        let mark = self.mark();
        let store = store_key(identity);
        if info.bound < mark.end || (mark.store == store && info.serial < mark.serial) {
            return Err(self.frozen(&mark, &store, info.serial, info.bound));
        }
        Ok(())
    }

    /// The same after a look for marks that a thaw has left.
    pub(crate) fn check_again(
        &self,
        info: &SequenceInfo,
        identity: &StoreIdentity,
    ) -> Result<(), IssueError> {
        if let Err(error) = self.journal.refresh() {
            tracing::warn!(%error, "the journal cannot be read again");
        }
        self.check_info(info, identity)
    }

    fn mark(&self) -> Mark {
        self.journal.mark(Kind::Sequence, self.name.as_str())
    }

    fn record(&self, kind: Kind, mark: &Mark) {
        if let Err(error) = self.journal.record(kind, self.name.as_str(), mark) {
            tracing::warn!(%error, "the guard journal cannot be written; a store that goes back \
                may go unnoticed after a restart; make room or mend the state directory");
        }
    }

    fn frozen(&self, mark: &Mark, store: &str, serial: u64, at: u64) -> IssueError {
        let name = &self.name;
        let (seen, end) = (mark.serial, mark.end);
        let story = if mark.store == store {
            format!("its store is at {at} (serial {serial}) and had granted {end} (serial {seen})")
        } else {
            format!("another store stands in its place, at {at}, and {end} had been granted")
        };
        let way_out = format!("idgen sequence thaw NAME --above {end}");
        let message =
            format!("sequence '{name}' is frozen: {story}; if no node had more: {way_out}");
        IssueError::new(Cause::Frozen, message)
    }
}

/// A store that may forget counts as another one when its incarnation changes.
pub(crate) fn store_key(identity: &StoreIdentity) -> String {
    match identity.durability {
        Durability::Keeps => format!("{}:{}", identity.backend, identity.id),
        Durability::MayLose(_) => {
            format!("{}:{}:{}", identity.backend, identity.id, identity.incarnation)
        }
    }
}

/// Lifts a freeze: raises the sequence above `above`, and leaves a mark of a new generation.
async fn thaw_with(
    store: &dyn SequenceStore,
    name: &Name,
    above: u64,
    mark: &Mark,
) -> Result<Mark, StoreError> {
    let bound = store.last(name).await?.max(mark.end);
    if above < bound {
        return Err(StoreError::WouldLower { name: name.clone(), bound, asked: above });
    }
    store.advance_to(name, above).await?;
    let (info, identity) = (store.describe(name).await?, store.identity().await?);
    Ok(Mark {
        generation: mark.generation + 1,
        store: store_key(&identity),
        serial: info.serial,
        end: above,
    })
}

impl Guard {
    /// Thaws the sequence of this process.
    pub(crate) async fn thaw(
        &self,
        store: &dyn SequenceStore,
        above: u64,
    ) -> Result<(), StoreError> {
        let mark = thaw_with(store, &self.name, above, &self.mark()).await?;
        self.record(Kind::Sequence, &mark);
        Ok(())
    }
}

/// Lifts a freeze from beside the server: the marks stand in `state_dir`, and a process that works
/// there finds the new one at the next request.
///
/// # Errors
///
/// [`StoreError::WouldLower`] if `above` is below the store's bound or below what the node was
/// granted; [`StoreError::Refused`] if the directory cannot be written.
pub async fn thaw_beside(
    store: &dyn SequenceStore,
    state_dir: &Path,
    name: &Name,
    above: u64,
) -> Result<(), StoreError> {
    let refused = |error| {
        StoreError::Refused(format!("state directory {}: {error}; mend it", state_dir.display()))
    };
    let mark = journal::look_up(state_dir, Kind::Sequence, name.as_str()).map_err(refused)?;
    let mark = thaw_with(store, name, above, &mark).await?;
    if !state_dir.exists() {
        return Ok(());
    }
    journal::leave(state_dir, Kind::Sequence, name.as_str(), &mark).map_err(refused)
}

/// The marks of one id space: does its registry still know what it leased to this node?
pub(crate) struct SpaceGuard {
    journal: Arc<Journal>,
    space: Name,
    store: String,
}

impl SpaceGuard {
    pub(crate) fn new(journal: Arc<Journal>, space: Name) -> Self {
        Self { journal, space, store: String::new() }
    }

    /// Which registry the next leases are of.
    pub(crate) fn keep(&mut self, identity: &StoreIdentity) {
        self.store = store_key(identity);
    }

    /// Marks a lease, or says why nothing may be issued under it. Under another registry than
    /// before, a lease begins above every horizon that this node was granted.
    pub(crate) fn check(&self, lease: WorkerLease) -> Result<WorkerLease, IssueError> {
        let mark = self.mark();
        let serial = lease.token().serial;
        if mark.store == self.store && serial <= mark.serial {
            return Err(self.frozen(serial, mark.serial));
        }
        self.record(&mark, serial, lease.horizon_unix_ms());
        if mark.store.is_empty() || mark.store == self.store {
            return Ok(lease);
        }
        if mark.end >= lease.horizon_unix_ms() {
            return Err(self.behind(mark.end, lease.horizon_unix_ms()));
        }
        Ok(lease.begun_at(mark.end))
    }

    /// Marks a horizon, before an id is issued under it.
    pub(crate) fn renewed(&self, renewal: &Renewal) {
        self.record(&self.mark(), renewal.token().serial, renewal.horizon_unix_ms());
    }

    fn mark(&self) -> Mark {
        self.journal.mark(Kind::Space, self.space.as_str())
    }

    fn record(&self, mark: &Mark, serial: u64, end: u64) {
        let store = self.store.clone();
        let seen = Mark { generation: mark.generation, store, serial, end };
        if let Err(error) = self.journal.record(Kind::Space, self.space.as_str(), &seen) {
            tracing::warn!(%error, "the guard journal cannot be written; a registry that goes back \
                may go unnoticed after a restart; make room or mend the state directory");
        }
    }

    fn frozen(&self, serial: u64, seen: u64) -> IssueError {
        let space = &self.space;
        let message = format!(
            "id space '{space}' is frozen: its registry granted lease {serial} after lease {seen}, \
             so it went back; restore the newer registry, or begin another id space"
        );
        IssueError::new(Cause::Frozen, message)
    }

    fn behind(&self, end_ms: u64, horizon_ms: u64) -> IssueError {
        let (space, wait_ms) = (&self.space, end_ms - horizon_ms + 1);
        let message = format!(
            "another registry stands in the place of id space '{space}' and this node was granted \
             time up to {end_ms} ms since 1970; wait, or put the earlier registry back"
        );
        IssueError::new(Cause::ClockHold, message).retry(wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::IdRange;

    #[test]
    fn a_serial_seen_before_freezes() {
        let journal = Arc::new(Journal::open(None).unwrap());
        let guard = Guard::new(journal, Name::new("orders").unwrap());
        let identity = StoreIdentity {
            backend: "fake",
            id: "a".to_owned(),
            incarnation: "1".to_owned(),
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        };
        let lease = |serial, start| Lease { range: IdRange::new(start, 1, 10).unwrap(), serial };
        guard.check(&lease(2, 1), &identity).unwrap();
        let refused = guard.check(&lease(2, 11), &identity).unwrap_err();
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
        guard.check(&lease(3, 11), &identity).unwrap();
    }
}
