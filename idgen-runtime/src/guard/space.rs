//! The marks of one id space: does its registry still know what it leased to this node?
//!
//! - The same registry that counts a lease below one it had counted went back, and so did one that
//!   renews up to less than it had granted. Then this node issues nothing more of the id space:
//!   that a later lease counts higher, because others have claimed, proves nothing; and its other
//!   generators of the id space end when they would renew. With a state directory that holds over
//!   restarts, until an operator thaws the id space.
//! - A registry that may forget, in another incarnation, and each one after a thaw, may have
//!   forgotten leases of *other* nodes, who issue under them until they are told. All such leases
//!   end one lease and 2 s after this node met it, so its own begin there, also those of another
//!   generator and after a restart. Renewals need not wait: what is renewed was not forgotten.
//! - Under another registry leases begin above every horizon that this node was granted, and after
//!   a thaw above the time that the operator named: that is marked, and holds for all of them.
//!
//! Each thaw begins a generation of marks. A guard meets its registry anew in each, and a lease
//! that was asked for in an earlier one is not taken.

use std::sync::Arc;

use idgen_core::{Renewal, WorkerLease};
use idgen_store::{Name, StoreIdentity};

use super::{has_other_incarnation, store_key};
use crate::error::{Cause, IssueError};
use crate::journal::{Journal, Kind, Mark};

/// How far ahead of its clock a registry grants, beyond one lease.
pub(crate) const CLEARING_SLACK_MS: u64 = 2000;

/// Watches the registry of one id space.
pub(crate) struct SpaceGuard {
    journal: Arc<Journal>,
    space: Name,
    /// The registry that was met, and in which generation of marks.
    met: (String, u64),
    /// Where all has ended that an earlier incarnation of the registry may have forgotten.
    clear_ms: u64,
    /// The mark as it was when the last claim was sent: several generators of one id space share
    /// the mark, and their claims may be answered in another order than they were granted.
    before: Option<Mark>,
    frozen: Option<IssueError>,
}

impl SpaceGuard {
    pub(crate) fn new(journal: Arc<Journal>, space: Name) -> Self {
        let met = (String::new(), 0);
        Self { journal, space, met, clear_ms: 0, before: None, frozen: None }
    }

    /// Why nothing more is issued: the registry was seen to have gone back, by this process or an
    /// earlier one, and the id space was not thawed since.
    pub(crate) fn frozen(&mut self) -> Option<IssueError> {
        if self.is_frozen() {
            self.look_again();
        }
        if !self.is_frozen() {
            self.frozen = None;
            return None;
        }
        let seen_before = || self.told_frozen("went back, as this node saw some time ago");
        Some(self.frozen.clone().unwrap_or_else(seen_before))
    }

    /// Looks for what an operator has left.
    fn look_again(&self) {
        if let Err(error) = self.journal.refresh() {
            tracing::warn!(%error, "the journal cannot be read again");
        }
    }

    fn is_frozen(&self) -> bool {
        let freeze = self.journal.mark(Kind::Freeze, self.space.as_str());
        freeze != Mark::default() && freeze.generation >= self.mark().generation
    }

    /// A claim is about to be sent: what it is granted is newer than all that is marked now.
    pub(crate) fn claiming(&mut self) {
        self.before = Some(self.mark());
    }

    /// Which registry the next leases are of; they last for `lease_ms`.
    pub(crate) fn keep(&mut self, identity: &StoreIdentity, now_unix_ms: u64, lease_ms: u64) {
        let met = (store_key(identity), self.mark().generation);
        if met != self.met {
            // Saturated, it lies beyond every lease, and none is taken.
            let latest_ms = now_unix_ms.saturating_add(lease_ms).saturating_add(CLEARING_SLACK_MS);
            self.clear_ms = self.meet(identity, &met.0, latest_ms);
            self.met = met;
        }
    }

    /// From when on all has ended that a registry may have forgotten, if it was met now.
    fn meet(&self, identity: &StoreIdentity, store: &str, latest_ms: u64) -> u64 {
        let (mark, clear) = (self.mark(), self.journal.mark(Kind::Clear, self.space.as_str()));
        // The serial tells since which thaw.
        let stands = clear.serial == mark.generation;
        let is_met = clear.store == store && stands;
        // Also where it changes during the wait, before anything was granted.
        let forgets = !stands
            || is_thawed(&mark)
            || has_other_incarnation(&mark.store, identity)
            || has_other_incarnation(&clear.store, identity);
        if is_met || !forgets {
            // Another generator met it, or an earlier process: by a clock that was ahead, perhaps.
            return clear.end.min(latest_ms);
        }
        self.write(
            Kind::Clear,
            &Mark {
                generation: clear.generation + 1,
                store: store.to_owned(),
                serial: mark.generation,
                end: latest_ms,
            },
        );
        latest_ms
    }

