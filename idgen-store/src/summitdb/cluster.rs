//! The nodes of a cluster, the one connection that all requests share, and the search for the node
//! that leads.
//!
//! ```text
//! round:  ask on the connection, or the next node on a new one: the one named last before others
//!           answer        -> done
//!           names another -> that one next
//!           no leader, not reached, or no answer -> the next node
//! no answer in a round -> pause (longer each time, never the same), next round
//! ```
//!
//! All of it is bounded: a round asks no node twice, so that nodes which name each other in a
//! circle end it; rounds are counted; and a request has one deadline for everything. What remains
//! then is one error, which tells the nodes that answered, those that did not, and how many have
//! to. Each step of a fail-over is told as an event.
//!
//! A request whose answer was lost is sent again. It has to bear that: a step of a counter that was
//! taken twice is a gap, and a document is replaced once.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Value};
use tokio::sync::Mutex as Turn;

use super::fault::{Said, said};
use super::script::texts;
use super::settings::{Node, SummitSettings};
use crate::StoreError;
use crate::retry::{inside_tokio, pause_within};

/// The pause before the second round at the longest; it doubles from round to round.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const DOUBLINGS: u32 = 4;
/// How many nodes are remembered: more than any cluster has.
const MOST_NODES: usize = 64;

pub(super) struct Cluster {
    pub(super) settings: SummitSettings,
    slot: Turn<Slot>,
    view: Mutex<View>,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// Of the sessions made so far.
    count: u64,
}

/// A connection to a node; a clone is the same connection.
#[derive(Clone)]
struct Session {
    connection: MultiplexedConnection,
    node: Node,
    number: u64,
}

/// What is known of the nodes.
struct View {
    /// Those that a node told last.
    peers: Vec<Node>,
    /// The one to be asked first.
    first: Node,
}

/// A node that was asked in vain.
#[derive(Clone, Debug)]
struct Tried {
    node: Node,
    /// Why it could not be reached, or `None` if it answered.
    unreached: Option<String>,
}

/// One request's search.
#[derive(Debug, Default)]
struct Search {
    tried: Vec<Tried>,
    /// Those of the last whole round.
    before: Vec<Tried>,
    rounds: u32,
}

impl Cluster {
    pub(super) fn new(settings: SummitSettings) -> Self {
        let first = settings.nodes.first().expect("a URL names a host").clone();
        let view = Mutex::new(View { peers: Vec::new(), first });
        Self { settings, slot: Turn::default(), view }
    }

