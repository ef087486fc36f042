//! How a sequence comes to be in all stores of a set, and how it is altered.
//!
//! Parts are given out by the stores' identities, so that two nodes that name them in another order
//! make the same. A name may have been used before, in one store or in all, under another
//! progression; then each store remembers a mark of its own, and what lies between two marks may
//! have been granted by either. So all parts begin above the highest mark. A store tells a mark
//! only of a sequence that it has: it is made there, looked at and deleted again while another
//! store lacks it, so that nobody can lease of it.

use crate::{Alteration, Arrival, Created, Definition, Name, SequenceInfo, StoreError};

use super::progressions::{part, whole};
use super::{StoreSet, lock};

/// How often a creation is begun anew beside another node that does the same.
const TRIES: usize = 8;

impl StoreSet {
    /// The parts of `of` by place.
    async fn parts_of(&self, of: &Definition) -> Result<Vec<Definition>, StoreError> {
        let count = u64::try_from(self.members.len()).expect("64 at most");
        let shares = (0..count).map(|turn| part(of, turn, count)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<(usize, _)> = self.identities().await?.into_iter().enumerate().collect();
        order.sort_by(|(_, one), (_, other)| {
            (one.backend, &one.id).cmp(&(other.backend, &other.id))
        });
        let mut parts = shares.clone();
        for (share, (at, _)) in shares.into_iter().zip(order) {
            parts[at] = share;
        }
        Ok(parts)
    }

    pub(super) async fn create_all(
        &self,
        name: &Name,
        of: &Definition,
    ) -> Result<Created, StoreError> {
        let mut tries = 1;
        loop {
            match self.create_once(name, of).await {
                // Another node has just deleted what it made to look at its mark.
                Err(StoreError::Unknown { .. }) if tries < TRIES => tries += 1,
                created => return created,
            }
        }
    }

    async fn create_once(&self, name: &Name, of: &Definition) -> Result<Created, StoreError> {
        let parts = self.parts_of(of).await?;
        let (mut there, mut lacking) = (Vec::new(), Vec::new());
        for (at, member) in self.members.iter().enumerate() {
            match member.describe(name).await {
                Ok(SequenceInfo { moved_to: Some(to), .. }) => {
                    return Err(StoreError::Moved { name: name.clone(), to });
                }
                Ok(info) => there.push((at, info)),
                Err(StoreError::Unknown { .. }) => lacking.push(at),
                Err(error) => return Err(error),
            }
        }
        if lacking.is_empty() {
            return self.check_same(name, of, &there);
        }
        let free = unused(name, parts, &there)?;
        let fresh: Vec<(usize, Definition)> = lacking.into_iter().zip(free).collect();
        let mut bound = there.iter().map(|(_, info)| info.bound).fold(of.start_bound(), u64::max);
        if fresh.len() > 1 {
            for (at, part) in &fresh {
                bound = bound.max(self.mark_of(name, *at, part).await?);
            }
        }
        for (at, _) in there.iter().filter(|(_, info)| info.bound < bound) {
            self.raise(name, *at, bound).await?;
        }
        for (at, part) in &fresh {
            self.make(name, *at, part, bound).await?;
        }
        if let [(only, _)] = &fresh[..] {
            // Its mark could not be looked at before.
            let bound = self.members[*only].describe(name).await?.bound;
            for (at, _) in there.iter().filter(|(_, info)| info.bound < bound) {
                self.raise(name, *at, bound).await?;
            }
        }
        lock(&self.parts).remove(name);
        Ok(Created::New)
    }

    /// All stores have it: is it the one that is wanted?
    fn check_same(
        &self,
        name: &Name,
        of: &Definition,
        there: &[(usize, SequenceInfo)],
    ) -> Result<Created, StoreError> {
        self.check_all_apart(name, there)?;
        let parts: Vec<Definition> = there.iter().map(|(_, info)| info.definition).collect();
        let existing = whole(&parts)?;
        if existing != *of {
            return Err(StoreError::Conflict { name: name.clone(), existing });
        }
        Ok(Created::Unchanged)
    }

    /// The mark that a store which lacks the sequence remembers of one of that name.
    async fn mark_of(&self, name: &Name, at: usize, part: &Definition) -> Result<u64, StoreError> {
        let member = &self.members[at];
        let created = member.store.create(name, part).await.map_err(|error| member.says(error))?;
        let mark = member.describe(name).await?.bound;
        if created == Created::New {
            member.store.delete(name).await.map_err(|error| member.says(error))?;
        }
        Ok(mark)
    }

    async fn make(
        &self,
        name: &Name,
        at: usize,
        part: &Definition,
        bound: u64,
    ) -> Result<(), StoreError> {
        let member = &self.members[at];
        let made = if bound == part.start_bound() {
            member.store.create(name, part).await.map(|_made| ())
        } else {
            let arrival = Arrival { definition: *part, bound, from: String::new() };
            member.store.move_in(name, &arrival).await.map(|_info| ())
        };
        made.map_err(|error| member.says(error))
    }

    async fn raise(&self, name: &Name, at: usize, bound: u64) -> Result<(), StoreError> {
        let member = &self.members[at];
        match member.store.advance_to(name, bound).await {
            // It was leased further meanwhile.
            Err(StoreError::WouldLower { .. }) => Ok(()),
            raised => raised.map_err(|error| member.says(error)),
        }
    }

    pub(super) async fn alter_all(
        &self,
        name: &Name,
        alteration: &Alteration,
    ) -> Result<Definition, StoreError> {
        let all = self.check_not_lower(name, alteration.above).await?;
        let was = whole(&all.iter().map(|(_, info)| info.definition).collect::<Vec<_>>())?;
        let of = Definition::new(
            was.first(),
            alteration.increment.unwrap_or(was.increment()),
            alteration.offset.unwrap_or(was.offset()),
            alteration.end.unwrap_or(was.end()),
            alteration.order.unwrap_or(was.order()),
        )
        .map_err(|error| StoreError::Refused(format!("sequence '{name}': {error}")))?;
        let parts = self.parts_of(&of).await?;
        let moves = alteration.increment.is_some() || alteration.offset.is_some();
        for (member, part) in self.members.iter().zip(parts) {
            let own = Alteration {
                increment: moves.then_some(part.increment()),
                offset: moves.then_some(part.offset()),
                ..*alteration
            };
            member.store.alter(name, &own).await.map_err(|error| member.says(error))?;
        }
        lock(&self.parts).remove(name);
        Ok(of)
    }
}

/// The parts that no store has yet; what stands somewhere must be one of them.
fn unused(
    name: &Name,
    mut parts: Vec<Definition>,
    there: &[(usize, SequenceInfo)],
) -> Result<Vec<Definition>, StoreError> {
    for (_, info) in there {
        let Some(index) = parts.iter().position(|part| *part == info.definition) else {
            return Err(StoreError::Conflict { name: name.clone(), existing: info.definition });
        };
        parts.remove(index);
    }
    Ok(parts)
}
