//! `idgen worker`: who holds the worker ids of an id space, and freeing one by hand.

use std::sync::Arc;

use idgen_core::{Ended, Floor};
use idgen_runtime::thaw_space_beside;
use idgen_server::iso_date;
use idgen_store::{Name, RegistryError, WorkerInfo, WorkerRegistry};
use serde_json::{Value, json};

use crate::args::workers::{RecordCommand, WorkerArgs, WorkerCommand};
use crate::failure::Failure;
use crate::output::{Output, columns, table};
use crate::place::{block_on, open_workers};

pub(crate) fn run(args: &WorkerArgs, output: &Output) -> Result<(), Failure> {
    match &args.command {
        WorkerCommand::Thaw { space, above } => thaw(args, &Name::new(space)?, *above, output),
        WorkerCommand::Record(command) => {
            let registry = open_workers(&args.place, &args.registry)?;
            block_on(obey(command, registry, output))?
        }
    }
}

/// The marks of a server are its own: the registry is not asked.
fn thaw(args: &WorkerArgs, space: &Name, above: u64, output: &Output) -> Result<(), Failure> {
    thaw_space_beside(&args.place.data_dir, space, above)?;
    let plain = format!("thawed id space {space} of this server above {}", iso_date(above));
    output.result(&plain, &json!({ "space": space.as_str(), "above_unix_ms": above.to_string() }))
}

async fn obey(
    command: &RecordCommand,
    registry: Arc<dyn WorkerRegistry>,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        RecordCommand::List { space } => {
            let workers = registry.list(&Name::new(space)?).await?;
            let values: Vec<Value> = workers.iter().map(value).collect();
            output.result(&listed(&workers), &json!({ "space": space, "workers": values }))
        }
        RecordCommand::Show { space, worker } => {
            let info = find(&*registry, &Name::new(space)?, *worker).await?;
            output.result(&shown(&info), &value(&info))
        }
        RecordCommand::Release { space, worker, force } => {
            let space = Name::new(space)?;
            let info = find(&*registry, &space, *worker).await?;
            if info.held && !force {
                return Err(still_held(&space, &info));
            }
            release(&*registry, &space, &info).await?;
            let info = find(&*registry, &space, *worker).await?;
            let from = iso_date(info.floor_unix_ms);
            let plain = format!("worker id {worker} is free; its next lease begins at {from}");
            output.result(&plain, &value(&info))
        }
    }
}

/// What the registry knows of one worker id.
pub(crate) async fn recorded(
    registry: &dyn WorkerRegistry,
    space: &Name,
    worker: u64,
) -> Result<Option<WorkerInfo>, RegistryError> {
    Ok(registry.list(space).await?.into_iter().find(|info| info.worker == worker))
}

async fn find(
    registry: &dyn WorkerRegistry,
    space: &Name,
    worker: u64,
) -> Result<WorkerInfo, Failure> {
    recorded(registry, space, worker).await?.ok_or_else(|| {
        Failure::refused(format!(
            "worker id {worker} of id space '{space}' was never leased here; see 'idgen worker \
             list {space}', and that --registry names the servers' one"
        ))
    })
}

fn still_held(space: &Name, info: &WorkerInfo) -> Failure {
    let (worker, holder) = (info.worker, &info.holder);
    let until = iso_date(info.horizon_unix_ms);
    Failure::refused(format!(
        "worker id {worker} of id space '{space}' is held by '{holder}' until {until} at least; \
         stop that server, wait for the end of its lease, or add --force"
    ))
}

/// Releases the lease that was seen. A receipt that lies above the horizon is cut to the one on
/// record, in the same step that compares the token: so whatever the holder still issues lies below
/// the next floor, also if it has renewed its lease meanwhile.
async fn release(
    registry: &dyn WorkerRegistry,
    space: &Name,
    info: &WorkerInfo,
) -> Result<(), Failure> {
    let ended = Ended::receipt(info.worker, info.token, Floor::at(u64::MAX));
    match registry.release(space, ended).await {
        Ok(()) => Ok(()),
        Err(RegistryError::Lost { .. }) => {
            let now = find(registry, space, info.worker).await?;
            // What was free already stays so.
            if now.token == info.token && !now.held { Ok(()) } else { Err(moved_on(space, &now)) }
        }
        Err(error) => Err(error.into()),
    }
}

fn moved_on(space: &Name, now: &WorkerInfo) -> Failure {
    Failure::refused(format!(
        "worker id {} of id space '{space}' was leased anew meanwhile, by '{}'; look again",
        now.worker, now.holder
    ))
}

fn listed(workers: &[WorkerInfo]) -> String {
    let head = ["WORKER", "HELD", "HOLDER", "FLOOR", "HORIZON", "CLOCK", "PUBLISHED"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(workers.iter().map(|info| {
        vec![
            info.worker.to_string(),
            held(info).to_owned(),
            one_line(&info.holder),
            iso_date(info.floor_unix_ms),
            iso_date(info.horizon_unix_ms),
            format!("{:+} ms", info.clock_ahead_ms),
            one_line(&info.published),
        ]
    }));
    format!("{}\n\nCLOCK is how far the holder's is ahead of the registry's.", table(&rows))
}

fn shown(info: &WorkerInfo) -> String {
    columns(&[
        ("worker", info.worker.to_string()),
        ("held", held(info).to_owned()),
        ("holder", one_line(&info.holder)),
        ("lease", format!("{} by serial", info.token.serial)),
        ("floor", iso_date(info.floor_unix_ms)),
        ("horizon", iso_date(info.horizon_unix_ms)),
        ("clock", format!("{:+} ms ahead of the registry's", info.clock_ahead_ms)),
        ("published", one_line(&info.published)),
    ])
}

fn held(info: &WorkerInfo) -> &'static str {
    if info.held { "yes" } else { "no" }
}

/// A holder's own words may hold anything.
fn one_line(text: &str) -> String {
    text.escape_debug().to_string()
}

/// A worker id's record as JSON.
pub(crate) fn value(info: &WorkerInfo) -> Value {
    json!({
        "worker": info.worker.to_string(),
        "held": info.held,
        "holder": info.holder,
        "serial": info.token.serial.to_string(),
        "floor": iso_date(info.floor_unix_ms),
        "floor_unix_ms": info.floor_unix_ms.to_string(),
        "horizon": iso_date(info.horizon_unix_ms),
        "horizon_unix_ms": info.horizon_unix_ms.to_string(),
        "clock_ahead_ms": info.clock_ahead_ms,
        "published": info.published,
    })
}
