//! What every server of this binary does: doors bound, store opened, sequences made, worker ids
//! claimed, then ready, then drained.
//!
//! `idgen serve` and the tools under their old names differ in what they read their [`Serving`]
//! from, and in nothing after that.

mod gate;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use idgen_runtime::{Lifetime, Peers, Runtime, Settings, SnowflakeSettings, Snowflakes, host_name};
use idgen_server::{AccessLog, Desk, Limits, Server, iso_date};
use idgen_snowflake::Preset;
use idgen_store::{Name, NodeNumber, OpenStore, StoreError, Wish};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::doors::PotArgs;
use crate::args::guards::GuardArgs;
use crate::failure::Failure;
use crate::genid_node::{GenidNode, genid_preset};
use crate::output::Output;
use crate::place::make_data_dir;
use crate::wanted::Wanted;
use gate::Bound;
pub(crate) use gate::{Door, Gate, Place, address, any_host};

/// How long a worker id may take to be had at least.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(20);
/// What a server is made of.
pub(crate) struct Serving {
    /// What it is called in the registry of workers.
    pub(crate) program: &'static str,
    /// Where each of its doors listens; at least one.
    pub(crate) gates: Vec<Gate>,
    /// Who may create pots.
    pub(crate) pots: PotArgs,
    /// Told of each HTTP request.
    pub(crate) access: Option<Arc<dyn AccessLog>>,
    /// Opens the store; called once the doors are bound.
    pub(crate) open: Box<dyn FnOnce() -> Result<OpenStore, Failure>>,
    /// How many servers issue from the store.
    pub(crate) nodes: NonZeroU32,
    /// Who tells the marks of all other servers, if they are listed.
    pub(crate) peers: Option<Arc<dyn Peers>>,
    /// Where the journal is kept, if it is.
    pub(crate) data_dir: Option<PathBuf>,
    /// Sequences that must be there before the first request.
    pub(crate) wanted: Vec<Wanted>,
    /// The sequence of the idpool door.
    pub(crate) pool: Name,
    /// The sequence of the artisanal doors.
    pub(crate) integers: Name,
    /// The layout of native snowflakes and the worker id wished for.
    pub(crate) native: Option<(&'static Preset, Wish)>,
    /// Which node of GenID that door is.
    pub(crate) genid: Option<GenidNode>,
    /// What is looked at before ids are issued, and while they are.
    pub(crate) guards: GuardArgs,
    /// What claims a number for this process, if there is a door for it.
    pub(crate) number: Option<Arc<dyn NodeNumber>>,
}

/// Serves until a signal ends it.
pub(crate) fn run(serving: Serving, output: &Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start: {error}")))?;
    let served = runtime.block_on(serve(serving, output));
    // Nothing may hold the process after the drain, whatever still runs.
    runtime.shutdown_background();
    served
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

async fn serve(serving: Serving, output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    gate::raise_file_limit();
    let Serving { gates, pots, access, open, nodes, peers, data_dir, guards, .. } = serving;
    let bound = Bound::new(gates, &pots, access).await?;
    let settings = guards.apply(Settings { peers, ..Settings::default() })?;
    let lease = Duration::from_millis(settings.lease_ms);
    let runtime = start(open()?.served_by(nodes), settings, data_dir.as_deref())?;
    let wishes = Wishes {
        program: serving.program,
        wanted: &serving.wanted,
        pool: serving.pool,
        integers: serving.integers,
        native: serving.native,
        genid: serving.genid,
        number: serving.number,
        claim_timeout: CLAIM_TIMEOUT.max(lease * 2),
    };
    let desk = tokio::select! {
        desk = wishes.desk(&runtime) => desk,
        () = stop.heard() => Err(Failure::refused("stopped by a signal before it was ready")),
    };
    let desk = match desk {
        Ok(desk) => desk,
        Err(failure) => {
            runtime.stop().await;
            return Err(failure);
        }
    };
    let Bound { doors, lines } = bound;
    let server = Server::start(desk, doors, Limits::default());
    for (plain, value) in lines {
        tell(output, &plain, &value);
    }
    tell(output, "ready", &json!({ "event": "ready" }));
    stop.heard().await;
    drain(server, &mut stop, output).await
}

/// Starts what keeps generators supplied.
fn start(
    store: OpenStore,
    mut settings: Settings,
    data_dir: Option<&Path>,
) -> Result<Runtime, Failure> {
    if !store.outlives_process {
        tracing::warn!("the store forgets every id when this process ends");
    } else if let Some(dir) = data_dir {
        make_data_dir(dir)?;
        settings.state_dir = Some(dir.to_owned());
    }
    Ok(Runtime::start(store, settings)?)
}

/// What the store is asked for before the doors open.
struct Wishes<'a> {
    program: &'static str,
    wanted: &'a [Wanted],
    pool: Name,
    integers: Name,
    native: Option<(&'static Preset, Wish)>,
    genid: Option<GenidNode>,
    number: Option<Arc<dyn NodeNumber>>,
    /// A lease and more.
    claim_timeout: Duration,
}

impl Wishes<'_> {
    async fn desk(self, runtime: &Runtime) -> Result<Desk, Failure> {
        let store = runtime.sequences().as_ref();
        match store.notes().await {
            Ok(notes) => notes.iter().for_each(|note| tracing::warn!("the store: {note}")),
            // Nothing is needed of it before the first request, which will be told.
            Err(error @ StoreError::Unavailable(_)) if self.wanted.is_empty() => {
                tracing::warn!("{error}; serving all the same");
            }
            Err(error) => return Err(error.into()),
        }
        for wanted in self.wanted {
            wanted.prepare(store).await?;
        }
        // The pinned worker id first: an unpinned one may be any other.
        let genid = match &self.genid {
            Some(node) => {
                warn_of_genid_dates();
                let mut settings = self.settings(genid_preset()?)?;
                node.wish(&mut settings)?;
                Some(claim(runtime, settings).await?)
            }
            None => None,
        };
        let snowflakes = match self.native {
            Some((preset, wish)) => {
                let settings = SnowflakeSettings { wish, ..self.settings(preset)? };
                Some((claim(runtime, settings).await?, preset.name))
            }
            None => None,
        };
        Ok(Desk {
            runtime: runtime.clone(),
            pool: self.pool,
            integers: self.integers,
            snowflakes,
            genid,
            number: self.number,
            request_deadline: Limits::default().request_deadline,
        })
    }

    /// Settings of the id space that is named after the layout.
    fn settings(&self, preset: &Preset) -> Result<SnowflakeSettings, Failure> {
        let mut settings = SnowflakeSettings::new(preset.name, &preset.layout)?;
        settings.holder = holder(self.program);
        settings.claim_timeout = self.claim_timeout;
        Ok(settings)
    }
}

/// What a holder of a worker id calls itself, so that an operator finds it.
pub(crate) fn holder(program: &str) -> String {
    format!("{program} on {}, pid {}", host_name(), process::id())
}

/// Claims a worker id, and tells what it is and how long its layout lasts.
async fn claim(runtime: &Runtime, settings: SnowflakeSettings) -> Result<Arc<Snowflakes>, Failure> {
    let snowflakes = runtime.snowflakes(settings).await?;
    let lifetime = snowflakes.lifetime();
    let last = iso_date(lifetime.end_unix_ms - 1);
    let (layout, worker) = (snowflakes.space(), snowflakes.worker());
    let (node, left_days) = (snowflakes.node(), lifetime.left_days());
    tracing::info!(%layout, worker, node, %last, left_days, "worker id claimed");
    Ok(snowflakes)
}

/// Both ends of GenID's ids.
fn warn_of_genid_dates() {
    let Ok(preset) = genid_preset() else { return };
    let lifetime = Lifetime::at(&preset.layout, 0);
    let end = iso_date(lifetime.end_unix_ms);
    let negative = lifetime.negative_from_unix_ms.map(iso_date).unwrap_or_default();
    tracing::warn!(
        "GenID ids read as signed 64-bit numbers turn negative on {negative}, read them unsigned; \
         their seconds run out on {end}, plan another layout"
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