    /// Has whichever node leads do a command, which may be done twice.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        inside_tokio("SummitDB")?;
        let (mut search, limit) = (Search::default(), self.settings.answer_timeout);
        let found = tokio::time::timeout(limit, self.search(&mut search, command)).await;
        found.unwrap_or_else(|_late| Err(self.leaderless(&search)))
    }

    async fn search(&self, search: &mut Search, command: &Cmd) -> Result<Value, StoreError> {
        loop {
            let Some(asked) = self.session(&search.tried).await else {
                self.begin_round(search).await?;
                continue;
            };
            let (node, outcome) = match asked {
                Ok(session) => {
                    let mut connection = session.connection.clone();
                    let outcome = match command.query_async(&mut connection).await {
                        Ok(value) => {
                            self.view().first = session.node;
                            return Ok(value);
                        }
                        Err(error) => said(&error),
                    };
                    if !matches!(outcome, Said::Refusal(_)) {
                        self.give_up(&session).await;
                    }
                    (session.node, outcome)
                }
                Err((node, why)) => (node, Said::Nothing(why)),
            };
            let unreached = self.note(&node, outcome)?;
            search.tried.push(Tried { node, unreached });
        }
    }

    /// Notes what a node said that did not do the command: why it could not be reached.
    fn note(&self, node: &Node, outcome: Said) -> Result<Option<String>, StoreError> {
        let store = &self.settings.place;
        match outcome {
            Said::Elsewhere(address) => {
                self.follow(node, &address);
                Ok(None)
            }
            Said::Leaderless(said) => {
                tracing::info!(%store, %node, said, "knows no leader");
                Ok(None)
            }
            Said::Nothing(why) => {
                tracing::warn!(%store, %node, why, "cannot be reached");
                Ok(Some(why))
            }
            Said::Refusal(what) => Err(StoreError::Unavailable(format!(
                "{store}: {node} answered: {what}; see that it is SummitDB 0.4, and its log"
            ))),
        }
    }

    /// Goes to the node that another has named.
    fn follow(&self, node: &Node, address: &str) {
        let store = &self.settings.place;
        match Node::at(address).filter(|other| self.may_ask(other)) {
            Some(other) => {
                tracing::info!(%store, %node, %other,
                    "this node does not lead and named another, which is tried now");
                self.view().first = other;
            }
            None => tracing::warn!(%store, %node, other = address,
                "this node does not lead and named another, which is none of the URL's"),
        }
    }

    fn may_ask(&self, node: &Node) -> bool {
        self.settings.finds_peers || self.settings.nodes.contains(node)
    }

    /// The connection, or one to the next node that was not asked yet; `None` if all were.
    async fn session(&self, tried: &[Tried]) -> Option<Result<Session, (Node, String)>> {
        let is_left = |node: &Node| tried.iter().all(|tried| tried.node != *node);
        let mut slot = self.slot.lock().await;
        if let Some(session) = slot.session.take_if(|session| is_left(&session.node)) {
            slot.session = Some(session.clone());
            return Some(Ok(session));
        }
        let node = self.nodes().into_iter().find(is_left)?;
        Some(match self.connect(&node).await {
            Ok(connection) => {
                slot.count += 1;
                let session = Session { connection, node, number: slot.count };
                slot.session = Some(session.clone());
                Ok(session)
            }
            Err(why) => Err((node, why)),
        })
    }

    async fn give_up(&self, session: &Session) {
        let mut slot = self.slot.lock().await;
        // Another request may have seen to it already.
        slot.session.take_if(|kept| kept.number == session.number);
    }

    /// Connects to a node, and learns from it of others.
    async fn connect(&self, node: &Node) -> Result<MultiplexedConnection, String> {
        let limit = self.settings.connect_timeout;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limit))
            // Time is left to ask another when one is silent.
            .set_response_timeout(Some(self.settings.answer_timeout / 2));
        let connect = async {
            let client = node.client()?;
            let mut connection =
                client.get_multiplexed_async_connection_with_config(&config).await?;
            let told: Value = redis::cmd("RAFTPEERS").query_async(&mut connection).await?;
            Ok::<_, redis::RedisError>((connection, told))
        };
        match tokio::time::timeout(limit, connect).await {
            Ok(Ok((connection, told))) => {
                self.learn(&told);
                Ok(connection)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_late) => Err(format!("it did not answer within {} ms", limit.as_millis())),
        }
    }

    /// Takes over what a node told: each one's address and state.
    fn learn(&self, told: &Value) {
        let Some(texts) = texts(told) else { return };
        let peers = texts.chunks(2).filter_map(|pair| Node::at(pair.first().copied()??));
        let peers: Vec<Node> = peers.filter(|peer| self.may_ask(peer)).take(MOST_NODES).collect();
        if !peers.is_empty() {
            self.view().peers = peers;
        }
    }

    /// After a round in vain: gives up, or waits a little.
    async fn begin_round(&self, search: &mut Search) -> Result<(), StoreError> {
        search.before = std::mem::take(&mut search.tried);
        if search.rounds >= self.settings.retries {
            return Err(self.leaderless(search));
        }
        let doubled = FIRST_PAUSE * (1 << search.rounds.min(DOUBLINGS));
        search.rounds += 1;
        tracing::warn!(store = %self.settings.place, attempt = search.rounds,
            of = self.settings.retries,
            "the leader cannot be reached, so the peers are asked again");
        tokio::time::sleep(pause_within(doubled)).await;
        Ok(())
    }

    /// The one error of a search in vain.
    fn leaderless(&self, search: &Search) -> StoreError {
        let round = if search.before.is_empty() { &search.tried } else { &search.before };
        let view = self.view();
        // A node of the URL may be one of the peers under another name.
        let all = if view.peers.is_empty() { &self.settings.nodes } else { &view.peers };
        let answered = round.iter().filter(|tried| tried.unreached.is_none());
        let unreached = round.iter().filter_map(|tried| {
            let why = tried.unreached.as_ref()?;
            Some(format!("{} ({why})", tried.node))
        });
        let (count, answered) = (answered.clone().count(), answered.map(|tried| &tried.node));
        StoreError::Unavailable(format!(
            "{}: no node leads: of {} nodes {count} answered ({}), not reached: {}; {} are \
             needed, so start the missing ones or see why they elect no leader, and retry",
            self.settings.place,
            all.len(),
            list(answered),
            list(unreached),
            all.len() / 2 + 1
        ))
    }

    /// All that may be asked, each once, in the order in which they are.
    fn nodes(&self) -> Vec<Node> {
        let view = self.view();
        let mut nodes = vec![view.first.clone()];
        for node in self.settings.nodes.iter().chain(&view.peers) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        nodes
    }

    /// What is known stays sound even if a holder panicked.
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(names: impl Iterator<Item: fmt::Display>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
