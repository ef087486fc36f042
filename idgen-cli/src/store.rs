//! `idgen store check`: opens a store and says what it is.

use std::path::Path;

use idgen_store::{Durability, OpenStore, StoreIdentity};
use serde_json::json;

use crate::args::{StoreCommand, StoreCommandArgs};
use crate::failure::Failure;
use crate::output::{Output, columns};
use crate::place::{block_on, open_url};

pub(crate) fn run(args: &StoreCommandArgs, output: &Output) -> Result<(), Failure> {
    let StoreCommand::Check { url } = &args.command;
    check_exists(url)?;
    let store = open_url(url)?;
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

/// A check must not make the file that it was to look at.
fn check_exists(url: &str) -> Result<(), Failure> {
    let Some(rest) = url.strip_prefix("sqlite:") else { return Ok(()) };
    let path = Path::new(rest.strip_prefix("//").unwrap_or(rest));
    match path.metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::store(format!(
            "store {url}: {error}; see that the path is right, or start a server there first"
        ))),
    }
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
