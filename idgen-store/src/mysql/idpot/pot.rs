//! One pot: its table, found under the exact name, and the statements that move its row.

use std::collections::HashSet;

use super::super::fault::Fault;
use super::super::rows::number;
use super::super::session::{NameCase, Said, Session};
use super::super::table::{self, Described, Table};
use super::super::tombstone::{ASIDE, place_in};
use crate::{Definition, Name, Order, SequenceInfo, StoreError};

const PREFIX: &str = "pot_";
/// How many pots one statement reads.
const READ_AT_ONCE: usize = 64;
/// How many pots a session knows before it begins anew.
const KNOWN: usize = 4096;

/// A pot that was found.
#[derive(Clone, Debug)]
pub(super) struct Pot {
    pub(super) name: Name,
    table: Table,
    /// The highest number that its column holds.
    pub(super) top: u64,
    /// Why a crash may take back what it answered.
    pub(super) unsafe_engine: Option<String>,
    /// Where it was moved to; then this is its tombstone.
    pub(super) moved_to: Option<String>,
}

impl Pot {
    /// The pot of that name, if it was not moved away.
    pub(super) async fn find(session: &mut Session, name: &Name) -> Result<Self, Fault> {
        let pot = Self::look(session, name).await?;
        match pot.moved_to {
            None => Ok(pot),
            Some(to) => Err(StoreError::Moved { name: name.clone(), to }.into()),
        }
    }

    /// The pot of that name or its tombstone; looked for once in a session.
    pub(super) async fn look(session: &mut Session, name: &Name) -> Result<Self, Fault> {
        let table = table_of(name)?;
        if let Some(&top) = session.tops.get(name) {
            let name = name.clone();
            return Ok(Self { name, table, top, unsafe_engine: None, moved_to: None });
        }
        if let Some(tombstone) = Self::tombstone(session, &table).await? {
            return Ok(tombstone);
        }
        let described = table.look_up(session).await?;
        if let Some(described) = described.iter().find(|found| found.name == table.name()) {
            let pot = Self::of(described).map_err(StoreError::Refused)?;
            if session.tops.len() >= KNOWN {
                session.tops.clear();
            }
            session.tops.insert(name.clone(), pot.top);
            return Ok(pot);
        }
        // It may have been moved between the two looks.
        if let Some(tombstone) = Self::tombstone(session, &table).await? {
            return Ok(tombstone);
        }
        match described.first().filter(|_| session.name_case != NameCase::Kept) {
            Some(other) => Err(folded(name, &other.name).into()),
            None => Err(StoreError::Unknown { name: name.clone() }.into()),
        }
    }

    async fn tombstone(session: &mut Session, table: &Table) -> Result<Option<Self>, Fault> {
        let Some(aside) = table.aside() else { return Ok(None) };
        let described = aside.look_up(session).await?;
        let Some(found) = described.iter().find(|found| found.name == aside.name()) else {
            return Ok(None);
        };
        let pot = Self::of(found).map_err(StoreError::Refused)?;
        Ok(pot.moved_to.is_some().then_some(pot))
    }

    /// A described table as a pot, or why it is none.
    fn of(described: &Described) -> Result<Self, String> {
        let shown = described.name.escape_debug();
        let (bare, moved_to) = match described.name.strip_prefix(ASIDE) {
            Some(bare) => (bare, place_in(&described.comment)),
            None => (described.name.as_str(), None),
        };
        let name = bare.strip_prefix(PREFIX).and_then(|name| Name::new(name).ok());
        let name = name.ok_or_else(|| {
            format!(
                "table {shown} has a name of more than 128 bytes and cannot be served; rename it"
            )
        })?;
        let top = match &described.columns[..] {
            [only] if described.is_table && only.name.eq_ignore_ascii_case("id") => only.top,
            _ => None,
        };
        let top = top.ok_or_else(|| {
            format!(
                "table {shown} is no pot, which has one column, id, of whole numbers; rename it"
            )
        })?;
        let table = Table::new(&described.name, "a pot").map_err(|error| error.to_string())?;
        Ok(Self { name, table, top, unsafe_engine: described.unsafe_engine(), moved_to })
    }

