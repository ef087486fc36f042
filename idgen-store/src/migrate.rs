//! A sequence moved from one store to another, whatever both are.
//!
//! ```text
//! look:     what FROM has; whether TO could go on with it
//! end:      a tombstone in FROM, which fixes the bound
//! begin:    in TO, above that bound, in one step
//! ```
//!
//! Nothing is changed if the look finds a reason. Between end and begin nobody leases; a death
//! there is mended by the same move again, and so is one anywhere else: each step may be repeated.

use crate::{Arrival, Definition, Name, SequenceInfo, SequenceStore, StoreError, StoreIdentity};

/// A store, and how it is named where others are sent to it.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The store.
    pub store: &'a dyn SequenceStore,
    /// Its URL without its secrets.
    pub place: &'a str,
}

impl Site<'_> {
    /// What tombstones name: the place, and which store it is. A URL alone may mean another store
    /// on another host.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn address(&self) -> Result<String, StoreError> {
        Ok(self.address_of(&self.store.identity().await?))
    }

    fn address_of(&self, identity: &StoreIdentity) -> String {
        format!("{} [{}]", self.place, identity.id)
    }
}

/// What becomes of the sequence where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// A tombstone, which leases nothing and says where it went.
    Tombstone,
    /// It stays as it is: whatever leases from it meets the ids of the other store.
    Copy,
}

/// One sequence that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The sequence.
    pub name: Name,
    /// The highest id granted where it was.
    pub left_at: u64,
    /// The bound where it is now: ids go on above it.
    pub bound: u64,
    /// It was there already, at or above where it left.
    pub was_there: bool,
    /// No id is left of it.
    pub exhausted: bool,
}

/// Moves a sequence, never lower, safe to repeat.
///
/// # Errors
///
/// [`StoreError::Conflict`] if it stands in `to` as another one, [`StoreError::Moved`] if it has
/// left either store for another, [`StoreError::Refused`] if both are the same store or `to` cannot
/// hold it: then nothing is changed. Otherwise what the stores say; move again then.
///
/// # Examples
///
/// ```
/// use idgen_store::memory::MemoryStore;
/// use idgen_store::{Definition, Departure, Name, SequenceStore, Site, migrate};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (MemoryStore::new(), MemoryStore::new());
/// let orders = Name::new("orders")?;
/// old.create(&orders, &Definition::default()).await?;
/// old.lease(&orders, 100, 0).await?;
/// let (from, to) = (Site { store: &old, place: "old" }, Site { store: &new, place: "new" });
/// migrate(from, to, &orders, Departure::Tombstone).await?;
/// assert_eq!(new.lease(&orders, 1, 0).await?.range.start(), 101);
/// assert!(old.lease(&orders, 1, 0).await.is_err());
/// # Ok(())
/// # }
/// ```
pub async fn migrate(
    from: Site<'_>,
    to: Site<'_>,
    name: &Name,
    departure: Departure,
) -> Result<Migrated, StoreError> {
    let (left, entered) = (from.store.identity().await?, to.store.identity().await?);
    check_apart(from, to, &left, &entered)?;
    let (left_at, goes_to) = (from.address_of(&left), to.address_of(&entered));
    let seen = from.store.describe(name).await?;
    match &seen.moved_to {
        Some(address) if *address != goes_to => {
            return Err(StoreError::Moved { name: name.clone(), to: address.clone() });
        }
        Some(_) => {
            if let Some(there) = already_there(to, &seen).await? {
                return Ok(told(&seen, &there, true));
            }
        }
        None => {}
    }
    let arrival = arrival(left_at, &seen, entered.ceiling)?;
    to.store.check_arrival(name, &arrival).await?;
    let gone = match departure {
        Departure::Tombstone => from.store.move_away(name, &goes_to).await?,
        Departure::Copy => seen,
    };
    let arrival = Arrival { bound: gone.bound, ..arrival };
    let there = to.store.move_in(name, &arrival).await?;
    Ok(told(&gone, &there, false))
}

/// Refuses a move from a store to itself.
fn check_apart(
    from: Site<'_>,
    to: Site<'_>,
    left: &StoreIdentity,
    entered: &StoreIdentity,
) -> Result<(), StoreError> {
    if (left.backend, &left.id) == (entered.backend, &entered.id) || from.place == to.place {
        return Err(StoreError::Refused(format!(
            "{} and {} are the same store; name another one to move to",
            from.place, to.place
        )));
    }
    Ok(())
}

/// The sequence where it moved to earlier, if that move came to its end. It may have been altered
/// since, so that only its bound counts.
async fn already_there(
    to: Site<'_>,
    left: &SequenceInfo,
) -> Result<Option<SequenceInfo>, StoreError> {
    match to.store.describe(&left.name).await {
        Ok(there) if there.moved_to.is_none() && there.bound >= left.bound => Ok(Some(there)),
        Ok(_) | Err(StoreError::Unknown { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What comes to a store that holds ids up to `ceiling`.
fn arrival(from: String, left: &SequenceInfo, ceiling: u64) -> Result<Arrival, StoreError> {
    let (name, was, bound) = (&left.name, left.definition, left.bound);
    if bound > ceiling {
        return Err(StoreError::Refused(format!(
            "sequence '{name}' has granted ids up to {bound}, and the store to move to holds none \
             above {ceiling}; choose another store"
        )));
    }
    let end = was.end().min(ceiling);
    let definition = Definition::new(was.first(), was.increment(), was.offset(), end, was.order())
        .map_err(|error| StoreError::Refused(format!("sequence '{name}': {error}")))?;
    Ok(Arrival { definition, bound, from })
}

fn told(left: &SequenceInfo, there: &SequenceInfo, was_there: bool) -> Migrated {
    Migrated {
        name: left.name.clone(),
        left_at: left.bound,
        bound: there.bound,
        was_there,
        exhausted: there.definition.next_after(there.bound).is_none(),
    }
}
