//! A few connections, each lent to one request at a time.
//!
//! Callers queue for a connection in the order in which they came. A request that failed on the
//! way, took too long or whose caller went away closes its connection: nobody else meets what was
//! left half done, and the server rolls it back. Closed connections are made anew when they are
//! next needed; callers who waited while that failed share the failure instead of each waiting for
//! their own.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fault::{Aftermath, Fault};
use super::session::Session;
use super::settings::PostgresSettings;
use crate::StoreError;

/// How often a request is tried that others were in the way of.
const TRIES: u32 = 8;
/// The pause before the second try at the longest; it doubles from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

pub(super) struct Pool {
    pub(super) settings: PostgresSettings,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
    failed: Mutex<Option<Failed>>,
}

/// The last connection that could not be made.
struct Failed {
    at: Instant,
    said: String,
}

/// A connection in the hands of one request; dropping it closes it.
pub(super) struct Lent<'a> {
    session: Session,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Lent<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn give_back(self) {
        lock(&self.pool.idle).push(self.session);
    }
}

impl Pool {
    pub(super) fn new(settings: PostgresSettings) -> Self {
        let permits = Semaphore::new(settings.connections);
        Self { settings, permits, idle: Mutex::default(), failed: Mutex::default() }
    }

    /// A connection, once one is free.
    async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::Refused(
                "PostgreSQL's driver runs inside a tokio runtime, and there is none here; call \
                 from one, or use idgen-runtime with its feature tokio"
                    .to_owned(),
            ));
        }
        let began = Instant::now();
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        while let Some(session) = self.pop() {
            if !session.is_closed() {
                return Ok(Lent { session, pool: self, _permit: permit });
            }
        }
        self.share_failure(began)?;
        match Session::open(&self.settings).await {
            Ok(session) => Ok(Lent { session, pool: self, _permit: permit }),
            Err(fault) => {
                let error = fault.tell(&self.settings.place);
                if let StoreError::Unavailable(said) = &error {
                    let failed = Failed { at: Instant::now(), said: said.clone() };
                    *lock(&self.failed) = Some(failed);
                }
                Err(error)
            }
        }
    }

    fn pop(&self) -> Option<Session> {
        lock(&self.idle).pop()
    }

    /// The failure of another caller's attempt that was made while this one waited.
    fn share_failure(&self, began: Instant) -> Result<(), StoreError> {
        match &*lock(&self.failed) {
            Some(failed) if failed.at >= began => Err(StoreError::Unavailable(failed.said.clone())),
            _ => Ok(()),
        }
    }
}

/// The tries of one request.
pub(super) struct Tries<'a> {
    pool: &'a Pool,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(pool: &'a Pool) -> Self {
        Self { pool, made: 0 }
    }

    /// A connection for the next try.
    pub(super) async fn begin(&mut self) -> Result<Lent<'a>, StoreError> {
        self.made += 1;
        self.pool.lend().await
    }

    /// Runs one try, for as long as an answer may take.
    pub(super) async fn limit<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let limit = self.pool.settings.answer_timeout();
        let answered = tokio::time::timeout(limit, work).await;
        answered.unwrap_or(Err(Fault::Late(limit.as_millis())))
    }

    /// What the caller is told of a try, or `None` if it is to be made again.
    pub(super) async fn end<T>(
        &self,
        lent: Lent<'a>,
        outcome: Result<T, Fault>,
    ) -> Option<Result<T, StoreError>> {
        let aftermath = outcome.as_ref().map_or_else(Fault::aftermath, |_| Aftermath::Keep);
        match aftermath {
            Aftermath::Close => drop(lent),
            Aftermath::Keep | Aftermath::Retry => lent.give_back(),
        }
        if aftermath == Aftermath::Retry && self.made < TRIES {
            tokio::time::sleep(pause(self.made)).await;
            return None;
        }
        Some(outcome.map_err(|fault| fault.tell(&self.pool.settings.place)))
    }
}

/// Drawn from the upper half of a span that doubles, so that those who met do not meet again.
fn pause(made: u32) -> Duration {
    let whole = FIRST_PAUSE * (1 << made.min(TRIES));
    // Each such state is keyed at random.
    let random = RandomState::new().hash_one(made) >> 32;
    let half = u64::try_from(whole.as_micros() / 2).expect("a second at most");
    whole / 2 + Duration::from_micros((random * half) >> 32)
}

/// Locks a mutex whose data stays sound even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_differ() {
        let pauses: Vec<Duration> = (1..=TRIES).map(pause).collect();
        for (made, pause) in pauses.iter().enumerate() {
            let whole = FIRST_PAUSE * (2 << made);
            assert!((whole / 2..=whole).contains(pause), "{pause:?} of {whole:?}");
        }
        let drawn: std::collections::HashSet<Duration> = (0..8).map(|_| super::pause(7)).collect();
        assert!(drawn.len() > 1, "no jitter");
    }
}
