//! Leases of numbers: the trait every sequence store implements, and its words.

use async_trait::async_trait;
use idgen_core::IdRange;

use crate::{Account, Definition, Name, Order, Share, StoreError, moved};

/// One granted lease: nobody else is or was granted these ids.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    /// The ids; at most as many as were asked for.
    pub range: IdRange,
    /// The sequence's count of grants and hand-backs; only rises.
    pub serial: u64,
}

/// Whether [`SequenceStore::create`] made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The sequence is new.
    New,
    /// It was there with the same definition; nothing changed.
    Unchanged,
}

/// A change of a sequence's settings; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alteration {
    /// The new increment.
    pub increment: Option<u64>,
    /// The new offset.
    pub offset: Option<u64>,
    /// The new upper bound.
    pub end: Option<u64>,
    /// The new order.
    pub order: Option<Order>,
    /// Ids of the new settings lie above this number: at or above the store's bound, else the
    /// alteration is refused with [`StoreError::WouldLower`].
    pub above: u64,
}

/// What a store knows about one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceInfo {
    /// Its name.
    pub name: Name,
    /// What it counts.
    pub definition: Definition,
    /// The highest number that was ever granted, or the number before the first.
    pub bound: u64,
    /// The count of grants and hand-backs.
    pub serial: u64,
    /// How many ids lie in handed-back tails.
    pub returned: u64,
    /// Where the sequence goes on, if it was moved away: then this is its tombstone, and the bound
    /// is the last that this store granted.
    pub moved_to: Option<String>,
}

/// A sequence that comes from another store, to go on above what that one granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What it counts.
    pub definition: Definition,
    /// The highest number that the other store granted: ids go on above it.
    pub bound: u64,
    /// The other store's URL without its secrets: a tombstone here that names it is lifted.
    pub from: String,
}

/// What a store promises about an answer it has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk or on a quorum before the answer.
    Keeps,
    /// It may be forgotten, for the reason named.
    MayLose(String),
}

/// Which store this is, so that its being swapped, rewound or emptied can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreIdentity {
    /// The backend's name, for example `sqlite`.
    pub backend: &'static str,
    /// What stays the same while it is the same store.
    pub id: String,
    /// What changes when the store has started over or was promoted.
    pub incarnation: String,
    /// Whether an answer is kept.
    pub durability: Durability,
    /// The highest id that a sequence of this store can reach.
    pub ceiling: u64,
}

/// Leases of numbers. The laws S1 to S14 stand in the `conformance` module.
#[async_trait]
pub trait SequenceStore: Send + Sync {
    /// Which store this is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn identity(&self) -> Result<StoreIdentity, StoreError>;

    /// What an operator should know about this store at start, a sentence each: for a form that was
    /// adopted, what it cannot hold. By default nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Whether [`OpenStore::served_by`](crate::OpenStore::served_by) several nodes makes the order
    /// of this store's sequences strict: so it is where a form that was adopted has no place for
    /// the order and its clients are shown the last id. By default not.
    fn is_strict_over_nodes(&self) -> bool {
        false
    }

    /// Creates a sequence; with the same definition again nothing changes. A name that was deleted
    /// goes on above its mark.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it exists with another definition.
    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError>;

    /// Leases 1 to `len` ids (at least 1), all above `above`, durably, before it answers. Fewer
    /// only near the end or from a returned tail.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::Exhausted`], [`StoreError::Unavailable`];
    /// [`StoreError::Refused`] for a `len` of 0.
    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError>;

    /// Returns the unissued end of a lease, named by the lease's serial. Sent once: after an
    /// unknown outcome the rest is a gap. A store may keep nothing and answer
    /// [`StoreError::NotCurrent`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NotCurrent`] if the tail cannot be taken back.
    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError>;

    /// The bound: the highest number ever granted, or the number before the first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::Unavailable`].
    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.describe(name).await.map(|info| info.bound)
    }

    /// Makes the next lease start above `above`; returned tails are given up.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if `above` is below the bound, [`StoreError::Exhausted`] never:
    /// a sequence may be advanced to its end.
    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError>;

    /// Changes settings; returned tails are given up.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`], [`StoreError::Refused`] for settings that define no sequence.
    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError>;

    /// All sequences by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError>;

    /// One sequence.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::Unavailable`].
    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError>;

    /// Deletes a sequence and leaves its mark: created again it starts above it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::Unavailable`].
    async fn delete(&self, name: &Name) -> Result<(), StoreError>;

    /// Leaves a tombstone: from here on nothing is leased, and every change is answered with
    /// [`StoreError::Moved`], which names `to`. The sequence is still listed and described, with
    /// the bound at which it ended. Again with the same `to` it answers the same.
    ///
    /// By default refused: the form has no place for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Moved`] if it was moved elsewhere, [`StoreError::Unknown`],
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for a `to` that is empty, longer than
    /// 1024 bytes or holds control characters.
    async fn move_away(&self, name: &Name, _to: &str) -> Result<SequenceInfo, StoreError> {
        Err(StoreError::Refused(format!(
            "this form has no place for a tombstone of sequence '{name}'; end everything that \
             leases from it, then copy its position only (--copy-only)"
        )))
    }

    /// Refuses what [`move_in`](Self::move_in) would refuse, as far as can be told before.
    ///
    /// # Errors
    ///
    /// As for [`move_in`](Self::move_in).
    async fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        moved::check_arrival(self, name, arrival).await
    }

    /// Takes a sequence in at the other store's bound, in one step: at no moment does it grant an
    /// id at or below that. If it is here already it is raised, never lowered; so this is safe to
    /// repeat. A tombstone that names [`Arrival::from`] is lifted.
    ///
    /// By default made of [`create`](Self::create), with a definition that begins above the bound,
    /// or [`advance_to`](Self::advance_to).
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it is here with another progression, end or order, or the name
    /// was deleted here and has no id left; [`StoreError::Moved`] if it was moved on.
    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        moved::move_in(self, name, arrival).await
    }

    /// Whether this is a set of stores, each of which is watched by itself.
    fn is_set(&self) -> bool {
        false
    }

    /// What each store says of a sequence: by default this one alone.
    ///
    /// # Errors
    ///
    /// As for [`describe`](Self::describe).
    async fn accounts(&self, name: &Name) -> Result<Vec<Account>, StoreError> {
        Ok(vec![Account { info: self.describe(name).await?, identity: self.identity().await? }])
    }

    /// A lease that this store granted, as the one store of a set knows it that it came from.
    ///
    /// # Errors
    ///
    /// As for [`describe`](Self::describe).
    async fn share_of(&self, name: &Name, lease: &Lease) -> Result<Share, StoreError> {
        let account =
            Account { info: self.describe(name).await?, identity: self.identity().await? };
        Ok(Share { lease: Lease { range: lease.range, serial: lease.serial }, account })
    }
}
