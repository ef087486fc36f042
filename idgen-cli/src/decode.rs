//! `idgen decode`: takes an id apart.

use idgen_core::text;
use idgen_server::{DecodedId, iso_date};
use serde_json::{Map, Value, json};

use crate::args::{DecodeArgs, Format};
use crate::failure::Failure;
use crate::output::{Output, columns};

pub(crate) fn run(args: &DecodeArgs, output: &Output) -> Result<(), Failure> {
    let id = parse(&args.id, args.format)?;
    let decoded = DecodedId::new(id, &args.layout)?;
    output.result(&columns(&rows(&decoded)), &value(&decoded))
}

/// The number of an id that is written in a form.
pub(crate) fn parse(id: &str, format: Format) -> Result<u64, Failure> {
    text::decode(id, format.into()).map_err(|error| {
        Failure::usage(format!(
            "'{}' is no id: {error}; name its form with --format",
            id.escape_debug()
        ))
    })
}

/// The parts of an id by name.
pub(crate) fn rows(decoded: &DecodedId) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("id", decoded.id.to_string()),
        ("layout", decoded.layout.to_owned()),
        ("time", iso_date(decoded.unix_ms)),
        ("unix_ms", decoded.unix_ms.to_string()),
        ("tick", decoded.tick.to_string()),
    ];
    rows.extend(decoded.fields.iter().map(|(name, value)| (*name, value.to_string())));
    rows.push(("sequence", decoded.sequence.to_string()));
    rows
}

/// The parts of an id as JSON.
pub(crate) fn value(decoded: &DecodedId) -> Value {
    let text = |number: &u64| Value::from(number.to_string());
    let fields: Map<String, Value> =
        decoded.fields.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    json!({
        "id": text(&decoded.id),
        "layout": decoded.layout,
        "time": iso_date(decoded.unix_ms),
        "unix_ms": text(&decoded.unix_ms),
        "tick": text(&decoded.tick),
        "fields": fields,
        "sequence": text(&decoded.sequence),
    })
}
