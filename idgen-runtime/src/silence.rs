//! Calls to the registry, and how long they have been without an answer.
//!
//! A registry that says nothing is unavailable once the store's time is up. The lease that it was
//! to renew may be over before that, so a request at the horizon looks here whom it waits for.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use idgen_store::RegistryError;

use crate::background::lock;
use crate::error::{Cause, IssueError};
use crate::keeper::Keeper;

/// A registry that has not been asked for longer than this may answer yet.
const PATIENCE: Duration = Duration::from_millis(200);

/// Since when the keeper has waited for the registry, if it does now.
#[derive(Default)]
pub(crate) struct Asked(Mutex<Option<Instant>>);

impl Asked {
    fn at(&self, now: Instant) -> Answering<'_> {
        *lock(&self.0) = Some(now);
        Answering(self)
    }

    /// Why there is no ground, if it is the registry that leaves a call without an answer.
    pub(crate) fn silence(&self, now: Instant) -> Option<IssueError> {
        let waited = now.saturating_duration_since((*lock(&self.0))?);
        (waited >= PATIENCE).then(|| {
            let message = format!(
                "the worker lease is over, and the registry has not answered for {} ms; see that \
                 the store runs and can be reached",
                waited.as_millis()
            );
            IssueError::new(Cause::StoreDown, message).retry(1000)
        })
    }
}

/// A call that was sent; answered, or given up, when this is dropped.
struct Answering<'a>(&'a Asked);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0) = None;
    }
}

impl Keeper {
    /// A registry that does not answer in time is unavailable.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, IssueError> {
        let _answering = self.snowflakes.asked.at(self.background().now());
        let silent = async {
            self.background().nap(self.timeout).await;
            let ms = self.timeout.as_millis();
            Err(RegistryError::Unavailable(format!(
                "no answer within {ms} ms; see that the store runs and can be reached"
            )))
        };
        or(call, silent).await.map_err(|error| IssueError::from(&error))
    }
}
