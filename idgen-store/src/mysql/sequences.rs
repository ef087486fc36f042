//! Leases of numbers: the common one in one packet, all else in a transaction that locks the
//! sequence's row, reads what a decision needs and writes what was decided.
//!
//! Every packet is read to its end before anything is told: the word that the commit is through
//! comes last.

use std::sync::LazyLock;

use async_trait::async_trait;
use idgen_core::IdRange;
use mysql_async::Row;

use super::fault::Fault;
use super::rows::{self, COLUMNS, literal};
use super::schema::statements;
use super::session::{Said, Session};
use super::{MysqlStore, on_a_session};
use crate::grant::{Ground, Mark, REMEMBERED};
use crate::{
    Alteration, Arrival, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};

/// The packet of the common lease. What it computes twice is written once.
static LEASE: LazyLock<String> = LazyLock::new(|| {
    let from = "(GREATEST(CAST(s.bound AS DECIMAL(65, 0)), CAST(ABOVE AS DECIMAL(65, 0)), \
                CAST(s.first_id AS DECIMAL(65, 0)) - 1) + 1)";
    let step = "CAST(s.increment_by AS DECIMAL(65, 0))";
    let ahead = format!("MOD(s.offset_by - MOD({from}, {step}) + {step}, {step})");
    let last = format!("({from} + {ahead} + (LEN - 1) * {step})");
    let sql = statements(include_str!("lease.sql")).replace("LAST AS", &format!("{last} AS"));
    sql.replace("LAST <=", &format!("{last} <=")).replace("REMEMBERED", &REMEMBERED.to_string())
});

/// Has `decide` make the row anew, without tails; whether it did.
async fn place(
    session: &mut Session,
    name: &Name,
    decide: impl Fn(Option<Mark>) -> Result<Option<Mark>, StoreError>,
) -> Result<bool, Fault> {
    loop {
        match rows::lock_any(session, name).await? {
            Some(mut found) => {
                let Some(mark) = decide(Some(found.mark))? else { return Ok(false) };
                found.mark = mark;
                found.give_up_tails(session).await?;
                found.save(session).await?;
                break;
            }
            None => {
                let mark = decide(None)?.expect("a new name gets a row");
                if rows::insert(session, name, &mark).await? {
                    break;
                }
                // Another caller was first, and a new transaction sees its row.
                session.commit().await?;
            }
        }
    }
    session.commit().await?;
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
    if !place(session, name, decide).await? {
        session.commit().await?;
    }
    describe(session, name).await
}

/// The common lease, or `None` if the locked transaction has to decide.
async fn lease_at_once(
    session: &mut Session,
    name: &Name,
    len: u64,
    above: u64,
) -> Result<Option<Lease>, Fault> {
    if len == 0 {
        return Ok(None);
    }
    let sql = LEASE.replace("LEN", &len.to_string()).replace("ABOVE", &above.to_string());
    let said = session.transact(&sql.replace("NAME", &literal(name))).await?;
    let [_, updated, _, _, selected, _] = &said[..] else {
        return Err(Fault::Damaged(format!("{} answers came to a lease", said.len())));
    };
    match updated.changed {
        0 => Ok(None),
        1 => granted(updated, selected, len).map(Some),
        rows => Err(Fault::Damaged(format!("{rows} sequences have one name"))),
    }
}

/// The lease that ends at the new bound.
fn granted(updated: &Said, selected: &Said, len: u64) -> Result<Lease, Fault> {
    let none = || Fault::Damaged("a leased range is none".to_owned());
    let row = selected.rows.first().ok_or_else(none)?;
    let (bound, step) = (updated.last_insert_id, rows::number(row, "increment_by")?);
    let distance = (len - 1).checked_mul(step);
    let start = bound.zip(distance).and_then(|(bound, distance)| bound.checked_sub(distance));
    let range = start.and_then(|start| IdRange::new(start, step, len).ok()).ok_or_else(none)?;
    Ok(Lease { range, serial: rows::number(row, "serial")? })
}

async fn lease(session: &mut Session, name: &Name, len: u64, above: u64) -> Result<Lease, Fault> {
    if let Some(lease) = lease_at_once(session, name, len, above).await? {
        return Ok(lease);
    }
    let mut found = rows::lock(session, name).await?;
    let tail = found.lowest_tail(session, above).await?;
    let grant = found.mark.lease(name, len, above, tail)?;
    if let Ground::Tail { start, rest } = &grant.ground {
        found.remove_tail(session, *start).await?;
        if let Some(rest) = rest {
            found.add_tail(session, rest).await?;
        }
    }
    found.remember(session, &grant).await?;
    found.save(session).await?;
    session.commit().await?;
    Ok(Lease { range: grant.range, serial: grant.serial })
}

async fn hand_back(session: &mut Session, name: &Name, tail: &Lease) -> Result<(), Fault> {
    let mut found = rows::lock(session, name).await?;
    let lease = found.remembered(session, tail.serial).await?;
    let end = found.mark.hand_back(name, lease, tail)?;
    found.forget(session, tail.serial).await?;
    found.add_tail(session, &end).await?;
    found.save(session).await?;
    session.commit().await
}

/// Applies a change by hand, which gives up tails and remembered leases.
async fn change<T>(
    session: &mut Session,
    name: &Name,
    by: impl FnOnce(&mut Mark) -> Result<T, StoreError>,
) -> Result<T, Fault> {
    let mut found = rows::lock(session, name).await?;
    let told = by(&mut found.mark)?;
    found.give_up_tails(session).await?;
    found.save(session).await?;
    session.commit().await?;
    Ok(told)
}

/// The sequence of that name, or all, in one statement, hence as they stood at one moment.
async fn infos(session: &mut Session, name: Option<&Name>) -> Result<Vec<SequenceInfo>, Fault> {
    let filter = name.map_or_else(String::new, |name| format!("AND name = {}", literal(name)));
    let sql = format!(
        "SELECT {COLUMNS}, name, COALESCE((SELECT SUM(len) FROM idgen_tail AS t \
         WHERE t.sequence = s.id), 0) AS returned \
         FROM idgen_sequence AS s WHERE (deleted = 0 OR moved_to IS NOT NULL) {filter} \
         ORDER BY name"
    );
    session.ask(&sql).await?.rows.iter().map(info).collect()
}

fn info(row: &Row) -> Result<SequenceInfo, Fault> {
    let bytes: Option<Vec<u8>> = row.get_opt("name").and_then(Result::ok);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let name = text.and_then(|text| Name::new(&text).ok());
    let name =
        name.ok_or_else(|| Fault::Damaged("a sequence has a name that is none".to_owned()))?;
    Ok(rows::read(row)?.mark.info(&name, rows::number(row, "returned")?))
}

async fn describe(session: &mut Session, name: &Name) -> Result<SequenceInfo, Fault> {
    let found = infos(session, Some(name)).await?.pop();
    found.ok_or_else(|| StoreError::Unknown { name: name.clone() }.into())
}

#[async_trait]
impl SequenceStore for MysqlStore {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        on_a_session!(self, |session| super::identity::read(session))
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.pool.settings.notes())
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
