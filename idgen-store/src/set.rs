//! Several stores at once: each leases its own part of a sequence's progression, so that none needs
//! another to go on.
//!
//! A sequence of the set with increment `k` stands in each of `n` stores with increment `n * k` and
//! an offset of its own (with two stores: odd and even numbers). Which store has which is its own
//! affair, recorded in it, so nodes may name the stores in any order. Before a process leases its
//! first id of a sequence, all stores must have answered and been compared: two that are down at
//! different nodes could otherwise grant the same ids unseen. Stores whose parts could meet are
//! refused by name. After that a store that is down is passed over and asked again after a while.
//! A lease that does not fit its store's part shows an alteration: it is a gap, and all are
//! compared anew.
//!
//! So an id that two stores grant is issued once at most, in the midst of an alteration too: it
//! would have to lie in the parts of both, as compared by the nodes that take it. The alteration of
//! a store is refused unless it begins above what that store granted, so ids above it that another
//! store granted under its older part mean that this one cannot be altered, and then the two are
//! found to meet.
//!
//! Leases come from the stores in turn, each above what the caller was granted before. A tail goes
//! back to the store that granted it: the serial of a lease says which, being that store's own
//! serial times 64 plus its place.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError, StoreIdentity};

mod making;
mod progressions;
mod sequences;

use progressions::{check_apart, whole};

/// How many stores a set may have.
const MOST: usize = 64;
const PLACES: u64 = MOST as u64;
/// How long a store that was down is passed over.
const PASSED_OVER: Duration = Duration::from_secs(1);

/// Several stores as one; see the [module's](self) words.
pub struct StoreSet {
    members: Vec<Member>,
    /// The parts of each sequence by place, once all were compared.
    parts: Mutex<HashMap<Name, Vec<Definition>>>,
    turn: AtomicUsize,
}

struct Member {
    store: Arc<dyn SequenceStore>,
    place: String,
    down_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for StoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.members.iter().map(|member| &member.place);
        f.debug_list().entries(places).finish()
    }
}

/// Locks a mutex whose data stays sound even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.store.identity().await.map_err(|error| self.says(error))
    }

    /// The sequence as it stands there.
    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let info = self.store.describe(name).await;
        self.note(&info);
        info.map_err(|error| self.says(error))
    }

    fn is_passed_over(&self) -> bool {
        lock(&self.down_until).is_some_and(|until| until > Instant::now())
    }

    /// Passes it over for a while if it is down.
    fn note<T>(&self, answer: &Result<T, StoreError>) {
        let down = matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Damaged(_)));
        *lock(&self.down_until) = down.then(|| Instant::now() + PASSED_OVER);
    }

    /// An error with the store's name before it, where it does not name the sequence alone.
    fn says(&self, error: StoreError) -> StoreError {
        let place = &self.place;
        match error {
            StoreError::Unavailable(said) => StoreError::Unavailable(format!("{place}: {said}")),
            StoreError::Damaged(said) => StoreError::Damaged(format!("{place}: {said}")),
            StoreError::Refused(said) => StoreError::Refused(format!("{place}: {said}")),
            error => error,
        }
    }
}

impl StoreSet {
    /// A set of stores, each with its URL without secrets.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] for less than 2 stores or more than 64.
    pub fn new(members: Vec<(Arc<dyn SequenceStore>, String)>) -> Result<Self, StoreError> {
        if !(2..=MOST).contains(&members.len()) {
            return Err(StoreError::Refused(format!(
                "a set has 2 to {MOST} stores, not {}; name some more or some less",
                members.len()
            )));
        }
        let member = |(store, place)| Member { store, place, down_until: Mutex::default() };
        let members = members.into_iter().map(member).collect();
        Ok(Self { members, parts: Mutex::default(), turn: AtomicUsize::new(0) })
    }

    /// The members from the one whose turn it is, those that are passed over last.
    fn in_turn(&self) -> Vec<usize> {
        let count = self.members.len();
        // Relaxed: whose turn it is matters to nobody else.
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let mut order: Vec<usize> = (0..count).map(|step| (first + step) % count).collect();
        order.sort_by_key(|at| self.members[*at].is_passed_over());
        order
    }

    /// The parts of a sequence by place: compared when it is first asked for, all at once.
    async fn compared(&self, name: &Name) -> Result<Vec<Definition>, StoreError> {
        if let Some(parts) = lock(&self.parts).get(name) {
            return Ok(parts.clone());
        }
        let infos = self.everywhere(name).await.map_err(|error| match error {
            StoreError::Unavailable(said) => StoreError::Unavailable(format!(
                "{said}; sequence '{name}' is leased once all stores have been compared: start \
                 that one, or name only the others"
            )),
            error => error,
        })?;
        self.check_all_apart(name, &infos)?;
        let parts: Vec<Definition> = infos.iter().map(|(_, info)| info.definition).collect();
        lock(&self.parts).insert(name.clone(), parts.clone());
        Ok(parts)
    }

    fn check_all_apart(
        &self,
        name: &Name,
        infos: &[(usize, SequenceInfo)],
    ) -> Result<(), StoreError> {
        for (index, (at, info)) in infos.iter().enumerate() {
            for (other, that) in &infos[..index] {
                check_apart(
                    name,
                    (&that.definition, &self.members[*other].place),
                    (&info.definition, &self.members[*at].place),
                )?;
            }
        }
        Ok(())
    }

