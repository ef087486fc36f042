//! The client of idgen's own protocol.

use std::sync::Arc;
use std::time::Instant;

use idgen_wire::native::{NAME_MAX, NameLength};

use crate::dialect::{Ask, Native};
use crate::genid::{no_id, none_asked};
use crate::nodes::Nodes;
use crate::order::Answer;
use crate::{Error, Losses, Settings, Taken};

/// Ids of sequences and snowflakes, from servers that speak idgen's own protocol.
///
/// Clones share nodes, connection and counts.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), idgen_client::Error> {
/// use std::time::{Duration, Instant};
///
/// use idgen_client::{NativeClient, Settings};
///
/// let client = NativeClient::new(Settings::new(["10.0.0.1:3779", "10.0.0.2:3779"]))?;
/// let orders = client.sequence("orders")?;
/// let deadline = Instant::now() + Duration::from_millis(500);
/// let batch = orders.take(1000, deadline).await?;
/// println!("{:?}, and lost so far: {:?}", batch.ranges(), client.losses());
/// let snowflake = client.snowflake(deadline).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NativeClient {
    nodes: Arc<Nodes<Native>>,
}

/// How a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it would issue ids now.
    pub is_ready: bool,
    /// What keeps it from that.
    pub reasons: String,
}

impl NativeClient {
    /// A client of these nodes. Nothing is sent before the first call, which must be made inside a
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if a setting makes no sense.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { nodes: Arc::new(Nodes::new(settings)?) })
    }

    /// The sequence of this name, of 1 to 128 bytes. Whether there is one shows at its first id.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if no sequence can have that name.
    pub fn sequence(&self, name: &str) -> Result<Sequence, Error> {
        let len = name.len();
        if !(1..=NAME_MAX).contains(&len) {
            return Err(Error::Usage(NameLength { len }.to_string()));
        }
        Ok(Sequence { client: self.clone(), name: name.into() })
    }

    /// One snowflake.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Deadline`].
    pub async fn snowflake(&self, deadline: Instant) -> Result<u64, Error> {
        self.snowflakes(1, deadline).await?.ids().next().ok_or_else(no_id)
    }

    /// `count` snowflakes, at least 1.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Deadline`]; [`Error::Usage`] for a count of 0.
    pub async fn snowflakes(&self, count: u32, deadline: Instant) -> Result<Taken, Error> {
        self.take(Ask::Snowflakes(count), deadline).await
    }

    /// How the node in use is.
    ///
    /// # Errors
    ///
    /// [`Error::Deadline`] if none answers.
    pub async fn health(&self, deadline: Instant) -> Result<Health, Error> {
        match self.nodes.ask(&Ask::Health, deadline).await? {
            (_, Answer::Health(health)) => Ok(health),
            (_, Answer::Ids(_)) => Err(no_id()),
        }
    }

    /// What may have been lost up to now.
    pub fn losses(&self) -> Losses {
        self.nodes.losses()
    }

    async fn take(&self, ask: Ask, deadline: Instant) -> Result<Taken, Error> {
        if matches!(ask, Ask::Ids(_, 0) | Ask::Snowflakes(0)) {
            return Err(none_asked());
        }
        match self.nodes.ask(&ask, deadline).await? {
            (connection, Answer::Ids(ranges)) => Ok(Taken::new(ranges, connection)),
            (_, Answer::Health(_)) => Err(no_id()),
        }
    }
}

/// A sequence of idgen's servers.
#[derive(Clone)]
pub struct Sequence {
    client: NativeClient,
    name: Arc<str>,
}

impl Sequence {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One id.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Deadline`].
    pub async fn next_id(&self, deadline: Instant) -> Result<u64, Error> {
        self.take(1, deadline).await?.ids().next().ok_or_else(no_id)
    }

    /// `count` ids, at least 1; a server caps it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Deadline`]; [`Error::Usage`] for a count of 0.
    pub async fn take(&self, count: u32, deadline: Instant) -> Result<Taken, Error> {
        self.client.take(Ask::Ids(self.name.clone(), count), deadline).await
    }
}
