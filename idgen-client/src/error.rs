//! Why a call failed.

use idgen_core::Cause;

/// Why there are no ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node refuses, and asking another would not help or did not within the deadline.
    #[error("node {node} refused: {detail}{}", lost(*.unanswered_ids))]
    Refused {
        /// The node's address.
        node: String,
        /// Why, in one word of the table that all dialects share.
        cause: Cause,
        /// Why, and what to do, in the node's words.
        detail: String,
        /// When asking again may help, in milliseconds.
        retry_after_ms: Option<u64>,
        /// How many ids may be lost because earlier tries of this call were not answered.
        unanswered_ids: u64,
    },
    /// The deadline passed, or no node can be tried before it will.
    #[error(
        "no answer within the deadline: {why}; see that a node of the list runs and can be \
         reached, or allow more time{}",
        lost(*.unanswered_ids)
    )]
    Deadline {
        /// What went wrong last.
        why: String,
        /// How many ids may be lost because tries of this call were not answered.
        unanswered_ids: u64,
    },
    /// The call or a setting makes no sense.
    #[error("{0}")]
    Usage(String),
}

fn lost(unanswered_ids: u64) -> String {
    match unanswered_ids {
        0 => String::new(),
        ids => format!(" ({ids} ids may have been issued without an answer: they are gaps)"),
    }
}

impl Error {
    /// Why, in one word of the table that all dialects share, if a node said so.
    pub const fn cause(&self) -> Option<Cause> {
        match self {
            Self::Refused { cause, .. } => Some(*cause),
            _ => None,
        }
    }

    /// How many ids may be lost because this call's requests were sent and never answered.
    pub const fn unanswered_ids(&self) -> u64 {
        match self {
            Self::Refused { unanswered_ids, .. } | Self::Deadline { unanswered_ids, .. } => {
                *unanswered_ids
            }
            Self::Usage(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_ids_are_told_where_there_are_some() {
        let error = |unanswered_ids| Error::Deadline { why: "late".to_owned(), unanswered_ids };
        assert!(
            error(255)
                .to_string()
                .ends_with("(255 ids may have been issued without an answer: they are gaps)")
        );
        assert!(error(0).to_string().ends_with("or allow more time"));
        assert_eq!((error(255).unanswered_ids(), error(255).cause()), (255, None));
    }
}
