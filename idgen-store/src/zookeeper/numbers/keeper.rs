//! The task that keeps the node: rounds, rests, and the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::session::{Node, Settled};
use super::{Demand, Hold, Shared};
use crate::zookeeper::fault::reason;
use crate::{HostClock, NoNumber};

/// How soon a round that failed is tried again, at the latest.
const RETRY: Duration = Duration::from_millis(500);

/// Where the outcome of a round is waited for.
type Waiting = Vec<oneshot::Sender<Result<(), NoNumber>>>;

/// That it is over, and who is to be told.
type End = Option<oneshot::Sender<()>>;

/// Keeps the number until it is given back, or until nobody can ask for it any more.
pub(super) async fn keep(shared: Arc<Shared>, mut demands: UnboundedReceiver<Demand>) {
    let node = Node::new(Arc::clone(&shared));
    let mut keeper = Keeper { node, shared, waiting: Vec::new(), is_failing: false };
    let end = keeper.run(&mut demands).await;
    keeper.shared.set(None);
    keeper.node.part().await;
    if let Some(reply) = end {
        // Whoever gave it back may have stopped waiting.
        let _late = reply.send(());
    }
}

struct Keeper {
    node: Node,
    shared: Arc<Shared>,
    waiting: Waiting,
    is_failing: bool,
}

impl Keeper {
    async fn run(&mut self, demands: &mut UnboundedReceiver<Demand>) -> End {
        // Nothing is done before somebody asks.
        let mut pause = Duration::MAX;
        loop {
            tokio::select! {
                demand = demands.recv() => if let Some(end) = hear(demand, &mut self.waiting) {
                    return end;
                },
                () = sleep(pause) => {}
            }
            match self.round(demands).await {
                Ok(rest) => pause = rest,
                Err(end) => return end,
            }
        }
    }

    /// One round, and how long to rest after it. Those who ask meanwhile share its outcome.
    async fn round(&mut self, demands: &mut UnboundedReceiver<Demand>) -> Result<Duration, End> {
        let Self { node, shared, waiting, .. } = self;
        let limit = shared.settings.session_timeout;
        let outcome = {
            let mut settled = pin!(timeout(limit, node.settle()));
            loop {
                tokio::select! {
                    settled = &mut settled => break settled,
                    demand = demands.recv() => if let Some(end) = hear(demand, waiting) {
                        return Err(end);
                    },
                }
            }
        };
        let outcome = match outcome {
            Ok(settled) => settled.map_err(|error| reason(&error, super::PARENT)),
            Err(_late) => Err(super::late(limit)),
        };
        let (told, pause) = self.publish(outcome);
        for asked in self.waiting.drain(..) {
            // Whoever asked may have stopped waiting.
            let _late = asked.send(told.clone());
        }
        Ok(pause)
    }

    fn publish(&mut self, outcome: Result<Settled, String>) -> (Result<(), NoNumber>, Duration) {
        let was_failing = std::mem::replace(&mut self.is_failing, outcome.is_err());
        match outcome {
            Ok(Settled { number, sent_boot_ms, session_timeout, state }) => {
                if was_failing {
                    tracing::info!(number, "the node number is confirmed again");
                }
                let third = session_timeout / 3;
                let until_boot_ms = sent_boot_ms + millis(third * 2);
                self.shared.set(Some(Hold { number, until_boot_ms, state }));
                let gone = self.shared.clock.boot_ms().saturating_sub(sent_boot_ms);
                (Ok(()), third.saturating_sub(Duration::from_millis(gone)))
            }
            // What was confirmed before stays true for as long as it was to.
            Err(reason) => {
                if !was_failing {
                    tracing::warn!(reason, "the node number cannot be confirmed; trying again");
                }
                let pause = RETRY.min(self.shared.settings.session_timeout / 3);
                (Err(self.shared.refuse(reason)), pause)
            }
        }
    }
}

fn hear(demand: Option<Demand>, waiting: &mut Waiting) -> Option<End> {
    match demand {
        Some(Demand::Round(asked)) => {
            if waiting.len() == waiting.capacity() {
                // Before it grows: those who have stopped waiting need no room.
                waiting.retain(|asked| !asked.is_closed());
            }
            waiting.push(asked);
            None
        }
        Some(Demand::GiveBack(reply)) => Some(Some(reply)),
        // Nobody is left to ask.
        None => Some(None),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a session's timeout is an hour at most")
}