    /// Marks a lease, and tells up to which time nothing may be issued under it, in Unix
    /// milliseconds; or says why nothing may be at all.
    pub(crate) fn check(&mut self, lease: &WorkerLease) -> Result<u64, IssueError> {
        if let Some(frozen) = self.frozen() {
            return Err(frozen);
        }
        let (now, serial) = (self.mark(), lease.token().serial);
        let mark = self.before.take().unwrap_or_else(|| now.clone());
        if [self.met.1, mark.generation] != [now.generation; 2] {
            return Err(self.thawed_meanwhile());
        }
        let is_known = mark.store == self.met.0;
        if is_known && serial <= mark.serial {
            let seen = mark.serial;
            let what = format!("granted lease {serial} after lease {seen}, so it went back");
            return Err(self.freeze(&what));
        }
        let begin = self.journal.mark(Kind::Begin, self.space.as_str());
        // Another generator may have renewed its lease meanwhile; what it holds of a registry that
        // is met by both counts there.
        let end = if now.store == mark.store { now.end } else { mark.end };
        let granted_ms = if is_known { begin.end } else { begin.end.max(end) };
        let from_ms = granted_ms.max(self.clear_ms);
        if from_ms >= lease.horizon_unix_ms() {
            return Err(self.behind(&mark, granted_ms, lease.horizon_unix_ms()));
        }
        if granted_ms > begin.end {
            // This lease makes the registry a known one: the next ones begin there too.
            let (generation, store) = (now.generation, String::new());
            self.write(Kind::Begin, &Mark { generation, store, serial: 0, end: granted_ms });
        }
        let (generation, store) = (now.generation, self.met.0.clone());
        let seen = Mark { generation, store, serial, end: lease.horizon_unix_ms() };
        self.write(Kind::Space, &seen);
        if is_thawed(&now) {
            // Till now the thaw could be told anew, with another time.
            self.look_again();
            if self.mark().generation > now.generation {
                return Err(self.thawed_meanwhile());
            }
        }
        Ok(from_ms)
    }

    fn thawed_meanwhile(&self) -> IssueError {
        let space = &self.space;
        let message = format!("id space '{space}' was thawed during a claim; claiming anew");
        IssueError::new(Cause::ClockHold, message).retry(1)
    }

    /// Marks a horizon, before an id is issued under it. `held_ms` is how far the lease was
    /// granted before.
    pub(crate) fn renewed(&mut self, renewal: &Renewal, held_ms: u64) -> Result<(), IssueError> {
        if let Some(frozen) = self.frozen() {
            return Err(frozen);
        }
        let horizon_ms = renewal.horizon_unix_ms();
        if horizon_ms < held_ms {
            let what = format!(
                "renewed up to {horizon_ms} ms what it had granted up to {held_ms}, so it went back"
            );
            return Err(self.freeze(&what));
        }
        // Whatever registry was met last, with whatever serial, stays marked.
        self.write(Kind::Space, &Mark { serial: 0, end: horizon_ms, ..self.mark() });
        Ok(())
    }

    fn mark(&self) -> Mark {
        self.journal.mark(Kind::Space, self.space.as_str())
    }

    /// The journal keeps the higher: another generator's newer lease stays marked.
    fn write(&self, kind: Kind, mark: &Mark) {
        if let Err(error) = self.journal.record(kind, self.space.as_str(), mark) {
            tracing::warn!(%error, "the guard journal cannot be written; a registry that goes back \
                may go unnoticed after a restart; make room or mend the state directory");
        }
    }

    fn freeze(&mut self, what: &str) -> IssueError {
        // Of the newest generation: a thaw that is not known yet must not lift it.
        self.look_again();
        let freeze = Mark { store: self.met.0.clone(), ..self.mark() };
        self.write(Kind::Freeze, &freeze);
        if let Err(error) = self.journal.sync() {
            tracing::warn!(%error, "the freeze may be forgotten if this machine loses power");
        }
        let frozen = self.told_frozen(what);
        self.frozen = Some(frozen.clone());
        frozen
    }

    fn told_frozen(&self, what: &str) -> IssueError {
        let (space, end) = (&self.space, self.mark().end);
        let way_out = if self.journal.is_kept() {
            format!(
                "restore the newer registry, or keep this one; if no node was granted time beyond \
                 {end} ms: idgen worker thaw SPACE --above {end}"
            )
        } else {
            format!(
                "this process keeps no state directory in which it could be thawed; restore the \
                 newer registry, or start again after {end} ms since 1970 and after the last \
                 horizon of every other node"
            )
        };
        let message = format!("id space '{space}' is frozen: its registry {what}; {way_out}");
        IssueError::new(Cause::Frozen, message)
    }

    /// Of the reasons the one that lasts longest.
    fn behind(&self, mark: &Mark, granted_ms: u64, horizon_ms: u64) -> IssueError {
        let (space, from_ms) = (&self.space, granted_ms.max(self.clear_ms));
        let message = if granted_ms < from_ms {
            format!(
                "the registry of id space '{space}' went back, was restarted or replaced and may \
                 have forgotten leases of others, which end by {from_ms} ms since 1970; wait"
            )
        } else if mark.generation > 0 && (mark.store.is_empty() || mark.store == self.met.0) {
            format!("id space '{space}' was thawed above {from_ms} ms since 1970; wait")
        } else {
            format!(
                "another registry stands in the place of id space '{space}' and this node was \
                 granted time up to {from_ms} ms since 1970; wait, or put the earlier registry back"
            )
        };
        IssueError::new(Cause::ClockHold, message).retry(from_ms - horizon_ms + 1)
    }
}

/// Whether nothing was granted since a thaw.
pub(super) fn is_thawed(mark: &Mark) -> bool {
    mark.generation > 0 && mark.store.is_empty()
}

#[cfg(test)]
mod tests;
