//! What lies ahead of a generator: the floor that its clock has not reached yet, and the end of
//! its layout.

use idgen_core::Clock;
use idgen_store::Name;

use crate::background::lock;
use crate::error::{Cause, IssueError};
use crate::keeper::Keeper;
use crate::lifetime::Lifetime;
use crate::published::fields_of;
use crate::runtime::Runtime;
use crate::snowflakes::{Holding, Snowflakes};

impl Snowflakes {
    /// How long the layout goes on issuing, by this node's clock.
    pub fn lifetime(&self) -> Lifetime {
        Lifetime::at(&self.settings.layout, self.clock.unix_ms())
    }

    /// The node fields of the worker id held now: `zone=3 dc=1 machine=2`.
    pub fn node(&self) -> Option<String> {
        self.worker().map(|worker| fields_of(&self.settings.layout, worker))
    }

    /// Why nothing is issued yet under a lease whose floor lies more than a tick ahead.
    pub(crate) fn waiting(&self, holding: &Holding) -> Option<IssueError> {
        let reach_ms = self.clock.unix_ms().saturating_add(self.settings.borrow_ms);
        let wait_ms = holding.begins_ms.saturating_sub(reach_ms);
        if wait_ms <= self.settings.layout.tick_ms() {
            return None;
        }
        let (worker, space) = (holding.worker, &self.settings.space);
        let message = format!(
            "worker id {worker} of id space '{space}' was used up to {} ms since 1970, {wait_ms} \
             ms ahead of this clock, and ids begin there; wait, or set the clock right if it is \
             wrong",
            holding.begins_ms
        );
        Some(IssueError::new(Cause::ClockHold, message).retry(wait_ms))
    }
}

impl Keeper {
    /// Tells the log how near the layout's end is, whenever that has become nearer.
    pub(crate) fn warn_of_end(&mut self) {
        let lifetime = self.snowflakes.lifetime();
        let warning = lifetime.warning();
        if warning == self.warned {
            return;
        }
        self.warned = warning;
        if let Some(warning) = warning {
            let (space, left_days) = (&self.snowflakes.settings.space, lifetime.left_days());
            tracing::warn!(%space, left_days, end_unix_ms = lifetime.end_unix_ms, "{warning}");
        }
    }

    /// Tells the log of a generator that has to wait for its floor.
    pub(crate) fn warn_of_wait(&self, holding: &Holding) {
        if let Some(waiting) = self.snowflakes.waiting(holding) {
            tracing::warn!("{waiting}");
        }
    }
}

impl Runtime {
    /// The id spaces that this node issues in, and how long their layouts last.
    pub fn lifetimes(&self) -> Vec<(Name, Lifetime)> {
        let all = lock(&self.shared.snowflakes);
        all.iter().map(|one| (one.space().clone(), one.lifetime())).collect()
    }
}
