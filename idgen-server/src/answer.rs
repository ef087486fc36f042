//! The one answer behind all doors.
//!
//! A [`Request`] says what is wanted in the words of the workspace, whatever dialect it came in.
//! [`Desk::answer`] decides, once for all doors: what a count may be, which deadline holds, which
//! cause a refusal has. Doors only translate.

mod administer;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_runtime::snowflake::{Decoded, PRESETS, Preset};
use idgen_runtime::store::{Alteration, Created, Definition, Name, NodeNumber, SequenceInfo};
use idgen_runtime::{Cause, IssueError, Lifetime, Runtime, Snowflakes};

use crate::Refusal;

/// The most ids that are listed one by one in one answer.
pub const MAX_LISTED_IDS: u64 = 10_000;
/// The most ids in one answer that is made of ranges.
pub const MAX_RANGED_IDS: u64 = 1_000_000;
/// What an answer may take beyond its deadline before it is given up from outside.
const GRACE: Duration = Duration::from_millis(500);

/// What a client wants.
#[derive(Clone, Debug)]
pub enum Request {
    /// One id of the idpool door's sequence.
    Pool,
    /// Ids of a sequence.
    Ids {
        /// The sequence.
        sequence: Name,
        /// How many; at least 1.
        count: u64,
        /// Whether they will be listed one by one, which has a lower cap.
        listed: bool,
    },
    /// Snowflakes of the native layout.
    Snowflakes {
        /// How many; at least 1.
        count: u64,
        /// Whether they will be listed one by one, which has a lower cap.
        listed: bool,
    },
    /// GenID ids of one bucket, at most 255.
    Bucket {
        /// The connection's bucket.
        bucket: usize,
        /// How many; at least 1.
        count: NonZeroU64,
    },
    /// One sequence, as this server sees it.
    Show(Name),
    /// Whether the store has a sequence, asked anew each time.
    Exists(Name),
    /// What an id says.
    Decode {
        /// The id.
        id: u64,
        /// The name of its layout; the native one if absent.
        layout: Option<String>,
    },
    /// The number of this process.
    NodeNumber,
    /// Whether this server would answer now.
    Health,
    /// An operator's request; the admin door hands these in, and idpot's door a creation where
    /// that is allowed.
    Administer(Administration),
}

/// What an operator wants.
#[derive(Clone, Debug)]
pub enum Administration {
    /// All sequences of the store.
    List,
    /// A new sequence.
    Create(Name, Definition),
    /// The next id lies above the number.
    Advance(Name, u64),
    /// Other settings.
    Alter(Name, Alteration),
    /// The end of a sequence; its mark stays.
    Delete(Name),
    /// A frozen sequence goes on above the number.
    Thaw(Name, u64),
    /// The highest id that this node was granted.
    Mark(Name),
}

/// What a client gets.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Ids, rising.
    Ids(Vec<IdRange>),
    /// One sequence.
    Sequence(SequenceView),
    /// All sequences.
    Sequences(Vec<SequenceInfo>),
    /// What an id says.
    Decoded(DecodedId),
    /// The number of this process, known to be its own when it was told.
    NodeNumber(u64),
    /// How this server is.
    Health(Health),
    /// A sequence is there, new or with the same definition as before.
    Created(Created),
    /// A sequence has these settings now.
    Altered(Definition),
    /// The highest id of a sequence that this node was granted.
    Mark(u64),
    /// It is done.
    Done,
}

/// One sequence, as this server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceView {
    /// Its name.
    pub name: Name,
    /// What it counts.
    pub definition: Definition,
    /// The number just before the next one this server would issue: its own last id, and before
    /// its first lease the store's bound.
    pub last: u64,
}

/// What an id says in one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedId {
    /// The id.
    pub id: u64,
    /// The layout's name.
    pub layout: &'static str,
    /// When its tick began, in Unix milliseconds.
    pub unix_ms: u64,
    /// The number of its tick.
    pub tick: u64,
    /// Names and values of the node fields and the bucket, from high to low.
    pub fields: Vec<(&'static str, u64)>,
    /// The sequence number inside the tick.
    pub sequence: u64,
}

