//! The nodes of a cluster, and the search for the one that leads.
//!
//! ```text
//! round:  ask each known node, the one that served last before the others
//!           answer        -> done; that node is asked first from now on
//!           names another -> ask that one next
//!           no leader, or not reached -> the next node
//!           sent, and no answer -> done if it must not be sent twice, else the next node
//! no answer in a round -> pause (longer each time, never the same), look for peers, next round
//! ```
//!
//! All of it is bounded: a round asks no node twice, so that nodes which name each other in a
//! circle end it; rounds are counted; and a request has one deadline for everything. What remains
//! then is one error, which tells the nodes that answered, those that did not, and how many have
//! to. Each step of a fail-over is told as an event.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Semaphore;

use super::fault::Fault;
use super::settings::{Node, RqliteSettings};
use super::statement::{NoRows, Row, rows_in};
use super::wire::{Miss, Question, Said, Wire};
use crate::StoreError;
use crate::retry::{Failed, inside_tokio, pause_within};

/// The pause before the second round at the longest; it doubles from round to round.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const DOUBLINGS: u32 = 4;
/// How many nodes are remembered: more than any cluster has.
const MOST_NODES: usize = 64;
/// How long a node may take to tell of its peers, which it tries to reach itself.
const PEERS_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Cluster {
    pub(super) settings: RqliteSettings,
    wire: Wire,
    permits: Semaphore,
    view: Mutex<View>,
    failed: Mutex<Option<Failed>>,
}

/// What is known of the nodes.
struct View {
    /// Those of the URL, then those found.
    nodes: Vec<Node>,
    /// The one to be asked first.
    first: Node,
    /// How many there are, as far as one has told.
    members: usize,
    /// Whether a node was asked for the others.
    has_met: bool,
}

impl View {
    fn add(&mut self, node: &Node) {
        if !self.nodes.contains(node) && self.nodes.len() < MOST_NODES {
            self.nodes.push(node.clone());
        }
    }

    /// The next node that was not asked yet.
    fn next(&self, tried: &[Tried]) -> Option<Node> {
        let is_left = |node: &&Node| tried.iter().all(|tried| tried.node != **node);
        std::iter::once(&self.first).chain(&self.nodes).find(is_left).cloned()
    }
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
    /// The node that is being asked.
    asking: Option<Node>,
    tried: Vec<Tried>,
    /// Those of the last whole round.
    before: Vec<Tried>,
    rounds: u32,
}

/// Why a node that was asked told no rows.
#[derive(Debug)]
enum NoTelling {
    /// Another node is to be asked; nothing was done.
    Elsewhere(Node),
    /// The node knows no leader; nothing was done.
    Leaderless(String),
    /// The node has not seen the request.
    Unreached(String),
    /// The request may have been done.
    Lost(String),
    /// Another node would say the same.
    Failed(Fault),
}

/// `GET /nodes`, in both of its forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Peers {
    Listed { nodes: Vec<Peer> },
    Keyed(BTreeMap<String, Peer>),
}

#[derive(Deserialize)]
struct Peer {
    api_addr: Option<String>,
    #[serde(default)]
    leader: bool,
}

impl Cluster {
    pub(super) fn new(settings: RqliteSettings) -> Self {
        let nodes = settings.nodes.clone();
        let first = nodes.first().expect("a URL names a host").clone();
        Self {
            wire: Wire::new(&settings),
            permits: Semaphore::new(settings.connections),
            view: Mutex::new(View { nodes, first, members: 0, has_met: false }),
            failed: Mutex::default(),
            settings,
        }
    }

