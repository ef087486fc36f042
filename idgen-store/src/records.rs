//! Leases of time in a store that can only compare and swap: one small text for each worker id.
//!
//! A backend implements [`Records`]: load the records of an id space with their versions, replace
//! one if its version is still the one that was seen, tell a number that only rises and its own
//! clock. All else is here. A request is decided by the same rules as in every other registry (see
//! the `tenure` module) and written on the condition that the record is still the one it was
//! decided on:
//!
//! ```text
//! claim    turn -> a serial, the registry's clock
//!          load all records of the id space
//!          loop: decide -> a worker id, a new record
//!                swap its record: done -> granted
//!                                 stale -> that record is what stands there; decide anew
//! renew    swap the record that was seen last, else the one that stands there
//! release  likewise
//! ```
//!
//! - A grant rests on its own record alone: whoever changed it first wins, and the loser decides on
//!   what the winner wrote. That another record changed meanwhile makes a choice less good, never
//!   wrong: a floor comes from the record that is swapped.
//! - An unknown outcome (a lost reply, a timeout) changes nothing for the asker: a claim is made
//!   anew with a fresh nonce, and what it may have been granted is free after its lease; a renewal
//!   is asked again, with the same token.
//! - The registry's clock is the server's. Between two readings, a minute at most, it is carried on
//!   by this host's boot clock. A store without one goes by its holders: the lower median of the
//!   clocks they published at their last renewal, and as far ahead as those may be old.
//! - Times of renewals are the registry's own, so that hosts need not agree to tell who holds. A
//!   server clock that is set back makes ids seem held for as long; one that is set forward makes
//!   them seem free, and their holders are told *lost* with their next renewal. Neither makes a
//!   duplicate: the next floor is the horizon all the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idgen_core::LeaseToken;

use crate::clock::Moment;
use crate::swap::{Found, Swapped};
use crate::tenure::{Desk, Now, Tenure, lost};
use crate::{
    Claim, Claimed, HostClock, Name, RegistryError, StoreError, StoreIdentity, SystemHostClock,
    retry,
};

mod registry;
mod text;

#[cfg(all(test, feature = "conformance"))]
mod tests;

/// Stands where a boot id does: these times are of the registry's clock, which outlives boots.
const REGISTRY_CLOCK: &str = "registry";

/// For how long a reading of the registry's clock is carried on, in milliseconds.
const READING_LASTS_MS: u64 = 60_000;

/// A store that keeps a text for each worker id of an id space, and replaces it on a condition.
///
/// Methods answer in the words of a store; the layer limits their time, and drops the future when
/// it is up. A version is never used twice for the same item.
pub(crate) trait Records: Send + Sync {
    /// The server's name in messages.
    const SERVER: &'static str;
    /// What tells one state of a record from all others.
    type Version: Clone + Send + Sync;

    /// The store's URL without its secrets.
    fn place(&self) -> &str;

    /// How long a request may take.
    fn answer_timeout(&self) -> Duration;

    /// Which store this is.
    fn identity(&self) -> impl Future<Output = Result<StoreIdentity, StoreError>> + Send;

    /// A serial above all that were told before, and the server's clock.
    fn turn(&self) -> impl Future<Output = Result<Turn, StoreError>> + Send;

    /// The records of an id space in any order, each as it stands now: none that was replaced
    /// before the call.
    fn all(
        &self,
        space: &Name,
    ) -> impl Future<Output = Result<Vec<Record<Self::Version>>, StoreError>> + Send;

    /// One text as it stands now: never one that was replaced before the call.
    fn load(
        &self,
        space: &Name,
        item: Item,
    ) -> impl Future<Output = Result<Found<Self::Version>, StoreError>> + Send;

    /// Whether the server has seen the holder of a worker id go, where it watches holders itself.
    fn is_gone(
        &self,
        _space: &Name,
        _worker: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async { Ok(false) }
    }

    /// Replaces a text if its version is `seen`, or if there is none yet for `None`. Done means
    /// durable. Anything else that is not known to be stale is *unavailable*.
    fn swap(
        &self,
        space: &Name,
        item: Item,
        seen: Option<&Self::Version>,
        written: Written<'_>,
    ) -> impl Future<Output = Result<Swapped<Self::Version>, StoreError>> + Send;
}

/// What is kept for an id space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The record of this worker id.
    Worker(u64),
    /// The layout record.
    Layout,
}

/// What [`Records::turn`] tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) serial: u64,
    /// The server's clock in Unix milliseconds; `None` if it tells none.
    pub(crate) unix_ms: Option<u64>,
}

/// One worker's record.
#[derive(Clone, Debug)]
pub(crate) struct Record<V> {
    pub(crate) worker: u64,
    pub(crate) version: V,
    pub(crate) text: String,
    /// Whether its holder is alive, where the server watches that itself and tells no time.
    pub(crate) live: Option<bool>,
}

