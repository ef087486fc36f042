//! Leases of time in SQL: reads the rows a decision needs, writes what was decided.
//!
//! A claim reads every row of its id range: an id space has as many rows as worker ids were ever
//! used, and claims are as rare as starts.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use idgen_core::{Ended, Floor, LeaseToken};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::column::Col;
use super::fault::Fault;
use super::thread::Access;
use crate::clock::{Anchor, Moment};
use crate::tenure::{Desk, Now, Tenure, lost};
use crate::{
    Claim, Claimed, LayoutRecord, Name, RegistryError, Renewed, StoreIdentity, WorkerInfo,
    WorkerRegistry,
};

type Outcome<T> = Result<T, Fault<RegistryError>>;

const ALL: RangeInclusive<u64> = 0..=u64::MAX;

fn read_tenure(row: &Row<'_>) -> rusqlite::Result<Tenure> {
    let number = |column: &str| row.get::<_, Col>(column).map(|Col(number)| number);
    let nonce = u128::from_be_bytes(row.get("nonce")?);
    Ok(Tenure {
        worker: number("worker")?,
        token: LeaseToken { serial: number("serial")?, nonce },
        holder: row.get("holder")?,
        published: row.get("published")?,
        clock_ahead_ms: row.get("clock_ahead_ms")?,
        granted: row.get("granted")?,
        floor: Floor { unix_ms: number("floor_unix_ms")?, sequence: number("floor_sequence")? },
        horizon_unix_ms: number("horizon_unix_ms")?,
        lease_ms: number("lease_ms")?,
        renewed_boot_ms: number("renewed_boot_ms")?,
        boot_id: row.get("boot_id")?,
    })
}

fn tenures(
    conn: &Connection,
    space: &Name,
    ids: &RangeInclusive<u64>,
) -> rusqlite::Result<Vec<Tenure>> {
    let mut statement = conn.prepare_cached(
        "SELECT * FROM worker WHERE space = ?1 AND worker BETWEEN ?2 AND ?3 ORDER BY worker",
    )?;
    let bounds = params![space.as_str().as_bytes(), Col(*ids.start()), Col(*ids.end())];
    statement.query_map(bounds, read_tenure)?.collect()
}

fn tenure(conn: &Connection, space: &Name, worker: u64) -> Outcome<Tenure> {
    let found = tenures(conn, space, &(worker..=worker))?.pop();
    found.ok_or_else(|| lost(space, worker).into())
}

fn save(conn: &Connection, space: &Name, tenure: &Tenure) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "INSERT OR REPLACE INTO worker (space, worker, serial, nonce, holder, granted, \
         floor_unix_ms, floor_sequence, horizon_unix_ms, lease_ms, renewed_boot_ms, boot_id, \
         published, clock_ahead_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    statement.execute(params![
        space.as_str().as_bytes(),
        Col(tenure.worker),
        Col(tenure.token.serial),
        tenure.token.nonce.to_be_bytes(),
        tenure.holder,
        tenure.granted,
        Col(tenure.floor.unix_ms),
        Col(tenure.floor.sequence),
        Col(tenure.horizon_unix_ms),
        Col(tenure.lease_ms),
        Col(tenure.renewed_boot_ms),
        tenure.boot_id,
        tenure.published,
        tenure.clock_ahead_ms,
    ])?;
    Ok(())
}

