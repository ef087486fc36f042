//! `idgen sequence`: the administration of sequences on the store itself.

use idgen_runtime::thaw_beside;
use idgen_store::{Alteration, Created, Definition, Name, SequenceInfo, SequenceStore};
use serde_json::{Value, json};

use crate::args::{SequenceArgs, SequenceCommand};
use crate::failure::Failure;
use crate::output::{Output, columns, table};
use crate::place::{block_on, open};

pub(crate) fn run(args: &SequenceArgs, output: &Output) -> Result<(), Failure> {
    let store = open(&args.place)?;
    block_on(obey(args, store.sequences.as_ref(), output))?
}

async fn obey(
    args: &SequenceArgs,
    store: &dyn SequenceStore,
    output: &Output,
) -> Result<(), Failure> {
    match &args.command {
        SequenceCommand::Create { name, first, increment, offset, end, order } => {
            let definition = Definition::new(*first, *increment, *offset, *end, (*order).into())
                .map_err(|error| Failure::usage(error.to_string()))?;
            create(store, &Name::new(name)?, &definition, output).await
        }
        SequenceCommand::List => list(store, output).await,
        SequenceCommand::Show { name } => show(store, &Name::new(name)?, output).await,
        SequenceCommand::Advance { name, above } => {
            let name = Name::new(name)?;
            store.advance_to(&name, *above).await?;
            show(store, &name, output).await
        }
        SequenceCommand::Alter { name, increment, offset, end, order, above } => {
            let alteration = Alteration {
                increment: *increment,
                offset: *offset,
                end: *end,
                order: order.map(Into::into),
                above: *above,
            };
            let name = Name::new(name)?;
            store.alter(&name, &alteration).await?;
            show(store, &name, output).await
        }
        SequenceCommand::Delete { name } => {
            let name = Name::new(name)?;
            store.delete(&name).await?;
            let plain = format!("deleted {name}; created again it goes on above its last id");
            output.result(&plain, &json!({ "deleted": name.as_str() }))
        }
        SequenceCommand::Thaw { name, above } => {
            let name = Name::new(name)?;
            thaw_beside(store, &args.place.data_dir, &name, *above).await?;
            show(store, &name, output).await
        }
    }
}

async fn create(
    store: &dyn SequenceStore,
    name: &Name,
    definition: &Definition,
    output: &Output,
) -> Result<(), Failure> {
    let created = store.create(name, definition).await? == Created::New;
    let what = if created { "created" } else { "unchanged" };
    let value = json!({ "name": name.as_str(), "created": created });
    output.result(&format!("{what} {name}: {definition}"), &value)
}

async fn list(store: &dyn SequenceStore, output: &Output) -> Result<(), Failure> {
    let sequences = store.list().await?;
    let head =
        ["NAME", "BOUND", "RETURNED", "FIRST", "INCREMENT", "OFFSET", "END", "ORDER", "MOVED TO"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(sequences.iter().map(row));
    let values: Vec<Value> = sequences.iter().map(value).collect();
    output.result(&table(&rows), &json!({ "sequences": values }))
}

fn row(info: &SequenceInfo) -> Vec<String> {
    let definition = &info.definition;
    vec![
        info.name.to_string(),
        info.bound.to_string(),
        info.returned.to_string(),
        definition.first().to_string(),
        definition.increment().to_string(),
        definition.offset().to_string(),
        definition.end().to_string(),
        definition.order().name().to_owned(),
        info.moved_to.clone().unwrap_or_default(),
    ]
}

fn value(info: &SequenceInfo) -> Value {
    let definition = &info.definition;
    json!({
        "name": info.name.as_str(),
        "bound": info.bound.to_string(),
        "serial": info.serial.to_string(),
        "returned": info.returned.to_string(),
        "first": definition.first().to_string(),
        "increment": definition.increment().to_string(),
        "offset": definition.offset().to_string(),
        "end": definition.end().to_string(),
        "order": definition.order().name(),
        "moved_to": info.moved_to,
    })
}

async fn show(store: &dyn SequenceStore, name: &Name, output: &Output) -> Result<(), Failure> {
    let info = store.describe(name).await?;
    let mut rows = vec![
        ("name", info.name.to_string()),
        ("bound", format!("{} (the highest number granted so far)", info.bound)),
        ("serial", format!("{} leases and hand-backs so far", info.serial)),
        ("returned", format!("{} ids handed back and granted again first", info.returned)),
        ("definition", info.definition.to_string()),
    ];
    rows.extend(
        info.moved_to.iter().map(|to| ("moved", format!("to {to}, and leases nothing here"))),
    );
    output.result(&columns(&rows), &value(&info))
}
