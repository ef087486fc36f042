//! `idgen store migrate`: sequences go on in another store.

use idgen_store::{Departure, Migrated, Name, Site, StoreError, migrate};
use serde_json::json;

use crate::args::store::MigrateArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::{block_on, named, open_existing, open_url};

const WILL_MEET: &str = "copied only: whatever leases from the store they came from will meet \
    their ids; let nothing do so";

pub(crate) fn run(args: &MigrateArgs, output: &Output) -> Result<(), Failure> {
    // Both are looked at before either is changed, and a store that is to be left must be there.
    let (from, to) = (open_existing(&args.from)?, open_url(&args.to)?);
    let (from_place, to_place) = (named(&args.from)?, named(&args.to)?);
    if !to.outlives_process {
        return Err(Failure::refused(format!(
            "store {to_place} ends with this process, and the sequences with it; name a durable one"
        )));
    }
    let from = Site { store: from.sequences.as_ref(), place: &from_place };
    let to = Site { store: to.sequences.as_ref(), place: &to_place };
    block_on(async {
        let names = match args.names.is_empty() {
            true => names_of(from, to).await?,
            false => args.names.iter().map(|name| Name::new(name)).collect::<Result<_, _>>()?,
        };
        move_all(from, to, &names, args.copy_only, output).await
    })?
}

/// All sequences but those that live elsewhere.
async fn names_of(from: Site<'_>, to: Site<'_>) -> Result<Vec<Name>, Failure> {
    let infos = from.store.list().await?;
    let address = to.address().await?;
    let stays = |moved: &Option<String>| moved.as_ref().is_none_or(|moved| *moved == address);
    Ok(infos.into_iter().filter(|info| stays(&info.moved_to)).map(|info| info.name).collect())
}

/// One that cannot be moved keeps no other from it.
async fn move_all(
    from: Site<'_>,
    to: Site<'_>,
    names: &[Name],
    copy_only: bool,
    output: &Output,
) -> Result<(), Failure> {
    let departure = if copy_only { Departure::Copy } else { Departure::Tombstone };
    let mut failures = Vec::new();
    for name in names {
        match migrate(from, to, name, departure).await {
            Ok(migrated) => tell(&migrated, to.place, departure, output)?,
            Err(error) => failures.push((name, error)),
        }
    }
    if copy_only && failures.len() < names.len() {
        tracing::error!("{WILL_MEET}");
    }
    match failures.is_empty() {
        true if names.is_empty() => output.result("no sequences", &json!({ "sequences": 0 })),
        true => Ok(()),
        false => Err(not_moved(failures, names.len())),
    }
}

fn not_moved(failures: Vec<(&Name, StoreError)>, of: usize) -> Failure {
    let count = failures.len();
    let said: Vec<String> =
        failures.iter().map(|(name, error)| format!("{name}: {error}")).collect();
    let (_, last) = failures.into_iter().next_back().expect("the caller has one");
    let what = format!("{count} of {of} sequences are not moved ({})", said.join("; "));
    Failure::from(last).instead(&format!("{what}; mend that and move again"))
}

fn tell(
    migrated: &Migrated,
    place: &str,
    departure: Departure,
    output: &Output,
) -> Result<(), Failure> {
    let Migrated { name, left_at, bound, was_there, exhausted } = migrated;
    let what = match (was_there, departure) {
        (true, _) => "is there already",
        (false, Departure::Tombstone) => "moved",
        (false, Departure::Copy) => "copied; its ids will meet",
    };
    let end = if *exhausted { "; exhausted, no id is left" } else { "" };
    let plain = format!("{name}: {what}: left at {left_at}, goes on above {bound} in {place}{end}");
    let value = json!({
        "name": name.as_str(),
        "left_at": left_at.to_string(),
        "bound": bound.to_string(),
        "to": place,
        "was_there": was_there,
        "tombstone": departure == Departure::Tombstone,
        "exhausted": exhausted,
    });
    output.result(&plain, &value)
}