    /// A lease from one member, of the part that it was compared with.
    async fn lease_of(
        &self,
        name: &Name,
        at: usize,
        len: u64,
        above: u64,
    ) -> Result<Lease, StoreError> {
        let part = self.compared(name).await?[at];
        let member = &self.members[at];
        let leased = member.store.lease(name, len, above).await;
        member.note(&leased);
        let lease = leased.map_err(|error| member.says(error))?;
        let range = &lease.range;
        let is_of_part = range.start() % part.increment() == part.offset()
            && (range.len() == 1 || range.step() % part.increment() == 0);
        if is_of_part {
            return numbered(lease, at);
        }
        lock(&self.parts).remove(name);
        Err(StoreError::Unavailable(format!(
            "sequence '{name}' was altered in {}; the stores are compared anew, retry",
            member.place
        )))
    }

    /// The accounts of all members that answer; an error if none does.
    async fn known(&self, name: &Name) -> Result<Vec<(usize, SequenceInfo)>, StoreError> {
        let (mut known, mut unknown, mut down) = (Vec::new(), 0, None);
        for (at, member) in self.members.iter().enumerate() {
            if member.is_passed_over() {
                let said = format!("{} was down a moment ago; retry", member.place);
                down = Some(StoreError::Unavailable(said));
                continue;
            }
            match member.describe(name).await {
                Ok(info) => known.push((at, info)),
                Err(StoreError::Unknown { .. }) => unknown += 1,
                Err(error) => down = Some(error),
            }
        }
        match (known.is_empty(), down) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(StoreError::Unknown { name: name.clone() }),
            (false, _) if unknown > 0 => Err(self.partly_there(name, &known)),
            (false, _) => Ok(known),
        }
    }

    fn partly_there(&self, name: &Name, known: &[(usize, SequenceInfo)]) -> StoreError {
        let has = |at: usize| known.iter().any(|(known, _)| *known == at);
        let (with, without): (Vec<_>, Vec<_>) = (0..self.members.len()).partition(|at| has(*at));
        let places = |ats: &[usize]| {
            let places: Vec<&str> = ats.iter().map(|at| self.members[*at].place.as_str()).collect();
            places.join(" and ")
        };
        StoreError::Refused(format!(
            "sequence '{name}' is in {} and not in {}; create it again with the same settings, and \
             advance it above every id issued if that store was emptied or replaced; or name only \
             the stores that have it",
            places(&with),
            places(&without)
        ))
    }

    /// The account of the whole.
    fn sum(
        &self,
        name: &Name,
        known: &[(usize, SequenceInfo)],
    ) -> Result<SequenceInfo, StoreError> {
        self.check_all_apart(name, known)?;
        let parts: Vec<Definition> = known.iter().map(|(_, info)| info.definition).collect();
        let infos = || known.iter().map(|(_, info)| info);
        Ok(SequenceInfo {
            name: name.clone(),
            definition: whole(&parts)?,
            bound: infos().map(|info| info.bound).max().unwrap_or_default(),
            serial: infos().fold(0, |sum, info| sum.saturating_add(info.serial)),
            returned: infos().fold(0, |sum, info| sum.saturating_add(info.returned)),
            moved_to: infos().find_map(|info| info.moved_to.clone()),
        })
    }

    /// What every store says; an error if one does not answer, lacks it or has moved it away.
    async fn everywhere(&self, name: &Name) -> Result<Vec<(usize, SequenceInfo)>, StoreError> {
        let (mut all, mut is_lacking) = (Vec::new(), false);
        for (at, member) in self.members.iter().enumerate() {
            match member.describe(name).await {
                Ok(SequenceInfo { moved_to: Some(to), .. }) => {
                    return Err(StoreError::Moved { name: name.clone(), to });
                }
                Ok(info) => all.push((at, info)),
                Err(StoreError::Unknown { .. }) => is_lacking = true,
                Err(error) => return Err(error),
            }
        }
        match is_lacking {
            true if all.is_empty() => Err(StoreError::Unknown { name: name.clone() }),
            true => Err(self.partly_there(name, &all)),
            false => Ok(all),
        }
    }

    /// Refuses a number below the bound of any store, naming the highest; else what all say.
    async fn check_not_lower(
        &self,
        name: &Name,
        asked: u64,
    ) -> Result<Vec<(usize, SequenceInfo)>, StoreError> {
        let all = self.everywhere(name).await?;
        let bound = all.iter().map(|(_, info)| info.bound).max().unwrap_or_default();
        if asked < bound {
            return Err(StoreError::WouldLower { name: name.clone(), bound, asked });
        }
        Ok(all)
    }
}

/// A member's lease under a serial that says whose it is.
fn numbered(lease: Lease, at: usize) -> Result<Lease, StoreError> {
    Ok(Lease { serial: serial_at(lease.serial, at)?, range: lease.range })
}

fn serial_at(own: u64, at: usize) -> Result<u64, StoreError> {
    let place = u64::try_from(at).expect("64 at most");
    let serial = own.checked_mul(PLACES).and_then(|serial| serial.checked_add(place));
    serial.ok_or_else(|| {
        StoreError::Refused(format!(
            "a store has counted {own} leases, more than a set can number; use another sequence"
        ))
    })
}
