//! A number of this process among all that share a registry.

use async_trait::async_trait;

/// Why there is no number to tell now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct NoNumber {
    /// Where the numbers are recorded, without secrets; not for everybody's eyes.
    pub place: String,
    /// The cause and the next step, without a word of where.
    pub reason: String,
}

/// A small number that no other living process has: 1 or above, the lowest that is free.
///
/// It is a name for as long as its holder is known to live, and no more than that: a process that
/// has been given up by the registry loses it to another. So it must not be the worker id of a
/// snowflake, which is safe by its horizon ([`WorkerRegistry`](crate::WorkerRegistry)).
#[async_trait]
pub trait NodeNumber: Send + Sync {
    /// The number, claimed by the first call and kept until it is given back.
    ///
    /// It is told only while the registry is known to hold it for this process. Whoever had one and
    /// lost it is given the same again if it is free.
    ///
    /// # Errors
    ///
    /// [`NoNumber`] if that cannot be known now.
    async fn number(&self) -> Result<u64, NoNumber>;

    /// Gives the number back, if there is one, for the next process that asks; none is told from
    /// here on.
    ///
    /// Returns when the registry has heard of it or does not answer. It then finds out by itself.
    async fn give_back(&self);
}
