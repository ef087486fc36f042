//! The store-regression guard: does a store still know what it granted?
//!
//! Three things show that it does not: a serial or a bound below what this node has seen; a store
//! that *may lose* what it answered and has started anew or was promoted since; and, under a node
//! that runs, another store in its place. The last two freeze however high the store is: what it
//! grants above this node's marks it may have granted to another node before it forgot. The way out
//! is the same, a thaw above the marks of all nodes.
//!
//! In a set of stores each is watched by itself, under the part of the progression that it leases:
//! so that it is known by, in whatever order the stores are named and whatever takes its place.

use std::sync::Arc;

use idgen_store::{
    Account, Definition, Durability, Lease, Name, SequenceInfo, SequenceStore, StoreIdentity,
};

use crate::error::{Cause, IssueError};
use crate::journal::{Journal, Kind, Mark};

mod space;
mod thaw;

pub(crate) use space::{CLEARING_SLACK_MS, SpaceGuard};
pub use thaw::{thaw_beside, thaw_space_beside};

/// The marks of one sequence.
#[derive(Clone)]
pub(crate) struct Guard {
    journal: Arc<Journal>,
    name: Name,
    /// Under which name the journal keeps them.
    key: Key,
}

type Key = (Kind, String);

fn whole_key(name: &Name) -> Key {
    (Kind::Sequence, name.as_str().to_owned())
}

fn part_key(name: &Name, part: &Definition) -> Key {
    (Kind::Part, format!("{} of {} in {name}", part.offset(), part.increment()))
}

/// The key of the marks that one store is watched by.
fn key_of(name: &Name, store: &dyn SequenceStore, account: &Account) -> Key {
    if store.is_set() { part_key(name, &account.info.definition) } else { whole_key(name) }
}

impl Guard {
    pub(crate) fn new(journal: Arc<Journal>, name: Name) -> Self {
        let key = whole_key(&name);
        Self { journal, name, key }
    }

    /// The guard of the store of a set that leases `part`.
    pub(crate) fn of_part(&self, part: &Definition) -> Self {
        Self { key: part_key(&self.name, part), ..self.clone() }
    }

    /// Whether this node was never granted a lease of the sequence.
    pub(crate) fn knows_nothing(&self) -> bool {
        self.mark().store.is_empty()
    }

    /// Marks a lease, or says why nothing may be issued from it.
    pub(crate) fn check(
        &self,
        lease: &Lease,
        identity: &StoreIdentity,
        since: Since,
    ) -> Result<(), IssueError> {
        self.check_store(identity, since)?;
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
        self.record(&seen);
        Ok(())
    }

    /// Whether the store is one that may have forgotten what it granted: then what it grants above
    /// this node's marks may have been granted to another, too. A node that has just been started
    /// may have been given another store; one that runs has not.
    pub(crate) fn check_store(
        &self,
        identity: &StoreIdentity,
        since: Since,
    ) -> Result<(), IssueError> {
        let (mark, store) = (self.mark(), store_key(identity));
        let is_strange = match since {
            Since::Leased => mark.store != store && !mark.store.is_empty(),
            Since::Started => has_other_incarnation(&mark.store, identity),
        };
        if !is_strange {
            return Ok(());
        }
        let (name, end) = (&self.name, mark.end);
        Err(IssueError::new(
            Cause::Frozen,
            format!(
                "sequence '{name}' is frozen: its store was emptied, restarted or replaced, and \
                 may have forgotten what it granted; if no node had more than {end}: idgen \
                 sequence thaw NAME --above {end}"
            ),
        ))
    }

    /// Whether a store's account of the sequence falls behind the marks.
    pub(crate) fn check_info(
        &self,
        info: &SequenceInfo,
        identity: &StoreIdentity,
        since: Since,
    ) -> Result<(), IssueError> {
        self.check_store(identity, since)?;
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
        since: Since,
    ) -> Result<(), IssueError> {
        if let Err(error) = self.journal.refresh() {
            tracing::warn!(%error, "the journal cannot be read again");
        }
        self.check_info(info, identity, since)
    }

    /// The sequence.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// The highest id that this node was granted.
    pub(crate) fn granted(&self) -> u64 {
        self.mark().end
    }

    /// Leaves a mark of a new generation: a thaw.
    pub(crate) fn renew(&self, identity: &StoreIdentity, serial: u64, end: u64) {
        let (generation, store) = (self.mark().generation + 1, store_key(identity));
        self.record(&Mark { generation, store, serial, end });
    }

    fn mark(&self) -> Mark {
        self.journal.mark(self.key.0, &self.key.1)
    }

