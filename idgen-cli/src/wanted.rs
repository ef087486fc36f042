//! Sequences that are made before ids are asked for.

use idgen_store::{Alteration, Created, Definition, Name, SequenceInfo, SequenceStore, StoreError};

/// How often settings are brought in beside others who lease meanwhile.
const TRIES: u32 = 16;

/// A sequence that must be there, and how.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: Name,
    /// What it counts if it is made now.
    pub(crate) fresh: Definition,
    /// Whether one that counts otherwise is altered to that increment and offset.
    pub(crate) alters: bool,
    /// What its next id lies above, if that was asked for.
    pub(crate) last: Option<u64>,
}

impl Wanted {
    /// A sequence that is taken as it is, if it is there.
    pub(crate) fn if_absent(name: Name, fresh: Definition) -> Self {
        Self { name, fresh, alters: false, last: None }
    }

    /// Makes the sequence if there is none, then does to it what was asked for.
    pub(crate) async fn prepare(&self, store: &dyn SequenceStore) -> Result<(), StoreError> {
        create_if_absent(store, &self.name, &self.fresh).await?;
        if self.alters {
            self.alter(store).await?;
        }
        match self.last {
            Some(last) => store.advance_to(&self.name, last).await,
            None => Ok(()),
        }
    }

    async fn alter(&self, store: &dyn SequenceStore) -> Result<(), StoreError> {
        let (increment, offset) = (self.fresh.increment(), self.fresh.offset());
        let mut tries = 0;
        loop {
            let SequenceInfo { definition: was, bound, .. } = store.describe(&self.name).await?;
            if (was.increment(), was.offset()) == (increment, offset) {
                return Ok(());
            }
            let alteration = Alteration {
                increment: Some(increment),
                offset: Some(offset),
                above: bound,
                ..Alteration::default()
            };
            tries += 1;
            match store.alter(&self.name, &alteration).await {
                // Others have leased between the two steps.
                Err(StoreError::WouldLower { .. }) if tries < TRIES => {}
                altered => return altered.map(|_definition| ()),
            }
        }
    }
}

/// Creates a sequence unless there is one with any settings. A form that was adopted knows its own,
/// and is made with them.
pub(crate) async fn create_if_absent(
    store: &dyn SequenceStore,
    name: &Name,
    definition: &Definition,
) -> Result<(), StoreError> {
    match store.describe(name).await {
        Err(StoreError::Unknown { .. }) => {}
        described => return described.map(|_info| ()),
    }
    let created = match store.create(name, definition).await {
        Err(StoreError::Conflict { existing, .. }) => store.create(name, &existing).await,
        created => created,
    };
    created.map(|_new: Created| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_store::Order;
    use idgen_store::memory::MemoryStore;

    fn definition(increment: u64, offset: u64) -> Definition {
        Definition::new(1, increment, offset, u64::MAX, Order::Leased).unwrap()
    }

    async fn next(store: &MemoryStore, name: &Name) -> u64 {
        store.lease(name, 1, 0).await.unwrap().range.start()
    }

    #[tokio::test]
    async fn a_sequence_is_made_altered_and_advanced() {
        let (store, name) = (MemoryStore::new(), Name::new("integers").unwrap());
        Wanted::if_absent(name.clone(), definition(2, 0)).prepare(&store).await.unwrap();
        assert_eq!((next(&store, &name).await, next(&store, &name).await), (2, 4));
        let mut wanted = Wanted::if_absent(name.clone(), definition(5, 1));
        wanted.prepare(&store).await.unwrap();
        assert_eq!(next(&store, &name).await, 6, "taken as it is");
        wanted.alters = true;
        wanted.prepare(&store).await.unwrap();
        assert_eq!((next(&store, &name).await, next(&store, &name).await), (11, 16));
        wanted.last = Some(100);
        wanted.prepare(&store).await.unwrap();
        assert_eq!(next(&store, &name).await, 101);
        let lower = wanted.prepare(&store).await.unwrap_err();
        assert!(matches!(lower, StoreError::WouldLower { bound: 101, asked: 100, .. }));
    }
}
