//! The rows of one sequence: statements that write them, and what comes back.

use idgen_core::IdRange;

use super::fault::Fault;
use super::statement::{Row, Statement};
use crate::grant::{Grant, Ground, Mark, REMEMBERED};
use crate::key;
use crate::retry::random;
use crate::signed::{from_signed, to_signed};
use crate::{Definition, Lease, Name, Order, StoreError};

/// A row as `read` takes it; `?1` is the name where it is about one.
const COLUMNS: &str = "name, CAST(first_id AS TEXT), CAST(increment_by AS TEXT), \
    CAST(offset_by AS TEXT), CAST(end_id AS TEXT), CAST(strict AS TEXT), CAST(bound AS TEXT), \
    CAST(serial AS TEXT), CAST(deleted AS TEXT), moved_to, version, token";

/// Longer leases, and wider spans, are decided here.
const LONGEST: u64 = 1 << 32;
const WIDEST_SPAN: u64 = 1 << 52;

/// A row, and what it takes to tell whether it is still the same.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) mark: Mark,
    version: String,
    token: String,
}

/// A number as a parameter.
fn col(number: u64) -> String {
    to_signed(number).to_string()
}

/// The number in a column.
fn number(text: &Option<String>) -> Result<u64, Fault> {
    let stored = text.as_deref().and_then(|text| text.parse().ok()).map(from_signed);
    stored.ok_or_else(|| Fault::Damaged("a column holds what idgen never wrote".to_owned()))
}

/// The statements about one sequence under one prefix.
pub(super) struct Sequence<'a> {
    prefix: &'a str,
    key: String,
}

impl<'a> Sequence<'a> {
    pub(super) fn new(prefix: &'a str, name: &Name) -> Self {
        Self { prefix, key: key::encode(name.as_str()) }
    }

    /// A statement whose `?1` is the name.
    fn statement(&self, sql: &str, others: &[&str]) -> Statement {
        let parameters: Vec<&str> =
            std::iter::once(&*self.key).chain(others.iter().copied()).collect();
        Statement::new(self.prefix, sql, &parameters)
    }

    /// Shows the row, and the lowest tail above a number.
    pub(super) fn look(&self, above: u64) -> Statement {
        let tail = |column: &str| {
            format!(
                "(SELECT CAST({column} AS TEXT) FROM idgen_tail WHERE sequence = ?1 \
                 AND start > CAST(?2 AS INTEGER) ORDER BY start LIMIT 1)"
            )
        };
        let (start, len) = (tail("start"), tail("len"));
        let sql = format!("SELECT {COLUMNS}, {start}, {len} FROM idgen_sequence WHERE name = ?1");
        self.statement(&sql, &[&col(above)])
    }

    /// The range that was leased under a serial, while it is remembered.
    pub(super) fn remembered(&self, serial: u64) -> Statement {
        let sql = "SELECT CAST(start AS TEXT), CAST(len AS TEXT) FROM idgen_lease \
                   WHERE sequence = ?1 AND serial = CAST(?2 AS INTEGER)";
        self.statement(sql, &[&col(serial)])
    }

    /// The common lease, which shows the row as well; `None` if it has to be decided elsewhere.
    pub(super) fn lease(&self, token: &str, len: u64, above: u64) -> Option<Vec<Statement>> {
        if !(1..=LONGEST).contains(&len) {
            return None;
        }
        let widest = (WIDEST_SPAN / (len - 1).max(1)).min(WIDEST_SPAN);
        let (steps, above_col) = ((len - 1).to_string(), col(above));
        let widest = col(widest);
        let lines = include_str!("lease.sql").lines().filter(|line| !line.starts_with("--"));
        let grant = lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("SPAN", "CAST(?3 AS INTEGER) * INCREMENT")
            // Below 2^63, which `WIDEST` sees to, none of the steps passes the ends of a number.
            .replace("INCREMENT", "(increment_by + 9223372036854775807 + 1)")
            .replace("NAME", "?1")
            .replace("TOKEN", "?2")
            .replace("ABOVE", "CAST(?4 AS INTEGER)")
            .replace("WIDEST", "CAST(?5 AS INTEGER)");
        let start = "bound - CAST(?3 AS INTEGER) * (increment_by + 9223372036854775807 + 1)";
        Some(vec![
            self.statement(&grant, &[token, &steps, &above_col, &widest]),
            self.remember(start, &[token, &steps, &col(len)], 4),
            self.forget(token),
            self.look(above),
        ])
    }

