//! Leases of time: the trait every worker registry implements, and its words.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use idgen_core::{Ended, LeaseToken, Renewal, WorkerLease};

use crate::{Name, RegistryError, StoreIdentity};

/// Which worker id a claim would like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Any free one.
    Any,
    /// This one if it is free, else any.
    Prefer(u64),
    /// This one and no other.
    Exactly(u64),
}

/// What a process that was killed can show of its last lease, on one host.
///
/// The file it comes from was written under an exclusive lock that dies with the process, so its
/// writer is gone. A claim that shows the token last granted, or the nonce of the claim that it was
/// granted for, starts at `soft_horizon_unix_ms` instead of the lease's horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftProof {
    /// The worker id of the last lease, if its grant was seen.
    pub worker: Option<u64>,
    /// The token of the last lease, if its grant was seen. Its serial alone would prove nothing: a
    /// registry that was put back to an earlier state grants it once more, to somebody else.
    pub token: Option<LeaseToken>,
    /// The nonce of the last claim that was sent.
    pub nonce: u128,
    /// The boot in which it was written.
    pub boot_id: String,
    /// No id was stamped at or above this time, in Unix milliseconds.
    pub soft_horizon_unix_ms: u64,
}

/// One call of [`WorkerRegistry::claim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The worker ids that may be granted.
    pub ids: RangeInclusive<u64>,
    /// Which of them is wished for.
    pub wish: Wish,
    /// Random, fresh for each claim call; a repeat with the same nonce answers the same lease.
    pub nonce: u128,
    /// What the claimer calls itself, shown to operators (host, process, service).
    pub holder: String,
    /// What the claimer publishes to its peers, its layout and node fields in words; at most 1024
    /// bytes, empty if it publishes nothing.
    pub published: String,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: u64,
    /// The claimer's clock, in Unix milliseconds. The horizon asked for is one lease above it.
    pub now_unix_ms: u64,
    /// What this host can prove of its last lease.
    pub proof: Option<SoftProof>,
}

/// A granted claim.
#[derive(Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The right itself.
    pub lease: WorkerLease,
    /// How far the floor lies ahead of the claimer's clock, in milliseconds; 0 if it has passed.
    pub wait_ms: u64,
    /// The horizon was cut, because it lay further than a lease and 2 s ahead of the registry's
    /// clock.
    pub cut: bool,
}

/// A granted renewal.
#[derive(Debug, PartialEq, Eq)]
pub struct Renewed {
    /// For the generator.
    pub renewal: Renewal,
    /// The horizon was cut, because it lay further than a lease and 2 s ahead of the registry's
    /// clock.
    pub cut: bool,
}

/// What a registry knows about one worker id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// The worker id.
    pub worker: u64,
    /// Serial and nonce of the last grant.
    pub token: LeaseToken,
    /// What the last holder called itself.
    pub holder: String,
    /// What the last holder published.
    pub published: String,
    /// How far the last holder's clock was ahead of the registry's at its last renewal, in
    /// milliseconds; negative if it was behind.
    pub clock_ahead_ms: i64,
    /// Whether it holds the id now.
    pub held: bool,
    /// Where the lease began, or where the next one begins if it was released.
    pub floor_unix_ms: u64,
    /// Where the lease ends.
    pub horizon_unix_ms: u64,
}

impl WorkerInfo {
    /// Whether the last holder has given the id back: a lease that lasts or has lapsed ends above
    /// its floor, what is left of a released one ends where the next begins.
    fn is_released(&self) -> bool {
        !self.held && self.horizon_unix_ms == self.floor_unix_ms
    }
}

/// The layout that an id space was begun with, in the words of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutRecord {
    /// Counts the writes; the first is 1.
    pub version: u64,
    /// The layout in words.
    pub text: String,
}

impl LayoutRecord {
    /// What a compare-and-set makes of the record `stored`.
    pub(crate) fn next(
        stored: Option<&Self>,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<Self, RegistryError> {
        let version = stored.map_or(0, |record| record.version);
        if version != expected {
            return Err(RegistryError::LayoutConflict { space: space.clone(), version });
        }
        Ok(Self { version: version + 1, text: text.to_owned() })
    }
}

/// Leases of time. The laws W1 to W11 stand in the `conformance` module.
#[async_trait]
pub trait WorkerRegistry: Send + Sync {
    /// Which registry this is.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    async fn identity(&self) -> Result<StoreIdentity, RegistryError>;

    /// Whether every process that uses this registry runs on this host, under one boot clock, so
    /// that a [`SoftProof`] can be judged.
    fn is_of_this_host(&self) -> bool {
        false
    }

    /// Claims a worker id: of the free ids the lowest whose floor has passed, else the one whose
    /// floor passes first.
    ///
    /// # Errors
    ///
    /// [`RegistryError::AllTaken`], [`RegistryError::Held`], [`RegistryError::FloorAhead`],
    /// [`RegistryError::Refused`], [`RegistryError::Unavailable`].
    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError>;

    /// Moves the horizon of a lease up to one lease above `now_unix_ms`; it never moves down.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Lost`] with any token but the current one; nothing changes then.
    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError>;

    /// Gives a lease back: the next one begins at the receipt's floor, cut to the recorded horizon.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Lost`] with any token but the current one; nothing changes then.
    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError>;

    /// Every worker id that was ever granted, by number.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError>;

    /// The worker ids that are held now, by number.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    async fn peers(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        Ok(self.list(space).await?.into_iter().filter(|worker| worker.held).collect())
    }

    /// Whether the last holder of a worker id has given it back; or is gone, where the registry
    /// itself watches holders and cannot tell for how long one may yet hold. Whoever waits for that
    /// asks many times a second: a registry answers from one record, without a write.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    async fn is_released(&self, space: &Name, worker: u64) -> Result<bool, RegistryError> {
        let workers = self.list(space).await?;
        Ok(workers.iter().any(|info| info.worker == worker && info.is_released()))
    }

    /// The layout record of an id space, if it has one.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`].
    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError>;

    /// Writes the layout record if its version is still `expected` (0: none yet).
    ///
    /// # Errors
    ///
    /// [`RegistryError::LayoutConflict`] if it is not.
    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError>;
}
