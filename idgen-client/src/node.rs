//! One node: its connection, if it has one, and how it did lately.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use idgen_core::Backoff;
use tokio::sync::mpsc;

use crate::Settings;
use crate::dialect::Dialect;
use crate::link;
use crate::order::{Order, locked};

/// A node of the list.
pub(crate) struct Node<D: Dialect> {
    pub(crate) address: String,
    state: Mutex<State<D::Ask>>,
}

struct State<A> {
    /// The way to the connection's task.
    orders: Option<mpsc::Sender<Order<A>>>,
    backoff: Backoff,
    rests_until: Option<Instant>,
    /// What went wrong last.
    why: String,
}

impl<D: Dialect> Node<D> {
    pub(crate) fn new(address: String, settings: &Settings) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let backoff = Backoff::new(ms(settings.rest_least), ms(settings.rest_most));
        let why = "nothing was tried".to_owned();
        Self { address, state: Mutex::new(State { orders: None, backoff, rests_until: None, why }) }
    }

    /// When it may be used again, if it rests.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        locked(&self.state).rests_until.filter(|until| *until > Instant::now())
    }

    /// What went wrong last.
    pub(crate) fn why(&self) -> String {
        format!("{}: {}", self.address, locked(&self.state).why)
    }

    /// It answered.
    pub(crate) fn well(&self) {
        let mut state = locked(&self.state);
        state.backoff.reset();
        state.rests_until = None;
    }

    /// It failed: others are used for a while.
    pub(crate) fn rest(&self, why: impl Into<String>, random: u64) {
        let (mut state, now) = (locked(&self.state), Instant::now());
        state.why = why.into();
        // What several callers were refused at once is one failure.
        if state.rests_until.is_none_or(|until| until <= now) {
            let pause = Duration::from_millis(state.backoff.pause_ms(random));
            state.rests_until = Some(now + pause);
        }
    }

    /// The way to its connection, which is begun if there is none.
    pub(crate) fn orders(
        self: &Arc<Self>,
        settings: &Arc<Settings>,
        number: impl FnOnce() -> u64,
    ) -> mpsc::Sender<Order<D::Ask>> {
        let mut state = locked(&self.state);
        if let Some(orders) = state.orders.as_ref().filter(|orders| !orders.is_closed()) {
            return orders.clone();
        }
        let (sender, orders) = mpsc::channel(settings.in_flight);
        state.orders = Some(sender.clone());
        // The task must not keep the node: it ends with the last client.
        let node: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(link::drive(node, self.address.clone(), settings.clone(), number(), orders));
        sender
    }
}
