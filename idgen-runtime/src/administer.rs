//! What operators do to sequences through a runtime: in the store first, then on this node at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_lite::future::or;
use idgen_store::{Alteration, Created, Definition, Name, SequenceStore, StoreError};

use crate::error::{Cause, IssueError};
use crate::guard::Guard;
use crate::runtime::{ADMIN_WAIT, Runtime};
use crate::sequence::late;

/// How long a mark may be waited for.
const MARK_WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether a lease has come.
const MARK_PAUSE: Duration = Duration::from_millis(5);

impl Runtime {
    /// Creates a sequence; with the same definition again nothing changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it exists with another definition.
    pub async fn create(
        &self,
        name: &Name,
        definition: &Definition,
    ) -> Result<Created, StoreError> {
        let (store, asked, definition) = (self.store(), name.clone(), *definition);
        let created =
            self.administer(async move { store.create(&asked, &definition).await }).await?;
        if created == Created::New
            && let Some(deleted_elsewhere) = self.open_sequence(name)
        {
            deleted_elsewhere.reset(definition);
        }
        Ok(created)
    }

    /// Makes the next id of a sequence lie above `above`: on this node at once, on others with
    /// their next lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if `above` is below the store's bound.
    pub async fn advance(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let (store, asked) = (self.store(), name.clone());
        self.administer(async move { store.advance_to(&asked, above).await }).await?;
        self.reset(name).await;
        Ok(())
    }

    /// Changes a sequence's settings: on this node at once, on others with their next lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if its `above` is below the store's bound.
    pub async fn alter(
        &self,
        name: &Name,
        alteration: &Alteration,
    ) -> Result<Definition, StoreError> {
        let (store, asked, alteration) = (self.store(), name.clone(), *alteration);
        let definition =
            self.administer(async move { store.alter(&asked, &alteration).await }).await?;
        if let Some(sequence) = self.open_sequence(name) {
            sequence.reset(definition);
        }
        Ok(definition)
    }

    /// Deletes a sequence; created again it starts above its mark.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`].
    pub async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let (store, asked) = (self.store(), name.clone());
        self.administer(async move { store.delete(&asked).await }).await?;
        self.forget(name);
        Ok(())
    }

    /// Lifts a freeze: the next id lies above `above`, which must be at or above what any node was
    /// granted.
    ///
    /// # Errors
    ///
    /// [`StoreError::WouldLower`] if `above` is below the store's bound or this node's mark.
    pub async fn thaw(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let guard = Guard::new(Arc::clone(&self.shared.journal), name.clone());
        let store = self.store();
        self.administer(async move { guard.thaw(&*store, above).await }).await?;
        self.reset(name).await;
        Ok(())
    }

    /// This node's mark of a sequence: no id above it was granted to it, 0 if none was. It is told
    /// while no lease is on its way; the [`Peers`](crate::Peers) of another node ask for it.
    ///
    /// # Errors
    ///
    /// The cause `bad_request` if this node keeps no journal, `store_down` if a lease is on its way
    /// for too long.
    pub async fn mark(&self, name: &Name) -> Result<u64, IssueError> {
        let shared = &self.shared;
        if !shared.journal.is_kept() {
            let why = "this node keeps no journal, so it cannot tell what it was granted before it \
                       was started; give it a data directory, or let an operator thaw";
            return Err(IssueError::new(Cause::BadRequest, why));
        }
        if self.sequences().is_set() {
            let why = "this node leases from several stores, with a mark for each; let an operator \
                       thaw";
            return Err(IssueError::new(Cause::BadRequest, why));
        }
        let until = shared.background.now() + MARK_WAIT;
        while let Some(sequence) = self.open_sequence(name) {
            // Acquire: pairs with the Release stores of the supplier, so that the mark is there.
            if !sequence.leasing.load(Ordering::Acquire) {
                break;
            }
            if shared.background.now() >= until {
                return Err(late("a lease is on its way; ask for the mark again"));
            }
            shared.background.sleep(MARK_PAUSE).await;
        }
        Ok(Guard::new(Arc::clone(&shared.journal), name.clone()).granted())
    }

    fn store(&self) -> Arc<dyn SequenceStore> {
        Arc::clone(self.sequences())
    }

    /// Drivers of stores run on the background thread. A call that is given up is not carried on
    /// there: what an operator was told has failed does not happen later, to a store that may have
    /// changed since.
    async fn administer<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let background = Arc::clone(&self.shared.background);
        let deadline = background.now() + ADMIN_WAIT;
        let of_thread = Arc::clone(&background);
        let timely = async move {
            // The thread may have been held up till now.
            let left = deadline.saturating_duration_since(of_thread.now());
            if left.is_zero() {
                return None;
            }
            let late = async {
                of_thread.nap(left).await;
                None
            };
            // The time is looked at first.
            or(late, async { Some(call.await) }).await
        };
        match background.until(deadline, background.run(timely)).await {
            Some(Some(Some(answer))) => answer,
            Some(None) => Err(StoreError::Unavailable("this node is shutting down".into())),
            Some(Some(None)) | None => {
                Err(StoreError::Unavailable("no answer in time; look at the store".into()))
            }
        }
    }

    /// Gives up what this node holds of a sequence that was moved. The store has moved it, so that
    /// this happens even if the look at its definition fails; the next lease tells it then.
    async fn reset(&self, name: &Name) {
        let Some(sequence) = self.open_sequence(name) else { return };
        let (store, asked) = (self.store(), name.clone());
        let described = self.administer(async move { store.describe(&asked).await }).await;
        sequence.reset(described.map_or_else(|_| sequence.definition(), |info| info.definition));
    }

    fn forget(&self, name: &Name) {
        let sequences = self.shared.sequences.write();
        let mut sequences = sequences.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sequence) = sequences.remove(name) {
            sequence.close(&IssueError::from(StoreError::Unknown { name: name.clone() }));
        }
    }
}
