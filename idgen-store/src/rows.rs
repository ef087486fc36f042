//! The rows of one id space, for registries that hold them all at once: in memory, in a file.
//!
//! Serials and the anchor of the clock are the id space's own, so that a space is all there is to
//! read, and to write in one piece, for any request.

use std::collections::BTreeMap;

use idgen_core::{Ended, LeaseToken};

use crate::clock::{Anchor, Moment};
use crate::tenure::{Desk, Now, Tenure, lost};
use crate::{Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, WorkerInfo};

/// The worker ids of one id space, by number, and its layout record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) tenures: BTreeMap<u64, Tenure>,
    pub(crate) layout: Option<LayoutRecord>,
    /// Of the last grant.
    pub(crate) serial: u64,
    pub(crate) anchor: Option<Anchor>,
}

impl Rows {
    /// Makes the anchor anew if no lease is held but that of `dead`, and reads the time off it.
    fn now_unix_ms(&mut self, dead: Option<u64>, moment: &Moment) -> u64 {
        let mut tenures = self.tenures.values();
        let any_held = tenures.any(|tenure| tenure.is_held(moment) && dead != Some(tenure.worker));
        let stored = self.anchor.take().unwrap_or_else(|| Anchor(moment.clone()));
        self.anchor.insert(Anchor::at(stored, any_held, moment)).unix_ms(moment)
    }

    pub(crate) fn claim(
        &mut self,
        space: &Name,
        claim: &Claim,
        moment: &Moment,
    ) -> Result<Claimed, RegistryError> {
        Desk::check(space, claim)?;
        let tenures: Vec<_> =
            self.tenures.range(claim.ids.clone()).map(|(_, tenure)| tenure.clone()).collect();
        let desk = Desk { space, claim, tenures: &tenures };
        let dead = desk.proven(moment).map(|tenure| tenure.worker);
        let unix_ms = self.now_unix_ms(dead, moment);
        let serial = self.serial.checked_add(1).ok_or_else(|| {
            let said = format!("the serial of id space '{space}' is at 2^64-1; begin another");
            RegistryError::Damaged(said)
        })?;
        let granted = desk.decide(Now { moment, unix_ms }, serial)?;
        if let Some(tenure) = granted.tenure {
            self.serial = serial;
            self.tenures.insert(tenure.worker, tenure);
        }
        Ok(granted.claimed)
    }

    pub(crate) fn renew(
        &mut self,
        space: &Name,
        (worker, token): (u64, LeaseToken),
        now_unix_ms: u64,
        moment: &Moment,
    ) -> Result<Renewed, RegistryError> {
        let unix_ms = self.now_unix_ms(None, moment);
        self.tenure(space, worker)?.renew(space, token, now_unix_ms, Now { moment, unix_ms })
    }

    pub(crate) fn release(&mut self, space: &Name, ended: &Ended) -> Result<(), RegistryError> {
        self.tenure(space, ended.worker())?.release(space, ended)
    }

    fn tenure(&mut self, space: &Name, worker: u64) -> Result<&mut Tenure, RegistryError> {
        self.tenures.get_mut(&worker).ok_or_else(|| lost(space, worker))
    }

    pub(crate) fn list(&self, moment: &Moment) -> Vec<WorkerInfo> {
        self.tenures.values().map(|tenure| tenure.info(moment)).collect()
    }

    pub(crate) fn put_layout(
        &mut self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let next = LayoutRecord::next(self.layout.as_ref(), space, expected, text)?;
        self.layout = Some(next.clone());
        Ok(next)
    }
}
