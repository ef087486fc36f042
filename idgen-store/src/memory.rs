//! A store in memory: for tests, and for services that need no ids to be unique over a restart.
//!
//! Every clone is another handle on the same object, as another connection would be to a database.
//! What it promises dies with the last handle; its identity says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::grant::Mark;
use crate::ledger::Ledger;
use crate::random::fresh_id;
use crate::{
    Alteration, Arrival, Created, Definition, Durability, HostClock, Lease, Name, SequenceInfo,
    SequenceStore, StoreError, StoreIdentity, SystemHostClock, rows,
};

mod workers;

/// Sequences and worker ids in memory; a clone is another handle on the same object.
///
/// # Examples
///
/// ```
/// use idgen_store::memory::MemoryStore;
/// use idgen_store::{Definition, Name, SequenceStore};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let orders = Name::new("orders")?;
/// store.create(&orders, &Definition::default()).await?;
/// let lease = store.lease(&orders, 100, 0).await?;
/// assert_eq!((lease.range.start(), lease.range.last(), lease.serial), (1, 100, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    rows: Arc<Mutex<Rows>>,
    clock: Arc<dyn HostClock>,
    id: Arc<str>,
}

#[derive(Default)]
struct Rows {
    sequences: BTreeMap<Name, Ledger>,
    workers: BTreeMap<Name, rows::Rows>,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that goes by the clocks of this machine.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemHostClock::new()))
    }

    /// An empty store that goes by the clocks given.
    pub fn with_clock(clock: Arc<dyn HostClock>) -> Self {
        Self { rows: Arc::default(), clock, id: fresh_id().into() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().expect("a panic under this lock is a bug in this crate")
    }

    fn own_identity(&self) -> StoreIdentity {
        StoreIdentity {
            backend: "memory",
            id: self.id.to_string(),
            incarnation: self.id.to_string(),
            durability: Durability::MayLose("it lives and dies with its process".to_owned()),
            ceiling: u64::MAX,
        }
    }
}

impl Rows {
    /// The worker ids of an id space.
    fn space(&mut self, space: &Name) -> &mut rows::Rows {
        self.workers.entry(space.clone()).or_default()
    }

    fn sequence(&mut self, name: &Name) -> Result<&mut Ledger, StoreError> {
        let known = self.sequences.get_mut(name);
        let known = known.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
        known.mark.check_live(name)?;
        Ok(known)
    }

    /// What is told of a sequence, moved away or not.
    fn info(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let listed = self.sequences.get(name).filter(|sequence| sequence.mark.is_listed());
        let listed = listed.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
        Ok(listed.info(name))
    }

    /// Has `decide` make the row anew; whether it did.
    fn place(
        &mut self,
        name: &Name,
        decide: impl FnOnce(Option<Mark>) -> Result<Option<Mark>, StoreError>,
    ) -> Result<bool, StoreError> {
        let existing = self.sequences.get(name).map(|sequence| sequence.mark.clone());
        let Some(mark) = decide(existing)? else { return Ok(false) };
        self.sequences.insert(name.clone(), Ledger::of(mark));
        Ok(true)
    }
}

#[async_trait]
impl SequenceStore for MemoryStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        Ok(self.own_identity())
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let made = self.rows().place(name, |mark| Mark::create(mark, name, definition))?;
        Ok(if made { Created::New } else { Created::Unchanged })
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.rows().sequence(name)?.lease(name, len, above)
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.rows().sequence(name)?.hand_back(name, tail)
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        Ok(self.rows().info(name)?.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let sequence = rows.sequence(name)?;
        sequence.mark.advance_to(name, above)?;
        sequence.give_up_tails();
        Ok(())
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        let mut rows = self.rows();
        let sequence = rows.sequence(name)?;
        let definition = sequence.mark.alter(name, alteration)?;
        sequence.give_up_tails();
        Ok(definition)
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        let rows = self.rows();
        let listed = rows.sequences.iter().filter(|(_, sequence)| sequence.mark.is_listed());
        Ok(listed.map(|(name, sequence)| sequence.info(name)).collect())
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.rows().info(name)
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let sequence = rows.sequence(name)?;
        sequence.mark.deleted = true;
        sequence.give_up_tails();
        Ok(())
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let mut rows = self.rows();
        rows.place(name, |mark| Mark::move_away(mark, name, to))?;
        rows.info(name)
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let mut rows = self.rows();
        rows.place(name, |mark| Mark::move_in(mark, name, arrival))?;
        rows.info(name)
    }
}
