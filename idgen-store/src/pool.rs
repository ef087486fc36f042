//! A few connections, each lent to one request at a time.
//!
//! Callers queue for a connection in the order in which they came. A request that failed on the
//! way, took too long or whose caller went away closes its connection: nobody else meets what was
//! left half done, and the server rolls it back. With it go the connections that idle, which may
//! have ended for the same reason. Closed connections are made anew when they are next needed;
//! callers who waited while that failed share the failure instead of each waiting for their own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::StoreError;
use crate::retry::{self, Failed};

/// The pause before the second try at the longest; it doubles from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(8);
/// After so many doublings, 256 ms, pauses stay as long as they are.
const DOUBLINGS: u32 = 5;

/// What becomes of the session on which a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// It goes on.
    Keep,
    /// It goes on, and the request had no effect because others were in its way: try again.
    Retry,
    /// It is closed.
    Close,
}

/// Why a request got no result, in the words of one backend.
pub(crate) trait Fault: Send + Sized {
    /// No answer came within this many milliseconds.
    fn late(ms: u128) -> Self;

    /// What becomes of the session.
    fn aftermath(&self) -> Aftermath;

    /// The error that the caller gets; `place` is the store's URL without its secrets.
    fn tell(self, place: &str) -> StoreError;
}

/// How connections of one backend are made.
pub(crate) trait Connect: Send + Sync {
    /// The server's name in messages.
    const SERVER: &'static str;
    /// A connection that is ready.
    type Session: Send;
    /// Why a request failed.
    type Fault: Fault;

    /// Makes a connection, within the time that it may take.
    fn connect(&self) -> impl Future<Output = Result<Self::Session, Self::Fault>> + Send;

    /// Whether the connection is known to have ended.
    fn is_closed(session: &Self::Session) -> bool;

    /// The store's URL without its secrets.
    fn place(&self) -> &str;

    /// How many connections are open at most.
    fn connections(&self) -> usize;

    /// How long one try of a request may take from its first byte to its last.
    fn answer_timeout(&self) -> Duration;
}

pub(crate) struct Pool<C: Connect> {
    pub(crate) settings: C,
    permits: Semaphore,
    idle: Mutex<Vec<C::Session>>,
    failed: Mutex<Option<Failed>>,
}

/// A connection in the hands of one request; dropping it closes it.
pub(crate) struct Lent<'a, C: Connect> {
    session: C::Session,
    pool: &'a Pool<C>,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connect> Lent<'_, C> {
    pub(crate) fn session(&mut self) -> &mut C::Session {
        &mut self.session
    }

    fn give_back(self) {
        lock(&self.pool.idle).push(self.session);
    }
}

impl<C: Connect> Pool<C> {
    pub(crate) fn new(settings: C) -> Self {
        let permits = Semaphore::new(settings.connections());
        Self { settings, permits, idle: Mutex::default(), failed: Mutex::default() }
    }

    /// A connection, once one is free.
    async fn lend(&self) -> Result<Lent<'_, C>, StoreError> {
        retry::inside_tokio(C::SERVER)?;
        let began = Instant::now();
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        while let Some(session) = self.pop() {
            if !C::is_closed(&session) {
                return Ok(Lent { session, pool: self, _permit: permit });
            }
        }
        Failed::share(lock(&self.failed).as_ref(), began)?;
        match self.settings.connect().await {
            Ok(session) => Ok(Lent { session, pool: self, _permit: permit }),
            Err(fault) => {
                let error = fault.tell(self.settings.place());
                if let Some(failed) = Failed::of(&error) {
                    *lock(&self.failed) = Some(failed);
                }
                Err(error)
            }
        }
    }

    fn pop(&self) -> Option<C::Session> {
        lock(&self.idle).pop()
    }
}

/// The tries of one request.
pub(crate) struct Tries<'a, C: Connect> {
    pool: &'a Pool<C>,
    made: u32,
    /// What all tries and the pauses between them have taken; waiting for a connection does not
    /// count.
    spent: Duration,
}

impl<'a, C: Connect> Tries<'a, C> {
    pub(crate) fn new(pool: &'a Pool<C>) -> Self {
        Self { pool, made: 0, spent: Duration::ZERO }
    }

    /// A connection for the next try.
    pub(crate) async fn begin(&mut self) -> Result<Lent<'a, C>, StoreError> {
        self.made += 1;
        self.pool.lend().await
    }

    /// Runs one try, for as long as an answer may take.
    pub(crate) async fn limit<T>(
        &mut self,
        work: impl Future<Output = Result<T, C::Fault>>,
    ) -> Result<T, C::Fault> {
        let (limit, began) = (self.pool.settings.answer_timeout(), Instant::now());
        let answered = tokio::time::timeout(limit, work).await;
        self.spent += began.elapsed();
        answered.unwrap_or(Err(C::Fault::late(limit.as_millis())))
    }

    /// What the caller is told of a try, or `None` if it is to be made again. Others who stay in
    /// the way are met again and again, so only time bounds the tries: that of one answer.
    pub(crate) async fn end<T>(
        &mut self,
        lent: Lent<'a, C>,
        outcome: Result<T, C::Fault>,
    ) -> Option<Result<T, StoreError>> {
        let aftermath = outcome.as_ref().map_or_else(C::Fault::aftermath, |_| Aftermath::Keep);
        match aftermath {
            Aftermath::Close => {
                lock(&self.pool.idle).clear();
                drop(lent);
            }
            Aftermath::Keep | Aftermath::Retry => lent.give_back(),
        }
        let pause = pause(self.made);
        let may_retry = self.spent + pause < self.pool.settings.answer_timeout();
        if aftermath == Aftermath::Retry && may_retry {
            tokio::time::sleep(pause).await;
            self.spent += pause;
            return None;
        }
        Some(outcome.map_err(|fault| fault.tell(self.pool.settings.place())))
    }
}

/// The pause after so many tries, at least one.
fn pause(made: u32) -> Duration {
    retry::pause_within(FIRST_PAUSE * (1 << (made - 1).min(DOUBLINGS)))
}

/// Locks a mutex whose data stays sound even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_length() {
        let pauses = (1..=12).map(pause);
        for (pause, ms) in pauses.zip([8, 16, 32, 64, 128, 256, 256, 256, 256, 256, 256, 256]) {
            let whole = Duration::from_millis(ms);
            assert!((whole / 2..=whole).contains(&pause), "{pause:?} of {whole:?}");
        }
    }
}
