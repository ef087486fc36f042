//! The client of GenID nodes.

use std::sync::Arc;
use std::time::Instant;

use crate::dialect::GenId;
use crate::nodes::Nodes;
use crate::order::Answer;
use crate::{Error, Losses, Settings, Taken};

/// Snowflakes of GenID nodes.
///
/// Clones share nodes, connection and counts. One connection sits in one bucket of its node, which
/// yields 65,536 ids a second; who needs more makes several clients.
///
/// The dialect has no word for a refusal: a node that cannot answer closes the connection, and
/// what was under way on it may have been issued or not.
#[derive(Clone)]
pub struct GenIdClient {
    nodes: Arc<Nodes<GenId>>,
}

impl GenIdClient {
    /// A client of these nodes. Nothing is sent before the first call, which must be made inside a
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if a setting makes no sense.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { nodes: Arc::new(Nodes::new(settings)?) })
    }

    /// One id.
    ///
    /// # Errors
    ///
    /// [`Error::Deadline`].
    pub async fn next_id(&self, deadline: Instant) -> Result<u64, Error> {
        self.take(1, deadline).await?.ids().next().ok_or_else(no_id)
    }

    /// `count` ids, at least 1, over one connection; above 255 they are several requests on the
    /// wire.
    ///
    /// # Errors
    ///
    /// [`Error::Deadline`]; [`Error::Usage`] for a count of 0.
    pub async fn take(&self, count: u16, deadline: Instant) -> Result<Taken, Error> {
        if count == 0 {
            return Err(none_asked());
        }
        match self.nodes.ask(&count, deadline).await? {
            (connection, Answer::Ids(ranges)) => Ok(Taken::new(ranges, connection)),
            (_, Answer::Health(_)) => Err(no_id()),
        }
    }

    /// What may have been lost up to now.
    pub fn losses(&self) -> Losses {
        self.nodes.losses()
    }
}

pub(crate) fn none_asked() -> Error {
    Error::Usage("a count is at least 1; ask for 1 or more ids".to_owned())
}

/// An answer of another kind than was asked for, which no connection lets through.
pub(crate) fn no_id() -> Error {
    Error::Usage("the answer holds no ids; please report this defect".to_owned())
}
