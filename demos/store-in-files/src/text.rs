//! How a sequence is written down.
//!
//! ```text
//! idgen sequence, version 1
//! name 6f7264657273                   its bytes, hexadecimal
//! definition 1 1 0 9000 leased        first, increment, offset, end, order
//! state 120 3 live                    bound, serial, `live`, `deleted` or `moved` and where to
//! tail 91 1 10                        start, step, length; one line each
//! lease 3 101 1 20                    serial, start, step, length; one line each
//! end
//! ```
//!
//! Anything else is damage: a store that guesses grants an id twice.

use std::collections::BTreeMap;

use idgen_core::IdRange;
use idgen_store::{Definition, Name, Order};

use crate::record::{Life, Record};

const FIRST_LINE: &str = "idgen sequence, version 1";

impl Record {
    pub(crate) fn to_text(&self) -> String {
        let name: String = self.name.as_str().bytes().map(|byte| format!("{byte:02x}")).collect();
        let of = &self.definition;
        let (first, increment, offset, end) = (of.first(), of.increment(), of.offset(), of.end());
        let order = of.order().name();
        let life = match &self.life {
            Life::Live => "live",
            Life::Deleted => "deleted",
            Life::Moved(to) => &format!("moved {to}"),
        };
        let mut text = format!(
            "{FIRST_LINE}\nname {name}\ndefinition {first} {increment} {offset} {end} {order}\n\
             state {} {} {life}\n",
            self.bound, self.serial
        );
        for tail in self.tails.values() {
            text += &format!("tail {}\n", words(tail));
        }
        for (serial, lease) in &self.leases {
            text += &format!("lease {serial} {}\n", words(lease));
        }
        text + "end\n"
    }

    /// `None` if it was not written by [`Record::to_text`], or not whole.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix("end\n")?;
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let name = name_of(lines.next()?.strip_prefix("name ")?)?;
        let definition = definition_of(lines.next()?.strip_prefix("definition ")?)?;
        let mut state = lines.next()?.strip_prefix("state ")?.splitn(3, ' ');
        let (bound, serial) = (state.next()?.parse().ok()?, state.next()?.parse().ok()?);
        let life = match state.next()? {
            "live" => Life::Live,
            "deleted" => Life::Deleted,
            moved => Life::Moved(moved.strip_prefix("moved ")?.to_owned()),
        };
        let (mut tails, mut leases) = (BTreeMap::new(), BTreeMap::new());
        for line in lines {
            if let Some(tail) = line.strip_prefix("tail ") {
                let tail = range_of(numbers_of(tail)?)?;
                tails.insert(tail.start(), tail);
            } else {
                let [serial, range @ ..] = numbers_of::<4>(line.strip_prefix("lease ")?)?;
                leases.insert(serial, range_of(range)?);
            }
        }
        Some(Self { name, definition, bound, serial, life, tails, leases })
    }
}

fn words(range: &IdRange) -> String {
    format!("{} {} {}", range.start(), range.step(), range.len())
}

fn numbers_of<const N: usize>(text: &str) -> Option<[u64; N]> {
    let numbers: Option<Vec<u64>> = text.split(' ').map(|word| word.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn range_of([start, step, len]: [u64; 3]) -> Option<IdRange> {
    IdRange::new(start, step, len).ok()
}

fn name_of(text: &str) -> Option<Name> {
    let bytes = text.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(digits, 16).ok()
    });
    Name::new(&String::from_utf8(bytes.collect::<Option<_>>()?).ok()?).ok()
}

fn definition_of(text: &str) -> Option<Definition> {
    let (numbers, order) = text.rsplit_once(' ')?;
    let [first, increment, offset, end] = numbers_of(numbers)?;
    Definition::new(first, increment, offset, end, Order::named(order)?).ok()
}
