//! `idgen serve`: doors bound, store opened, worker ids claimed, then ready, then drained.

mod listen;

use std::process;
use std::sync::Arc;
use std::time::Duration;

use idgen_runtime::{Runtime, Settings, SnowflakeSettings, Snowflakes};
use idgen_server::{Desk, Limits, Server, iso_date};
use idgen_snowflake::Preset;
use idgen_store::{Definition, Name, Order, Wish};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::next::create_if_absent;
use crate::output::Output;
use crate::place::{make_data_dir, open_with_workers};
use listen::{Bound, raise_file_limit};

/// The layout of the GenID door.
const GENID: &str = "genid";
/// The original's increment of artisanal integers.
const ARTISANAL_INCREMENT: u64 = 2;
/// What `--layout` says when native snowflakes are not wanted.
const OFF: &str = "off";
/// From here on GenID's ids are negative as signed numbers: 2038-01-19T03:14:08Z.
const GENID_SIGNED_END_UNIX_MS: u64 = (1 << 31) * 1000;
/// How long a worker id may take to be had: a lease and more.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn run(args: &ServeArgs, output: &Output) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start: {error}")))?;
    let served = runtime.block_on(serve(args, &plan, output));
    // Nothing may hold the process after the drain, whatever still runs.
    runtime.shutdown_background();
    served
}

/// What the arguments come to, checked before anything is touched.
struct Plan {
    pool: Name,
    integers: Name,
    layout: Option<&'static Preset>,
    genid: &'static Preset,
    genid_worker: u64,
}

impl Plan {
    fn new(args: &ServeArgs) -> Result<Self, Failure> {
        let layout = if args.layout == OFF { None } else { Some(Preset::named(&args.layout)?) };
        if let (Some(layout), Some(worker)) = (layout, args.worker) {
            check_worker(layout, worker)?;
        }
        let genid = Preset::named(GENID)?;
        let nodes = [("zone", args.zone), ("dc", args.dc), ("machine", args.machine)];
        let genid_worker =
            genid.layout.worker(&nodes).map_err(|error| Failure::usage(error.to_string()))?;
        let integers = Name::new(&args.doors.artisanal_sequence)?;
        Ok(Self { pool: Name::new(&args.pool)?, integers, layout, genid, genid_worker })
    }
}

fn check_worker(preset: &Preset, worker: u64) -> Result<(), Failure> {
    let last = preset.layout.workers() - 1;
    if worker <= last {
        return Ok(());
    }
    let name = preset.name;
    Err(Failure::usage(format!(
        "worker id {worker} is too large: layout {name} has 0 to {last}; choose one of them"
    )))
}

/// The signals that drain.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::refused(format!("cannot hear signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn serve(args: &ServeArgs, plan: &Plan, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    raise_file_limit();
    let bound = Bound::new(args).await?;
    let runtime = start(args, plan)?;
    let desk = tokio::select! {
        desk = desk(args, plan, &runtime) => desk,
        () = stop.heard() => Err(Failure::refused("stopped by a signal before it was ready")),
    };
    let desk = match desk {
        Ok(desk) => desk,
        Err(failure) => {
            runtime.stop().await;
            return Err(failure);
        }
    };
    let lines = bound.lines(args)?;
    let server = Server::start(desk, bound.doors, Limits::default());
    for (plain, value) in lines {
        tell(output, &plain, &value);
    }
    tell(output, "ready", &json!({ "event": "ready" }));
    stop.heard().await;
    drain(server, &mut stop, output).await
}

/// Opens the store and starts what keeps generators supplied.
fn start(args: &ServeArgs, plan: &Plan) -> Result<Runtime, Failure> {
    let needs_workers = plan.layout.is_some() || !args.tcp.is_off();
    let store = open_with_workers(&args.place, &args.registry, needs_workers)?;
    let state_dir = if store.outlives_process {
        make_data_dir(&args.place.data_dir)?;
        Some(args.place.data_dir.clone())
    } else {
        tracing::warn!("the store forgets every id when this process ends (--volatile)");
        None
    };
    Ok(Runtime::start(store, Settings { state_dir, ..Settings::default() })?)
}

async fn desk(args: &ServeArgs, plan: &Plan, runtime: &Runtime) -> Result<Desk, Failure> {
    let store = runtime.sequences().as_ref();
    for note in store.notes().await? {
        tracing::warn!("the store: {note}");
    }
    create_if_absent(store, &plan.pool, &Definition::default()).await?;
    if args.doors.artisanal() {
        create_if_absent(store, &plan.integers, &artisanal_series()?).await?;
    }
    let limits = Limits::default();
    // The pinned worker id first: an unpinned one may be any other.
    let genid = if args.tcp.is_off() {
        None
    } else {
        warn_of_genid_dates();
        Some(claim(runtime, plan.genid, Wish::Exactly(plan.genid_worker)).await?)
    };
    let wish = args.worker.map_or(Wish::Any, Wish::Exactly);
    let snowflakes = match plan.layout {
        Some(preset) => Some((claim(runtime, preset, wish).await?, preset.name)),
        None => None,
    };
    Ok(Desk {
        runtime: runtime.clone(),
        pool: plan.pool.clone(),
        integers: plan.integers.clone(),
        snowflakes,
        genid,
        request_deadline: limits.request_deadline,
    })
}

/// What the original's engines count when nothing else is said: 2, 4, 6, ...
fn artisanal_series() -> Result<Definition, Failure> {
    Definition::new(1, ARTISANAL_INCREMENT, 0, u64::MAX, Order::Leased)
        .map_err(|error| Failure::usage(error.to_string()))
}

/// Claims a worker id of the id space that is named after the layout.
async fn claim(runtime: &Runtime, preset: &Preset, wish: Wish) -> Result<Arc<Snowflakes>, Failure> {
    let mut settings = SnowflakeSettings::new(preset.name, &preset.layout)?;
    settings.wish = wish;
    settings.holder = format!("idgen serve, pid {}", process::id());
    settings.claim_timeout = CLAIM_TIMEOUT;
    let snowflakes = runtime.snowflakes(settings).await?;
    let last = iso_date(preset.layout.end_unix_ms() - 1);
    tracing::info!(layout = preset.name, worker = snowflakes.worker(), %last, "worker id claimed");
    Ok(snowflakes)
}

fn warn_of_genid_dates() {
    let signed_end = iso_date(GENID_SIGNED_END_UNIX_MS);
    tracing::warn!(
        "GenID ids read as signed 64-bit numbers turn negative on {signed_end}; read them unsigned"
    );
}

/// Drains; a second signal ends the process at once.
async fn drain(server: Server, stop: &mut Stop, output: &Output) -> Result<(), Failure> {
    let report = tokio::select! {
        report = server.drain() => report,
        () = stop.heard() => {
            return Err(Failure::refused("stopped by a second signal before the drain was over"));
        }
    };
    tracing::info!(lost_ids = report.lost_ids, unfinished = report.unfinished, "drained");
    tell(output, "stopped", &json!({ "event": "stopped" }));
    Ok(())
}

/// A server goes on when nobody reads its standard output any more.
fn tell(output: &Output, plain: &str, value: &Value) {
    if let Err(failure) = output.result(plain, value) {
        tracing::warn!("{}", failure.line());
    }
}
