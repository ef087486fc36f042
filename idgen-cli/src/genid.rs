//! `idgen genid`: the GenID door alone, on the original's configuration file.

use std::num::NonZeroU32;
use std::path::Path;

use idgen_store::Name;
use serde_json::{Map, Value};

use crate::args::tools::GenidArgs;
use crate::failure::Failure;
use crate::genid_node::GenidNode;
use crate::next::DEFAULT_SEQUENCE;
use crate::output::Output;
use crate::place::open_for_ids;
use crate::serving::{self, Door, Gate, Place, Serving, address};

pub(crate) fn run(args: &GenidArgs, output: &Output) -> Result<(), Failure> {
    args.unrecorded.warn();
    serving(args).and_then(|serving| serving::run(serving, output)).map_err(Failure::of_tool)
}

fn serving(args: &GenidArgs) -> Result<Serving, Failure> {
    let Config { port, zone, dc, machine, unknown } = Config::read(&args.config)?;
    for key in &unknown {
        tracing::warn!("key '{key}' of the configuration is not known here and does nothing");
    }
    let (place, registry) = (args.place.clone(), args.registry.clone());
    let unrecorded = args.unrecorded;
    // As in the original, a machine that the file does not name is 0.
    let node = GenidNode { zone, dc, machine: Some(machine) };
    let gate = Gate {
        door: Door::Genid,
        place: Place::At(address(&args.host, port), "--host, or port in the configuration"),
        what: node.words(),
    };
    Ok(Serving {
        program: "idgen genid",
        gates: vec![gate],
        pots: Default::default(),
        access: None,
        open: Box::new(move || open_for_ids(&place, &registry, unrecorded)),
        nodes: NonZeroU32::MIN,
        peers: None,
        data_dir: Some(args.place.data_dir.clone()),
        wanted: Vec::new(),
        pool: Name::new(DEFAULT_SEQUENCE)?,
        integers: Name::new(DEFAULT_SEQUENCE)?,
        native: None,
        genid: Some(node),
        guards: args.guards.clone(),
        number: None,
    })
}

/// What the file says; what it does not say is 0.
#[derive(Debug, Default, PartialEq, Eq)]
struct Config {
    port: u16,
    zone: u64,
    dc: u64,
    machine: u64,
    /// Keys that the original does not know either.
    unknown: Vec<String>,
}

impl Config {
    fn read(path: &Path) -> Result<Self, Failure> {
        let wrong =
            |why: String| Failure::usage(format!("configuration {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            wrong(format!("{error}; see that the path is right and the file readable"))
        })?;
        Self::parse(&text).map_err(wrong)
    }

    /// Names are compared without case, as the original's parser does.
    fn parse(text: &str) -> Result<Self, String> {
        let keys: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| format!("it is no JSON object: {error}; mend it"))?;
        let mut config = Self::default();
        for (key, value) in keys {
            match key.to_ascii_lowercase().as_str() {
                "port" => {
                    let port = within("port", &value, u64::from(u16::MAX))?;
                    config.port = u16::try_from(port).map_err(|error| error.to_string())?;
                }
                "zone_id" => config.zone = within("zone_id", &value, 31)?,
                "dc_id" => config.dc = within("dc_id", &value, 7)?,
                "machine_id" => config.machine = within("machine_id", &value, 7)?,
                _ => config.unknown.push(key),
            }
        }
        Ok(config)
    }
}

fn within(key: &str, value: &Value, most: u64) -> Result<u64, String> {
    if value.is_null() {
        return Ok(0);
    }
    let number = value.as_u64().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{key} is {value}; it is a whole number from 0 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_taken_and_none_is_needed() {
        let text = r#"{"port": 3778, "zone_id": 31, "DC_ID": 7, "machine_id": 2, "note": "x"}"#;
        let unknown = vec!["note".to_owned()];
        let whole = Config { port: 3778, zone: 31, dc: 7, machine: 2, unknown };
        assert_eq!(Config::parse(text), Ok(whole));
        for empty in ["{}", r#"{"port": null, "zone_id": 0}"#] {
            assert_eq!(Config::parse(empty), Ok(Config::default()));
        }
    }

    #[test]
    fn what_the_fields_cannot_hold_is_refused() {
        for (text, said) in [
            (r#"{"zone_id": 32}"#, "zone_id is 32; it is a whole number from 0 to 31"),
            (r#"{"dc_id": 8}"#, "0 to 7"),
            (r#"{"machine_id": -1}"#, "machine_id is -1"),
            (r#"{"port": 65536}"#, "0 to 65535"),
            (r#"{"port": "80"}"#, "port is \"80\""),
            (r#"{"dc_id": 1.5}"#, "whole number"),
            ("[]", "no JSON object"),
            ("", "no JSON object"),
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
