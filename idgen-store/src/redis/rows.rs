//! Keys, rows, tails and leases as Redis holds them.

use idgen_core::IdRange;
use redis::Value;

use super::fault::Fault;
use super::link::Session;
use super::scripts::{Run, Script, text};
use crate::grant::Mark;
use crate::{Definition, Name, Order, StoreError, key};

/// The keys of one sequence, as scripts number them: mark, tails and leases. In a cluster the name
/// in braces puts them on one node.
pub(super) fn keys(session: &Session, name: &Name) -> [String; 3] {
    let (prefix, name) = (&session.prefix, key::encode(name.as_str()));
    let own = |what: &str| format!("{prefix}:{{{name}}}:{what}");
    [own("mark"), own("tails"), own("leases")]
}

/// The key of the set of names.
pub(super) fn names(session: &Session) -> String {
    format!("{}:names", session.prefix)
}

/// A number as scripts add and compare it.
pub(super) fn digits(number: u64) -> String {
    format!("{number:020}")
}

/// A row, and what it takes to tell whether it is still the same.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Another one after each change by hand.
    pub(super) version: String,
    pub(super) mark: Mark,
}

/// A look at a sequence.
#[derive(Debug)]
pub(super) struct Seen {
    /// `None` if there never was a sequence of that name.
    pub(super) row: Option<Row>,
    /// Texts of tails or of leases, whichever was asked for.
    pub(super) texts: Vec<String>,
}

impl Seen {
    /// The row, if the sequence is there.
    pub(super) fn live(self, name: &Name) -> Result<(Row, Vec<String>), StoreError> {
        match self.row {
            Some(row) => row.mark.check_live(name).map(|()| (row, self.texts)),
            None => Err(StoreError::Unknown { name: name.clone() }),
        }
    }
}

/// Looks at the row and the tails (`tails`) or the lease remembered under a serial.
pub(super) async fn look(
    session: &Session,
    keys: &[String; 3],
    what: String,
) -> Result<Seen, Fault> {
    let run = Run { script: Script::Look, keys, arguments: vec![what] };
    let told = session.script(&run).await?;
    let Value::Array(parts) = &told else { return Err(strange(&told)) };
    let [row, ttl, Value::Array(texts)] = &parts[..] else { return Err(strange(&told)) };
    let row = read(&keys[0], row, ttl)?;
    let texts = texts.iter().map(|value| text(value).ok_or_else(|| strange(value)));
    Ok(Seen { row, texts: texts.collect::<Result<_, _>>()? })
}

/// An answer that no script gives.
pub(super) fn strange(value: &Value) -> Fault {
    Fault::Damaged(format!("a script answered {value:?}"))
}

/// Refuses a key that is to expire, and `what` it holds with it.
pub(super) fn check_lasting(key: &str, ttl: &Value, what: &str) -> Result<(), Fault> {
    match ttl {
        Value::Int(ms @ 0..) => Err(Fault::Refused(format!(
            "lets key {key} expire in {ms} ms, and {what} with it; PERSIST it"
        ))),
        _ => Ok(()),
    }
}

/// The row that a script showed; `ttl` is how long its key is to live.
pub(super) fn read(key: &str, row: &Value, ttl: &Value) -> Result<Option<Row>, Fault> {
    check_lasting(key, ttl, "the sequence")?;
    let Value::Array(fields) = row else { return Err(strange(row)) };
    if fields.iter().all(|field| matches!(field, Value::Nil)) {
        return Ok(None);
    }
    let fields = fields.iter().map(text).collect::<Option<Vec<String>>>();
    let row = fields.as_deref().and_then(parse);
    row.map(Some).ok_or_else(|| Fault::Damaged(format!("key {key} is not as idgen writes it")))
}

fn parse(fields: &[String]) -> Option<Row> {
    let [version, first, increment, offset, end, order, deleted, bound, _next, serial, moved] =
        fields
    else {
        return None;
    };
    let order = Order::named(order)?;
    let definition =
        Definition::new(number(first)?, number(increment)?, number(offset)?, number(end)?, order);
    let deleted = match deleted.as_str() {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let (bound, serial) = (number(bound)?, number(serial)?);
    let moved_to = (!moved.is_empty()).then(|| moved.clone());
    let mark = Mark { definition: definition.ok()?, bound, serial, deleted, moved_to };
    Some(Row { version: version.clone(), mark })
}

/// Twenty digits, as [`digits`] writes them.
pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| digits(*number) == text)
}

/// The lowest id above the mark's bound, or nothing.
pub(super) fn next(mark: &Mark) -> String {
    mark.definition.next_after(mark.bound).map_or_else(String::new, digits)
}

/// Start, step and length of a range.
pub(super) fn range_text(range: &IdRange) -> String {
    [range.start(), range.step(), range.len()].map(digits).join(" ")
}

/// What [`range_text`] wrote.
pub(super) fn range(text: &str) -> Result<IdRange, Fault> {
    let numbers: Option<Vec<u64>> = text.split(' ').map(number).collect();
    let range = match numbers.as_deref() {
        Some(&[start, step, len]) => IdRange::new(start, step, len).ok(),
        _ => None,
    };
    range.ok_or_else(|| Fault::Damaged(format!("'{}' is no range of ids", text.escape_debug())))
}

/// The lease remembered under `serial` among those whose score is near.
pub(super) fn remembered(texts: Vec<String>, serial: u64) -> Option<String> {
    let begin = digits(serial) + " ";
    texts.into_iter().find(|text| text.starts_with(&begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_idgen_does_not_write_is_no_row() {
        let good = ["v", "1", "1", "0", "9", "leased", "0", "4", "5", "2", ""];
        let fields = |change: &dyn Fn(&mut Vec<String>)| {
            let is_number = |at| ![0, 5, 6, 10].contains(&at);
            let text = |(at, word): (usize, &&str)| match is_number(at) {
                true => digits(word.parse().unwrap()),
                false => (*word).to_owned(),
            };
            let mut fields: Vec<String> = good.iter().enumerate().map(text).collect();
            change(&mut fields);
            parse(&fields)
        };
        let row = fields(&|_| ()).unwrap();
        assert_eq!((row.mark.bound, row.mark.serial, row.mark.deleted), (4, 2, false));
        for (at, text) in [(7, "4"), (3, ""), (5, "loose"), (6, "2"), (2, "00000000000000000000")] {
            assert!(fields(&|fields| fields[at] = text.to_owned()).is_none(), "{at}");
        }
        assert!(fields(&|fields| drop(fields.pop())).is_none());
    }

    proptest! {
        #[test]
        fn ranges_come_back(start in 1_u64.., step in 1_u64..1000, len in 1_u64..1000) {
            if let Ok(made) = IdRange::new(start, step, len) {
                prop_assert_eq!(range(&range_text(&made)).unwrap(), made);
            }
        }
    }
}
