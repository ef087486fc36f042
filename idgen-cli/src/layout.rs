//! `idgen layout list`: the known layouts, their ceilings and last dates.

use idgen_core::text::{Form, encode};
use idgen_server::iso_date;
use idgen_snowflake::{PRESETS, Preset};
use serde_json::{Value, json};

use crate::args::{LayoutArgs, LayoutCommand};
use crate::failure::Failure;
use crate::output::{Output, table};

pub(crate) fn run(args: &LayoutArgs, output: &Output) -> Result<(), Failure> {
    match args.command {
        LayoutCommand::List => {
            let layouts: Vec<Value> = PRESETS.iter().map(value).collect();
            output.result(&plain(), &json!({ "layouts": layouts }))
        }
    }
}

fn plain() -> String {
    let head = ["NAME", "IDS/S", "WORKERS", "BUCKETS", "TICK", "EPOCH", "LAST DATE", "WHAT IT IS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(PRESETS.iter().map(row));
    format!(
        "{}\n\nIDS/S is the ceiling of one worker, or of one bucket where there are several.",
        table(&rows)
    )
}

fn row(preset: &Preset) -> Vec<String> {
    let layout = &preset.layout;
    vec![
        preset.name.to_owned(),
        layout.ids_per_second().to_string(),
        layout.workers().to_string(),
        layout.buckets().to_string(),
        format!("{} ms", layout.tick_ms()),
        day(layout.epoch_unix_ms()),
        day(layout.end_unix_ms() - 1),
        preset.about.to_owned(),
    ]
}

fn value(preset: &Preset) -> Value {
    let layout = &preset.layout;
    let text = |number: u64| Value::from(encode(number, Form::Decimal).as_str());
    json!({
        "name": preset.name,
        "about": preset.about,
        "ids_per_second": text(layout.ids_per_second()),
        "workers": text(layout.workers()),
        "buckets": text(layout.buckets()),
        "tick_ms": text(layout.tick_ms()),
        "bits": layout.bits(),
        "signed": layout.signed(),
        "epoch": iso_date(layout.epoch_unix_ms()),
        "last": iso_date(layout.end_unix_ms() - 1),
        "last_unix_ms": text(layout.end_unix_ms() - 1),
    })
}

fn day(unix_ms: u64) -> String {
    iso_date(unix_ms).split('T').next().unwrap_or_default().to_owned()
}
