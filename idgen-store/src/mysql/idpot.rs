//! The tables of idpot, adopted: beside a running original, never meeting it.
//!
//! A pot is a table `pot_NAME` of one column and one row, its last id. A lease is one statement
//! that raises the row and hands the new value back in the same answer:
//!
//! ```text
//! UPDATE pot_x SET id = LAST_INSERT_ID(id + n) WHERE id BETWEEN above AND top - n
//! ```
//!
//! So neither an original nor another node can come between, on MyISAM as on InnoDB, and no row
//! passes the end of its column. Near that end, and where the pot stands below what the caller was
//! granted, one statement moves the row if it still holds what was read. The lease of a pot that
//! stood below shows where, by its serial: a pot that went back may have forgotten the leases of
//! other nodes, too.
//!
//! Every pot of the database is a sequence of its name: whole numbers from 1 on, leased. What the
//! form cannot hold is refused: other settings, hand-backs (a stop costs its tail), deletion (it
//! would take the mark along). Where the server folds the case of names, only the spelling that it
//! lists is a name, so that no two sequences share a table unseen.

use std::fmt;

use async_trait::async_trait;
use idgen_core::IdRange;

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

mod pot;

use pot::{Pot, table_of};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 64;

/// The pots of an idpot database, each a sequence of its name.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct IdpotStore {
    pool: Pool<MysqlSettings>,
}

impl fmt::Debug for IdpotStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdpotStore").field("place", &self.pool.settings.place).finish()
    }
}

impl IdpotStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// It is one of [`MysqlStore::new`](super::MysqlStore::new) with the option `schema=idpot`.
    /// Names have 1 to 60 characters, none beyond U+FFFF, no NUL and no blank at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let settings = MysqlSettings::parse(url)?;
        match settings.schema {
            Schema::Idpot => Ok(Self::with(settings)),
            _ => Err(settings.other_schema("pots of idpot", "idpot")),
        }
    }

    pub(super) fn with(settings: MysqlSettings) -> Self {
        Self { pool: Pool::new(settings) }
    }

    async fn check_here(&self, name: &Name) -> Result<(), StoreError> {
        on_a_session!(self, |session| Pot::find(session, name)).map(drop)
    }

    /// What the form has no place for; an unknown name is told as that.
    async fn cannot<T>(&self, what: &str, name: &Name) -> Result<T, StoreError> {
        self.check_here(name).await?;
        Err(StoreError::Refused(format!(
            "a pot of idpot cannot be {what}, and '{name}' is one; migrate to idgen's own tables \
             first"
        )))
    }
}

async fn lease(session: &mut Session, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
    let pot = Pot::find(session, name).await?;
    if len == 0 {
        return Err(StoreError::Refused(format!(
            "a lease of sequence '{name}' holds at least 1 id, not 0; ask for 1 or more"
        ))
        .into());
    }
    for _ in 0..TRIES {
        if let Some(last) = pot.raise(session, len, above).await? {
            return granted(last, len, last);
        }
        let seen = pot.read(session).await?;
        let from = seen.max(above).min(pot.top);
        let len = len.min(pot.top - from);
        if len == 0 {
            return Err(StoreError::Exhausted { name: name.clone(), end: pot.top }.into());
        }
        let last = from + len;
        let is_for_this = seen < above || last == pot.top;
        if is_for_this && pot.change(session, seen, last).await? {
            return granted(last, len, if seen < above { seen + 1 } else { last });
        }
    }
    Err(pot.in_the_way())
}

/// The lease that ends at the new value. The form has no count; a lease's end only rises.
fn granted(last: u64, len: u64, serial: u64) -> Result<Lease, Fault> {
    let start = last.checked_sub(len - 1);
    let range = start.and_then(|start| IdRange::new(start, 1, len).ok());
    let range = range
        .ok_or_else(|| Fault::Damaged(format!("a pot holds {last} after a lease of {len}")))?;
    Ok(Lease { range, serial })
}

async fn create(session: &mut Session, name: &Name, asked: &Definition) -> Result<Created, Fault> {
    match Pot::find(session, name).await {
        Ok(pot) => return judge(session, &pot, asked).await,
        Err(Fault::Answer(StoreError::Unknown { .. })) => {}
        Err(fault) => return Err(fault),
    }
    let (first, plain) = (asked.first(), Definition::default());
    let holds = Definition::new(first, 1, 0, plain.end(), plain.order());
    if holds.as_ref() != Ok(asked) {
        return Err(StoreError::Refused(format!(
            "a pot of idpot counts by 1 up to {}, leased, not as asked ({asked}); leave increment, \
             end and order out",
            plain.end()
        ))
        .into());
    }
    if Pot::make(session, name, asked.start_bound()).await? {
        return Ok(Created::New);
    }
    let pot = Pot::find(session, name).await?;
    judge(session, &pot, asked).await
}

/// Whether a pot that is there may have been created as asked. It does not know its first id.
async fn judge(session: &mut Session, pot: &Pot, asked: &Definition) -> Result<Created, Fault> {
    let (bound, existing) = (pot.read(session).await?, pot.definition());
    let as_asked = Definition::new(asked.first(), 1, 0, existing.end(), existing.order());
    if as_asked.as_ref() == Ok(asked) && bound >= asked.start_bound() {
        return Ok(Created::Unchanged);
    }
    Err(StoreError::Conflict { name: pot.name.clone(), existing }.into())
}

