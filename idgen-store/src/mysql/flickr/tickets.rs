//! The table, what is known of it, and the statements that move its count.

use idgen_core::IdRange;

use super::super::fault::Fault;
use super::super::rows::number;
use super::super::session::{NameCase, Session};
use super::super::table::{Described, Table};
use crate::{Definition, Name, Order, StoreError};

/// The most that the server's `auto_increment_increment` takes; beyond it that is cut in silence.
pub(in super::super) const MOST_INCREMENT: u64 = 65_535;

const KEY: &str = "integers";
const INCREMENT: u64 = 2;
const OFFSET: u64 = 1;

/// The last number that a column of 64 bits draws.
const LAST: u64 = u64::MAX - 1;

/// What a URL says of a table of tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Tickets {
    pub(super) name: Name,
    pub(super) table: Table,
    pub(in super::super) increment: u64,
    /// As MySQL has it, 1 to the increment.
    pub(in super::super) offset: u64,
}

impl Tickets {
    /// The table of that key; an offset of 0 is the same residue as the increment itself.
    pub(in super::super) fn new(
        key: Option<&str>,
        increment: Option<u64>,
        offset: Option<u64>,
    ) -> Result<Self, StoreError> {
        let key = key.unwrap_or(KEY);
        let name = Name::new(key).map_err(|error| StoreError::Refused(error.to_string()))?;
        let table = Table::new(key, &format!("key '{name}'"))?;
        let (increment, offset) = (increment.unwrap_or(INCREMENT), offset.unwrap_or(OFFSET));
        if offset > increment {
            return Err(StoreError::Refused(format!(
                "MySQL ignores the offset {offset} of an increment of {increment}; choose an \
                 offset up to the increment, or an increment of {offset} or more"
            )));
        }
        Ok(Self { name, table, increment, offset: if offset == 0 { increment } else { offset } })
    }

    /// What the sequence counts if its column ends at `top`.
    pub(super) fn definition(&self, top: u64) -> Definition {
        let end = top.min(LAST);
        Definition::new(1, self.increment, self.offset, end, Order::Leased)
            .unwrap_or_else(|_| unreachable!("a column's end is checked against the offset"))
    }

    /// What the sequence counts; the table is looked for once in a session.
    pub(super) async fn find(&self, session: &mut Session) -> Result<Definition, Fault> {
        if let Some(&top) = session.tops.get(&self.name) {
            return Ok(self.definition(top));
        }
        if let Some(to) = self.table.moved_to(session).await? {
            return Err(StoreError::Moved { name: self.name.clone(), to }.into());
        }
        let described = self.described(session).await?;
        let Some((_, top)) = described else { return Err(self.gone(session).await) };
        session.tops.insert(self.name.clone(), top);
        Ok(self.definition(top))
    }

    /// The table and the highest number of its column, if there is one.
    pub(super) async fn described(
        &self,
        session: &mut Session,
    ) -> Result<Option<(Described, u64)>, Fault> {
        let mut all = self.table.look_up(session).await?;
        // Where the server folds names, every spelling is this one table.
        let at = all.iter().position(|found| found.name == self.table.name());
        let at = at.or((session.name_case != NameCase::Kept && !all.is_empty()).then_some(0));
        let Some(described) = at.map(|at| all.swap_remove(at)) else { return Ok(None) };
        let id = described.column("id").filter(|id| id.counts && described.is_table);
        let top = id.and_then(|id| id.top).filter(|top| *top > self.offset);
        match top.filter(|_| described.column("stub").is_some()) {
            Some(top) => Ok(Some((described, top))),
            None => Err(StoreError::Refused(format!(
                "table '{}' is no table of tickets, which has a column id that counts by itself \
                 and a column stub; name another key",
                self.name
            ))
            .into()),
        }
    }

    /// Its tombstone, as a table of tickets.
    pub(super) fn aside(&self) -> Option<Self> {
        Some(Self { table: self.table.aside()?, ..self.clone() })
    }

