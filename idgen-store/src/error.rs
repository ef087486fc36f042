//! What stores and registries answer when they do not grant; each kind says what to do next.

use crate::{Definition, Name};

/// Why a [`SequenceStore`](crate::SequenceStore) did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store answered that there is no such sequence.
    #[error("no such sequence: '{name}'; create it first")]
    Unknown {
        /// The name that was asked for.
        name: Name,
    },
    /// The sequence has granted its last id, for good.
    #[error("sequence '{name}' is exhausted: its last id is {end}; use another sequence")]
    Exhausted {
        /// The sequence.
        name: Name,
        /// The highest number it may reach.
        end: u64,
    },
    /// A sequence of that name exists with another definition.
    #[error(
        "sequence '{name}' exists with another definition ({existing}); alter it or choose \
         another name"
    )]
    Conflict {
        /// The sequence.
        name: Name,
        /// What it is defined as.
        existing: Definition,
    },
    /// The sequence goes on in another store, and this one only remembers where.
    #[error("sequence '{name}' was moved to {to}; ask that store for it")]
    Moved {
        /// The sequence.
        name: Name,
        /// The other store's URL without its secrets.
        to: String,
    },
    /// The position asked for lies below numbers that are granted already.
    #[error(
        "sequence '{name}' has granted ids up to {bound}; {asked} would lower it, choose {bound} \
         or more"
    )]
    WouldLower {
        /// The sequence.
        name: Name,
        /// The store's bound.
        bound: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A hand-back of ground that the store did not grant last under that serial.
    #[error("lease {serial} of sequence '{name}' cannot be handed back; its rest is a gap")]
    NotCurrent {
        /// The sequence.
        name: Name,
        /// The lease's serial.
        serial: u64,
    },
    /// The request itself cannot be met by any store of this kind.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached or used now; whether the request took effect is unknown.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store's content is not what this version wrote; retrying does not help.
    #[error("store damaged: {0}")]
    Damaged(String),
}

/// Why a [`WorkerRegistry`](crate::WorkerRegistry) did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Every worker id of the range asked for has a holder.
    #[error(
        "all {count} worker ids of id space '{space}' are taken; the next may be free in \
         {retry_ms} ms, or use a layout with more worker bits"
    )]
    AllTaken {
        /// The id space.
        space: Name,
        /// How many ids the range has.
        count: u64,
        /// When the first of the leases runs out, if it is not renewed, in milliseconds.
        retry_ms: u64,
    },
    /// The one worker id asked for has a holder.
    #[error(
        "worker id {worker} of id space '{space}' is held by {holder}; it may be free in \
         {retry_ms} ms, or ask for another"
    )]
    Held {
        /// The id space.
        space: Name,
        /// The worker id.
        worker: u64,
        /// What the holder calls itself.
        holder: String,
        /// When its lease runs out, if it is not renewed, in milliseconds.
        retry_ms: u64,
    },
    /// The id is free, but ids were stamped on it up to a time this clock has not reached.
    #[error(
        "worker id {worker} of id space '{space}' was used up to {floor_unix_ms} ms since 1970, \
         {wait_ms} ms ahead of this clock; set the clock right or wait"
    )]
    FloorAhead {
        /// The id space.
        space: Name,
        /// The worker id.
        worker: u64,
        /// Where the next lease of the id begins, in Unix milliseconds.
        floor_unix_ms: u64,
        /// How far that is ahead of the caller's clock, in milliseconds.
        wait_ms: u64,
    },
    /// The token is not the current one: another holder has the id, or it was released.
    #[error("the lease of worker id {worker} in id space '{space}' is lost; claim anew")]
    Lost {
        /// The id space.
        space: Name,
        /// The worker id.
        worker: u64,
    },
    /// The layout record has been written by someone else meanwhile.
    #[error("the layout record of id space '{space}' is at version {version}; read it again")]
    LayoutConflict {
        /// The id space.
        space: Name,
        /// The version that stands in the registry; 0 means none.
        version: u64,
    },
    /// The request itself cannot be met.
    #[error("{0}")]
    Refused(String),
    /// The registry cannot be reached or used now; whether the request took effect is unknown.
    #[error("registry unavailable: {0}")]
    Unavailable(String),
    /// The registry's content is not what this version wrote; retrying does not help.
    #[error("registry damaged: {0}")]
    Damaged(String),
}

/// What a store says as a whole, in the words of a registry.
impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(said) => Self::Unavailable(said),
            StoreError::Damaged(said) => Self::Damaged(said),
            other => Self::Refused(other.to_string()),
        }
    }
}