    /// Remembers a lease under the serial that a token got, unless nothing of it may come back.
    /// `?2` is the token; the parameter at `len` is the length.
    /// Sent again, it finds what it wrote itself: the token says that nobody changed the row.
    fn remember(&self, start: &str, others: &[&str], len: usize) -> Statement {
        let sql = format!(
            "INSERT INTO idgen_lease SELECT name, serial, {start}, CAST(?{len} AS INTEGER) \
             FROM idgen_sequence WHERE name = ?1 AND token = ?2 AND strict = 0 \
             ON CONFLICT DO NOTHING"
        );
        self.statement(&sql, others)
    }

    /// Forgets the lease that is too old beside the one that a token got.
    fn forget(&self, token: &str) -> Statement {
        let sql = format!(
            "DELETE FROM idgen_lease WHERE sequence = ?1 AND serial <= \
             (SELECT serial - {REMEMBERED} FROM idgen_sequence WHERE name = ?1 AND token = ?2)"
        );
        self.statement(&sql, &[token])
    }

    /// Writes a lease that was decided here, if what it was decided on still stands.
    pub(super) fn grant(
        &self,
        token: &str,
        found: &Found,
        mark: &Mark,
        grant: &Grant,
        tail: Option<IdRange>,
    ) -> Vec<Statement> {
        let still = "serial = serial + 1, token = ?2 WHERE name = ?1 AND version = ?3 \
                     AND deleted = 0 AND serial < 9223372036854775807";
        let (start, len) = (col(grant.range.start()), col(grant.range.len()));
        let mut all = Vec::new();
        match (&grant.ground, tail) {
            (Ground::Tail { rest, .. }, Some(tail)) => {
                let sql = format!(
                    "UPDATE idgen_sequence SET {still} AND EXISTS (SELECT 1 FROM idgen_tail \
                     WHERE sequence = ?1 AND start = CAST(?4 AS INTEGER) \
                     AND len = CAST(?5 AS INTEGER))"
                );
                let (at, whole) = (col(tail.start()), col(tail.len()));
                all.push(self.statement(&sql, &[token, &found.version, &at, &whole]));
                let sql = "DELETE FROM idgen_tail WHERE sequence = ?1 \
                           AND start = CAST(?3 AS INTEGER) AND EXISTS (SELECT 1 \
                           FROM idgen_sequence WHERE name = ?1 AND token = ?2)";
                all.push(self.statement(sql, &[token, &at]));
                all.extend(rest.iter().map(|rest| self.add_tail(token, rest)));
            }
            _ => {
                let sql = format!(
                    "UPDATE idgen_sequence SET bound = CAST(?4 AS INTEGER), \
                     next = CAST(?5 AS INTEGER), {still} AND bound = CAST(?6 AS INTEGER)"
                );
                let (bound, seen) = (col(mark.bound), col(found.mark.bound));
                all.push(self.maybe(&sql, &[token, &found.version, &bound], next(mark), &[&seen]));
            }
        }
        if grant.remembered(mark) {
            all.push(self.remember("CAST(?3 AS INTEGER)", &[token, &start, &len], 4));
        }
        all.extend([self.forget(token), self.look(u64::MAX)]);
        all
    }

    /// A statement with a parameter that may be NULL, which stands as an empty text.
    fn maybe(&self, sql: &str, ahead: &[&str], value: Option<u64>, behind: &[&str]) -> Statement {
        let place = ahead.len() + 2;
        let sql = sql.replace(
            &format!("CAST(?{place} AS INTEGER)"),
            &format!("CAST(NULLIF(?{place}, '') AS INTEGER)"),
        );
        let value = value.map_or_else(String::new, col);
        self.statement(&sql, &[ahead, &[&value], behind].concat())
    }

    /// Adds a tail if the token's request was granted.
    fn add_tail(&self, token: &str, tail: &IdRange) -> Statement {
        let sql = "INSERT INTO idgen_tail SELECT name, CAST(?3 AS INTEGER), CAST(?4 AS INTEGER) \
                   FROM idgen_sequence WHERE name = ?1 AND token = ?2 ON CONFLICT DO NOTHING";
        self.statement(sql, &[token, &col(tail.start()), &col(tail.len())])
    }