    /// Makes the table, with a row in the same statement if it is to begin higher; `false` if there
    /// is one already.
    pub(super) async fn make(&self, session: &mut Session, bound: u64) -> Result<bool, Fault> {
        let row = match bound {
            0 => String::new(),
            bound => format!(" SELECT CAST({bound} AS UNSIGNED) AS id, 'a' AS stub"),
        };
        let sql = format!(
            "CREATE TABLE {} (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, \
             stub CHAR(1) NOT NULL DEFAULT '', PRIMARY KEY (id), UNIQUE KEY stub (stub)) \
             ENGINE = InnoDB{row}",
            self.table.quoted()
        );
        match session.ask(&sql).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_table_there() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Draws up to `len` ids: fewer at the end, one if the user may not lock the table.
    pub(super) async fn draw(
        &self,
        session: &mut Session,
        definition: &Definition,
        len: u64,
    ) -> Result<IdRange, Fault> {
        let (table, step, end) = (self.table.quoted(), self.increment, definition.end());
        let draw = format!("REPLACE INTO {table} (stub) VALUES ('a')");
        let more = len - 1;
        if more > 0 {
            let first = "CAST(LAST_INSERT_ID() AS UNSIGNED)";
            let sql = format!(
                "{draw}; REPLACE INTO {table} (id, stub) VALUES ({first} + \
                 LEAST(CAST({more} AS UNSIGNED), (CAST({end} AS UNSIGNED) - {first}) DIV {step}) \
                 * {step}, 'a')"
            );
            let said = session.under_lock(&self.table, &format!("{table} WRITE"), &sql).await;
            if let Some(said) = self.known(session, said).await? {
                let drawn = said.first().and_then(|said| said.last_insert_id);
                return self.granted(definition, drawn, len);
            }
        }
        let said = session.ask(&draw).await;
        let drawn = self.known(session, said).await?.last_insert_id;
        self.granted(definition, drawn, 1)
    }

    /// The ids from the one that was drawn on.
    fn granted(
        &self,
        definition: &Definition,
        drawn: Option<u64>,
        len: u64,
    ) -> Result<IdRange, Fault> {
        let drawn = drawn.filter(|id| *id > 0);
        let range = drawn.and_then(|id| definition.range_after(id - 1, len));
        range.filter(|range| Some(range.start()) == drawn).ok_or_else(|| {
            Fault::Unfit(format!(
                "drew {drawn:?} for table '{}', which is no number of {definition}; see that \
                 nothing sets auto_increment_increment and auto_increment_offset in its place",
                self.name
            ))
        })
    }

    /// The number before the next that can be drawn.
    pub(super) async fn position(
        &self,
        session: &mut Session,
        definition: &Definition,
    ) -> Result<u64, Fault> {
        let sql = format!("SELECT COALESCE(MAX(id), 0) AS id FROM {}", self.table.quoted());
        let said = session.ask(&sql).await;
        let rows = self.known(session, said).await?.rows;
        let row = rows.first().ok_or_else(|| Fault::Damaged("a question got no row".to_owned()))?;
        let shown = number(row, "id")?;
        let described = self.described(session).await?;
        let Some((described, _)) = described else { return Err(self.gone(session).await) };
        let next = described.next.unwrap_or(1).min(definition.end().saturating_add(1));
        Ok(shown.max(member_below(definition, next)))
    }

    /// Moves the count to `above` if the row stands below; whether it did.
    pub(super) async fn raise(&self, session: &mut Session, above: u64) -> Result<bool, Fault> {
        let table = self.table.quoted();
        let sql = format!(
            "REPLACE INTO {table} (id, stub) SELECT {above}, 'a' FROM DUAL \
             WHERE NOT EXISTS (SELECT 1 FROM {table} AS seen WHERE seen.id >= {above})"
        );
        let lock = format!("{table} WRITE, {table} AS seen READ");
        let said = session.under_lock(&self.table, &lock, &sql).await;
        if let Some(said) = self.known(session, said).await? {
            return Ok(said.first().is_some_and(|said| said.changed > 0));
        }
        // An original may write what it had drawn before over this row; the count stays.
        let said = session.ask(&sql).await;
        Ok(self.known(session, said).await?.changed > 0)
    }

    /// Whether the user may lock the table.
    pub(super) async fn may_lock(&self, session: &mut Session) -> Result<bool, Fault> {
        let said =
            session.under_lock(&self.table, &format!("{} READ", self.table.quoted()), "DO 0").await;
        Ok(self.known(session, said).await?.is_some())
    }

    /// A table that is gone is unknown, or was moved.
    async fn known<T>(&self, session: &mut Session, said: Result<T, Fault>) -> Result<T, Fault> {
        match said {
            Err(fault) if fault.is_no_table() => Err(self.gone(session).await),
            said => said,
        }
    }

    /// Why there is no table.
    async fn gone(&self, session: &mut Session) -> Fault {
        session.tops.remove(&self.name);
        let name = self.name.clone();
        match self.table.moved_to(session).await {
            Ok(Some(to)) => StoreError::Moved { name, to }.into(),
            Ok(None) => StoreError::Unknown { name }.into(),
            Err(fault) => fault,
        }
    }

    pub(super) fn in_the_way(&self) -> Fault {
        Fault::Answer(StoreError::Unavailable(format!(
            "others moved table '{}' each time before this request could; retry",
            self.name
        )))
    }
}

/// The highest number of the progression below `next`, or 0.
fn member_below(definition: &Definition, next: u64) -> u64 {
    let (step, offset) = (u128::from(definition.increment()), u128::from(definition.offset()));
    let below = u128::from(next.saturating_sub(1));
    let behind = (below + step - offset) % step;
    u64::try_from(below.saturating_sub(behind)).expect("it is no higher than a u64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(increment: u64, offset: u64) -> Tickets {
        Tickets::new(None, Some(increment), Some(offset)).unwrap()
    }

    #[test]
    fn the_series_is_the_originals_by_default() {
        let usual = Tickets::new(None, None, None).unwrap();
        assert_eq!((usual.name.as_str(), usual.increment, usual.offset), ("integers", 2, 1));
        let range = usual.definition(u64::MAX).range_after(0, 3).unwrap();
        assert_eq!((range.start(), range.step()), (1, 2));
        assert_eq!(usual.definition(u64::MAX).end(), u64::MAX - 1);
        assert_eq!(tickets(5, 0).offset, 5, "MySQL has no offset of 0");
        assert_eq!(tickets(5, 0).definition(99).next_after(0), Some(5));
    }

    #[test]
    fn the_position_is_a_number_of_the_series() {
        for (increment, offset, next, due) in [
            (2, 1, 1, 0),
            (2, 1, 2, 1),
            (2, 1, 3, 1),
            (2, 1, 4, 3),
            (2, 2, 3, 2),
            (1, 1, 1, 0),
            (1, 1, 7, 6),
            (5, 3, 3, 0),
            (5, 3, 4, 3),
            (2, 1, u64::MAX, u64::MAX - 2),
        ] {
            let definition = tickets(increment, offset).definition(u64::MAX);
            assert_eq!(member_below(&definition, next), due, "{increment} {offset} {next}");
        }
    }
}
