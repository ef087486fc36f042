//! Strict order for a form that was adopted and has no place to say it.
//!
//! The store below knows its sequences as leased; whoever looks through here sees them as strict,
//! so that each id or batch is one durable step. What is written to the store below says leased.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, Order, SequenceInfo, SequenceStore,
    StoreError, StoreIdentity,
};

/// The note that this order costs.
const NOTE: &str = "several nodes serve it, so that each id or batch is one durable step, in \
                    strict order; every node must be told that there are several";

/// A store whose sequences are all in strict order.
pub(crate) struct StrictStore {
    below: Arc<dyn SequenceStore>,
}

fn strict(info: SequenceInfo) -> SequenceInfo {
    SequenceInfo { definition: info.definition.in_order(Order::Strict), ..info }
}

fn leased(arrival: &Arrival) -> Arrival {
    Arrival { definition: arrival.definition.in_order(Order::Leased), ..arrival.clone() }
}

/// A refusal in the terms of who asked.
fn told(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict { name, existing } => {
            let existing = existing.in_order(Order::Strict);
            StoreError::Conflict { name, existing }
        }
        error => error,
    }
}

impl StrictStore {
    pub(crate) fn new(below: Arc<dyn SequenceStore>) -> Self {
        Self { below }
    }
}

#[async_trait]
impl SequenceStore for StrictStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.below.identity().await
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let mut notes = self.below.notes().await?;
        notes.push(NOTE.to_owned());
        Ok(notes)
    }

    fn is_strict_over_nodes(&self) -> bool {
        true
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        self.below.create(name, &definition.in_order(Order::Leased)).await.map_err(told)
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.below.lease(name, len, above).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.below.hand_back(name, tail).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.below.last(name).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.below.advance_to(name, above).await
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        if alteration.order == Some(Order::Leased) {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' is in strict order because several nodes serve it; leave its \
                 order out, or let one node serve it alone"
            )));
        }
        let alteration = Alteration { order: None, ..*alteration };
        let altered = self.below.alter(name, &alteration).await;
        altered.map(|definition| definition.in_order(Order::Strict))
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        Ok(self.below.list().await?.into_iter().map(strict).collect())
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.below.describe(name).await.map(strict)
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.below.delete(name).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        self.below.move_away(name, to).await.map(strict)
    }

    async fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        self.below.check_arrival(name, &leased(arrival)).await.map_err(told)
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.below.move_in(name, &leased(arrival)).await.map_err(told).map(strict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use std::num::NonZeroU32;

    fn name() -> Name {
        Name::new("orders").unwrap()
    }

    #[tokio::test]
    async fn the_store_below_is_never_told_the_order() {
        let below = Arc::new(MemoryStore::new());
        let store = StrictStore::new(below.clone());
        let wanted = Definition::default();
        assert_eq!(store.create(&name(), &wanted).await.unwrap(), Created::New);
        let strict = wanted.in_order(Order::Strict);
        assert_eq!(store.create(&name(), &strict).await.unwrap(), Created::Unchanged);
        assert_eq!(below.describe(&name()).await.unwrap().definition, wanted);
        assert_eq!(store.describe(&name()).await.unwrap().definition, strict);
        assert_eq!(store.list().await.unwrap()[0].definition, strict);
        let other = Definition::new(7, 1, 0, u64::MAX, Order::Leased).unwrap();
        match store.create(&name(), &other).await {
            Err(StoreError::Conflict { existing, .. }) => assert_eq!(existing, strict),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_order_is_not_altered_away() {
        let below = Arc::new(MemoryStore::new());
        let store = StrictStore::new(below.clone());
        store.create(&name(), &Definition::default()).await.unwrap();
        let order = |order| Alteration { order: Some(order), ..Alteration::default() };
        let refused = store.alter(&name(), &order(Order::Leased)).await.unwrap_err();
        assert!(refused.to_string().contains("several nodes"), "{refused}");
        let altered = store.alter(&name(), &order(Order::Strict)).await.unwrap();
        assert_eq!(altered.order(), Order::Strict);
        assert_eq!(below.describe(&name()).await.unwrap().definition.order(), Order::Leased);
    }

    #[tokio::test]
    async fn a_store_that_keeps_the_order_stays_as_it_is() {
        let open = crate::open("memory:").unwrap().served_by(NonZeroU32::new(3).unwrap());
        open.sequences.create(&name(), &Definition::default()).await.unwrap();
        let known = open.sequences.describe(&name()).await.unwrap().definition;
        assert_eq!(known.order(), Order::Leased);
    }
}
