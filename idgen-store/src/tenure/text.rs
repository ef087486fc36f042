//! A tenure as lines of text: a field each, in this order, numbers in decimal.
//!
//! ```text
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
//! Worker id and boot id are written by whoever keeps the text, and so is the name of the clock
//! that renewals are told by. The last two are written as names are in keys, so that no text breaks
//! a line. Who reads compares what would be written with what was read: a leading zero or a blank
//! says that something else wrote it.

use idgen_core::{Floor, LeaseToken};

use super::Tenure;
use crate::key;

/// The lines of a tenure; `renewed` is what the time of its last renewal is called.
pub(crate) fn write(tenure: &Tenure, renewed: &str) -> String {
    format!(
        "serial {}\nnonce {:032x}\ngranted {}\nfloor_unix_ms {}\nfloor_sequence {}\n\
         horizon_unix_ms {}\nlease_ms {}\n{renewed} {}\nclock_ahead_ms {}\nholder {}\n\
         published {}\n",
        tenure.token.serial,
        tenure.token.nonce,
        if tenure.granted { "yes" } else { "no" },
        tenure.floor.unix_ms,
        tenure.floor.sequence,
        tenure.horizon_unix_ms,
        tenure.lease_ms,
        tenure.renewed_boot_ms,
        tenure.clock_ahead_ms,
        key::encode(&tenure.holder),
        key::encode(&tenure.published),
    )
}

/// What follows the name of a field on the next line, if that is the field.
pub(crate) fn field<'a>(lines: &mut impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    lines.next()?.strip_prefix(name)?.strip_prefix(' ')
}

/// The tenure of the next lines; `None` if they are not of the form that [`write`] makes.
pub(crate) fn read<'a>(
    worker: u64,
    boot_id: &str,
    renewed: &str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Option<Tenure> {
    let mut field = |name: &str| field(lines, name);
    let serial = field("serial")?.parse().ok()?;
    let nonce = u128::from_str_radix(field("nonce")?, 16).ok()?;
    let granted = field("granted")? == "yes";
    let unix_ms = field("floor_unix_ms")?.parse().ok()?;
    let sequence = field("floor_sequence")?.parse().ok()?;
    Some(Tenure {
        worker,
        token: LeaseToken { serial, nonce },
        granted,
        floor: Floor { unix_ms, sequence },
        horizon_unix_ms: field("horizon_unix_ms")?.parse().ok()?,
        lease_ms: field("lease_ms")?.parse().ok()?,
        renewed_boot_ms: field(renewed)?.parse().ok()?,
        boot_id: boot_id.to_owned(),
        clock_ahead_ms: field("clock_ahead_ms")?.parse().ok()?,
        holder: key::decode_text(field("holder")?)?,
        published: key::decode_text(field("published")?)?,
    })
}