/// A text to be written, and what a server that shows or watches holders itself must know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) text: &'a str,
    /// Who holds the worker id from now on, and for how long without a renewal, in milliseconds;
    /// `None` if nobody does.
    pub(crate) held: Option<(&'a str, u64)>,
}

impl<'a> Written<'a> {
    fn of(tenure: &'a Tenure, text: &'a str) -> Self {
        let held = tenure.granted.then_some((tenure.holder.as_str(), tenure.lease_ms));
        Self { text, held }
    }
}

/// A [`WorkerRegistry`](crate::WorkerRegistry) over records.
pub(crate) struct RecordRegistry<R: Records> {
    records: R,
    host: Arc<dyn HostClock>,
    reading: Mutex<Option<Reading>>,
    /// The records of leases that were granted through this handle, as they were written last.
    seen: Mutex<SeenRecords<R::Version>>,
}

/// By id space and worker id.
type SeenRecords<V> = HashMap<(Name, u64), Seen<V>>;

/// The registry's clock and this host's boot clock, read together.
#[derive(Clone, Copy, Debug)]
struct Reading {
    unix_ms: u64,
    boot_ms: u64,
}

/// A worker's record that was seen.
struct Seen<V> {
    version: V,
    tenure: Tenure,
    live: Option<bool>,
}

impl<V> Seen<V> {
    /// Its version, and the record as the rules see it. Where the server watches holders itself,
    /// whoever lives has renewed just now, and who does not has let the lease lapse.
    fn at(self, unix_ms: u64) -> (V, Tenure) {
        let Self { version, mut tenure, live } = self;
        match live {
            Some(true) => tenure.renewed_boot_ms = unix_ms,
            Some(false) => tenure.renewed_boot_ms = unix_ms.saturating_sub(tenure.lease_ms),
            None => {}
        }
        (version, tenure)
    }

