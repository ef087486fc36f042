//! Leases of numbers: the common one in one statement, all else in a transaction that locks the
//! sequence's row, reads what a decision needs and writes what was decided.
//!
//! The driver yields the end of a statement's answer only after the server's word that its commit
//! is through, not with the row that precedes it: nothing is told that is not on disk.

use async_trait::async_trait;
use idgen_core::IdRange;
use tokio_postgres::Row;

use super::column::Num;
use super::fault::Fault;
use super::rows::{self, COLUMNS};
use super::session::Session;
use super::{PostgresStore, on_a_session};
use crate::grant::{Ground, Mark};
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

/// Has `decide` make the row anew, without tails; whether it did.
async fn place(
    session: &mut Session,
    name: &Name,
    decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Result<bool, Fault> {
    let transaction = rows::begin(&mut session.client).await?;
    loop {
        match rows::lock_any(&transaction, name).await? {
            Some(mut found) => {
                match decide(Some(found.mark.clone()))? {
                    Some(mark) => found.mark = mark,
                    None => return Ok(false),
                }
                found.give_up_tails(&transaction).await?;
                found.save(&transaction).await?;
                break;
            }
            None => {
                let mark = decide(None)?.expect("a new name gets a row");
                // Else another caller was first, and its row is there to be judged.
                if rows::insert(&transaction, name, &mark).await? {
                    break;
                }
            }
        }
    }
    transaction.commit().await?;
    Ok(true)
}

async fn create(
    session: &mut Session,
    name: &Name,
    definition: &Definition,
) -> Result<Created, Fault> {
    let made = place(session, name, |mark| Mark::create(mark, name, definition)).await?;
    Ok(if made { Created::New } else { Created::Unchanged })
}

/// Makes the row anew and tells of it.
async fn placed(
    session: &mut Session,
    name: &Name,
    decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Result<SequenceInfo, Fault> {
    place(session, name, decide).await?;
    describe(session, name).await
}

/// The common lease, or `None` if the locked transaction has to decide.
async fn lease_at_once(
    session: &Session,
    name: &Name,
    len: u64,
    above: u64,
) -> Result<Option<Lease>, Fault> {
    let bytes = name.as_str().as_bytes();
    let row = session.client.query_opt(&session.lease, &[&bytes, &Num(len), &Num(above)]).await?;
    row.map(|row| granted(&row, len)).transpose()
}

/// The lease that ends at the new bound.
fn granted(row: &Row, len: u64) -> Result<Lease, Fault> {
    let (bound, increment) = (rows::number(row, "bound")?, rows::number(row, "increment_by")?);
    let start = len
        .checked_sub(1)
        .and_then(|steps| steps.checked_mul(increment))
        .and_then(|distance| bound.checked_sub(distance));
    let range = start.and_then(|start| IdRange::new(start, increment, len).ok());
    let range = range.ok_or_else(|| Fault::Damaged("a leased range is none".to_owned()))?;
    Ok(Lease { range, serial: rows::number(row, "serial")? })
}

async fn lease(session: &mut Session, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
    if let Some(lease) = lease_at_once(session, name, len, above).await? {
        return Ok(lease);
    }
    let transaction = rows::begin(&mut session.client).await?;
    let mut found = rows::lock(&transaction, name).await?;
    let tail = found.lowest_tail(&transaction, above).await?;
    let grant = found.mark.lease(name, len, above, tail)?;
    if let Ground::Tail { start, rest } = &grant.ground {
        found.remove_tail(&transaction, *start).await?;
        if let Some(rest) = rest {
            found.add_tail(&transaction, rest).await?;
        }
    }
    found.remember(&transaction, &grant).await?;
    found.save(&transaction).await?;
    transaction.commit().await?;
    Ok(Lease { range: grant.range, serial: grant.serial })
}

async fn hand_back(session: &mut Session, name: &Name, tail: &Lease) -> Result<(), Fault> {
    let transaction = rows::begin(&mut session.client).await?;
    let mut found = rows::lock(&transaction, name).await?;
    let lease = found.remembered(&transaction, tail.serial).await?;
    let end = found.mark.hand_back(name, lease, tail)?;
    found.forget(&transaction, tail.serial).await?;
    found.add_tail(&transaction, &end).await?;
    found.save(&transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Applies a change by hand, which gives up tails and remembered leases.
async fn change<T>(
    session: &mut Session,
    name: &Name,
    by: impl FnOnce(&mut Mark) -> Result<T, StoreError>,
) -> Result<T, Fault> {
    let transaction = rows::begin(&mut session.client).await?;
    let mut found = rows::lock(&transaction, name).await?;
    let told = by(&mut found.mark)?;
    found.give_up_tails(&transaction).await?;
    found.save(&transaction).await?;
    transaction.commit().await?;
    Ok(told)
}

/// The sequence of that name, or all, in one statement, hence as they stood at one moment.
async fn infos(session: &Session, name: Option<&Name>) -> Result<Vec<SequenceInfo>, Fault> {
    let filter = if name.is_some() { "AND name = $1" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS}, name, COALESCE((SELECT sum(len) FROM idgen_tail AS t \
         WHERE t.sequence = s.id), 0) AS returned \
         FROM idgen_sequence AS s WHERE (NOT deleted OR moved_to IS NOT NULL) {filter} \
         ORDER BY name"
    );
    let values: Vec<_> = name.into_iter().map(rows::bytes).collect();
    let found = rows::query(&session.client, &sql, &values).await?;
    found.iter().map(info).collect()
}

fn info(row: &Row) -> Result<SequenceInfo, Fault> {
    let text = String::from_utf8(row.try_get("name")?).ok();
    let name = text.and_then(|text| Name::new(&text).ok());
    let name =
        name.ok_or_else(|| Fault::Damaged("a sequence has a name that is none".to_owned()))?;
    Ok(rows::read(row)?.mark.info(&name, rows::number(row, "returned")?))
}

async fn describe(session: &Session, name: &Name) -> Result<SequenceInfo, Fault> {
    let found = infos(session, Some(name)).await?.pop();
    found.ok_or_else(|| StoreError::Unknown { name: name.clone() }.into())
}

#[async_trait]
impl SequenceStore for PostgresStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| super::identity::read(session))
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.pool.settings.tls.note.map(str::to_owned).into_iter().collect())
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        on_a_session!(self, |session| create(session, name, definition))
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        on_a_session!(self, |session| lease(session, name, len, above))
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        on_a_session!(self, |session| hand_back(session, name, tail))
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        on_a_session!(self, |session| describe(session, name)).map(|info| info.bound)
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        on_a_session!(self, |session| change(session, name, |mark| mark.advance_to(name, above)))
    }

    async fn alter(&self, name: &Name, alteration: &Alteration) -> Result<Definition, StoreError> {
        on_a_session!(self, |session| change(session, name, |mark| mark.alter(name, alteration)))
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        on_a_session!(self, |session| infos(session, None))
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        on_a_session!(self, |session| describe(session, name))
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let delete = |mark: &mut Mark| {
            mark.deleted = true;
            Ok(())
        };
        on_a_session!(self, |session| change(session, name, delete))
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let decide = |mark| Mark::move_away(mark, name, to);
        on_a_session!(self, |session| placed(session, name, decide))
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        let decide = |mark| Mark::move_in(mark, name, arrival);
        on_a_session!(self, |session| placed(session, name, decide))
    }
}
