//! Requests that wait for ground, in order of arrival, each with its deadline.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use futures_channel::oneshot;
use idgen_core::IdRange;

use crate::background::lock;
use crate::error::{Cause, IssueError};

/// More waiting requests than this are refused at once.
const MOST: usize = 65_536;

pub(crate) type Answer = Result<IdRange, IssueError>;

struct Waiter {
    max: NonZeroU64,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
    /// Which of all that ever parked, counted from 1.
    ticket: u64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiter>,
    tickets: u64,
}

/// The queue of one sequence.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: Mutex<Queue>,
    /// Written under the queue's lock, so that nobody parks behind the closing.
    closed: OnceLock<IssueError>,
    gaps: AtomicU64,
}

impl Waiters {
    /// Parks a request for 1 to `max` ids.
    pub(crate) fn park(
        &self,
        max: NonZeroU64,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Answer>, IssueError> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        if let Some(why) = self.closed.get() {
            return Err(why.clone());
        }
        if queue.waiting.len() >= MOST {
            let message =
                format!("{MOST} requests wait for this sequence already; ask again later");
            return Err(IssueError::new(Cause::StoreDown, message).retry(1000));
        }
        queue.tickets += 1;
        let ticket = queue.tickets;
        queue.waiting.push_back(Waiter { max, deadline, answer, ticket });
        Ok(receiver)
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.queue).waiting.is_empty()
    }

    /// The ticket of the request that parked last.
    pub(crate) fn newest(&self) -> u64 {
        lock(&self.queue).tickets
    }

    /// How many ids the waiting requests want, at most `cap`.
    pub(crate) fn wanted(&self, cap: u64) -> u64 {
        let queue = lock(&self.queue);
        queue
            .waiting
            .iter()
            .fold(0, |sum: u64, waiter| sum.saturating_add(waiter.max.get()))
            .min(cap)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        lock(&self.queue).waiting.iter().map(|waiter| waiter.deadline).min()
    }

    /// Answers waiting requests in order from what `take` yields, until it yields no more.
    ///
    /// Ids claimed for a request that has gone away meanwhile serve the next one; what nobody is
    /// left to take is a counted gap.
    pub(crate) fn serve(&self, take: impl FnMut(NonZeroU64) -> Option<IdRange>) {
        self.serve_up_to(u64::MAX, take);
    }

    fn serve_up_to(&self, newest: u64, mut take: impl FnMut(NonZeroU64) -> Option<IdRange>) {
        let mut spare: Option<IdRange> = None;
        loop {
            let Some(waiter) = self.pop_live(newest) else { break };
            let Some(range) = spare.take().or_else(|| take(waiter.max)) else {
                self.put_back(waiter);
                break;
            };
            let given = range.part(0, range.len().min(waiter.max.get())).unwrap_or(range);
            spare = match waiter.answer.send(Ok(given)) {
                Ok(()) => range.part(given.len(), range.len() - given.len()),
                Err(_gone) => Some(range),
            };
        }
        if let Some(rest) = spare {
            // Relaxed: a statistic.
            self.gaps.fetch_add(rest.len(), Ordering::Relaxed);
        }
    }

    /// Shares out a range that was leased for the requests up to the ticket `newest`; what is left
    /// is a gap. A request that came later may follow an id that another node leased after it.
    pub(crate) fn share(&self, range: IdRange, newest: u64) {
        let mut left = Some(range);
        self.serve_up_to(newest, |max| {
            let whole = left.take()?;
            let given = whole.part(0, whole.len().min(max.get()))?;
            left = whole.part(given.len(), whole.len() - given.len());
            Some(given)
        });
        if let Some(rest) = left {
            // Relaxed: a statistic.
            self.gaps.fetch_add(rest.len(), Ordering::Relaxed);
        }
    }

    /// The first request whose caller is still there, if its ticket is not above `newest`.
    fn pop_live(&self, newest: u64) -> Option<Waiter> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.waiting.front()?.ticket > newest {
                return None;
            }
            let waiter = queue.waiting.pop_front()?;
            if !waiter.answer.is_canceled() {
                return Some(waiter);
            }
        }
    }

    /// A request that was not served waits on, unless the queue was closed meanwhile: behind the
    /// closing nobody would look for it.
    fn put_back(&self, waiter: Waiter) {
        let mut queue = lock(&self.queue);
        match self.closed.get() {
            Some(why) => refuse(VecDeque::from([waiter]), &|| why.clone()),
            None => queue.waiting.push_front(waiter),
        }
    }

    /// Refuses requests whose deadline has passed and forgets those that have gone away.
    pub(crate) fn expire(&self, now: Instant, why: impl Fn() -> IssueError) {
        let mut queue = lock(&self.queue);
        let (late, waiting) = queue
            .waiting
            .drain(..)
            .partition(|waiter| waiter.deadline <= now || waiter.answer.is_canceled());
        queue.waiting = waiting;
        drop(queue);
        refuse(late, &why);
    }

    /// Refuses every request from here on; only the first closing counts.
    pub(crate) fn close(&self, why: &IssueError) {
        let queue = lock(&self.queue);
        self.closed.get_or_init(|| why.clone());
        drop(queue);
        self.refuse_all(why);
    }

    /// Whether, and why, the queue is closed.
    pub(crate) fn closed(&self) -> Option<&IssueError> {
        self.closed.get()
    }

    /// Refuses every request that waits now.
    pub(crate) fn refuse_all(&self, why: &IssueError) {
        let all = std::mem::take(&mut lock(&self.queue).waiting);
        refuse(all, &|| why.clone());
    }

    /// Ids that were claimed for requests and reached nobody.
    pub(crate) fn gaps(&self) -> u64 {
        // Relaxed: a statistic.
        self.gaps.load(Ordering::Relaxed)
    }
}