impl DecodedId {
    /// Takes `id` apart by the layout of the name.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that lists the known names, or says that the id has more bits than the layout.
    pub fn new(id: u64, layout: &str) -> Result<Self, Refusal> {
        let preset = Preset::named(layout).map_err(|e| Refusal::bad_request(e.to_string()))?;
        let decoded = preset.layout.decode(id).map_err(|e| Refusal::bad_request(e.to_string()))?;
        Ok(Self::of(id, preset.name, &decoded))
    }

    fn of(id: u64, layout: &'static str, decoded: &Decoded<'_>) -> Self {
        Self {
            id,
            layout,
            unix_ms: decoded.unix_ms(),
            tick: decoded.tick(),
            fields: decoded.fields().collect(),
            sequence: decoded.sequence(),
        }
    }
}

/// How this server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it would issue ids now.
    pub ready: bool,
    /// What keeps it from that.
    pub reasons: Vec<String>,
    /// The id spaces it issues in, and how long their layouts last.
    pub lifetimes: Vec<(Name, Lifetime)>,
}

/// Where every request of every door is answered.
#[derive(Clone)]
pub struct Desk {
    /// What issues.
    pub runtime: Runtime,
    /// The sequence that the idpool door serves.
    pub pool: Name,
    /// The sequence that the artisanal doors serve.
    pub integers: Name,
    /// The generator of native snowflakes and its layout's name, if this server has one.
    pub snowflakes: Option<(Arc<Snowflakes>, &'static str)>,
    /// The generator of the GenID door, if this server has one.
    pub genid: Option<Arc<Snowflakes>>,
    /// What claims a number for this process, if this server tells one.
    pub number: Option<Arc<dyn NodeNumber>>,
    /// How long a request may take.
    pub request_deadline: Duration,
}

impl Desk {
    /// Answers one request within the deadline.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with its cause. Ids that were claimed for a refused request are gaps.
    pub async fn answer(&self, request: Request) -> Result<Reply, Refusal> {
        self.answer_within(request, self.request_deadline).await
    }

    /// Answers one request within the client's own limit, where that ends before the deadline.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    pub async fn answer_within(&self, request: Request, limit: Duration) -> Result<Reply, Refusal> {
        let limit = limit.min(self.request_deadline);
        let deadline = Instant::now() + limit;
        let answer = self.answer_by(deadline, request);
        // The runtime keeps deadlines by itself; this holds where a store never comes back.
        match tokio::time::timeout_at((deadline + GRACE).into(), answer).await {
            Ok(answer) => answer,
            Err(_late) => Err(Refusal::late(limit)),
        }
    }

