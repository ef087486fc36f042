//! Tombstones of adopted tables: a table that was moved away stands under another name.
//!
//! ```text
//! LOCK TABLES pot_x WRITE;
//! ALTER TABLE pot_x COMMENT = 'idgen: moved to URL';    nothing has changed yet
//! UNLOCK TABLES;
//! RENAME TABLE pot_x TO moved_pot_x                     from here on nobody draws
//! ```
//!
//! An original then finds no table and refuses, as idgen does. The renaming waits for every
//! statement that writes the table, so the position that is read behind it is the last. Each step
//! may be repeated; of two that move the table to different places at one time the comment tells
//! both which it was. The way back is raised under the other name first, then renamed.

use super::fault::{Fault, code};
use super::session::{NameCase, Session};
use super::table::Table;
use crate::moved::{begun_above, check_fits};
use crate::{Arrival, Definition, SequenceInfo, SequenceStore, StoreError};

/// What the names of tables begin with that were moved away.
pub(super) const ASIDE: &str = "moved_";

/// What their comments begin with; behind it stands the place.
const COMMENT: &str = "idgen: moved to ";

/// The place that a table's comment tells of.
pub(super) fn place_in(comment: &str) -> Option<String> {
    comment.strip_prefix(COMMENT).map(str::to_owned)
}

/// A text between quotes, in the mode that the session's greeting sets.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

impl Table {
    /// The name that this table has when it was moved away; `None` if no name is as long.
    pub(super) fn aside(&self) -> Option<Self> {
        Self::new(&format!("{ASIDE}{}", self.name()), "a tombstone").ok()
    }

    /// Where the table was moved to.
    pub(super) async fn moved_to(&self, session: &mut Session) -> Result<Option<String>, Fault> {
        let Some(aside) = self.aside() else { return Ok(None) };
        let all = aside.look_up(session).await?;
        let is_it = |name: &str| name == aside.name() || session.name_case != NameCase::Kept;
        let found = all.iter().find(|found| is_it(&found.name));
        Ok(found.and_then(|found| place_in(&found.comment)))
    }

    /// Moves the table aside; one that is gone is another's work.
    pub(super) async fn entomb(&self, session: &mut Session, to: &str) -> Result<(), Fault> {
        let aside = self.aside().ok_or_else(|| {
            refused(self, "has a name too long for a tombstone; rename it to a shorter one")
        })?;
        let comment = quoted(&format!("{COMMENT}{to}"));
        let (table, aside) = (self.quoted(), aside.quoted());
        // Without the lock MyISAM lets writers go before the comment, for ever.
        let sql = format!(
            "LOCK TABLES {table} WRITE; ALTER TABLE {table} COMMENT = {comment}; UNLOCK TABLES; \
             RENAME TABLE {table} TO {aside}"
        );
        let said = session.query(&sql).await;
        if said.as_ref().err().and_then(Fault::code).is_some() {
            session.query("UNLOCK TABLES").await?;
        }
        match said {
            Err(fault) if fault.is_no_table() => Ok(()),
            said => self.may(said.map(drop)),
        }
    }

    /// Takes a table back that was moved aside.
    pub(super) async fn lift(&self, session: &mut Session) -> Result<(), Fault> {
        let Some(aside) = self.aside() else { return Ok(()) };
        let (table, aside) = (self.quoted(), aside.quoted());
        let sql = format!("RENAME TABLE {aside} TO {table}; ALTER TABLE {table} COMMENT = ''");
        match session.query(&sql).await {
            Err(fault) if fault.is_no_table() => Ok(()),
            said => self.may(said.map(drop)),
        }
    }

    /// What keeps a table from being renamed, and the next step.
    fn may(&self, said: Result<(), Fault>) -> Result<(), Fault> {
        match said {
            Err(fault) if fault.is_denied() => Err(refused(
                self,
                "is renamed only by a user with the rights ALTER, DROP, CREATE, INSERT and LOCK \
                 TABLES; GRANT them on the database, and move again",
            )),
            Err(fault) if fault.code() == Some(code::TABLE_THERE) => Err(refused(
                self,
                "has a namesake in the way, with or without moved_ before its name; see which of \
                 both is in use, rename the other, and move again",
            )),
            said => said,
        }
    }
}

fn refused(table: &Table, why: &str) -> Fault {
    StoreError::Refused(format!("table {} {why}", table.name().escape_debug())).into()
}

/// Whether a store takes the sequence in whose tables hold one progression only, `fresh` if there
/// are none.
pub(super) async fn check_arrival<S: SequenceStore + ?Sized>(
    store: &S,
    arrival: &Arrival,
    fresh: Definition,
    described: Result<SequenceInfo, StoreError>,
    name: &crate::Name,
) -> Result<(), StoreError> {
    match described {
        Err(StoreError::Unknown { .. }) => {
            check_fits(name, &fresh, arrival)?;
            begun_above(name, arrival).map(drop)
        }
        Ok(info) => {
            check_fits(name, &info.definition, arrival)?;
            crate::moved::check_arrival(store, name, arrival).await
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        assert_eq!(place_in("idgen: moved to redis://a"), Some("redis://a".to_owned()));
        assert_eq!((place_in(""), place_in("tickets of mine")), (None, None));
        assert_eq!(quoted(r"a'b\"), r"'a''b\\'");
        let table = |name: &str| Table::new(name, "it").unwrap();
        assert_eq!(table("pot_x").aside(), Some(table("moved_pot_x")));
        assert_eq!(table(&"x".repeat(59)).aside(), None);
    }
}
