//! The tables of idpool, adopted: beside a running original, never meeting it.
//!
//! `id_pool` holds rows of unclaimed ground, `id_pool_claim` a row for each claim. A lease is one
//! transaction that locks the pool's rows, raises `current_pos` of the first that has room above
//! the caller's ids, and writes the claim; the original's guarded UPDATE waits for the lock and
//! judges the row anew. What the form cannot hold is refused: other settings than the rows say, a
//! second sequence, hand-backs (a stop costs its tail), deletion.
//!
//! Tables that the operator has made are taken untouched; in a database without them they are made
//! as idpool's README has them, but for the columns of claims, which are unsigned. In signed ones
//! claims beyond 2^63-1 are not recorded, and nothing else changes: `id_pool` alone decides.

use std::fmt;

use async_trait::async_trait;

use super::fault::Fault;
use super::rows::number;
use super::session::Session;
use super::settings::{MysqlSettings, Schema};
use super::{identity, on_a_session};
use crate::{
    Alteration, Created, Definition, Lease, Name, Order, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

mod ground;

use ground::{Pool, Row, pool};

const SCHEMA: &str = include_str!("idpool/schema.sql");

/// Why a table may not be used, and whether its claims have room.
const QUESTION: &str = "SELECT \
    (SELECT COUNT(*) FROM information_schema.tables AS t WHERE t.table_schema = DATABASE() \
        AND t.table_name IN ('id_pool', 'id_pool_claim')) AS tables, \
    (SELECT COUNT(*) FROM information_schema.tables AS t WHERE t.table_schema = DATABASE() \
        AND t.table_name IN ('id_pool', 'id_pool_claim') AND t.engine <> 'InnoDB') AS unfit, \
    (SELECT COUNT(*) FROM information_schema.columns AS c WHERE c.table_schema = DATABASE() \
        AND c.table_name = 'id_pool_claim' AND c.column_name IN ('start_pos', 'end_pos') \
        AND c.column_type NOT LIKE '%unsigned%') AS signed";

/// The highest id that a signed column holds.
const SIGNED_TOP: u64 = (1 << 63) - 1;

/// The pool of an idpool database, as one sequence.
///
/// Its futures run inside a tokio runtime with time and I/O enabled; idgen-runtime brings one.
pub struct IdpoolStore {
    pool: crate::pool::Pool<MysqlSettings>,
    name: Name,
}

impl fmt::Debug for IdpoolStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.pool.settings.place;
        f.debug_struct("IdpoolStore").field("place", place).field("name", &self.name).finish()
    }
}

impl IdpoolStore {
    /// Takes `url` apart; nothing is connected yet.
    ///
    /// It is one of [`MysqlStore::new`](super::MysqlStore::new) with the option `schema=idpool`.
    /// The pool is the sequence `default`, or what the option `sequence` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names what is wrong, and shows no password.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let settings = MysqlSettings::parse(url)?;
        match settings.schema {
            Schema::Idpool(_) => Ok(Self::with(settings)),
            _ => Err(settings.other_schema("a pool of idpool", "idpool")),
        }
    }

    pub(super) fn with(settings: MysqlSettings) -> Self {
        let Schema::Idpool(name) = settings.schema.clone() else {
            unreachable!("the caller has looked at the schema");
        };
        Self { pool: crate::pool::Pool::new(settings), name }
    }

    fn check_name(&self, name: &Name) -> Result<(), StoreError> {
        match *name == self.name {
            true => Ok(()),
            false => Err(StoreError::Unknown { name: name.clone() }),
        }
    }

    fn cannot<T>(&self, what: &str) -> Result<T, StoreError> {
        Err(StoreError::Refused(format!(
            "the tables of idpool cannot {what} sequence '{}'; migrate to idgen's own tables first",
            self.name
        )))
    }
}

/// Refuses tables that lack what a lease stands on; makes them if there are none.
pub(super) async fn ensure(session: &mut Session) -> Result<(), Fault> {
    let mut said = session.ask(QUESTION).await?;
    if count(&said.rows, "tables")? < 2 {
        session.query(&super::schema::statements(SCHEMA)).await?;
        said = session.ask(QUESTION).await?;
    }
    if count(&said.rows, "unfit")? > 0 {
        return Err(Fault::Unfit(
            "keeps id_pool or id_pool_claim in an engine without transactions, where an original \
             and idgen would meet; ALTER TABLE ... ENGINE = InnoDB"
                .to_owned(),
        ));
    }
    session.signed_claims = count(&said.rows, "signed")? > 0;
    read(session, "").await.map(|_pool| ())
}

