//! Who leads, who is up, and what a test has ordered.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::database::Database;

pub(crate) struct Cluster {
    /// The address of each node.
    pub(crate) nodes: Vec<Node>,
    database: Mutex<Database>,
    state: Mutex<State>,
}

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    /// Whether it listens.
    pub(crate) up: watch::Sender<bool>,
}

/// What tests change.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The index of the leader, if there is one.
    pub(crate) leader: Option<usize>,
    /// Followers answer 301 without being asked to.
    pub(crate) redirects: bool,
    /// Every node names the next, the leader too.
    pub(crate) loops: bool,
    /// How many answers to writes are still to be lost after the write.
    pub(crate) lose: u32,
    /// What each request to the database is delayed by.
    pub(crate) delay: Duration,
    /// User and password that each request must bring.
    pub(crate) login: Option<(String, String)>,
    /// How many requests came to each node's database.
    pub(crate) requests: Vec<u64>,
}

impl Cluster {
    pub(crate) fn new(database: Database, addresses: Vec<SocketAddr>, redirects: bool) -> Self {
        let state = State {
            leader: Some(0),
            redirects,
            loops: false,
            lose: 0,
            delay: Duration::ZERO,
            login: None,
            requests: vec![0; addresses.len()],
        };
        let node = |address| Node { address, up: watch::Sender::new(true) };
        Self {
            nodes: addresses.into_iter().map(node).collect(),
            database: Mutex::new(database),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    pub(crate) fn database(&self) -> MutexGuard<'_, Database> {
        locked(&self.database)
    }

    pub(crate) fn is_up(&self, node: usize) -> bool {
        *self.nodes[node].up.borrow()
    }

    /// The leader, if it is up and so many nodes are that it can lead.
    pub(crate) fn leader(&self) -> Option<usize> {
        let up = (0..self.nodes.len()).filter(|node| self.is_up(*node)).count();
        let has_quorum = up > self.nodes.len() / 2;
        self.state().leader.filter(|leader| has_quorum && self.is_up(*leader))
    }

    /// `http://HOST:PORT` of a node.
    pub(crate) fn url(&self, node: usize) -> String {
        format!("http://{}", self.nodes[node].address)
    }
}

/// Nothing here is left half changed by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