    /// Asks whichever node leads.
    pub(super) async fn ask(&self, question: &Question) -> Result<Vec<Vec<Row>>, Fault> {
        inside_tokio("rqlite")?;
        let began = Instant::now();
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        self.share_failure(began)?;
        let (mut search, limit) = (Search::default(), self.settings.answer_timeout);
        let found = tokio::time::timeout(limit, self.search(&mut search, question)).await;
        let outcome = found.unwrap_or_else(|_late| Err(self.late(search, limit)));
        match outcome {
            Ok(rows) => {
                self.meet_peers().await;
                Ok(rows)
            }
            Err(fault) if fault.is_outage() => {
                let error = fault.tell(&self.settings.place);
                *locked(&self.failed) = Failed::of(&error);
                Err(error.into())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Lets a caller who has waited since before the last outage fail as well.
    pub(super) fn share_failure(&self, began: Instant) -> Result<(), StoreError> {
        Failed::share(locked(&self.failed).as_ref(), began)
    }

    async fn search(
        &self,
        search: &mut Search,
        question: &Question,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        loop {
            let next = locked(&self.view).next(&search.tried);
            let Some(node) = next else {
                self.begin_round(search).await?;
                continue;
            };
            search.asking = Some(node.clone());
            let told = self.told(&node, question).await;
            search.asking = None;
            let unreached = match told {
                Ok(rows) => {
                    locked(&self.view).first = node;
                    return Ok(rows);
                }
                Err(NoTelling::Elsewhere(other)) => {
                    self.follow(&node, other);
                    None
                }
                Err(NoTelling::Leaderless(said)) => {
                    tracing::info!(store = %self.settings.place, %node, said, "knows no leader");
                    None
                }
                Err(NoTelling::Failed(fault)) => return Err(fault),
                Err(NoTelling::Lost(why)) if !question.repeatable => {
                    self.leave(&node);
                    return Err(Fault::Lost(node, why));
                }
                Err(NoTelling::Lost(why) | NoTelling::Unreached(why)) => {
                    tracing::warn!(store = %self.settings.place, %node, why, "cannot be reached");
                    Some(why)
                }
            };
            search.tried.push(Tried { node, unreached });
        }
    }

    /// Asks one node.
    async fn told(&self, node: &Node, question: &Question) -> Result<Vec<Vec<Row>>, NoTelling> {
        match self.wire.ask(node, question).await {
            Ok(Said::Answer(body)) => rows_in(&body).map_err(|none| match none {
                NoRows::Leaderless(said) => NoTelling::Leaderless(said),
                NoRows::Lost(why) => NoTelling::Lost(why),
                NoRows::Failed(fault) => NoTelling::Failed(fault),
            }),
            Ok(Said::Elsewhere(other)) => Err(NoTelling::Elsewhere(other)),
            Ok(Said::Leaderless(said)) => Err(NoTelling::Leaderless(said)),
            Err(Miss::Unreached(why)) => Err(NoTelling::Unreached(why)),
            Err(Miss::Lost(why)) => Err(NoTelling::Lost(why)),
            Err(Miss::Refused(fault)) => Err(NoTelling::Failed(fault)),
        }
    }

    /// Goes to the node that another has named.
    fn follow(&self, node: &Node, other: Node) {
        tracing::info!(store = %self.settings.place, %node, %other,
            "this node does not lead and named another, which is tried now");
        let mut view = locked(&self.view);
        view.add(&other);
        view.first = other;
    }

    /// Begins with another node the next time.
    fn leave(&self, node: &Node) {
        let mut view = locked(&self.view);
        let at = view.nodes.iter().position(|known| known == node);
        let next = at.map_or(0, |at| (at + 1) % view.nodes.len());
        view.first = view.nodes[next].clone();
    }

    /// After a round in vain: gives up, or waits a little and looks for peers.
    async fn begin_round(&self, search: &mut Search) -> Result<(), Fault> {
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
        if let Some(reached) = search.before.iter().find(|tried| tried.unreached.is_none()) {
            self.find_peers(&reached.node).await;
        }
        Ok(())
    }

    /// Asks the node that answered first for all others: when it dies, it is too late.
    async fn meet_peers(&self) {
        let first = {
            let mut view = locked(&self.view);
            if std::mem::replace(&mut view.has_met, true) {
                return;
            }
            view.first.clone()
        };
        self.find_peers(&first).await;
    }

    /// Learns from a node of others, and of the one that leads; without an answer, nothing.
    async fn find_peers(&self, node: &Node) {
        if !self.settings.finds_peers {
            return;
        }
        let path = "/nodes?ver=2&timeout=1s";
        let question = Question { path, body: None, repeatable: true };
        let asked = tokio::time::timeout(PEERS_TIMEOUT, self.wire.ask(node, &question)).await;
        let Ok(Ok(Said::Answer(body))) = asked else { return };
        let Ok(peers) = serde_json::from_slice(&body) else { return };
        let peers: Vec<Peer> = match peers {
            Peers::Listed { nodes } => nodes,
            Peers::Keyed(nodes) => nodes.into_values().collect(),
        };
        let mut view = locked(&self.view);
        view.members = peers.len();
        for peer in peers {
            let found = peer.api_addr.as_deref().and_then(Node::of_url);
            // A password must not leave the encryption that it was given to.
            let Some(found) = found.filter(|found| found.tls || !node.tls) else { continue };
            view.add(&found);
            if peer.leader {
                view.first = found;
            }
        }
    }

    fn late(&self, search: Search, limit: Duration) -> Fault {
        match &search.asking {
            Some(node) if search.rounds == 0 => {
                self.leave(node);
                Fault::Late(node.clone(), limit.as_millis())
            }
            _ => self.leaderless(&search),
        }
    }

    /// The one error of a search in vain.
    fn leaderless(&self, search: &Search) -> Fault {
        let round = if search.before.is_empty() { &search.tried } else { &search.before };
        let all = {
            let view = locked(&self.view);
            // A node may be known by two names; those that the cluster counts are counted once.
            if view.members > 0 { view.members } else { view.nodes.len() }
        };
        let answered = round.iter().filter(|tried| tried.unreached.is_none());
        let answered: Vec<String> = answered.map(|tried| tried.node.to_string()).collect();
        let unreached = round.iter().filter_map(|tried| {
            let why = tried.unreached.as_ref()?;
            Some(format!("{} ({why})", tried.node))
        });
        let unreached: Vec<String> = unreached.collect();
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Fault::Leaderless(format!(
            "no node leads: of {all} nodes {} answered ({}), not reached: {}; {} are needed, so \
             start the missing ones or see why they elect no leader, and retry",
            answered.len(),
            list(&answered),
            list(&unreached),
            all / 2 + 1
        ))
    }
}

/// Locks a mutex whose data stays sound even if a holder panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