    /// Makes the table with its row in one statement, so that nobody meets it without. `false` if
    /// there is one already.
    pub(super) async fn make(
        session: &mut Session,
        name: &Name,
        value: u64,
    ) -> Result<bool, Fault> {
        let table = table_of(name)?;
        if session.name_case == NameCase::Lowered {
            let text = table::text(table.name());
            let said = session.ask(&format!("SELECT LOWER({text}) AS lower")).await?;
            let lower: Option<String> =
                said.rows.first().and_then(|row| row.get_opt("lower")?.ok());
            if let Some(lower) = lower.filter(|lower| lower != table.name()) {
                return Err(folded(name, &lower).into());
            }
        }
        let sql = format!(
            "CREATE TABLE {} (id BIGINT UNSIGNED NOT NULL) ENGINE = InnoDB \
             SELECT CAST({value} AS UNSIGNED) AS id",
            table.quoted()
        );
        match session.ask(&sql).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_table_there() => Ok(false),
            Err(fault) if fault.is_name_too_long() => Err(StoreError::Refused(format!(
                "the server's file system takes no name as long as pot '{name}'; choose a shorter \
                 one"
            ))
            .into()),
            Err(fault) => Err(fault),
        }
    }

    /// Raises the pot by `len`; its new value, or `None` if it stands below `above` or has not as
    /// much room.
    pub(super) async fn raise(
        &self,
        session: &mut Session,
        len: u64,
        above: u64,
    ) -> Result<Option<u64>, Fault> {
        let Some(highest) = self.top.checked_sub(len) else { return Ok(None) };
        let sql = format!(
            "UPDATE {} SET id = LAST_INSERT_ID(CAST(id AS UNSIGNED) + {len}) \
             WHERE CAST(id AS UNSIGNED) >= {above} AND CAST(id AS UNSIGNED) <= {highest}",
            self.table.quoted()
        );
        let said = self.ask(session, &sql).await?;
        match said.changed {
            0 => Ok(None),
            1 => Ok(Some(said.last_insert_id.unwrap_or_default())),
            rows => Err(self.rows(rows)),
        }
    }

    /// Raises the pot to `last` if it still holds what was `seen`.
    pub(super) async fn change(
        &self,
        session: &mut Session,
        seen: u64,
        last: u64,
    ) -> Result<bool, Fault> {
        let table = self.table.quoted();
        let said =
            self.ask(session, &format!("UPDATE {table} SET id = {last} WHERE id = {seen}")).await?;
        Ok(said.changed == 1)
    }

    /// Raises the pot to `above` if it stands below.
    pub(super) async fn advance(&self, session: &mut Session, above: u64) -> Result<bool, Fault> {
        let table = self.table.quoted();
        let sql = format!("UPDATE {table} SET id = {above} WHERE CAST(id AS UNSIGNED) < {above}");
        match self.ask(session, &sql).await?.changed {
            0 => Ok(false),
            1 => Ok(true),
            rows => Err(self.rows(rows)),
        }
    }

    /// The last id.
    pub(super) async fn read(&self, session: &mut Session) -> Result<u64, Fault> {
        let said = self.ask(session, &format!("SELECT id FROM {}", self.table.quoted())).await?;
        match &said.rows[..] {
            [row] => number(row, "id"),
            rows => Err(self.rows(rows.len() as u64)),
        }
    }

    async fn ask(&self, session: &mut Session, sql: &str) -> Result<Said, Fault> {
        match session.ask(sql).await {
            Err(fault) if fault.is_no_table() => {
                session.tops.remove(&self.name);
                let name = self.name.clone();
                Err(match table_of(&name)?.moved_to(session).await? {
                    Some(to) => StoreError::Moved { name, to }.into(),
                    None => StoreError::Unknown { name }.into(),
                })
            }
            outcome => outcome,
        }
    }

    pub(super) fn definition(&self) -> Definition {
        Definition::new(1, 1, 0, self.top, Order::Leased).expect("a column holds 1")
    }

    pub(super) fn info(&self, bound: u64) -> SequenceInfo {
        let (name, definition) = (self.name.clone(), self.definition());
        let moved_to = self.moved_to.clone();
        SequenceInfo { name, definition, bound, serial: bound, returned: 0, moved_to }
    }

    fn rows(&self, rows: u64) -> Fault {
        let table = self.table.name().escape_debug();
        Fault::Damaged(format!("table {table} has {rows} rows, where a pot has one"))
    }

    pub(super) fn in_the_way(&self) -> Fault {
        Fault::Answer(StoreError::Unavailable(format!(
            "others moved pot '{}' each time before this request could; retry",
            self.name
        )))
    }
}

pub(super) fn table_of(name: &Name) -> Result<Table, StoreError> {
    Table::new(&format!("{PREFIX}{}", name.as_str()), &format!("pot '{name}'"))
}

fn folded(name: &Name, table: &str) -> StoreError {
    let other = table.strip_prefix(PREFIX).unwrap_or(table).escape_debug();
    StoreError::Refused(format!(
        "the server takes pot '{name}' and pot '{other}' for one table \
         (lower_case_table_names); use '{other}'"
    ))
}

/// All pots and tombstones of pots, and what is wrong with tables that are named like one.
pub(super) async fn all(session: &mut Session) -> Result<(Vec<Pot>, Vec<String>), Fault> {
    let described = table::matching(session, "REGEXP '^(moved_)?pot_'").await?;
    let (mut pots, mut flaws) = (Vec::<Pot>::new(), Vec::new());
    for described in &described {
        let is_aside = described.name.starts_with(ASIDE) && place_in(&described.comment).is_some();
        if !is_aside && !described.name.starts_with(PREFIX) {
            continue;
        }
        match Pot::of(described) {
            Ok(pot) => pots.push(pot),
            Err(flaw) => flaws.push(flaw),
        }
    }
    // What was made again under the name of one that was moved is none of that sequence.
    let moved: HashSet<Name> =
        pots.iter().filter(|pot| pot.moved_to.is_some()).map(|pot| pot.name.clone()).collect();
    pots.retain(|pot| pot.moved_to.is_some() || !moved.contains(&pot.name));
    Ok((pots, flaws))
}

/// The last id of each.
pub(super) async fn read_all(session: &mut Session, pots: &[Pot]) -> Result<Vec<u64>, Fault> {
    let mut bounds = Vec::with_capacity(pots.len());
    for pots in pots.chunks(READ_AT_ONCE) {
        let one = |(at, pot): (usize, &Pot)| {
            format!("SELECT {at} AS pot, id FROM {}", pot.table.quoted())
        };
        let all: Vec<String> = pots.iter().enumerate().map(one).collect();
        let said = session.ask(&format!("{} ORDER BY pot", all.join(" UNION ALL "))).await?;
        for (at, pot) in pots.iter().enumerate() {
            let at = at as u64;
            let own = said.rows.iter().filter(|row| number(row, "pot").is_ok_and(|pot| pot == at));
            match &own.collect::<Vec<_>>()[..] {
                [row] => bounds.push(number(row, "id")?),
                rows => return Err(pot.rows(rows.len() as u64)),
            }
        }
    }
    Ok(bounds)
}
