//! A table of tickets in the manner of Flickr, adopted: beside running originals, never meeting
//! them.
//!
//! The table has one row. `REPLACE` draws its next id from the column that counts by itself, by the
//! increment and the offset of the session, and takes the old row away. A lease of n ids is one
//! packet:
//!
//! ```text
//! LOCK TABLES integers WRITE;
//! REPLACE INTO integers (stub) VALUES ('a');                      draws L
//! REPLACE INTO integers (id, stub) VALUES (L + (n - 1) * k, 'a');  moves the count to there
//! UNLOCK TABLES
//! ```
//!
//! The lock waits for originals that have drawn and not yet written; without it one of them could
//! have drawn between L and the end of the lease. Lessees queue for it among themselves in the
//! same packet, or originals would hardly get to write beside several that lease all the time. A
//! lease of one id is the first `REPLACE` alone,
//! and so is every lease of a user who may not lock tables. The second never passes the end of the
//! column; where the first comes to it, the server refuses it, in the strict mode that the session
//! is in: in others it answers the last id for ever.
//!
//! Numbers of 64 bits end at 2^64-2: the server takes 2^64-1 for no number. What the row shows may
//! stand below what originals have drawn, so the position is the higher of the row and the count.

use std::fmt;

use async_trait::async_trait;

use super::fault::Fault;
use super::session::Session;
use super::settings::{MysqlSettings, Schema};
use super::{identity, on_a_session, tombstone};
use crate::moved::{self, check_place};
use crate::pool::Pool;
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

mod tickets;

pub(super) use tickets::{MOST_INCREMENT, Tickets};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 16;

/// A table of tickets in the manner of Flickr, as one sequence.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct FlickrStore {
    pool: Pool<MysqlSettings>,
    tickets: Tickets,
}

impl fmt::Debug for FlickrStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.pool.settings.place;
        f.debug_struct("FlickrStore")
            .field("place", place)
            .field("key", &self.tickets.name)
            .finish()
    }
}

impl FlickrStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// It is one of [`MysqlStore::new`](super::MysqlStore::new) with these options, of which
    /// `schema=flickr` or `key` stands there:
    ///
    /// | option | meaning | default |
    /// |---|---|---|
    /// | `key` | the table, and the name of its sequence | `integers` |
    /// | `increment` | how far neighbours are apart, 1 to 65535 | 2 |
    /// | `offset` | the residue of every id modulo the increment, at most that | 1 |
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::mysql::FlickrStore;
    /// assert!(FlickrStore::new("me:secret@/ids?key=integers").is_ok());
    /// assert!(FlickrStore::new("me:secret@/ids?key=integers&increment=2&offset=3").is_err());
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let settings = MysqlSettings::parse(url)?;
        match settings.schema {
            Schema::Flickr(_) => Ok(Self::with(settings)),
            _ => Err(settings.other_schema("a table of tickets", "flickr")),
        }
    }

    pub(super) fn with(settings: MysqlSettings) -> Self {
        let Schema::Flickr(tickets) = settings.schema.clone() else {
            unreachable!("the caller has looked at the schema");
        };
        Self { pool: Pool::new(settings), tickets }
    }

    fn check_name(&self, name: &Name) -> Result<(), StoreError> {
        match *name == self.tickets.name {
            true => Ok(()),
            false => Err(StoreError::Unknown { name: name.clone() }),
        }
    }

    fn cannot<T>(&self, what: &str, instead: &str) -> Result<T, StoreError> {
        Err(StoreError::Refused(format!(
            "table '{}' is shared with other programs and cannot be {what}; {instead}",
            self.tickets.name
        )))
    }
}

