//! What rqlite and the way to it say, in the words of a store: place, cause, next step.

use super::settings::Node;
use crate::StoreError;

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store's own answer, decided from what it holds.
    Answer(StoreError),
    /// What SQLite said of a statement, which had no effect.
    Sql(String),
    /// A row is not as idgen writes it.
    Damaged(String),
    /// The cluster cannot serve a store as it is; the sentence names the next step.
    Refused(String),
    /// It cannot serve this one now; the sentence names the next step.
    Unfit(String),
    /// A request was sent and its answer did not come: whether it took effect is unknown.
    Lost(Node, String),
    /// No node leads, as far as could be found out.
    Leaderless(String),
    /// No answer within this many milliseconds, from that node.
    Late(Node, u128),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl Fault {
    /// Whether others who wait for the same cluster would meet the same.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Leaderless(_) | Self::Late(..))
    }

    /// The error that the caller gets; `place` is the store's URL without its secrets.
    pub(super) fn tell(self, place: &str) -> StoreError {
        let unavailable = |said: String| StoreError::Unavailable(format!("{place}: {said}"));
        match self {
            Self::Answer(error) => error,
            Self::Sql(said)
                if said.contains("no such table") || said.contains("no such column") =>
            {
                StoreError::Damaged(format!(
                    "{place}: a table is not as idgen made it ({said}); restore it from a backup"
                ))
            }
            Self::Sql(said) => unavailable(format!("SQLite said: {said}; see its log, and retry")),
            Self::Damaged(what) => {
                StoreError::Damaged(format!("{place}: {what}; restore it from a backup"))
            }
            Self::Refused(what) => StoreError::Refused(format!("{place}: {what}")),
            Self::Unfit(what) => unavailable(what),
            Self::Lost(node, why) => unavailable(format!(
                "{node} was asked and its answer was lost ({why}); whether it took effect is \
                 unknown, and what it may have granted is a gap; retry"
            )),
            Self::Leaderless(said) => unavailable(said),
            Self::Late(node, ms) => unavailable(format!(
                "{node} did not answer within {ms} ms; see whether it or the network is \
                 overloaded, and retry"
            )),
        }
    }
}
