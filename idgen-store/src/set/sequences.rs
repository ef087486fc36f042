//! What a set answers, made of what its members say.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{PLACES, StoreSet, lock, progressions};
use crate::{
    Account, Alteration, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, Share,
    StoreError, StoreIdentity,
};

impl StoreSet {
    /// Who the members are, by place; refused if two are one.
    pub(super) async fn identities(&self) -> Result<Vec<StoreIdentity>, StoreError> {
        let mut all: Vec<StoreIdentity> = Vec::new();
        for member in &self.members {
            let one = member.identity().await?;
            let same = |other: &StoreIdentity| (other.backend, &other.id) == (one.backend, &one.id);
            if let Some(other) = all.iter().position(same) {
                return Err(StoreError::Refused(format!(
                    "{} and {} are the same store, or one is a copy of the other; name each once",
                    self.members[other].place, member.place
                )));
            }
            all.push(one);
        }
        Ok(all)
    }

    /// The member that granted a lease, by the lease's serial, and its own serial.
    fn granter(&self, serial: u64) -> Option<(&super::Member, u64)> {
        let at = usize::try_from(serial % PLACES).expect("64 at most");
        Some((self.members.get(at)?, serial / PLACES))
    }

    async fn names(&self) -> Result<BTreeSet<Name>, StoreError> {
        let mut names = BTreeSet::new();
        for member in &self.members {
            let listed = member.store.list().await.map_err(|error| member.says(error))?;
            names.extend(listed.into_iter().map(|info| info.name));
        }
        Ok(names)
    }
}

#[async_trait]
impl SequenceStore for StoreSet {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        Ok(progressions::identity(&self.identities().await?))
    }

    /// Beside the members' own: a member that is down, and sequences that not all of them have.
    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let mut notes = Vec::new();
        let mut is_complete = true;
        for member in &self.members {
            match member.store.notes().await {
                Ok(said) => {
                    notes.extend(said.into_iter().map(|note| format!("{}: {note}", member.place)));
                }
                Err(StoreError::Unavailable(said)) => {
                    is_complete = false;
                    notes.push(format!(
                        "{} is down ({said}); a sequence is leased once all stores have been \
                         compared: start it, or name only the others",
                        member.place
                    ));
                }
                Err(error) => return Err(member.says(error)),
            }
        }
        if !is_complete {
            return Ok(notes);
        }
        self.identities().await?;
        for name in self.names().await? {
            match self.everywhere(&name).await {
                Ok(all) => self.check_all_apart(&name, &all)?,
                Err(error) => notes.push(error.to_string()),
            }
        }
        Ok(notes)
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.create_all(name, definition).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        let (mut first, mut exhausted) = (None, None);
        for at in self.in_turn() {
            match self.lease_of(name, at, len, above).await {
                Ok(lease) => return Ok(lease),
                Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => {
                    first = first.or(Some(error));
                }
                Err(error @ StoreError::Exhausted { .. }) => exhausted = Some(error),
                Err(error) => return Err(error),
            }
        }
        // One that is down may have ids left.
        Err(first.or(exhausted).expect("a set has members"))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        let not_current = || StoreError::NotCurrent { name: name.clone(), serial: tail.serial };
        let (member, serial) = self.granter(tail.serial).ok_or_else(not_current)?;
        match member.store.hand_back(name, &Lease { range: tail.range, serial }).await {
            Err(StoreError::NotCurrent { .. }) => Err(not_current()),
            other => other.map_err(|error| member.says(error)),
        }
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.describe(name).await.map(|info| info.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.check_not_lower(name, above).await?;
        for member in &self.members {
            let advanced = member.store.advance_to(name, above).await;
            advanced.map_err(|error| member.says(error))?;
        }
        Ok(())
    }

    /// Refused below the bound of any store, before the first is altered. A death in between leaves
    /// parts that are refused until the same alteration is made again, above what was leased since.
    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        self.alter_all(name, alteration).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        let mut infos = Vec::new();
        for name in self.names().await? {
            infos.push(self.describe(&name).await?);
        }
        Ok(infos)
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let known = self.known(name).await?;
        self.sum(name, &known)
    }

    /// Where only some of the stores have it, it is deleted there.
    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let mut deleted = Err(StoreError::Unknown { name: name.clone() });
        for member in &self.members {
            match member.store.delete(name).await {
                Err(StoreError::Unknown { .. }) => {}
                answer => deleted = Ok(answer.map_err(|error| member.says(error))?),
            }
        }
        lock(&self.parts).remove(name);
        deleted
    }

    fn is_set(&self) -> bool {
        true
    }

    async fn accounts(&self, name: &Name) -> Result<Vec<Account>, StoreError> {
        let known = self.known(name).await?;
        self.check_all_apart(name, &known)?;
        let mut accounts = Vec::new();
        for (at, info) in known {
            accounts.push(Account { identity: self.members[at].identity().await?, info });
        }
        Ok(accounts)
    }

    async fn share_of(&self, name: &Name, lease: &Lease) -> Result<Share, StoreError> {
        let unknown = || StoreError::Unknown { name: name.clone() };
        let (member, serial) = self.granter(lease.serial).ok_or_else(unknown)?;
        let info = member.describe(name).await?;
        let account = Account { identity: member.identity().await?, info };
        Ok(Share { lease: Lease { range: lease.range, serial }, account })
    }
}
