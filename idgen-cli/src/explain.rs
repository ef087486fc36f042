//! `idgen explain`: what an id says, and which lease it was issued under.

use idgen_core::text::{Form, encode};
use idgen_server::{DecodedId, iso_date};
use idgen_snowflake::{Layout, Preset, Role};
use idgen_store::{Name, WorkerInfo};
use serde_json::{Value, json};

use crate::args::workers::ExplainArgs;
use crate::decode;
use crate::failure::Failure;
use crate::output::{Output, columns};
use crate::place::{block_on, has_registry, open_workers};
use crate::worker;

pub(crate) fn run(args: &ExplainArgs, output: &Output) -> Result<(), Failure> {
    let id = decode::parse(&args.id, args.format)?;
    let preset = Preset::named(&args.layout)?;
    let decoded = DecodedId::new(id, preset.name)?;
    let number = worker_of(&preset.layout, &decoded)?;
    let space = Name::new(args.space.as_deref().unwrap_or(preset.name))?;
    let until_unix_ms = decoded.unix_ms + preset.layout.tick_ms();
    let lease = if has_registry(&args.place, &args.registry) {
        let registry = open_workers(&args.place, &args.registry)?;
        let found = block_on(worker::recorded(&*registry, &space, number))??;
        Lease::of(found, decoded.unix_ms, until_unix_ms)
    } else {
        Lease::NoRegistry
    };
    let mut rows = decode::rows(&decoded);
    // A layout's one node field may be called so, and is then the same number.
    if !rows.iter().any(|(name, _)| *name == "worker") {
        rows.push(("worker", number.to_string()));
    }
    rows.push(("until", format!("{} (exclusive)", iso_date(until_unix_ms))));
    for (name, form) in [("base32", Form::Base32), ("base62", Form::Base62), ("hex", Form::Hex)] {
        rows.push((name, encode(id, form).as_str().to_owned()));
    }
    rows.push(("space", space.to_string()));
    rows.push(("lease", lease.words()));
    let mut json = decode::value(&decoded);
    json["worker"] = number.to_string().into();
    json["until"] = iso_date(until_unix_ms).into();
    json["text"] = json!({
        "base32": encode(id, Form::Base32).as_str(),
        "base62": encode(id, Form::Base62).as_str(),
        "hex": encode(id, Form::Hex).as_str(),
    });
    json["space"] = space.as_str().into();
    json["lease"] = lease.value();
    output.result(&columns(&rows), &json)
}

/// The number that all node fields of an id but the bucket hold together.
fn worker_of(layout: &Layout, decoded: &DecodedId) -> Result<u64, Failure> {
    let is_node = |name: &str| {
        layout.fields().iter().any(|field| field.name() == name && field.role() == Role::Node)
    };
    let nodes: Vec<_> = decoded.fields.iter().copied().filter(|(name, _)| is_node(name)).collect();
    layout.worker(&nodes).map_err(|error| Failure::refused(error.to_string()))
}

/// What the registry knows of the lease that an id was issued under.
#[derive(Debug)]
enum Lease {
    NoRegistry,
    /// The worker id was never leased.
    Never,
    /// The last lease begins above the id.
    Earlier(WorkerInfo),
    /// The last lease covers it.
    Covers(WorkerInfo),
    /// No lease has come so far.
    Above(WorkerInfo),
}

impl Lease {
    /// For an id of a tick from `from` up to, not including, `until`, in Unix milliseconds.
    fn of(found: Option<WorkerInfo>, from: u64, until: u64) -> Self {
        match found {
            None => Self::Never,
            Some(info) if until <= info.floor_unix_ms => Self::Earlier(info),
            // A receipt may name the tick in which it was written.
            Some(info) if from < info.horizon_unix_ms => Self::Covers(info),
            Some(info) if from < info.floor_unix_ms => Self::Earlier(info),
            Some(info) => Self::Above(info),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::NoRegistry => "no_registry",
            Self::Never => "never",
            Self::Earlier(_) => "no_longer_recorded",
            Self::Covers(_) => "recorded",
            Self::Above(_) => "above_the_horizon",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::NoRegistry => {
                "not looked up: there is no store here; name the servers' with --registry"
                    .to_owned()
            }
            Self::Never => "none: this registry never leased the worker id".to_owned(),
            Self::Earlier(info) => format!(
                "no longer recorded: the last one of the worker id begins at {}",
                iso_date(info.floor_unix_ms)
            ),
            Self::Covers(info) => format!(
                "'{}', from {} up to {}{}",
                info.holder.escape_debug(),
                iso_date(info.floor_unix_ms),
                iso_date(info.horizon_unix_ms),
                if info.held { ", held now" } else { "" }
            ),
            Self::Above(info) => format!(
                "none: the worker id was leased up to {} and no further, so no server of this \
                 registry has issued it",
                iso_date(info.horizon_unix_ms)
            ),
        }
    }

    fn value(&self) -> Value {
        let record = match self {
            Self::NoRegistry | Self::Never => Value::Null,
            Self::Earlier(info) | Self::Covers(info) | Self::Above(info) => worker::value(info),
        };
        json!({ "state": self.name(), "last": record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::LeaseToken;

    fn info(floor_unix_ms: u64, horizon_unix_ms: u64) -> Option<WorkerInfo> {
        Some(WorkerInfo {
            worker: 1,
            token: LeaseToken { serial: 1, nonce: 1 },
            holder: "a node".to_owned(),
            published: String::new(),
            clock_ahead_ms: 0,
            held: true,
            floor_unix_ms,
            horizon_unix_ms,
        })
    }

    #[test]
    fn a_lease_covers_its_ticks_alone() {
        let of = |from| Lease::of(info(1000, 2000), from, from + 10).name();
        assert_eq!([of(990), of(995), of(1000)], ["no_longer_recorded", "recorded", "recorded"]);
        assert_eq!([of(1999), of(2000)], ["recorded", "above_the_horizon"]);
        let released = |from| Lease::of(info(1005, 1005), from, from + 10).name();
        assert_eq!([released(990), released(1000)], ["no_longer_recorded", "recorded"]);
        assert_eq!(released(1010), "above_the_horizon");
        assert_eq!(Lease::of(None, 1, 2).name(), "never");
    }
}
