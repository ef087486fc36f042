//! The face of the runtime for threads: every call blocks.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use futures_lite::future::block_on;
use idgen_core::IdRange;
use idgen_store::{Definition, Name};

use crate::error::{Cause, IssueError, StartError};
use crate::runtime::{ADMIN_WAIT, Runtime, StopReport};
use crate::sequence::Sequence;
use crate::settings::SnowflakeSettings;
use crate::snowflakes::Snowflakes;

impl Runtime {
    /// [`stop`](Self::stop) for threads: blocks.
    pub fn stop_blocking(&self) -> StopReport {
        block_on(self.stop())
    }

    /// [`sequence`](Self::sequence) for threads: blocks for at most 10 s.
    ///
    /// # Errors
    ///
    /// As for `sequence`; the cause `bad_request` if `name` is no name.
    pub fn sequence_blocking(&self, name: &str) -> Result<Arc<Sequence>, IssueError> {
        let name = parse(name)?;
        let deadline = self.shared.background.now() + ADMIN_WAIT;
        block_on(self.sequence(&name, deadline))
    }

    /// [`create`](Self::create) for threads; the sequence is opened too. Blocks.
    ///
    /// # Errors
    ///
    /// As for `create` and `sequence`.
    pub fn create_blocking(
        &self,
        name: &str,
        definition: &Definition,
    ) -> Result<Arc<Sequence>, IssueError> {
        let parsed = parse(name)?;
        block_on(self.create(&parsed, definition))?;
        self.sequence_blocking(name)
    }

    /// [`snowflakes`](Self::snowflakes) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `snowflakes`.
    pub fn snowflakes_blocking(
        &self,
        settings: SnowflakeSettings,
    ) -> Result<Arc<Snowflakes>, StartError> {
        block_on(self.snowflakes(settings))
    }
}

fn parse(name: &str) -> Result<Name, IssueError> {
    Name::new(name).map_err(|error| IssueError::new(Cause::BadRequest, error.to_string()))
}

impl Sequence {
    /// [`next_id`](Self::next_id) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `next_id`.
    pub fn next_id_blocking(&self, deadline: Instant) -> Result<u64, IssueError> {
        block_on(self.next_id(deadline))
    }

    /// [`take`](Self::take) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `take`.
    pub fn take_blocking(&self, max: NonZeroU64, deadline: Instant) -> Result<IdRange, IssueError> {
        block_on(self.take(max, deadline))
    }

    /// [`take_all`](Self::take_all) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `take_all`.
    pub fn take_all_blocking(
        &self,
        n: NonZeroU64,
        deadline: Instant,
    ) -> Result<Vec<IdRange>, IssueError> {
        block_on(self.take_all(n, deadline))
    }
}

impl Snowflakes {
    /// [`next_id`](Self::next_id) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `next_id`.
    pub fn next_id_blocking(&self, deadline: Instant) -> Result<u64, IssueError> {
        block_on(self.next_id(deadline))
    }

    /// [`take`](Self::take) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `take`.
    pub fn take_blocking(
        &self,
        bucket: usize,
        max: NonZeroU64,
        deadline: Instant,
    ) -> Result<IdRange, IssueError> {
        block_on(self.take(bucket, max, deadline))
    }

    /// [`take_all`](Self::take_all) for threads: blocks.
    ///
    /// # Errors
    ///
    /// As for `take_all`.
    pub fn take_all_blocking(
        &self,
        bucket: usize,
        n: NonZeroU64,
        deadline: Instant,
    ) -> Result<Vec<IdRange>, IssueError> {
        block_on(self.take_all(bucket, n, deadline))
    }
}