async fn lease(
    session: &mut Session,
    tickets: &Tickets,
    len: u64,
    above: u64,
) -> Result<Lease, Fault> {
    let (name, definition) = (&tickets.name, tickets.find(session).await?);
    let exhausted = || StoreError::Exhausted { name: name.clone(), end: definition.end() };
    if len == 0 {
        return Err(StoreError::Refused(format!(
            "a lease of sequence '{name}' holds at least 1 id, not 0; ask for 1 or more"
        ))
        .into());
    }
    if definition.next_after(above).is_none() {
        return Err(exhausted().into());
    }
    let mut went_back = None;
    for _ in 0..TRIES {
        let range = match tickets.draw(session, &definition, len).await {
            Err(fault) if fault.is_out_of_count() => {
                // The server says the same where it could not read the count for once.
                let at = tickets.position(session, &definition).await?;
                let is_end = definition.next_after(at).is_none();
                return Err(if is_end { exhausted().into() } else { fault });
            }
            drawn => drawn?,
        };
        if range.start() > above {
            // The form has no count of leases; a lease's end only rises.
            return Ok(Lease { range, serial: went_back.unwrap_or(range.last()) });
        }
        // What was drawn lies below ids that the caller has, and is a gap. The count may have
        // forgotten other nodes' ids as well; the serial shows it.
        went_back = went_back.or(Some(range.start()));
        tickets.raise(session, above).await?;
    }
    Err(tickets.in_the_way())
}

async fn create(
    session: &mut Session,
    tickets: &Tickets,
    asked: &Definition,
) -> Result<Created, Fault> {
    let made = match tickets.find(session).await {
        Ok(_) => false,
        Err(Fault::Answer(StoreError::Unknown { .. })) => {
            let fresh = tickets.definition(u64::MAX);
            // A table begins anywhere: its first id is no part of what stands in the URL.
            if !asked.goes_on_as(&fresh) {
                let name = tickets.name.clone();
                return Err(StoreError::Conflict { name, existing: fresh }.into());
            }
            tickets.make(session, asked.start_bound()).await?
        }
        Err(fault) => return Err(fault),
    };
    let existing = tickets.find(session).await?;
    let begins = asked.first() == existing.first()
        || tickets.position(session, &existing).await? >= asked.start_bound();
    if !asked.goes_on_as(&existing) || !begins {
        return Err(StoreError::Conflict { name: tickets.name.clone(), existing }.into());
    }
    Ok(if made { Created::New } else { Created::Unchanged })
}

async fn describe(session: &mut Session, tickets: &Tickets) -> Result<SequenceInfo, Fault> {
    let (definition, bound, moved_to) = match standing(session, tickets).await {
        Err(Fault::Answer(StoreError::Moved { name, to })) => {
            let aside = tickets.aside().ok_or(StoreError::Unknown { name })?;
            let (definition, bound) = buried(session, &aside).await?;
            (definition, bound, Some(to))
        }
        told => told.map(|(definition, bound)| (definition, bound, None))?,
    };
    let name = tickets.name.clone();
    Ok(SequenceInfo { name, definition, bound, serial: bound, returned: 0, moved_to })
}

async fn standing(session: &mut Session, tickets: &Tickets) -> Result<(Definition, u64), Fault> {
    let definition = tickets.find(session).await?;
    Ok((definition, tickets.position(session, &definition).await?))
}

/// What a tombstone counted, and where it ended.
async fn buried(session: &mut Session, aside: &Tickets) -> Result<(Definition, u64), Fault> {
    let described = aside.described(session).await?;
    let (_, top) = described.ok_or_else(|| StoreError::Unknown { name: aside.name.clone() })?;
    let definition = aside.definition(top);
    Ok((definition, aside.position(session, &definition).await?))
}

async fn move_away(
    session: &mut Session,
    tickets: &Tickets,
    to: &str,
) -> Result<SequenceInfo, Fault> {
    let name = &tickets.name;
    if describe(session, tickets).await?.moved_to.is_none() {
        tickets.table.entomb(session, to).await?;
        session.tops.remove(name);
    }
    let info = describe(session, tickets).await?;
    match &info.moved_to {
        Some(place) if place == to => Ok(info),
        Some(place) => Err(StoreError::Moved { name: name.clone(), to: place.clone() }.into()),
        None => Err(tickets.in_the_way()),
    }
}

