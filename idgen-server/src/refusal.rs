//! A refusal as every door sees it.

use std::time::Duration;

use idgen_runtime::store::NoNumber;
use idgen_runtime::{Cause, IssueError};

/// Why a request is not met, in words that name the cause and the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Why, in one word of the table that all dialects share.
    pub cause: Cause,
    /// Why, and what to do, in a sentence.
    pub detail: String,
    /// When asking again may help, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// The request is well formed but asks for more than a cap allows.
    pub over_cap: bool,
}

impl Refusal {
    /// A request that is malformed or out of range.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            cause: Cause::BadRequest,
            detail: detail.into(),
            retry_after_ms: None,
            over_cap: false,
        }
    }

    /// A request that is over a cap, which the sentence names.
    pub fn over_cap(detail: impl Into<String>) -> Self {
        Self { over_cap: true, ..Self::bad_request(detail) }
    }

    /// The deadline passed before there was an answer.
    pub(crate) fn late(deadline: Duration) -> Self {
        Self {
            cause: Cause::StoreDown,
            detail: format!("no answer within {} ms; try again", deadline.as_millis()),
            retry_after_ms: Some(1000),
            over_cap: false,
        }
    }

    /// An answer of another kind than was asked for: a defect of this program.
    pub(crate) fn defect() -> Self {
        tracing::error!("an answer was of the wrong kind; please report this defect");
        Self {
            cause: Cause::StoreDown,
            detail: "the server answered itself wrongly; please report this defect".to_owned(),
            retry_after_ms: None,
            over_cap: false,
        }
    }

    /// A sentence for clients who shall not learn what stands behind the server: the detail may
    /// hold a store's address and its own words.
    pub(crate) const fn public(&self) -> &'static str {
        match self.cause {
            Cause::BadRequest => "the store does not take this; the server's log has the reason",
            Cause::Unknown => "there is no such sequence",
            Cause::Exists => "it exists with other settings",
            Cause::Exhausted => "the last id is issued; use another sequence",
            Cause::Frozen => "ids are withheld until an operator has looked at the store",
            Cause::Draining => "this server is shutting down; ask another",
            _ => "no id can be had now; try again",
        }
    }

    /// The HTTP status of the cause.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_server::Refusal;
    /// assert_eq!(Refusal::bad_request("the count is no number").http_status(), 400);
    /// assert_eq!(Refusal::over_cap("10001 ids are over the cap of 10000").http_status(), 413);
    /// ```
    pub const fn http_status(&self) -> u16 {
        match self.cause {
            Cause::BadRequest if self.over_cap => 413,
            Cause::BadRequest => 400,
            Cause::Unauthorized => 401,
            Cause::Forbidden => 403,
            Cause::Unknown => 404,
            Cause::Exists => 409,
            Cause::Exhausted => 410,
            Cause::Quota => 429,
            _ => 503,
        }
    }

    /// When asking again may help, in milliseconds, where the table of causes has that.
    pub(crate) fn promised_ms(&self) -> Option<u64> {
        let usual = match self.cause {
            Cause::StoreDown | Cause::LeaseLost | Cause::ClockHold | Cause::Clash => Some(1000),
            _ => None,
        };
        usual.map(|usual| self.retry_after_ms.unwrap_or(usual))
    }

    /// Whole seconds for `Retry-After`, at least 1, where the table of causes has one.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.promised_ms().map(|ms| ms.div_ceil(1000).max(1))
    }
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        Self {
            cause: error.cause(),
            detail: error.to_string(),
            retry_after_ms: error.retry_after_ms(),
            over_cap: false,
        }
    }
}

/// The place is told to the log alone.
impl From<NoNumber> for Refusal {
    fn from(error: NoNumber) -> Self {
        tracing::debug!(%error, "no node number");
        Self {
            cause: Cause::StoreDown,
            detail: error.reason,
            retry_after_ms: None,
            over_cap: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_table() {
        let refusal = |cause| Refusal { cause, ..Refusal::bad_request("") };
        for (cause, status, retry) in [
            (Cause::BadRequest, 400, None),
            (Cause::Unauthorized, 401, None),
            (Cause::Forbidden, 403, None),
            (Cause::Unknown, 404, None),
            (Cause::Exists, 409, None),
            (Cause::Exhausted, 410, None),
            (Cause::Quota, 429, None),
            (Cause::StoreDown, 503, Some(1)),
            (Cause::LeaseLost, 503, Some(1)),
            (Cause::ClockHold, 503, Some(1)),
            (Cause::Clash, 503, Some(1)),
            (Cause::Frozen, 503, None),
            (Cause::Draining, 503, None),
        ] {
            let refusal = refusal(cause);
            assert_eq!((refusal.http_status(), refusal.retry_after_s()), (status, retry));
        }
    }

    #[test]
    fn retry_after_rounds_up() {
        let refusal = Refusal { retry_after_ms: Some(1001), ..Refusal::late(Duration::ZERO) };
        assert_eq!(refusal.retry_after_s(), Some(2));
    }
}