async fn describe(session: &mut Session, name: &Name) -> Result<SequenceInfo, Fault> {
    let mut pot = Pot::look(session, name).await?;
    let mut bound = pot.read(session).await;
    if let Err(Fault::Answer(StoreError::Moved { .. })) = bound {
        // It was moved since this session has seen it.
        pot = Pot::look(session, name).await?;
        bound = pot.read(session).await;
    }
    Ok(pot.info(bound?))
}

async fn move_away(session: &mut Session, name: &Name, to: &str) -> Result<SequenceInfo, Fault> {
    if Pot::look(session, name).await?.moved_to.is_none() {
        table_of(name)?.entomb(session, to).await?;
        session.tops.remove(name);
    }
    let info = describe(session, name).await?;
    match &info.moved_to {
        Some(place) if place == to => Ok(info),
        Some(place) => Err(StoreError::Moved { name: name.clone(), to: place.clone() }.into()),
        None => Err(Fault::Answer(StoreError::Unavailable(format!(
            "others brought pot '{name}' back while it was moved; move again"
        )))),
    }
}

/// Takes a tombstone away that names the store which the sequence comes from.
async fn lift(session: &mut Session, name: &Name, arrival: &Arrival) -> Result<(), Fault> {
    match Pot::look(session, name).await {
        Ok(pot) if pot.moved_to.as_ref() == Some(&arrival.from) => {
            pot.advance(session, arrival.bound).await?;
            table_of(name)?.lift(session).await
        }
        Ok(_) | Err(Fault::Answer(StoreError::Unknown { .. })) => Ok(()),
        Err(fault) => Err(fault),
    }
}

async fn advance_to(session: &mut Session, name: &Name, above: u64) -> Result<(), Fault> {
    let pot = Pot::find(session, name).await?;
    if above > pot.top {
        let top = pot.top;
        return Err(StoreError::Refused(format!(
            "sequence '{name}' ends at {top}; {above} lies past it, choose {top} or less"
        ))
        .into());
    }
    for _ in 0..TRIES {
        if pot.advance(session, above).await? {
            return Ok(());
        }
        let bound = pot.read(session).await?;
        if bound > above {
            let name = name.clone();
            return Err(StoreError::WouldLower { name, bound, asked: above }.into());
        }
        if bound == above {
            return Ok(());
        }
    }
    Err(pot.in_the_way())
}

async fn list(session: &mut Session) -> Result<Vec<SequenceInfo>, Fault> {
    let (pots, _flaws) = pot::all(session).await?;
    let bounds = pot::read_all(session, &pots).await?;
    let mut infos: Vec<_> = pots.iter().zip(bounds).map(|(pot, bound)| pot.info(bound)).collect();
    infos.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(infos)
}

fn live(pots: Vec<Pot>) -> impl Iterator<Item = Pot> {
    pots.into_iter().filter(|pot| pot.moved_to.is_none())
}

async fn identify(session: &mut Session) -> Result<StoreIdentity, Fault> {
    let (pots, _flaws) = pot::all(session).await?;
    let unsafe_pots = live(pots).filter_map(|pot| pot.unsafe_engine).collect();
    identity::of_adopted(session, "mysql-idpot", "pot_*", u64::MAX, unsafe_pots).await
}

/// What the form cannot hold, and which tables hold less.
async fn notes(session: &mut Session) -> Result<Vec<String>, Fault> {
    let (pots, flaws) = pot::all(session).await?;
    let mut notes = vec![UNRETURNED.to_owned()];
    for pot in live(pots) {
        if pot.top < u64::MAX {
            notes.push(format!("pot '{}' ends at {}, the end of its column", pot.name, pot.top));
        }
        notes.extend(pot.unsafe_engine);
    }
    notes.extend(flaws);
    Ok(notes)
}

const UNRETURNED: &str = "the pots of idpot take nothing back: each stop of a node costs the ids \
    that it has leased and not issued";

#[async_trait]
impl SequenceStore for IdpotStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| identify(session))
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let told = on_a_session!(self, |session| notes(session))?;
        Ok([self.pool.settings.notes(), told].concat())
    }

    fn is_strict_over_nodes(&self) -> bool {
        true
    }

    async fn create(&self, name: &Name, asked: &Definition) -> Result<Created, StoreError> {
        on_a_session!(self, |session| create(session, name, asked))
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        on_a_session!(self, |session| lease(session, name, len, above))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.check_here(name).await?;
        Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial })
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        on_a_session!(self, |session| advance_to(session, name, above))
    }

    async fn alter(&self, name: &Name, _: &Alteration) -> Result<Definition, StoreError> {
        self.cannot("altered", name).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        on_a_session!(self, |session| list(session))
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        on_a_session!(self, |session| describe(session, name))
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.cannot("deleted", name).await
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        check_place(name, to)?;
        on_a_session!(self, |session| move_away(session, name, to))
    }

    async fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        let fresh = Definition::default();
        tombstone::check_arrival(self, arrival, fresh, self.describe(name).await, name).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.check_arrival(name, arrival).await?;
        on_a_session!(self, |session| lift(session, name, arrival))?;
        moved::move_in(self, name, arrival).await
    }
}
