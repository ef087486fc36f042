//! All nodes of a client: which one is asked, and which one next.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::time::{sleep_until, timeout_at};

use crate::dialect::Dialect;
use crate::node::Node;
use crate::order::{Answer, Losses, Refused, locked, order};
use crate::{Error, Settings};

/// A number that nobody else draws.
pub(crate) fn random() -> u64 {
    // Each such state is keyed at random.
    RandomState::new().hash_one(0)
}

/// The nodes of one client.
pub(crate) struct Nodes<D: Dialect> {
    all: Vec<Arc<Node<D>>>,
    settings: Arc<Settings>,
    /// Which one is in use.
    current: Mutex<usize>,
    connections: Mutex<u64>,
    losses: Arc<Mutex<Losses>>,
}

/// How one try with one node went.
enum Tried {
    Answered(u64, Answer),
    Refused(Refused),
    /// Its connection ended; these ids may be lost.
    Broken(u64),
    /// The deadline passed; these ids may be lost.
    Late(u64),
}

/// What is known when a call fails.
#[derive(Default)]
struct Story {
    /// The last refusal of a node that is not well, and the node.
    refused: Option<(String, Refused)>,
    why: String,
    unanswered_ids: u64,
}

impl Story {
    fn failed(&mut self, why: String) {
        (self.why, self.refused) = (why, None);
    }

    fn error(self) -> Error {
        let Self { refused, why, unanswered_ids } = self;
        match refused {
            Some((node, Refused { cause, detail, retry_after_ms })) => {
                Error::Refused { node, cause, detail, retry_after_ms, unanswered_ids }
            }
            None => Error::Deadline { why, unanswered_ids },
        }
    }
}

impl<D: Dialect> Nodes<D> {
    pub(crate) fn new(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let node = |address: &String| Arc::new(Node::new(address.clone(), &settings));
        let all: Vec<_> = settings.nodes.iter().map(node).collect();
        // Clients that start together spread over the nodes.
        let first = usize::try_from(random() % all.len() as u64).unwrap_or(0);
        Ok(Self {
            all,
            settings: Arc::new(settings),
            current: Mutex::new(first),
            connections: Mutex::new(0),
            losses: Arc::default(),
        })
    }

    pub(crate) fn losses(&self) -> Losses {
        *locked(&self.losses)
    }

    /// Asks until there is an answer, a refusal that holds everywhere, or no time.
    pub(crate) async fn ask(
        &self,
        ask: &D::Ask,
        deadline: Instant,
    ) -> Result<(u64, Answer), Error> {
        let mut story = Story::default();
        loop {
            let node = match self.choose() {
                Ok(node) => node,
                Err((rested, why)) => {
                    if story.why.is_empty() {
                        story.why = why;
                    }
                    if rested >= deadline {
                        return Err(story.error());
                    }
                    sleep_until(rested.into()).await;
                    continue;
                }
            };
            match self.attempt(&node, ask, deadline).await {
                Tried::Answered(connection, answer) => return Ok((connection, answer)),
                Tried::Refused(refused) => {
                    let goes_on = refused.cause.helps_elsewhere();
                    if goes_on {
                        node.rest(refused.detail.clone(), random());
                    }
                    story.failed(node.why());
                    story.refused = Some((node.address.clone(), refused));
                    if !goes_on {
                        return Err(story.error());
                    }
                }
                Tried::Broken(ids) => {
                    story.failed(node.why());
                    story.unanswered_ids += ids;
                }
                Tried::Late(ids) => {
                    story.unanswered_ids += ids;
                    if story.why.is_empty() {
                        story.why = format!("{}: no answer yet", node.address);
                    }
                    return Err(story.error());
                }
            }
        }
    }

    /// The node in use, or the next that does not rest; else when the first has rested, and why it
    /// had to.
    fn choose(&self) -> Result<Arc<Node<D>>, (Instant, String)> {
        let mut current = locked(&self.current);
        let mut first: Option<(Instant, &Arc<Node<D>>)> = None;
        for step in 0..self.all.len() {
            let index = (*current + step) % self.all.len();
            let node = &self.all[index];
            match node.rests_until() {
                None => {
                    *current = index;
                    return Ok(node.clone());
                }
                Some(until) if first.is_none_or(|(least, _)| until < least) => {
                    first = Some((until, node));
                }
                Some(_) => {}
            }
        }
        let (until, node) = first.expect("a client has at least one node");
        Err((until, node.why()))
    }

    async fn attempt(&self, node: &Arc<Node<D>>, ask: &D::Ask, deadline: Instant) -> Tried {
        let orders = node.orders(&self.settings, || {
            let mut connections = locked(&self.connections);
            *connections += 1;
            *connections
        });
        let losses = self.losses.clone();
        let (order, mut waiting) = order(ask.clone(), D::ids(ask), deadline, losses);
        match timeout_at(deadline.into(), orders.send(order)).await {
            Ok(Ok(())) => {}
            Ok(Err(_ended)) => return Tried::Broken(0),
            Err(_late) => return Tried::Late(0),
        }
        drop(orders);
        match timeout_at(deadline.into(), waiting.outcome()).await {
            Ok(Some((connection, Ok(answer)))) => Tried::Answered(connection, answer),
            Ok(Some((_, Err(refused)))) => Tried::Refused(refused),
            Ok(None) => Tried::Broken(waiting.give_up()),
            Err(_late) => Tried::Late(waiting.give_up()),
        }
    }
}
