//! A worker's record as a text: one line for each field, in this order, numbers in decimal.
//!
//! ```text
//! idgen worker 1
//! serial 5
//! nonce 0000000000000000000000000000004d
//! granted yes
//! floor_unix_ms 1750000000000
//! floor_sequence 17
//! horizon_unix_ms 1750000010000
//! lease_ms 10000
//! renewed_unix_ms 1750000000003
//! clock_ahead_ms -3
//! holder host-1%20pid%2077
//! published unsigned%20time%3A41
//! ```
//!
//! The first line names the form. The time of the last renewal is the registry's. The last two are
//! written as names are in keys. A text is read only if it is, byte for byte, what would be written
//! for what was read: a leading zero or a blank says that something else wrote it.

use super::REGISTRY_CLOCK;
use crate::tenure::{Tenure, text};

const FORM: &str = "idgen worker 1";

/// What the time of the last renewal is called.
const RENEWED: &str = "renewed_unix_ms";

/// The text of a worker's record.
pub(super) fn write(tenure: &Tenure) -> String {
    format!("{FORM}\n{}", text::write(tenure, RENEWED))
}

/// The record of a text; `None` if it is not what [`write`] makes.
pub(super) fn read(worker: u64, text: &str) -> Option<Tenure> {
    let mut lines = text.lines();
    let is_known = lines.next()? == FORM;
    let tenure = text::read(worker, REGISTRY_CLOCK, RENEWED, &mut lines)?;
    (is_known && write(&tenure) == text).then_some(tenure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::{Floor, LeaseToken};

    fn tenure() -> Tenure {
        Tenure {
            worker: 17,
            token: LeaseToken { serial: u64::MAX, nonce: 0x4d },
            granted: true,
            floor: Floor { unix_ms: 1_750_000_000_000, sequence: 4095 },
            horizon_unix_ms: u64::MAX,
            lease_ms: 10_000,
            renewed_boot_ms: 1_750_000_000_003,
            boot_id: REGISTRY_CLOCK.to_owned(),
            clock_ahead_ms: i64::MIN,
            holder: "host 1\n\u{0}granted no\u{e9}%".to_owned(),
            published: String::new(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for granted in [true, false] {
            let tenure = Tenure { granted, ..tenure() };
            let text = write(&tenure);
            assert_eq!(text.lines().count(), 12, "a holder's name breaks no line");
            assert_eq!(read(17, &text), Some(tenure));
        }
    }

    #[test]
    fn what_something_else_wrote_is_not_read() {
        let text = write(&tenure());
        let wrong = [
            String::new(),
            text.replace("worker 1", "worker 2"),
            text.replace("granted yes", "granted Yes"),
            text.replace("lease_ms 10000", "lease_ms 010000"),
            text.replace("lease_ms 10000", "lease_ms -1"),
            text.replace("nonce 0", "nonce "),
            format!("{text} "),
            format!("{text}more 1\n"),
            text.replace('\n', "\r\n"),
        ];
        for wrong in wrong {
            assert_eq!(read(17, &wrong), None, "{wrong}");
        }
    }
}
