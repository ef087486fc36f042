//! What a supplier makes of the store's answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use idgen_segment::SupplyError;
use idgen_store::{Lease, SequenceInfo, StoreError};

use super::{Arrival, LOOK_AGAIN, Pending, Purpose, REMEMBERED, Supplier, Told};
use crate::background::lock;
use crate::error::{Cause, IssueError};
use crate::peers::Merge;

impl Supplier {
    pub(super) fn arrived(&mut self, answer: Result<Arrival, StoreError>) {
        let Some(pending) = self.pending.take() else { return };
        let since = self.since();
        match answer {
            Err(error) => self.failed(&error),
            Ok(Arrival::Lease(lease, Told::Alone(info, identity))) => {
                let checked =
                    info.as_ref().map(|info| self.guard.check_info(info, &identity, since));
                let check = |()| self.guard.check(&lease, &identity, since);
                match checked.unwrap_or(Ok(())).and_then(check) {
                    Err(frozen) => self.freeze(frozen),
                    Ok(()) => self.granted(lease, info, pending),
                }
            }
            Ok(Arrival::Lease(lease, Told::OfSet(share))) => match self.check_share(&share) {
                Err(frozen) => self.freeze(frozen),
                Ok(()) => self.granted(lease, None, pending),
            },
            Ok(Arrival::Looks(accounts, whole)) => match self.check_looks(&accounts) {
                Err(frozen) => self.freeze(frozen),
                Ok(()) => self.looked_well(&whole),
            },
            Ok(Arrival::Apart(error)) => self.found_apart(&error),
            Ok(Arrival::Look(info, identity)) => {
                match self.guard.check_again(&info, &identity, since) {
                    Err(frozen) => self.freeze(frozen),
                    Ok(()) => self.looked_well(&info),
                }
            }
            Ok(Arrival::Gone(unknown, identity)) => {
                match self.guard.check_store(&identity, since) {
                    Err(frozen) => self.freeze(frozen),
                    Ok(()) => self.failed(&unknown),
                }
            }
        }
        // Release: whoever sees it finds the mark of what has come; pairs with an Acquire load.
        self.sequence.leasing.store(false, Ordering::Release);
    }

    fn looked_well(&mut self, info: &SequenceInfo) {
        self.looked = true;
        self.backoff.reset();
        *lock(&self.sequence.trouble) = None;
        if self.frozen.take().is_some() {
            tracing::info!(sequence = %self.sequence.name, bound = info.bound, "thawed");
            self.granted.clear();
            self.sequence.renew_ground(info.definition);
        } else {
            self.sequence.learn(info.definition);
        }
    }

    fn granted(&mut self, lease: Lease, info: Option<SequenceInfo>, pending: Pending) {
        self.backoff.reset();
        *lock(&self.sequence.trouble) = None;
        self.above = self.above.max(lease.range.last());
        if let Some(info) = info {
            // Before the supply: a cursor that a stricter order has replaced takes no segment.
            self.sequence.learn(info.definition);
        }
        match pending.purpose {
            Purpose::Strict(newest) => self.sequence.waiters.share(lease.range, newest),
            Purpose::Standby(permit) => {
                self.last_fetch = self.now() - pending.begun;
                match permit.supply(lease.range) {
                    Ok(()) => self.remember(lease),
                    Err(refused) => self.refused(lease, &refused),
                }
            }
            Purpose::Look => unreachable!("a look brings no lease"),
        }
    }

    fn remember(&mut self, lease: Lease) {
        self.granted.push_back(lease);
        if self.granted.len() > REMEMBERED {
            self.granted.pop_front();
        }
    }

    /// A cursor that is closed takes no lease: it goes back at the end. One that an operator has
    /// replaced meanwhile takes none either: then the sequence was moved away from it.
    fn refused(&mut self, lease: Lease, refused: &SupplyError) {
        let current = Arc::clone(&self.sequence.ground.load().cursor);
        let closed = self.supplied.as_ref().is_some_and(|it| Arc::ptr_eq(it, &current));
        if closed && matches!(refused, SupplyError::Retired { .. }) {
            self.unsupplied.push(lease);
        } else {
            tracing::warn!(sequence = %self.sequence.name, %refused, "a lease is a gap");
        }
    }

    pub(super) fn failed(&mut self, error: &StoreError) {
        let pause = self.backoff.drawn(self.sequence.background.random());
        self.retry_at = Some(self.now() + pause);
        let why = IssueError::from(error);
        *lock(&self.sequence.trouble) = Some(why.clone());
        match why.cause() {
            Cause::StoreDown => {
                tracing::warn!(sequence = %self.sequence.name, %error, "no lease; trying again");
            }
            // The next request asks the store anew: it may have been altered or created.
            _ => {
                // Relaxed: set again by the next request before its notification.
                self.sequence.wanted.store(false, Ordering::Relaxed);
                self.sequence.waiters.refuse_all(&why);
            }
        }
    }

    /// Ids in hand are not issued either: the store may grant them to others.
    pub(super) fn freeze(&mut self, why: IssueError) {
        let why = match self.merge.as_ref().and_then(Merge::missing) {
            Some(missing) => why.beside(&missing),
            None => why,
        };
        tracing::error!(sequence = %self.sequence.name, %why, "frozen");
        *lock(&self.sequence.trouble) = Some(why.clone());
        let ground = self.sequence.ground.load_full();
        // What is left may be another's by now: it is neither issued nor handed back.
        let _given_up = ground.cursor.retire();
        self.sequence.waiters.refuse_all(&why);
        self.frozen = Some(why);
        self.retry_at = Some(self.now() + LOOK_AGAIN);
    }
}
