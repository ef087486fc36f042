//! A sequence as a text: one line for each field, in this order, numbers in decimal.
//!
//! ```text
//! idgen sequence 1
//! first 1
//! increment 1
//! offset 0
//! end 18446744073709551615
//! order leased
//! bound 300
//! serial 4
//! deleted no
//! moved
//! leases 2:101+100 3:201+100
//! tails 51+50
//! ```
//!
//! The first line names the form. Behind `moved` stands where the sequence goes on that was moved
//! away. A lease is its serial, first id and number of ids, oldest first;
//! a tail is its first id and number of ids, in rising order. Their step is the increment: a change
//! of it gives both up. A text is read only if it is, byte for byte, what would be written for what
//! was read: a field too many, a leading zero or a blank says that something else wrote it.

use std::fmt::Write;

use idgen_core::IdRange;

use crate::grant::Mark;
use crate::ledger::Ledger;
use crate::{Definition, Order};

/// How many leases may be handed back; the rest of an older one is a gap.
pub(super) const MOST_LEASES: usize = 64;
/// How many tails are kept; the lowest of more is a gap.
pub(super) const MOST_TAILS: usize = 64;
/// The longest text. Leases, then tails, fall out of a longer one.
pub(super) const MOST_BYTES: usize = 4_096;

const FORM: &str = "idgen sequence 1";

/// The text of a ledger, and the ledger as far as it is in the text.
pub(super) fn write(mut ledger: Ledger) -> (Ledger, String) {
    while ledger.leases.len() > MOST_LEASES {
        ledger.leases.pop_first();
    }
    while ledger.tails.len() > MOST_TAILS {
        ledger.tails.pop_first();
    }
    loop {
        let text = render(&ledger);
        let fits = text.len() <= MOST_BYTES;
        if fits || (ledger.leases.pop_first().is_none() && ledger.tails.pop_first().is_none()) {
            return (ledger, text);
        }
    }
}

fn render(ledger: &Ledger) -> String {
    let mark = &ledger.mark;
    let of = &mark.definition;
    let mut text = format!(
        "{FORM}\nfirst {}\nincrement {}\noffset {}\nend {}\norder {}\nbound {}\nserial {}\n\
         deleted {}\nmoved{}{}\nleases",
        of.first(),
        of.increment(),
        of.offset(),
        of.end(),
        of.order().name(),
        mark.bound,
        mark.serial,
        if mark.deleted { "yes" } else { "no" },
        if mark.moved_to.is_some() { " " } else { "" },
        mark.moved_to.as_deref().unwrap_or_default(),
    );
    for (serial, range) in &ledger.leases {
        write!(text, " {serial}:{}+{}", range.start(), range.len()).expect("a text takes it");
    }
    text.push_str("\ntails");
    for range in ledger.tails.values() {
        write!(text, " {}+{}", range.start(), range.len()).expect("a text takes it");
    }
    text.push('\n');
    text
}

/// The ledger of a text; `None` if it is not what [`write`] makes.
pub(super) fn read(text: &str) -> Option<Ledger> {
    let ledger = parse(text)?;
    (render(&ledger) == text).then_some(ledger)
}

fn parse(text: &str) -> Option<Ledger> {
    let mut lines = text.lines();
    if lines.next()? != FORM {
        return None;
    }
    let mut field = |name: &str| lines.next()?.strip_prefix(name);
    let first = field("first ")?.parse().ok()?;
    let increment = field("increment ")?.parse().ok()?;
    let offset = field("offset ")?.parse().ok()?;
    let end = field("end ")?.parse().ok()?;
    let order = Order::named(field("order ")?)?;
    let definition = Definition::new(first, increment, offset, end, order).ok()?;
    let bound = field("bound ")?.parse().ok()?;
    let serial = field("serial ")?.parse().ok()?;
    let deleted = field("deleted ")? == "yes";
    let moved_to = field("moved")?.strip_prefix(' ').map(str::to_owned);
    let mark = Mark { definition, bound, serial, deleted, moved_to };
    let leases = words(field("leases")?).map(|word| lease(word, &mark)).collect::<Option<_>>()?;
    let tails = words(field("tails")?).map(|word| tail(word, &mark)).collect::<Option<_>>()?;
    Some(Ledger { mark, tails, leases })
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|word| !word.is_empty())
}

fn lease(word: &str, mark: &Mark) -> Option<(u64, IdRange)> {
    let (serial, range) = word.split_once(':')?;
    let serial = serial.parse().ok().filter(|serial| *serial <= mark.serial)?;
    Some((serial, self::range(range, mark)?))
}

fn tail(word: &str, mark: &Mark) -> Option<(u64, IdRange)> {
    let range = range(word, mark)?;
    Some((range.start(), range))
}

/// A stretch that was granted once: of the progression, and not above the bound.
fn range(text: &str, mark: &Mark) -> Option<IdRange> {
    let (start, len) = text.split_once('+')?;
    let (start, len) = (start.parse().ok()?, len.parse().ok()?);
    let of = &mark.definition;
    let range = IdRange::new(start, of.increment(), len).ok()?;
    let is_member = of.next_after(start.checked_sub(1)?) == Some(start);
    (is_member && range.last() <= mark.bound).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest numbers there are.
    #[test]
    fn leases_fall_out_before_tails() {
        let definition = Definition::new(u64::MAX / 2, 1, 0, u64::MAX, Order::Strict).unwrap();
        let (bound, serial) = (u64::MAX, u64::MAX);
        let mut ledger =
            Ledger::of(Mark { definition, bound, serial, deleted: false, moved_to: None });
        for count in 0..100 {
            let start = u64::MAX - (100 - count) * (1 << 55);
            let range = IdRange::new(start, 1, 1 << 54).unwrap();
            ledger.leases.insert(u64::MAX - 100 + count, range);
            ledger.tails.insert(start, range);
        }
        let (kept, text) = write(ledger.clone());
        assert!(text.len() <= MOST_BYTES && text.len() > MOST_BYTES - 64);
        assert_eq!(kept.tails.len(), MOST_TAILS);
        assert!(kept.leases.len() < MOST_LEASES && kept.leases.len() > 16);
        assert_eq!(kept.tails.last_key_value(), ledger.tails.last_key_value());
        assert_eq!(kept.leases.last_key_value(), ledger.leases.last_key_value());
        assert_eq!(read(&text).as_ref(), Some(&kept));
        // What a version with more room wrote is read, and cut with the next change.
        assert_eq!(read(&render(&ledger)), Some(ledger));
    }
}
