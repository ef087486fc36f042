//! What a connection has to know of a dialect: how requests and answers are matched.

mod genid;
mod native;

use crate::order::{Order, Outcome};

pub(crate) use genid::GenId;
pub(crate) use native::{Ask, Native};

/// A request and its answer.
pub(crate) type Answered<A> = (Order<A>, Outcome);

/// One connection's requests under way, in one dialect. Dropping it tells all who wait.
pub(crate) trait Dialect: Send + 'static {
    /// What is asked for.
    type Ask: Clone + Send + Sync + 'static;

    /// At the start of a connection.
    fn new() -> Self;

    /// How many ids an answer takes.
    fn ids(ask: &Self::Ask) -> u64;

    /// What the client sends first.
    fn greeting() -> &'static [u8];

    /// Whether the server has said that it speaks the dialect; nothing is asked before.
    fn is_greeted(&self) -> bool;

    /// How many requests are under way.
    fn under_way(&self) -> usize;

    /// Lays a request out behind others and keeps it until its answer comes.
    fn send(&mut self, order: Order<Self::Ask>, out: &mut Vec<u8>);

    /// Takes bytes off the front of `bytes` until an answer is whole.
    ///
    /// # Errors
    ///
    /// Why the connection is of no more use.
    fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Answered<Self::Ask>>, String>;
}