fn count(rows: &[mysql_async::Row], column: &str) -> Result<u64, Fault> {
    let row = rows.first().ok_or_else(|| Fault::Damaged("a question got no row".to_owned()))?;
    number(row, column)
}

/// The pool as it stands; `lock` is what SQL adds to keep it so.
async fn read(session: &mut Session, lock: &str) -> Result<Pool, Fault> {
    let sql = format!("SELECT id, start_pos, end_pos, current_pos FROM id_pool ORDER BY id{lock}");
    let said = if lock.is_empty() { session.ask(&sql).await? } else { session.begin(&sql).await? };
    let row = |row: &mysql_async::Row| {
        Ok(Row {
            id: number(row, "id")?,
            start: number(row, "start_pos")?,
            end: number(row, "end_pos")?,
            current: number(row, "current_pos")?,
        })
    };
    let rows: Result<Vec<Row>, Fault> = said.rows.iter().map(row).collect();
    Ok(pool(rows?)?)
}

/// Begins a transaction with all rows locked; an empty pool is unknown.
async fn lock(session: &mut Session, name: &Name) -> Result<Pool, Fault> {
    let pool = read(session, " FOR UPDATE").await?;
    match pool.rows.is_empty() {
        true => Err(StoreError::Unknown { name: name.clone() }.into()),
        false => Ok(pool),
    }
}

fn update(row: &Row) -> String {
    let Row { id, end, current, .. } = row;
    format!("UPDATE id_pool SET current_pos = {current}, end_pos = {end} WHERE id = {id}; ")
}

async fn lease(session: &mut Session, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
    let pool = lock(session, name).await?;
    if len == 0 {
        return Err(StoreError::Refused(format!(
            "a lease of sequence '{name}' holds at least 1 id, not 0; ask for 1 or more"
        ))
        .into());
    }
    let Some((row, range)) = pool.claim(len, above) else {
        return Err(no_room(&pool, name, above).into());
    };
    // The open end behind 2^64-1 is written as 0.
    let (start, end) = (range.start(), range.last().checked_add(1).unwrap_or(0));
    let mut sql = update(&row);
    if !(session.signed_claims && range.last() >= SIGNED_TOP) {
        sql += &format!(
            "INSERT INTO id_pool_claim (start_pos, end_pos, claimed_at) \
             VALUES ({start}, {end}, UNIX_TIMESTAMP()); "
        );
    }
    session.query(&(sql + "COMMIT")).await?;
    session.ended();
    // The form has no count of leases; a lease's end rises as long as its rows do.
    Ok(Lease { range, serial: pool.went_back(above).unwrap_or(range.last()) })
}

fn no_room(pool: &Pool, name: &Name, above: u64) -> StoreError {
    if let Some(row) = pool.left_below(above) {
        return StoreError::Refused(format!(
            "sequence '{name}': row {} of id_pool has room from {} to {}, below ids that this node \
             has issued up to {above}; let rows rise with their id, or serve that row from another \
             node",
            row.id, row.current, row.end
        ));
    }
    StoreError::Exhausted { name: name.clone(), end: pool.last().unwrap_or_default() }
}

async fn create(session: &mut Session, name: &Name, asked: &Definition) -> Result<Created, Fault> {
    let pool = read(session, " FOR UPDATE").await?;
    if let Some(existing) = definition(&pool)? {
        if existing == *asked {
            return Ok(Created::Unchanged);
        }
        return Err(StoreError::Conflict { name: name.clone(), existing }.into());
    }
    if asked.increment() != 1 || asked.order() != Order::Leased {
        return Err(StoreError::Refused(format!(
            "a pool of idpool counts by 1, leased, not as asked ({asked}); leave increment and \
             order out"
        ))
        .into());
    }
    let (first, end) = (asked.first(), asked.end());
    // The key says if another caller is first, and this one then looks again.
    let sql = format!(
        "INSERT INTO id_pool (id, start_pos, end_pos, current_pos) \
         VALUES (1, {first}, {end}, {first}) ON DUPLICATE KEY UPDATE id = id"
    );
    let made = session.ask(&sql).await?.changed == 1;
    session.commit().await?;
    Ok(if made { Created::New } else { Created::Unchanged })
}