    fn record(&self, mark: &Mark) {
        if let Err(error) = self.journal.record(self.key.0, &self.key.1, mark) {
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

/// What this process has had of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// No lease of the sequence yet.
    Started,
    /// A lease at least.
    Leased,
}

/// Whether `seen` is the key of the same store in another incarnation, where that may have cost
/// answers. What it was while it kept its answers is not known of one that may lose them now.
fn has_other_incarnation(seen: &str, identity: &StoreIdentity) -> bool {
    let same = format!("{}:{}", identity.backend, identity.id);
    match seen.strip_prefix(&same) {
        Some("") => matches!(identity.durability, Durability::MayLose(_)),
        Some(rest) => rest.strip_prefix(':').is_some_and(|seen| seen != identity.incarnation),
        None => false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::IdRange;
    use idgen_store::Order;

    fn guard() -> Guard {
        let journal = Arc::new(Journal::open(None).unwrap());
        Guard::new(journal, Name::new("orders").unwrap())
    }

    pub(super) fn identity(id: &str, incarnation: &str, durability: Durability) -> StoreIdentity {
        let (id, incarnation) = (id.to_owned(), incarnation.to_owned());
        StoreIdentity { backend: "fake", id, incarnation, durability, ceiling: u64::MAX }
    }

    pub(super) fn may_lose(id: &str, incarnation: &str) -> StoreIdentity {
        identity(id, incarnation, Durability::MayLose("in memory".to_owned()))
    }

    fn lease(serial: u64, start: u64) -> Lease {
        Lease { range: IdRange::new(start, 1, 10).unwrap(), serial }
    }

    fn assert_frozen(checked: Result<(), IssueError>) {
        let refused = checked.unwrap_err();
        assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
        assert!(refused.to_string().contains("sequence thaw NAME --above"), "{refused}");
    }

    #[test]
    fn a_serial_seen_before_freezes() {
        let (guard, store) = (guard(), identity("a", "1", Durability::Keeps));
        guard.check(&lease(2, 1), &store, Since::Started).unwrap();
        assert_frozen(guard.check(&lease(2, 11), &store, Since::Leased));
        guard.check(&lease(3, 11), &store, Since::Leased).unwrap();
    }

    /// Ground above this node's own may be another's, of which the store no longer knows.
    #[test]
    fn another_incarnation_of_a_store_that_may_lose_freezes_however_high_it_is() {
        for since in [Since::Started, Since::Leased] {
            let guard = guard();
            guard.check(&lease(2, 1), &may_lose("a", "1"), Since::Started).unwrap();
            guard.check(&lease(3, 11), &may_lose("a", "1"), since).unwrap();
            for store in [may_lose("a", "2"), identity("a", "2", Durability::Keeps)] {
                assert_frozen(guard.check(&lease(9, 1_000), &store, since));
            }
        }
    }

    #[test]
    fn a_store_that_keeps_may_be_started_again() {
        let (guard, kept) = (guard(), |run| identity("a", run, Durability::Keeps));
        guard.check(&lease(2, 1), &kept("1"), Since::Started).unwrap();
        guard.check(&lease(3, 11), &kept("2"), Since::Leased).unwrap();
        guard.check(&lease(4, 21), &kept("3"), Since::Started).unwrap();
        // Since when it no longer does is not known.
        assert_frozen(guard.check(&lease(5, 31), &may_lose("a", "3"), Since::Started));
    }

    #[test]
    fn only_a_node_that_starts_may_find_another_store() {
        let (guard, other) = (guard(), identity("b", "1", Durability::Keeps));
        let store = identity("a", "1", Durability::Keeps);
        guard.check_store(&store, Since::Started).unwrap();
        guard.check(&lease(2, 1), &store, Since::Started).unwrap();
        assert_frozen(guard.check_store(&other, Since::Leased));
        assert_frozen(guard.check(&lease(1, 1_000), &other, Since::Leased));
        assert_frozen(guard.check(&lease(1, 10), &other, Since::Started));
        guard.check(&lease(1, 11), &other, Since::Started).unwrap();
        // A name that only begins like another is another.
        guard.check(&lease(1, 21), &may_lose("b2", "1"), Since::Started).unwrap();
    }

    /// What the one store is has no say in what the other may be.
    #[test]
    fn stores_of_a_set_are_watched_by_their_parts() {
        let of = |offset| Definition::new(1, 2, offset, u64::MAX, Order::Leased).unwrap();
        let guard = guard();
        let (odd, even) = (guard.of_part(&of(1)), guard.of_part(&of(0)));
        let (one, other) = (may_lose("a", "1"), identity("b", "1", Durability::Keeps));
        odd.check(&lease(7, 101), &one, Since::Started).unwrap();
        even.check(&lease(1, 2), &other, Since::Started).unwrap();
        assert_frozen(odd.check(&lease(8, 201), &may_lose("a", "2"), Since::Leased));
        even.check(&lease(2, 202), &other, Since::Leased).unwrap();
        assert_frozen(even.check(&lease(2, 302), &other, Since::Leased));
        assert!(guard.knows_nothing());
    }
}
