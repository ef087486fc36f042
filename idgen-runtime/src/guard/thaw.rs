//! The way out of a freeze: a sequence is raised above the marks of all nodes, and its stores are
//! marked anew. The leases of an id space begin above a time from then on, whatever its registry
//! says.

use std::path::Path;

use idgen_store::{Name, RegistryError, SequenceStore, StoreError};

use super::space::is_thawed;
use super::{Guard, Key, key_of, store_key};
use crate::journal::{self, Kind, Mark};

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
            journal::leave(state_dir, &key.1, &[(key.0, &mark)]).map_err(refused)?;
        }
    }
    Ok(())
}

/// Lifts the freeze of an id space whose marks stand in `state_dir`: this node issues again, above
/// `above_unix_ms`, and above all leases of which its registry may not know. A process that works
/// there finds that out at its next try. Until the first lease it can be called again, with another
/// time.
///
/// # Errors
///
/// [`RegistryError::Refused`] if the id space is not frozen there, if this node was granted time
/// beyond `above_unix_ms`, or if the directory cannot be read or written.
pub fn thaw_space_beside(
    state_dir: &Path,
    space: &Name,
    above_unix_ms: u64,
) -> Result<(), RegistryError> {
    let shown = state_dir.display();
    let refused =
        |error| RegistryError::Refused(format!("state directory {shown}: {error}; mend it"));
    let known = |kind| journal::look_up(state_dir, kind, space.as_str()).map_err(refused);
    let (freeze, mark) = (known(Kind::Freeze)?, known(Kind::Space)?);
    let frozen = freeze != Mark::default() && freeze.generation >= mark.generation;
    if !frozen && !is_thawed(&mark) {
        return Err(RegistryError::Refused(format!(
            "id space '{space}' is not frozen in state directory {shown}; name the one of the \
             server that is"
        )));
    }
    let end = mark.end;
    if above_unix_ms < end {
        return Err(RegistryError::Refused(format!(
            "this node was granted time of id space '{space}' up to {end} ms, beyond \
             {above_unix_ms} ms; name the latest that any node was granted"
        )));
    }
    let generation = freeze.generation.max(mark.generation) + 1;
    let thawed = Mark { generation, store: String::new(), serial: 0, end };
    let begin = Mark { end: above_unix_ms, ..thawed.clone() };
    let marks = [(Kind::Begin, &begin), (Kind::Space, &thawed)];
    journal::leave(state_dir, space.as_str(), &marks).map_err(refused)
}
