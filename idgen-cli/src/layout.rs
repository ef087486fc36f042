//! `idgen layout`: the known layouts, their ceilings and last dates, and proposals of new ones.

use idgen_core::text::{Form, encode};
use idgen_server::iso_date;
use idgen_snowflake::{Layout, Needs, PRESETS, PlanWarning, Preset, plan};
use serde_json::{Value, json};

use crate::args::layout::{LayoutArgs, LayoutCommand, PlanArgs};
use crate::failure::Failure;
use crate::output::{Output, columns, table};

pub(crate) fn run(args: &LayoutArgs, output: &Output) -> Result<(), Failure> {
    match &args.command {
        LayoutCommand::List => {
            let layouts: Vec<Value> = PRESETS.iter().map(value).collect();
            output.result(&plain(), &json!({ "layouts": layouts }))
        }
        LayoutCommand::Show { name } => {
            let preset = Preset::named(name)?;
            let text = format!("{}\n{}", preset.about, fields(&preset.layout));
            output.result(&text, &value(preset))
        }
        LayoutCommand::Plan(needs) => propose(needs, output),
    }
}

fn propose(args: &PlanArgs, output: &Output) -> Result<(), Failure> {
    let PlanArgs { nodes, rate, years, js_safe } = *args;
    let needs = Needs { nodes, ids_per_second: rate, years, js_safe };
    let plan = plan(&needs).map_err(|error| Failure::usage(error.to_string()))?;
    let warnings: Vec<PlanWarning> = plan.warnings().collect();
    let mut text = fields(&plan.layout);
    text.push_str(&format!("\n{} bits stay free.", plan.free_bits));
    for warning in &warnings {
        text.push_str(&format!("\nnote: {warning}"));
    }
    let notes: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let mut json = figures(&plan.layout);
    json["free_bits"] = plan.free_bits.into();
    json["spare_workers"] = decimal(plan.spare_workers);
    json["notes"] = notes.into();
    output.result(&text, &json)
}

/// Bits from high to low, and what they amount to.
fn fields(layout: &Layout) -> String {
    let mut rows =
        vec![("time", format!("{} bits of {} ms", layout.time_bits(), layout.tick_ms()))];
    rows.extend(
        layout.fields().iter().map(|field| (field.name(), format!("{} bits", field.bits()))),
    );
    rows.extend([
        ("epoch", iso_date(layout.epoch_unix_ms())),
        ("last", iso_date(layout.end_unix_ms() - 1)),
        ("workers", layout.workers().to_string()),
        ("buckets", layout.buckets().to_string()),
        ("ids/s", layout.ids_per_second().to_string()),
    ]);
    columns(&rows)
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
    let mut value = figures(&preset.layout);
    value["name"] = preset.name.into();
    value["about"] = preset.about.into();
    value
}

fn figures(layout: &Layout) -> Value {
    let field =
        |field: &idgen_snowflake::Field| json!({ "name": field.name(), "bits": field.bits() });
    let fields: Vec<Value> = layout.fields().iter().map(field).collect();
    json!({
        "time_bits": layout.time_bits(),
        "fields": fields,
        "ids_per_second": decimal(layout.ids_per_second()),
        "workers": decimal(layout.workers()),
        "buckets": decimal(layout.buckets()),
        "tick_ms": decimal(layout.tick_ms()),
        "bits": layout.bits(),
        "signed": layout.signed(),
        "epoch": iso_date(layout.epoch_unix_ms()),
        "last": iso_date(layout.end_unix_ms() - 1),
        "last_unix_ms": decimal(layout.end_unix_ms() - 1),
    })
}

/// Numbers are strings: JavaScript loses digits above 2^53.
fn decimal(number: u64) -> Value {
    Value::from(encode(number, Form::Decimal).as_str())
}

fn day(unix_ms: u64) -> String {
    iso_date(unix_ms).split('T').next().unwrap_or_default().to_owned()
}