    /// Takes back the end of a lease, if that is still remembered.
    pub(super) fn hand_back(
        &self,
        token: &str,
        found: &Found,
        lease: &Lease,
        end: &IdRange,
    ) -> Vec<Statement> {
        let sql = "UPDATE idgen_sequence SET serial = serial + 1, token = ?2 WHERE name = ?1 \
                   AND version = ?3 AND deleted = 0 AND serial < 9223372036854775807 \
                   AND EXISTS (SELECT 1 FROM idgen_lease WHERE sequence = ?1 \
                   AND serial = CAST(?4 AS INTEGER))";
        let serial = col(lease.serial);
        let forget = "DELETE FROM idgen_lease WHERE sequence = ?1 AND serial = CAST(?3 AS INTEGER) \
                      AND EXISTS (SELECT 1 FROM idgen_sequence WHERE name = ?1 AND token = ?2)";
        vec![
            self.statement(sql, &[token, &found.version, &serial]),
            self.statement(forget, &[token, &serial]),
            self.add_tail(token, end),
            self.look(u64::MAX),
        ]
    }

    /// Writes a row by hand, without tails or remembered leases, if it still is as it was seen and
    /// its bound does not go down.
    pub(super) fn place(&self, token: &str, found: Option<&Found>, mark: &Mark) -> Vec<Statement> {
        let definition = &mark.definition;
        let numbers = [
            col(definition.first()),
            col(definition.increment()),
            col(definition.offset()),
            col(definition.end()),
            u8::from(definition.order() == Order::Strict).to_string(),
            u8::from(mark.deleted).to_string(),
            col(mark.bound),
        ];
        let moved_to = mark.moved_to.as_deref().map(key::encode).unwrap_or_default();
        let mut ahead = vec![token];
        ahead.extend(numbers.iter().map(String::as_str));
        ahead.push(&moved_to);
        let (sql, behind) = match found {
            Some(found) => (
                // A deleted sequence keeps the bound that it has when it is deleted.
                "UPDATE idgen_sequence SET first_id = CAST(?3 AS INTEGER), \
                 increment_by = CAST(?4 AS INTEGER), offset_by = CAST(?5 AS INTEGER), \
                 end_id = CAST(?6 AS INTEGER), strict = CAST(?7 AS INTEGER), \
                 deleted = CAST(?8 AS INTEGER), bound = max(bound, CAST(?9 AS INTEGER)), \
                 moved_to = NULLIF(?10, ''), next = CAST(?11 AS INTEGER), version = ?2, \
                 token = ?2 WHERE name = ?1 AND version = ?12 \
                 AND (bound <= CAST(?9 AS INTEGER) OR CAST(?8 AS INTEGER) = 1)",
                vec![found.version.as_str()],
            ),
            None => (
                "INSERT INTO idgen_sequence (name, version, token, first_id, increment_by, \
                 offset_by, end_id, strict, deleted, bound, moved_to, next, serial) \
                 VALUES (?1, ?2, ?2, CAST(?3 AS INTEGER), \
                 CAST(?4 AS INTEGER), CAST(?5 AS INTEGER), CAST(?6 AS INTEGER), \
                 CAST(?7 AS INTEGER), CAST(?8 AS INTEGER), CAST(?9 AS INTEGER), \
                 NULLIF(?10, ''), CAST(?11 AS INTEGER), -9223372036854775808) \
                 ON CONFLICT (name) DO NOTHING",
                vec![],
            ),
        };
        let give_up = |table: &str| {
            let sql = format!(
                "DELETE FROM {table} WHERE sequence = ?1 AND EXISTS (SELECT 1 \
                 FROM idgen_sequence WHERE name = ?1 AND token = ?2)"
            );
            self.statement(&sql, &[token])
        };
        vec![
            self.maybe(sql, &ahead, next(mark), &behind),
            give_up("idgen_tail"),
            give_up("idgen_lease"),
            self.look(u64::MAX),
        ]
    }
}

