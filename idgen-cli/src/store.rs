//! `idgen store check`: opens a store and says what it is.

use idgen_store::{Durability, OpenStore, StoreIdentity};
use serde_json::json;

use crate::args::store::{StoreArgs, StoreCommand};
use crate::failure::Failure;
use crate::output::{Output, columns};
use crate::place::{block_on, open_existing};

pub(crate) fn run(args: &StoreArgs, output: &Output) -> Result<(), Failure> {
    match &args.command {
        StoreCommand::Check { url } => check(url, output),
        StoreCommand::Migrate(args) => crate::migrate::run(args, output),
    }
}

/// A check must not make the file that it was to look at.
fn check(url: &str, output: &Output) -> Result<(), Failure> {
    let store = open_existing(url)?;
    let (identity, notes, sequences) = block_on(look(&store))??;
    let durability = match &identity.durability {
        Durability::Keeps => "keeps every answer".to_owned(),
        Durability::MayLose(why) => format!("may lose answers: {why}"),
    };
    let mut rows = vec![
        ("backend", identity.backend.to_owned()),
        ("id", identity.id.clone()),
        ("incarnation", identity.incarnation.clone()),
        ("durability", durability.clone()),
        ("ceiling", identity.ceiling.to_string()),
        ("sequences", sequences.to_string()),
    ];
    rows.extend(notes.iter().map(|note| ("note", note.clone())));
    let value = json!({
        "backend": identity.backend,
        "id": identity.id,
        "incarnation": identity.incarnation,
        "durability": durability,
        "ceiling": identity.ceiling.to_string(),
        "sequences": sequences,
        "notes": notes,
    });
    output.result(&columns(&rows), &value)
}

async fn look(store: &OpenStore) -> Result<(StoreIdentity, Vec<String>, usize), Failure> {
    let identity = store.sequences.identity().await?;
    let notes = store.sequences.notes().await?;
    let sequences = store.sequences.list().await?.len();
    if let Some(workers) = &store.workers {
        workers.identity().await?;
    }
    Ok((identity, notes, sequences))
}