/// Takes a tombstone away that names the store which the sequence comes from.
async fn lift(session: &mut Session, tickets: &Tickets, arrival: &Arrival) -> Result<(), Fault> {
    let place = tickets.table.moved_to(session).await?;
    let Some(aside) = tickets.aside().filter(|_| place.as_ref() == Some(&arrival.from)) else {
        return Ok(());
    };
    let (_, bound) = buried(session, &aside).await?;
    if bound < arrival.bound {
        aside.raise(session, arrival.bound).await?;
    }
    tickets.table.lift(session).await
}

async fn advance_to(session: &mut Session, tickets: &Tickets, above: u64) -> Result<(), Fault> {
    let (name, definition) = (&tickets.name, tickets.find(session).await?);
    let end = definition.end();
    if above > end {
        return Err(StoreError::Refused(format!(
            "sequence '{name}' ends at {end}; {above} lies past it, choose {end} or less"
        ))
        .into());
    }
    for _ in 0..TRIES {
        let bound = tickets.position(session, &definition).await?;
        if above < bound {
            let name = name.clone();
            return Err(StoreError::WouldLower { name, bound, asked: above }.into());
        }
        if above == bound || tickets.raise(session, above).await? {
            return Ok(());
        }
    }
    Err(tickets.in_the_way())
}

async fn identify(session: &mut Session, tickets: &Tickets) -> Result<StoreIdentity, Fault> {
    let described = tickets.described(session).await?;
    let end = tickets.definition(described.as_ref().map_or(u64::MAX, |(_, top)| *top)).end();
    let flaw = described.and_then(|(described, _)| described.unsafe_engine());
    let (backend, table) = ("mysql-flickr", tickets.name.as_str());
    identity::of_adopted(session, backend, table, end, flaw.into_iter().collect()).await
}

/// What the form cannot hold, and whether this table and this user hold less.
async fn notes(session: &mut Session, tickets: &Tickets) -> Result<Vec<String>, Fault> {
    let mut notes = vec![format!(
        "table '{}' takes nothing back: each stop of a node costs what it leased",
        tickets.name
    )];
    let Some((described, top)) = tickets.described(session).await? else { return Ok(notes) };
    notes.push(format!("table '{}' ends at {}", tickets.name, tickets.definition(top).end()));
    notes.extend(described.unsafe_engine());
    if !tickets.may_lock(session).await? {
        notes.push(format!(
            "this user may not lock table '{}', so each lease is one id; GRANT LOCK TABLES on the \
             database to it",
            tickets.name
        ));
    }
    Ok(notes)
}

#[async_trait]
impl SequenceStore for FlickrStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| identify(session, &self.tickets))
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let told = on_a_session!(self, |session| notes(session, &self.tickets))?;
        Ok([self.pool.settings.notes(), told].concat())
    }

    fn is_strict_over_nodes(&self) -> bool {
        true
    }

    async fn create(&self, name: &Name, asked: &Definition) -> Result<Created, StoreError> {
        if self.check_name(name).is_err() {
            return self.cannot("joined by another", "name that as the key of another store");
        }
        on_a_session!(self, |session| create(session, &self.tickets, asked))
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| lease(session, &self.tickets, len, above))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.check_name(name)?;
        Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial })
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| advance_to(session, &self.tickets, above))
    }

    async fn alter(&self, name: &Name, _: &Alteration) -> Result<Definition, StoreError> {
        self.check_name(name)?;
        self.cannot("altered", "write increment= and offset= in the URL")
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        match self.describe(&self.tickets.name).await {
            Ok(info) => Ok(vec![info]),
            Err(StoreError::Unknown { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| describe(session, &self.tickets))
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.check_name(name)?;
        self.cannot("deleted", "stop the others and DROP it by hand")
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        self.check_name(name)?;
        check_place(name, to)?;
        on_a_session!(self, |session| move_away(session, &self.tickets, to))
    }

    async fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        if self.check_name(name).is_err() {
            return self.cannot("joined by another", "name that as the key of another store");
        }
        let fresh = self.tickets.definition(u64::MAX);
        tombstone::check_arrival(self, arrival, fresh, self.describe(name).await, name).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.check_arrival(name, arrival).await?;
        on_a_session!(self, |session| lift(session, &self.tickets, arrival))?;
        moved::move_in(self, name, arrival).await
    }
}
