//! Ids at hand: one request for many, handed out one by one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use crate::genid::{no_id, none_asked};
use crate::{Error, Sequence, Taken};

/// Ids of a sequence kept at hand, so that most calls ask nobody.
///
/// When half of a batch is used the next is asked for, beside the calls. Ids that are still at hand
/// when it is dropped are gaps. Callers of one `Prefetch` see its ids in the order in which the
/// servers issued them; other clients' ids lie between. The child of a fork gives up what its
/// parent has at hand; a clone of a virtual machine is not noticed, and would hand it out again.
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: idgen_client::NativeClient) -> Result<(), idgen_client::Error> {
/// use std::time::{Duration, Instant};
///
/// use idgen_client::Prefetch;
///
/// let orders = Prefetch::new(client.sequence("orders")?, 1000)?;
/// let id = orders.next_id(Instant::now() + Duration::from_millis(500)).await?;
/// # Ok(())
/// # }
/// ```
pub struct Prefetch {
    sequence: Sequence,
    batch: u32,
    at_hand: Mutex<AtHand>,
}

#[derive(Default)]
struct AtHand {
    /// The process that asked for it.
    process: u32,
    ranges: VecDeque<IdRange>,
    left: u64,
    /// The batch that was asked for ahead of need.
    coming: Option<Coming>,
}

struct Coming {
    asked: JoinHandle<Result<Taken, Error>>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.asked.abort();
    }
}

/// How long a batch may take that nobody waits for yet.
const AHEAD: Duration = Duration::from_secs(5);

impl AtHand {
    fn next(&mut self) -> Option<u64> {
        let range = self.ranges.front_mut()?;
        let id = range.start();
        match range.part(1, range.len() - 1) {
            Some(rest) => *range = rest,
            None => drop(self.ranges.pop_front()),
        }
        self.left -= 1;
        Some(id)
    }

    /// Forgets what another process has at hand: this one is its fork.
    fn give_up_a_parents(&mut self) {
        let process = std::process::id();
        if self.process != process {
            *self = Self { process, ..Self::default() };
        }
    }

    fn keep(&mut self, taken: &Taken) {
        self.left += taken.ranges().iter().map(IdRange::len).sum::<u64>();
        self.ranges.extend(taken.ranges());
    }

    /// Takes in the batch that was asked for ahead, if it has come; with an error nothing is lost
    /// but the try.
    async fn collect(&mut self) {
        let Some(coming) = &mut self.coming else { return };
        let joined = (&mut coming.asked).await;
        self.coming = None;
        if let Ok(Ok(taken)) = joined {
            self.keep(&taken);
        }
    }
}

impl Prefetch {
    /// Keeps up to one and a half batches of `batch` ids, at least 1, at hand.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a batch of 0.
    pub fn new(sequence: Sequence, batch: u32) -> Result<Self, Error> {
        match batch {
            0 => Err(none_asked()),
            _ => Ok(Self { sequence, batch, at_hand: Mutex::default() }),
        }
    }

    /// One id, mostly without asking anybody.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Deadline`].
    pub async fn next_id(&self, deadline: Instant) -> Result<u64, Error> {
        let late =
            |_| Error::Deadline { why: "earlier callers still wait".to_owned(), unanswered_ids: 0 };
        let mut at_hand = timeout_at(deadline.into(), self.at_hand.lock()).await.map_err(late)?;
        at_hand.give_up_a_parents();
        if at_hand.left == 0 {
            // Late or failed, the caller asks for itself.
            let _late = timeout_at(deadline.into(), at_hand.collect()).await;
        }
        if at_hand.left == 0 {
            let taken = self.sequence.take(self.batch, deadline).await?;
            at_hand.keep(&taken);
        }
        let id = at_hand.next();
        self.ask_ahead(&mut at_hand);
        id.ok_or_else(no_id)
    }

    fn ask_ahead(&self, at_hand: &mut AtHand) {
        if at_hand.coming.is_some() || at_hand.left > u64::from(self.batch / 2) {
            return;
        }
        let (sequence, batch) = (self.sequence.clone(), self.batch);
        let asked = tokio::spawn(async move { sequence.take(batch, Instant::now() + AHEAD).await });
        at_hand.coming = Some(Coming { asked });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gives_up_what_its_parent_has_at_hand() {
        let range = IdRange::new(7, 1, 3).unwrap();
        let with = |process| AtHand { process, ranges: [range].into(), left: 3, coming: None };
        let mut own = with(std::process::id());
        own.give_up_a_parents();
        assert_eq!((own.next(), own.left), (Some(7), 2));
        let mut parents = with(std::process::id() + 1);
        parents.give_up_a_parents();
        assert_eq!((parents.next(), parents.left), (None, 0));
        assert_eq!(parents.process, std::process::id());
    }
}
