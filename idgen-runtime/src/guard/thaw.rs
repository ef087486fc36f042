//! The way out of a freeze: a sequence is raised above the marks of all nodes, and its stores are
//! marked anew.

use std::path::Path;

use idgen_store::{Name, SequenceStore, StoreError};

use super::{Guard, Key, key_of, store_key};
use crate::journal::{self, Mark};

/// Lifts a freeze: raises the sequence above `above`, and makes marks of a new generation, one a
/// store. `known` tells the ones that stand. A store that changes under the thaw may have granted
/// more before it did than `above` was chosen for: then the freeze stands.
async fn thaw_with(
    store: &dyn SequenceStore,
    name: &Name,
    above: u64,
    known: impl Fn(&Key) -> Result<Mark, StoreError>,
) -> Result<Vec<(Key, Mark)>, StoreError> {
    let (mut bound, mut seen) = (0, Vec::new());
    for account in store.accounts(name).await? {
        let key = key_of(name, store, &account);
        bound = bound.max(known(&key)?.end).max(account.info.bound);
        seen.push((key, store_key(&account.identity)));
    }
    if above < bound {
        return Err(StoreError::WouldLower { name: name.clone(), bound, asked: above });
    }
    store.advance_to(name, above).await?;
    let mut marks = Vec::new();
    for account in store.accounts(name).await? {
        let key = key_of(name, store, &account);
        let identity = store_key(&account.identity);
        if !seen.contains(&(key.clone(), identity.clone())) {
            return Err(StoreError::Unavailable(format!(
                "the store of sequence '{name}' was restarted, promoted or replaced during the \
                 thaw, and may have granted more than {above}; look at it and thaw once more"
            )));
        }
        let mark = Mark {
            generation: known(&key)?.generation + 1,
            store: identity,
            serial: account.info.serial,
            end: above,
        };
        marks.push((key, mark));
    }
    Ok(marks)
}

impl Guard {
    /// Thaws the sequence of this process.
    pub(crate) async fn thaw(
        &self,
        store: &dyn SequenceStore,
        above: u64,
    ) -> Result<(), StoreError> {
        let known = |key: &Key| Ok(self.journal.mark(key.0, &key.1));
        for (key, mark) in thaw_with(store, &self.name, above, known).await? {
            Self { key, ..self.clone() }.record(&mark);
        }
        Ok(())
    }
}

/// Lifts a freeze from beside the server: the marks stand in `state_dir`, and a process that works
/// there finds the new one at the next request.
///
/// # Errors
///
/// [`StoreError::WouldLower`] if `above` is below the store's bound or below what the node was
/// granted; [`StoreError::Refused`] if the directory cannot be written.
pub async fn thaw_beside(
    store: &dyn SequenceStore,
    state_dir: &Path,
    name: &Name,
    above: u64,
) -> Result<(), StoreError> {
    let refused = |error| {
        StoreError::Refused(format!("state directory {}: {error}; mend it", state_dir.display()))
    };
    let known = |key: &Key| journal::look_up(state_dir, key.0, &key.1).map_err(refused);
    for (key, mark) in thaw_with(store, name, above, known).await? {
        if state_dir.exists() {
            journal::leave(state_dir, key.0, &key.1, &mark).map_err(refused)?;
        }
    }
    Ok(())
}
