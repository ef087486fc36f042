//! The rows of an id space as a text, for people to read and for this program alone to write.
//!
//! ```text
//! idgen id space 1
//! space standard
//! serial 5
//! anchor 1750000000000 60000 5d0b6ac7-f1bd-4f0c-8d2e-3c6a5b1f0d11
//! layout 1 unsigned%20time%3A41
//! worker 17
//! boot_id 5d0b6ac7-f1bd-4f0c-8d2e-3c6a5b1f0d11
//! serial 5
//! ...
//! end 1
//! ```
//!
//! The first line names the form, the last one counts the worker ids: without it the text is cut
//! off. The anchor of the clock is a wall clock, a boot clock and a boot; where there is none, or
//! no layout record, stands `none`. Behind `worker` and `boot_id` come the lines of a tenure.

use crate::clock::{Anchor, Moment};
use crate::rows::Rows;
use crate::tenure::text as tenure;
use crate::tenure::text::field;
use crate::{LayoutRecord, Name, key};

const FORM: &str = "idgen id space 1";

/// What the time of the last renewal is called.
const RENEWED: &str = "renewed_boot_ms";

const NONE: &str = "none";

/// The text of an id space.
pub(super) fn write(space: &Name, rows: &Rows) -> String {
    let anchor = rows.anchor.as_ref().map_or(NONE.to_owned(), |Anchor(at)| {
        format!("{} {} {}", at.unix_ms, at.boot_ms, key::encode(&at.boot_id))
    });
    let layout = rows.layout.as_ref().map_or(NONE.to_owned(), |layout| {
        format!("{} {}", layout.version, key::encode(&layout.text))
    });
    let mut text = format!(
        "{FORM}\nspace {}\nserial {}\nanchor {anchor}\nlayout {layout}\n",
        key::encode(space.as_str()),
        rows.serial
    );
    for row in rows.tenures.values() {
        text += &format!("worker {}\nboot_id {}\n", row.worker, key::encode(&row.boot_id));
        text += &tenure::write(row, RENEWED);
    }
    text + &format!("end {}\n", rows.tenures.len())
}

/// The rows of a text; `None` if it is not, byte for byte, what [`write`] makes.
pub(super) fn read(space: &Name, text: &str) -> Option<Rows> {
    let rows = parse(text)?;
    (write(space, &rows) == text).then_some(rows)
}

fn parse(text: &str) -> Option<Rows> {
    // The form and the name are compared by `read`.
    let mut lines = text.lines().skip(2);
    let mut rows = Rows {
        serial: field(&mut lines, "serial")?.parse().ok()?,
        anchor: some(field(&mut lines, "anchor")?, anchor)?,
        layout: some(field(&mut lines, "layout")?, layout)?,
        ..Rows::default()
    };
    loop {
        let line = lines.next()?;
        let Some(worker) = line.strip_prefix("worker ") else { return Some(rows) };
        let worker = worker.parse().ok()?;
        let boot_id = key::decode_text(field(&mut lines, "boot_id")?)?;
        rows.tenures.insert(worker, tenure::read(worker, &boot_id, RENEWED, &mut lines)?);
    }
}

/// What may be there or not; `None` if it is neither.
fn some<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text == NONE { Some(None) } else { read(text).map(Some) }
}

fn anchor(text: &str) -> Option<Anchor> {
    let mut words = text.splitn(3, ' ');
    let unix_ms = words.next()?.parse().ok()?;
    let boot_ms = words.next()?.parse().ok()?;
    Some(Anchor(Moment { unix_ms, boot_ms, boot_id: key::decode_text(words.next()?)? }))
}

fn layout(text: &str) -> Option<LayoutRecord> {
    let (version, text) = text.split_once(' ')?;
    Some(LayoutRecord { version: version.parse().ok()?, text: key::decode_text(text)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenure::Tenure;
    use idgen_core::{Floor, LeaseToken};

    fn space() -> Name {
        Name::new("parcels & letters").unwrap()
    }

    fn rows(boot_id: &str) -> Rows {
        let row = |worker: u64| Tenure {
            worker,
            token: LeaseToken { serial: 9, nonce: u128::MAX },
            granted: worker == 3,
            floor: Floor { unix_ms: 1_750_000_000_000, sequence: worker },
            horizon_unix_ms: u64::MAX,
            lease_ms: 10_000,
            renewed_boot_ms: 60_000,
            boot_id: boot_id.to_owned(),
            clock_ahead_ms: i64::MIN,
            holder: "host 1\nend 0\n".to_owned(),
            published: String::new(),
        };
        let moment = Moment { unix_ms: 1, boot_ms: 2, boot_id: boot_id.to_owned() };
        Rows {
            tenures: [3, u64::MAX, 0].map(|worker| (worker, row(worker))).into(),
            layout: Some(LayoutRecord { version: 1, text: "none".to_owned() }),
            serial: u64::MAX,
            anchor: Some(Anchor(moment)),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for rows in [rows("boot-1"), rows(""), rows("a b"), Rows::default()] {
            assert_eq!(read(&space(), &write(&space(), &rows)), Some(rows));
        }
    }

    #[test]
    fn a_text_that_is_cut_off_is_not_read() {
        let text = write(&space(), &rows("boot-1"));
        for end in 0..text.len() {
            assert_eq!(read(&space(), &text[..end]), None, "the first {end} bytes");
        }
    }

    #[test]
    fn what_something_else_wrote_is_not_read() {
        let text = write(&space(), &rows("boot-1"));
        let wrong = [
            text.replace("space 1", "space 2"),
            text.replace("worker 3", "worker 03"),
            text.replace("end 3", "end 2"),
            text.replace("layout 1", "layout none"),
            format!("{text}end 3\n"),
            text.replace('\n', "\r\n"),
        ];
        for wrong in wrong {
            assert_ne!(wrong, text);
            assert_eq!(read(&space(), &wrong), None, "{wrong}");
        }
        let other = Name::new("parcels").unwrap();
        assert_eq!(read(&other, &text), None, "the text of another id space");
    }
}