    async fn answer_by(&self, deadline: Instant, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Pool => self.pool_id(deadline).await,
            Request::Ids { sequence, count, listed } => {
                let count = checked_count(count, listed)?;
                let sequence = self.runtime.sequence(&sequence, deadline).await?;
                Ok(Reply::Ids(sequence.take_all(count, deadline).await?))
            }
            Request::Snowflakes { count, listed } => {
                let count = checked_count(count, listed)?;
                let Some((snowflakes, _)) = &self.snowflakes else {
                    return Err(not_served("snowflakes"));
                };
                Ok(Reply::Ids(snowflakes.take_all(0, count, deadline).await?))
            }
            Request::Bucket { bucket, count } => {
                let genid = self.genid.as_ref().ok_or_else(|| not_served("GenID ids"))?;
                Ok(Reply::Ids(genid.take_all(bucket, count, deadline).await?))
            }
            Request::Show(name) => self.show(&name, deadline).await,
            Request::Exists(name) => {
                let described = self.runtime.sequences().describe(&name).await;
                described.map(|_info| Reply::Done).map_err(|e| Refusal::from(IssueError::from(e)))
            }
            Request::Decode { id, layout } => {
                let native = self.snowflakes.as_ref().map_or(PRESETS[0].name, |(_, name)| name);
                DecodedId::new(id, layout.as_deref().unwrap_or(native)).map(Reply::Decoded)
            }
            Request::NodeNumber => {
                let number = self.number.as_ref().ok_or_else(|| not_served("a node number"))?;
                Ok(Reply::NodeNumber(number.number().await?))
            }
            Request::Health => Ok(Reply::Health(self.health())),
            Request::Administer(wanted) => self.administer(wanted).await,
        }
    }

    /// Lets the next process have the number of this one, if it has any.
    pub(crate) async fn give_number_back(&self) {
        if let Some(number) = &self.number {
            number.give_back().await;
        }
    }

    async fn pool_id(&self, deadline: Instant) -> Result<Reply, Refusal> {
        let pool = self.runtime.sequence(&self.pool, deadline).await?;
        let id = pool.next_id(deadline).await?;
        Ok(Reply::Ids(vec![IdRange::one(id)]))
    }

    async fn show(&self, name: &Name, deadline: Instant) -> Result<Reply, Refusal> {
        let sequence = self.runtime.sequence(name, deadline).await?;
        let last = sequence.last(deadline).await?;
        let definition = sequence.definition();
        Ok(Reply::Sequence(SequenceView { name: name.clone(), definition, last }))
    }

    fn health(&self) -> Health {
        let reasons = self.runtime.troubles();
        let lifetimes = self.runtime.lifetimes();
        Health { ready: reasons.is_empty(), reasons, lifetimes }
    }
}

fn checked_count(count: u64, listed: bool) -> Result<NonZeroU64, Refusal> {
    let cap = if listed { MAX_LISTED_IDS } else { MAX_RANGED_IDS };
    let count = NonZeroU64::new(count)
        .ok_or_else(|| Refusal::bad_request("a count is at least 1; ask for 1 or more ids"))?;
    if count.get() <= cap {
        return Ok(count);
    }
    let way_out = if listed {
        format!("ask for fewer, or for up to {MAX_RANGED_IDS} with as=range")
    } else {
        "ask for fewer at a time".to_owned()
    };
    Err(Refusal::over_cap(format!("{count} ids are over the cap of {cap}; {way_out}")))
}

fn not_served(what: &str) -> Refusal {
    Refusal {
        cause: Cause::Unknown,
        detail: format!("this server does not issue {what}; start one that does"),
        retry_after_ms: None,
        over_cap: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_capped_by_what_is_listed() {
        assert_eq!(checked_count(0, true).unwrap_err().http_status(), 400);
        assert!(checked_count(MAX_LISTED_IDS, true).is_ok());
        let over = checked_count(MAX_LISTED_IDS + 1, true).unwrap_err();
        assert_eq!(over.http_status(), 413);
        assert!(over.detail.contains("the cap of 10000"), "{over}");
        assert!(checked_count(MAX_RANGED_IDS, false).is_ok());
        assert_eq!(checked_count(u64::MAX, false).unwrap_err().http_status(), 413);
    }

    #[test]
    fn ids_are_taken_apart_by_name() {
        let id = 1_700_000_000 << 32 | 3 << 27 | 1 << 24 | 2 << 21 | 31 << 16 | 9;
        let decoded = DecodedId::new(id, "genid").unwrap();
        assert_eq!(decoded.unix_ms, 1_700_000_000_000);
        assert_eq!(decoded.fields, [("zone", 3), ("dc", 1), ("machine", 2), ("bucket", 31)]);
        assert_eq!(decoded.sequence, 9);
        let unknown = DecodedId::new(id, "nobody's").unwrap_err();
        assert!(unknown.detail.contains("take one of standard, "), "{unknown}");
        assert_eq!(DecodedId::new(u64::MAX, "standard").unwrap_err().http_status(), 400);
    }
}