/// Whether a lease of any id space is held, other than that of `dead`.
fn any_held(
    conn: &Connection,
    dead: Option<(&Name, u64)>,
    moment: &Moment,
) -> rusqlite::Result<bool> {
    let mut statement =
        conn.prepare_cached("SELECT * FROM worker WHERE granted = 1 AND boot_id = ?1")?;
    let mut rows = statement.query([&moment.boot_id])?;
    while let Some(row) = rows.next()? {
        let tenure = read_tenure(row)?;
        let space: Vec<u8> = row.get("space")?;
        let is_dead = dead.is_some_and(|(name, worker)| {
            name.as_str().as_bytes() == space && worker == tenure.worker
        });
        if tenure.is_held(moment) && !is_dead {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The registry's own time; the anchor is made anew if no lease is held but that of `dead`.
fn now_unix_ms(
    conn: &Connection,
    dead: Option<(&Name, u64)>,
    moment: &Moment,
) -> rusqlite::Result<u64> {
    let stored = conn.query_row(
        "SELECT anchor_boot_id, anchor_boot_ms, anchor_unix_ms FROM store",
        [],
        |row| {
            let (Col(boot_ms), Col(unix_ms)) = (row.get(1)?, row.get(2)?);
            Ok(Anchor(Moment { unix_ms, boot_ms, boot_id: row.get(0)? }))
        },
    )?;
    let anchor = Anchor::at(stored.clone(), any_held(conn, dead, moment)?, moment);
    if anchor != stored {
        conn.execute(
            "UPDATE store SET anchor_boot_id = ?1, anchor_boot_ms = ?2, anchor_unix_ms = ?3",
            params![anchor.0.boot_id, Col(anchor.0.boot_ms), Col(anchor.0.unix_ms)],
        )?;
    }
    Ok(anchor.unix_ms(moment))
}

fn claim(conn: &Connection, space: &Name, claim: &Claim, moment: &Moment) -> Outcome<Claimed> {
    let tenures = tenures(conn, space, &claim.ids)?;
    let desk = Desk { space, claim, tenures: &tenures };
    let dead = desk.proven(moment).map(|tenure| (space, tenure.worker));
    let unix_ms = now_unix_ms(conn, dead, moment)?;
    let Col(last) = conn.query_row("SELECT serial FROM store", [], |row| row.get(0))?;
    let serial = last.checked_add(1).ok_or_else(|| Fault::Damaged("serial at 2^64-1".into()))?;
    let granted = desk.decide(Now { moment, unix_ms }, serial)?;
    if let Some(tenure) = &granted.tenure {
        conn.execute("UPDATE store SET serial = ?1", [Col(serial)])?;
        save(conn, space, tenure)?;
    }
    Ok(granted.claimed)
}

fn renew(
    conn: &Connection,
    space: &Name,
    (worker, token): (u64, LeaseToken),
    now_unix: u64,
    moment: &Moment,
) -> Outcome<Renewed> {
    let unix_ms = now_unix_ms(conn, None, moment)?;
    let mut tenure = tenure(conn, space, worker)?;
    let renewed = tenure.renew(space, token, now_unix, Now { moment, unix_ms })?;
    save(conn, space, &tenure)?;
    Ok(renewed)
}

fn release(conn: &Connection, space: &Name, ended: &Ended) -> Outcome<()> {
    let mut tenure = tenure(conn, space, ended.worker())?;
    tenure.release(space, ended)?;
    save(conn, space, &tenure)?;
    Ok(())
}

fn layout(conn: &Connection, space: &Name) -> rusqlite::Result<Option<LayoutRecord>> {
    let mut statement = conn.prepare_cached("SELECT version, text FROM layout WHERE space = ?1")?;
    let read = |row: &Row<'_>| {
        let Col(version) = row.get(0)?;
        Ok(LayoutRecord { version, text: row.get(1)? })
    };
    statement.query_row([space.as_str().as_bytes()], read).optional()
}

fn put_layout(conn: &Connection, space: &Name, expected: u64, text: &str) -> Outcome<LayoutRecord> {
    let next = LayoutRecord::next(layout(conn, space)?.as_ref(), space, expected, text)?;
    conn.execute(
        "INSERT OR REPLACE INTO layout (space, version, text) VALUES (?1, ?2, ?3)",
        params![space.as_str().as_bytes(), Col(next.version), next.text],
    )?;
    Ok(next)
}

#[async_trait]
impl WorkerRegistry for SqliteStore {
    async fn identity(&self) -> Result<StoreIdentity, RegistryError> {
        Ok(self.identity.clone())
    }

    fn is_of_this_host(&self) -> bool {
        true
    }

    async fn claim(&self, space: &Name, asked: &Claim) -> Result<Claimed, RegistryError> {
        Desk::check(space, asked)?;
        let (space, asked, clock) = (space.clone(), asked.clone(), self.clock.clone());
        // The clocks are read under the write lock, so that anchors of two processes do not cross.
        let work = move |conn: &Connection| claim(conn, &space, &asked, &Moment::read(&*clock));
        self.thread.call(Access::Write, work).await
    }

    async fn renew(
        &self,
        space: &Name,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        let (space, clock) = (space.clone(), self.clock.clone());
        let work = move |conn: &Connection| {
            renew(conn, &space, (worker, token), now_unix_ms, &Moment::read(&*clock))
        };
        self.thread.call(Access::Write, work).await
    }

    async fn release(&self, space: &Name, ended: Ended) -> Result<(), RegistryError> {
        let space = space.clone();
        self.thread.call(Access::Write, move |conn| release(conn, &space, &ended)).await
    }

    async fn list(&self, space: &Name) -> Result<Vec<WorkerInfo>, RegistryError> {
        let (space, clock) = (space.clone(), self.clock.clone());
        let work = move |conn: &Connection| {
            let moment = Moment::read(&*clock);
            let rows = tenures(conn, &space, &ALL)?;
            Ok(rows.iter().map(|tenure| tenure.info(&moment)).collect())
        };
        self.thread.call(Access::Read, work).await
    }

    async fn is_released(&self, space: &Name, worker: u64) -> Result<bool, RegistryError> {
        let space = space.clone();
        let work = move |conn: &Connection| {
            let found = tenures(conn, &space, &(worker..=worker))?.pop();
            Ok(found.is_some_and(|tenure| !tenure.granted))
        };
        self.thread.call(Access::Read, work).await
    }

    async fn layout(&self, space: &Name) -> Result<Option<LayoutRecord>, RegistryError> {
        let space = space.clone();
        self.thread.call(Access::Read, move |conn| Ok(layout(conn, &space)?)).await
    }

    async fn put_layout(
        &self,
        space: &Name,
        expected: u64,
        text: &str,
    ) -> Result<LayoutRecord, RegistryError> {
        let (space, text) = (space.clone(), text.to_owned());
        let work = move |conn: &Connection| put_layout(conn, &space, expected, &text);
        self.thread.call(Access::Write, work).await
    }
}
