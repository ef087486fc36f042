//! What all drivers need to try again: a runtime, pauses that differ, and a failure that those who
//! waited for it share.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::StoreError;
pub(crate) use crate::random::random;

/// Refuses a caller outside of a tokio runtime; `server` is the name in the message.
pub(crate) fn inside_tokio(server: &str) -> Result<(), StoreError> {
    Handle::try_current().map(drop).map_err(|_none| {
        StoreError::Refused(format!(
            "the driver of {server} runs inside a tokio runtime, and there is none here; call \
             from one, or use idgen-runtime with its feature tokio"
        ))
    })
}

/// Drawn from the upper half of `whole`, so that those who met do not meet again.
pub(crate) fn pause_within(whole: Duration) -> Duration {
    let half = u64::try_from(whole.as_micros() / 2).unwrap_or(u64::MAX >> 32).min(u64::MAX >> 32);
    whole / 2 + Duration::from_micros(((random() >> 32) * half) >> 32)
}

/// The last thing that failed while others waited for it.
#[derive(Debug)]
pub(crate) struct Failed {
    at: Instant,
    said: String,
}

impl Failed {
    /// What is worth sharing of an error: an outage.
    pub(crate) fn of(error: &StoreError) -> Option<Self> {
        match error {
            StoreError::Unavailable(said) => Some(Self { at: Instant::now(), said: said.clone() }),
            _ => None,
        }
    }

    /// Lets those who have waited since before it fail as well, instead of each on its own.
    pub(crate) fn share(failed: Option<&Self>, began: Instant) -> Result<(), StoreError> {
        match failed {
            Some(failed) if failed.at >= began => Err(StoreError::Unavailable(failed.said.clone())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_bounded_and_differ() {
        let whole = Duration::from_millis(100);
        let drawn: std::collections::HashSet<Duration> =
            (0..8).map(|_| pause_within(whole)).collect();
        assert!(drawn.iter().all(|pause| (whole / 2..=whole).contains(pause)), "{drawn:?}");
        assert!(drawn.len() > 1, "no jitter");
        let long = pause_within(Duration::from_secs(1 << 33));
        assert!(long >= Duration::from_secs(1 << 32));
    }

    #[test]
    fn only_those_who_waited_share_a_failure() {
        let began = Instant::now();
        let failed = Failed::of(&StoreError::Unavailable("down".to_owned())).unwrap();
        assert!(Failed::share(Some(&failed), began).is_err());
        assert!(Failed::share(Some(&failed), failed.at + Duration::from_nanos(1)).is_ok());
        assert!(Failed::share(None, began).is_ok());
        assert!(Failed::of(&StoreError::Refused("no".to_owned())).is_none());
    }
}
