//! One request on its way: who waits for it, and what is lost if nobody learns its answer.
//!
//! Whether a request was sent is decided once, under one lock: either the connection marks it sent
//! before its first byte is written, or whoever waits gives it up before that, and it never leaves.
//! A request that was sent and whose ids never reached the caller counts as a loss, by whoever
//! waited and nobody else, so exactly once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use idgen_core::{Cause, IdRange};
use tokio::sync::oneshot;

use crate::native::Health;

/// Requests of one client that were sent and whose answers never reached a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// How many requests.
    pub requests: u64,
    /// How many ids they asked for: at most so many are gaps.
    pub ids: u64,
}

/// What a node answers.
pub(crate) type Outcome = Result<Answer, Refused>;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ids(Vec<IdRange>),
    Health(Health),
}

/// Why it is not to be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) cause: Cause,
    pub(crate) detail: String,
    pub(crate) retry_after_ms: Option<u64>,
}

/// An outcome and the number of the connection over which it came.
pub(crate) type Delivered = (u64, Outcome);

/// How far a request has come.
#[derive(Debug)]
enum Stage {
    Queued,
    Sent,
    GivenUp,
}

/// Takes a lock whatever happened to those who had it: what it holds is whole at any time.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection's end of a request; dropped unanswered, it tells whoever waits.
#[derive(Debug)]
pub(crate) struct Order<A> {
    pub(crate) ask: A,
    pub(crate) until: Instant,
    stage: Arc<Mutex<Stage>>,
    answer: oneshot::Sender<Delivered>,
}

/// The caller's end of a request.
pub(crate) struct Waiting {
    answer: oneshot::Receiver<Delivered>,
    stage: Arc<Mutex<Stage>>,
    ids: u64,
    losses: Arc<Mutex<Losses>>,
    is_settled: bool,
}

/// Both ends of a request for `ids` ids.
pub(crate) fn order<A>(
    ask: A,
    ids: u64,
    until: Instant,
    losses: Arc<Mutex<Losses>>,
) -> (Order<A>, Waiting) {
    let (sender, answer) = oneshot::channel();
    let stage = Arc::new(Mutex::new(Stage::Queued));
    let order = Order { ask, until, stage: stage.clone(), answer: sender };
    (order, Waiting { answer, stage, ids, losses, is_settled: false })
}

impl<A> Order<A> {
    /// Marks the request as sent; `false` if nobody waits for it any more and it must not be.
    pub(crate) fn begin(&self) -> bool {
        let mut stage = locked(&self.stage);
        if matches!(*stage, Stage::GivenUp) {
            return false;
        }
        *stage = Stage::Sent;
        true
    }

    pub(crate) fn deliver(self, connection: u64, outcome: Outcome) {
        // Whoever does not wait any more has counted it as lost.
        let _given_up = self.answer.send((connection, outcome));
    }
}

impl Waiting {
    /// Waits for the outcome; `None` if the connection ended without one.
    pub(crate) async fn outcome(&mut self) -> Option<Delivered> {
        let delivered = (&mut self.answer).await.ok();
        self.is_settled |= delivered.is_some();
        delivered
    }

    /// Gives the request up and tells how many ids may be lost by that.
    pub(crate) fn give_up(&mut self) -> u64 {
        if self.is_settled {
            return 0;
        }
        self.is_settled = true;
        self.answer.close();
        let refused = matches!(self.answer.try_recv(), Ok((_, Err(_))));
        let was = std::mem::replace(&mut *locked(&self.stage), Stage::GivenUp);
        if refused || self.ids == 0 || !matches!(was, Stage::Sent) {
            return 0;
        }
        let mut losses = locked(&self.losses);
        losses.requests += 1;
        losses.ids += self.ids;
        self.ids
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(ids: u64) -> (Order<()>, Waiting, Arc<Mutex<Losses>>) {
        let losses = Arc::new(Mutex::new(Losses::default()));
        let (order, waiting) = order((), ids, Instant::now(), losses.clone());
        (order, waiting, losses)
    }

    fn lost(losses: &Mutex<Losses>) -> (u64, u64) {
        let Losses { requests, ids } = *locked(losses);
        (requests, ids)
    }

    fn ids() -> Outcome {
        Ok(Answer::Ids(vec![IdRange::one(7)]))
    }

    #[test]
    fn what_never_left_is_not_lost() {
        let (order, waiting, losses) = ends(9);
        drop(waiting);
        assert!(!order.begin(), "sent although nobody waits");
        let (order, mut waiting, _) = ends(9);
        drop(order);
        assert_eq!(waiting.give_up(), 0);
        assert_eq!(lost(&losses), (0, 0));
    }

    #[test]
    fn what_was_sent_and_not_answered_is_lost_once() {
        let (order, mut waiting, losses) = ends(9);
        assert!(order.begin());
        assert_eq!(waiting.give_up(), 9);
        order.deliver(1, ids());
        assert_eq!(waiting.give_up(), 0);
        drop(waiting);
        assert_eq!(lost(&losses), (1, 9));
    }

    #[tokio::test]
    async fn a_broken_connection_is_told_and_counted() {
        let (order, mut waiting, losses) = ends(3);
        assert!(order.begin());
        drop(order);
        assert_eq!(waiting.outcome().await, None);
        drop(waiting);
        assert_eq!(lost(&losses), (1, 3));
    }

    #[tokio::test]
    async fn what_the_caller_has_is_not_lost() {
        let (order, mut waiting, losses) = ends(1);
        assert!(order.begin());
        order.deliver(5, ids());
        assert_eq!(waiting.outcome().await, Some((5, ids())));
        drop(waiting);
        assert_eq!(lost(&losses), (0, 0));
    }

    #[test]
    fn an_answer_that_nobody_fetched_is_lost_and_a_refusal_is_not() {
        let (order, waiting, losses) = ends(2);
        assert!(order.begin());
        order.deliver(1, ids());
        drop(waiting);
        assert_eq!(lost(&losses), (1, 2));
        let (order, waiting, losses) = ends(2);
        assert!(order.begin());
        let refused =
            Refused { cause: Cause::Unknown, detail: String::new(), retry_after_ms: None };
        order.deliver(1, Err(refused));
        drop(waiting);
        assert_eq!(lost(&losses), (0, 0));
    }
}