    /// The holder's clock at its last renewal, and how old that may be; `None` if nobody holds.
    fn published_unix_ms(&self) -> Option<u64> {
        let tenure = &self.tenure;
        let alive = tenure.granted && self.live != Some(false);
        let clock = tenure.renewed_boot_ms.saturating_add_signed(tenure.clock_ahead_ms);
        // Holders renew after three tenths of a lease.
        alive.then(|| clock.saturating_add(tenure.lease_ms / 10 * 3))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked here is replaced whole, so it is sound whatever its holder met.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Records> RecordRegistry<R> {
    pub(crate) fn new(records: R) -> Self {
        Self::with_host(records, Arc::new(SystemHostClock::new()))
    }

    fn with_host(records: R, host: Arc<dyn HostClock>) -> Self {
        Self { records, host, reading: Mutex::default(), seen: Mutex::default() }
    }

    /// Runs a request for as long as an answer may take.
    async fn limited<T>(
        &self,
        asked: impl Future<Output = Result<T, RegistryError>> + Send,
    ) -> Result<T, RegistryError> {
        retry::inside_tokio(R::SERVER)?;
        let limit = self.records.answer_timeout();
        tokio::time::timeout(limit, asked).await.unwrap_or_else(|_late| {
            Err(RegistryError::Unavailable(format!(
                "{} did not answer within {} ms; see whether the server or the network is \
                 overloaded, and retry",
                self.records.place(),
                limit.as_millis()
            )))
        })
    }

    async fn claim(&self, space: &Name, claim: &Claim) -> Result<Claimed, RegistryError> {
        let turn = self.records.turn().await?;
        let mut rows = self.rows(space).await?;
        rows.retain(|row| claim.ids.contains(&row.tenure.worker));
        let unix_ms = self.note(turn, &rows, claim.now_unix_ms);
        let moment = moment(unix_ms);
        // Whoever was faster wrote it just now, so where holders are watched it lives.
        let live = rows.first().and_then(|row| row.live).map(|_watched| true);
        let (mut versions, mut tenures): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|row| row.at(unix_ms)).unzip();
        loop {
            let desk = Desk { space, claim, tenures: &tenures };
            let granted = desk.decide(Now { moment: &moment, unix_ms }, turn.serial)?;
            let Some(tenure) = granted.tenure else { return Ok(granted.claimed) };
            let (worker, text) = (tenure.worker, text::write(&tenure));
            let at = tenures.binary_search_by_key(&worker, |tenure| tenure.worker);
            let version = at.ok().map(|at| &versions[at]);
            let written = Written::of(&tenure, &text);
            let found =
                match self.records.swap(space, Item::Worker(worker), version, written).await? {
                    Swapped::Done(version) => {
                        self.keep(space, Seen { version, tenure, live: None });
                        return Ok(granted.claimed);
                    }
                    Swapped::Stale(found) => self.seen_in(space, worker, found, live)?,
                };
            // Only that one is taken up: of many that start at once, each loses many times.
            if let Ok(at) = at {
                drop((versions.remove(at), tenures.remove(at)));
            }
            if let Some((version, tenure)) = found.map(|found| found.at(unix_ms)) {
                let at = at.unwrap_or_else(|at| at);
                versions.insert(at, version);
                tenures.insert(at, tenure);
            }
        }
    }

    /// Changes the record of a lease by `change`, once for each state it is met in.
    async fn change<T>(
        &self,
        space: &Name,
        (worker, token): (u64, LeaseToken),
        change: impl Fn(&mut Tenure) -> Result<T, RegistryError> + Send,
    ) -> Result<T, RegistryError>
    where
        T: Send,
    {
        let kept = lock(&self.seen).remove(&(space.clone(), worker));
        let mut seen = match kept.filter(|seen| seen.tenure.token == token) {
            Some(kept) => kept,
            None => self.found(space, worker).await?,
        };
        loop {
            let mut tenure = seen.tenure.clone();
            let told = change(&mut tenure)?;
            let text = text::write(&tenure);
            let written = Written::of(&tenure, &text);
            let item = Item::Worker(worker);
            match self.records.swap(space, item, Some(&seen.version), written).await? {
                Swapped::Done(version) => {
                    if tenure.granted {
                        self.keep(space, Seen { version, tenure, live: None });
                    }
                    return Ok(told);
                }
                Swapped::Stale(found) => {
                    let found = self.seen_in(space, worker, found, None)?;
                    seen = found.ok_or_else(|| lost(space, worker))?;
                }
            }
        }
    }

    fn keep(&self, space: &Name, seen: Seen<R::Version>) {
        lock(&self.seen).insert((space.clone(), seen.tenure.worker), seen);
    }

    async fn found(&self, space: &Name, worker: u64) -> Result<Seen<R::Version>, RegistryError> {
        let found = self.records.load(space, Item::Worker(worker)).await?;
        self.seen_in(space, worker, found, None)?.ok_or_else(|| lost(space, worker))
    }

    fn seen_in(
        &self,
        space: &Name,
        worker: u64,
        found: Found<R::Version>,
        live: Option<bool>,
    ) -> Result<Option<Seen<R::Version>>, RegistryError> {
        let read = |(version, text): (_, String)| {
            let tenure = text::read(worker, &text).ok_or_else(|| self.damaged(space, worker))?;
            Ok(Seen { version, tenure, live })
        };
        found.map(read).transpose()
    }

    /// All records of an id space, by worker id.
    async fn rows(&self, space: &Name) -> Result<Vec<Seen<R::Version>>, RegistryError> {
        let mut rows = Vec::new();
        for record in self.records.all(space).await? {
            let Record { worker, version, text, live } = record;
            rows.extend(self.seen_in(space, worker, Some((version, text)), live)?);
        }
        rows.sort_unstable_by_key(|row| row.tenure.worker);
        Ok(rows)
    }

    fn damaged(&self, space: &Name, worker: u64) -> RegistryError {
        RegistryError::Damaged(format!(
            "{}: the record of worker id {worker} in id space '{space}' is not as this version \
             writes it; restore it from a backup, or use the version that wrote it",
            self.records.place()
        ))
    }

    /// The registry's clock at a turn, remembered.
    fn note(&self, turn: Turn, rows: &[Seen<R::Version>], now_unix_ms: u64) -> u64 {
        let unix_ms = turn.unix_ms.unwrap_or_else(|| by_holders(rows).unwrap_or(now_unix_ms));
        let boot_ms = self.host.boot_ms();
        *lock(&self.reading) = Some(Reading { unix_ms, boot_ms });
        unix_ms
    }

    /// The registry's clock now, read anew if the last reading is old.
    async fn unix_ms(&self, space: &Name, now_unix_ms: u64) -> Result<u64, RegistryError> {
        let reading = *lock(&self.reading);
        let age_ms = |reading: Reading| self.host.boot_ms().checked_sub(reading.boot_ms);
        if let Some(reading) = reading
            && let Some(age_ms) = age_ms(reading).filter(|age_ms| *age_ms <= READING_LASTS_MS)
        {
            return Ok(reading.unix_ms.saturating_add(age_ms));
        }
        let turn = self.records.turn().await?;
        let rows = match turn.unix_ms {
            Some(_) => Vec::new(),
            None => self.rows(space).await?,
        };
        Ok(self.note(turn, &rows, now_unix_ms))
    }
}

/// The lower median of the holders' clocks: half of them and one more would have to run ahead to
/// bring it ahead.
fn by_holders<V>(rows: &[Seen<V>]) -> Option<u64> {
    let mut clocks: Vec<u64> = rows.iter().filter_map(Seen::published_unix_ms).collect();
    clocks.sort_unstable();
    clocks.get(clocks.len().checked_sub(1)? / 2).copied()
}

fn moment(unix_ms: u64) -> Moment {
    Moment { unix_ms, boot_ms: unix_ms, boot_id: REGISTRY_CLOCK.to_owned() }
}