/// What the rows say; `None` without rows.
fn definition(pool: &Pool) -> Result<Option<Definition>, Fault> {
    let Some((first, last)) = pool.first().zip(pool.last()) else { return Ok(None) };
    let definition = Definition::new(first, 1, 0, last, Order::Leased);
    definition.map(Some).map_err(|error| Fault::Damaged(format!("id_pool holds no ids: {error}")))
}

async fn describe(session: &mut Session, name: &Name) -> Result<SequenceInfo, Fault> {
    let pool = read(session, "").await?;
    let unknown = || StoreError::Unknown { name: name.clone() };
    let definition = definition(&pool)?.ok_or_else(unknown)?;
    let bound = pool.bound().ok_or_else(unknown)?;
    Ok(SequenceInfo {
        name: name.clone(),
        definition,
        bound,
        serial: bound,
        returned: 0,
        moved_to: None,
    })
}

async fn advance_to(session: &mut Session, name: &Name, above: u64) -> Result<(), Fault> {
    let pool = lock(session, name).await?;
    let (bound, last) = (pool.bound().unwrap_or_default(), pool.last().unwrap_or_default());
    if above < bound {
        return Err(StoreError::WouldLower { name: name.clone(), bound, asked: above }.into());
    }
    if above > last {
        return Err(StoreError::Refused(format!(
            "sequence '{name}' ends at {last}; {above} lies past it, choose {last} or less"
        ))
        .into());
    }
    let sql: String = pool.advanced(above).iter().map(update).collect();
    session.query(&(sql + "COMMIT")).await?;
    session.ended();
    Ok(())
}

async fn identify(session: &mut Session) -> Result<StoreIdentity, Fault> {
    let ceiling = read(session, "").await?.last().unwrap_or(u64::MAX);
    identity::of_adopted(session, "mysql-idpool", "id_pool", ceiling, Vec::new()).await
}

/// What the form cannot hold, and whether these tables hold less.
async fn notes(session: &mut Session) -> Result<Vec<String>, Fault> {
    let pool = read(session, "").await?;
    let mut notes = vec![UNRETURNED.to_owned()];
    if session.signed_claims {
        notes.push(SIGNED.to_owned());
    }
    if !pool.rows.is_sorted_by_key(|row| row.start) {
        notes.push(FALLING.to_owned());
    }
    Ok(notes)
}

const UNRETURNED: &str = "the tables of idpool take nothing back: each stop of a node costs the \
    ids that it has leased and not issued";

const FALLING: &str = "the rows of id_pool do not rise with their id: a node that has issued from \
    a higher row leaves a lower one to other nodes";

const SIGNED: &str = "the columns of id_pool_claim are signed, so claims beyond 2^63-1 are issued \
    and not recorded there; to record them: ALTER TABLE id_pool_claim MODIFY \
    start_pos BIGINT UNSIGNED NOT NULL, MODIFY end_pos BIGINT UNSIGNED NOT NULL";

#[async_trait]
impl SequenceStore for IdpoolStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| identify(session))
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let told = on_a_session!(self, |session| notes(session))?;
        Ok([self.pool.settings.notes(), told].concat())
    }

    async fn create(&self, name: &Name, asked: &Definition) -> Result<Created, StoreError> {
        if *name != self.name {
            return Err(StoreError::Refused(format!(
                "the tables of idpool hold one sequence, '{}'; ask for that, or rename it by the \
                 option sequence",
                self.name
            )));
        }
        on_a_session!(self, |session| create(session, name, asked))
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| lease(session, name, len, above))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.check_name(name)?;
        Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial })
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| advance_to(session, name, above))
    }

    async fn alter(&self, name: &Name, _: &Alteration) -> Result<Definition, StoreError> {
        self.check_name(name)?;
        self.cannot("alter")
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        match self.describe(&self.name).await {
            Ok(info) => Ok(vec![info]),
            Err(StoreError::Unknown { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.check_name(name)?;
        on_a_session!(self, |session| describe(session, name))
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.check_name(name)?;
        self.cannot("delete")
    }
}