/// All sequences, or one, with the lengths of their tails a row each.
pub(super) fn listing(prefix: &str, name: Option<&Name>) -> Statement {
    let filter = if name.is_some() { "WHERE name = ?1" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS}, CAST(tail.len AS TEXT) FROM idgen_sequence \
         LEFT JOIN idgen_tail AS tail ON tail.sequence = name {filter}"
    );
    let key = name.map(|name| key::encode(name.as_str()));
    let parameters: Vec<&str> = key.iter().map(String::as_str).collect();
    Statement::new(prefix, &sql, &parameters)
}

/// A new token or version.
pub(super) fn token() -> String {
    format!("{:016x}", random())
}

fn next(mark: &Mark) -> Option<u64> {
    mark.definition.next_after(mark.bound)
}

/// The name and the mark in a row.
pub(super) fn read(row: &Row) -> Result<(Name, Found), Fault> {
    let [
        name,
        first,
        increment,
        offset,
        end,
        strict,
        bound,
        serial,
        deleted,
        moved_to,
        version,
        token,
        ..,
    ] = &row[..]
    else {
        return Err(Fault::Damaged("a row has too few columns".to_owned()));
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let strange = |what: &str| Fault::Damaged(format!("a sequence has {what} that is none"));
    let name = key::decode(&text(name)).ok_or_else(|| strange("a name"))?;
    let flag = |column: &Option<String>| match column.as_deref() {
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        _ => Err(strange("a flag")),
    };
    let order = if flag(strict)? { Order::Strict } else { Order::Leased };
    let definition =
        Definition::new(number(first)?, number(increment)?, number(offset)?, number(end)?, order)
            .map_err(|error| Fault::Damaged(format!("a sequence is none: {error}")))?;
    let (bound, serial, deleted) = (number(bound)?, number(serial)?, flag(deleted)?);
    let moved_to =
        moved_to.as_deref().map(|to| key::decode_text(to).ok_or_else(|| strange("a place")));
    let mark = Mark { definition, bound, serial, deleted, moved_to: moved_to.transpose()? };
    Ok((name, Found { mark, version: text(version), token: text(token) }))
}

/// The row that [`Sequence::look`] shows, and the tail.
pub(super) fn seen(rows: &[Row]) -> Result<Option<(Found, Option<IdRange>)>, Fault> {
    let Some(row) = rows.first() else { return Ok(None) };
    let (_, found) = read(row)?;
    let tail = match &row[row.len() - 2..] {
        [Some(_), Some(_)] => Some(range(&found, &row[row.len() - 2..])?),
        _ => None,
    };
    Ok(Some((found, tail)))
}

/// Start and length of a range in the step of its sequence.
pub(super) fn range(found: &Found, columns: &[Option<String>]) -> Result<IdRange, Fault> {
    let [start, len] = columns else {
        return Err(Fault::Damaged("a range has too few columns".to_owned()));
    };
    IdRange::new(number(start)?, found.mark.definition.increment(), number(len)?)
        .map_err(|error| Fault::Damaged(format!("a range is none: {error}")))
}

/// How many ids a tail's column says it has; 0 if there is no tail.
pub(super) fn returned(row: &Row) -> Result<u64, Fault> {
    match row.last() {
        Some(Some(_)) => number(&row[row.len() - 1]),
        _ => Ok(0),
    }
}

impl Found {
    /// Whether this token's request was the last that raised the serial or wrote the row.
    pub(super) fn is_of(&self, token: &str) -> bool {
        self.token == token
    }

    /// The common lease that a token got.
    pub(super) fn granted(&self, len: u64) -> Result<Lease, Fault> {
        let increment = self.mark.definition.increment();
        let start =
            (len - 1).checked_mul(increment).and_then(|span| self.mark.bound.checked_sub(span));
        let range = start.and_then(|start| IdRange::new(start, increment, len).ok());
        let range = range.ok_or_else(|| Fault::Damaged("a lease begins below 1".to_owned()))?;
        Ok(Lease { range, serial: self.mark.serial })
    }
}

/// The row of a sequence that is there.
pub(super) fn live(
    name: &Name,
    seen: Option<(Found, Option<IdRange>)>,
) -> Result<(Found, Option<IdRange>), StoreError> {
    let seen = seen.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
    seen.0.mark.check_live(name)?;
    Ok(seen)
}