fn refuse(waiters: VecDeque<Waiter>, why: &dyn Fn() -> IssueError) {
    for waiter in waiters {
        // A caller that has gone away needs no answer.
        waiter.answer.send(Err(why())).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn max(n: u64) -> NonZeroU64 {
        NonZeroU64::new(n).unwrap()
    }

    fn range(start: u64, len: u64) -> IdRange {
        IdRange::new(start, 1, len).unwrap()
    }

    #[test]
    fn serves_in_order_and_keeps_the_unserved() {
        let waiters = Waiters::default();
        let mut first = waiters.park(max(2), later()).unwrap();
        let mut second = waiters.park(max(5), later()).unwrap();
        let mut third = waiters.park(max(1), later()).unwrap();
        let mut ground = vec![range(3, 5), range(1, 2)];
        waiters.serve(|_| ground.pop());
        assert_eq!(first.try_recv().unwrap(), Some(Ok(range(1, 2))));
        assert_eq!(second.try_recv().unwrap(), Some(Ok(range(3, 5))));
        assert_eq!(third.try_recv().unwrap(), None);
        assert_eq!(waiters.wanted(100), 1);
    }

    #[test]
    fn ids_of_a_lost_caller_serve_the_next() {
        let waiters = Waiters::default();
        let gone = waiters.park(max(4), later()).unwrap();
        let mut next = waiters.park(max(3), later()).unwrap();
        let mut gone = Some(gone);
        waiters.serve(|_| {
            // The caller leaves while its ids are being claimed.
            gone.take().map(|_| range(1, 4))
        });
        assert_eq!(next.try_recv().unwrap(), Some(Ok(range(1, 3))));
        assert_eq!(waiters.gaps(), 1);
    }

    #[test]
    fn a_closing_while_ids_are_looked_for_forgets_nobody() {
        let waiters = Waiters::default();
        let mut waiting = waiters.park(max(1), later()).unwrap();
        waiters.serve(|_| {
            waiters.close(&IssueError::draining());
            None
        });
        assert_eq!(waiting.try_recv().unwrap(), Some(Err(IssueError::draining())));
        assert!(waiters.is_empty());
    }

    #[test]
    fn what_was_leased_for_earlier_requests_is_not_shared_with_later_ones() {
        let waiters = Waiters::default();
        drop(waiters.park(max(2), later()).unwrap());
        let newest = waiters.newest();
        let mut later = waiters.park(max(1), later()).unwrap();
        waiters.share(range(1, 2), newest);
        assert_eq!(later.try_recv().unwrap(), None);
        assert_eq!(waiters.gaps(), 2);
    }

    #[test]
    fn deadlines_are_kept() {
        let waiters = Waiters::default();
        let mut late = waiters.park(max(1), Instant::now()).unwrap();
        let mut waiting = waiters.park(max(1), later()).unwrap();
        waiters.expire(Instant::now(), IssueError::draining);
        assert_eq!(late.try_recv().unwrap(), Some(Err(IssueError::draining())));
        assert_eq!(waiting.try_recv().unwrap(), None);
        waiters.refuse_all(&IssueError::draining());
        assert!(waiters.is_empty());
    }
}
