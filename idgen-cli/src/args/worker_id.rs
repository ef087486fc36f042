//! Which worker id snowflakes have, and where it is recorded.

use clap::{Args as ClapArgs, ValueEnum};
use idgen_runtime::{host_name, ordinal_wish};
use idgen_snowflake::Preset;
use idgen_store::Wish;

use crate::failure::Failure;

/// Where worker ids are recorded.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct RegistryArgs {
    /// What leases worker ids, the same for all servers of an id space: a store as for --store, or
    /// file:DIRECTORY, a directory that all servers of one host share and that outlives them, as on
    /// a volume; over a network it needs locks that hold [default: that of --store].
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) registry: Option<String>,
}

/// A worker id without a registry.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct UnrecordedArgs {
    /// Record the worker id nowhere, where there is no place for it: ids begin one lease (10 s)
    /// after the start. No id repeats as long as this process runs. Promise P1 is withdrawn across
    /// restarts: a second process with the same worker id, or a clock set back between two runs,
    /// repeats ids, and nothing notices. Refused beside a registry, or a store that has one.
    #[arg(long, conflicts_with = "registry")]
    pub(crate) worker_unrecorded: bool,
}

/// Which worker id native snowflakes have.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct WorkerArgs {
    /// Worker id of native snowflakes, recorded like any other [default: any free one].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) worker: Option<u64>,
    /// Take the worker id from here; it is recorded like any other.
    #[arg(long, value_enum, value_name = "WHERE", conflicts_with = "worker")]
    pub(crate) worker_from: Option<WorkerFrom>,
    #[command(flatten)]
    pub(crate) unrecorded: UnrecordedArgs,
}

/// Where a worker id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkerFrom {
    /// The number behind the last '-' of the host's name (HOSTNAME, or the system's): the ordinal
    /// of a pod of a Kubernetes StatefulSet.
    Ordinal,
}

impl WorkerArgs {
    /// The worker id that is wished for.
    ///
    /// # Errors
    ///
    /// The layout has no such worker id, the host's name no ordinal, or none is named where it must
    /// be.
    pub(crate) fn wish(&self, preset: &Preset) -> Result<Wish, Failure> {
        let wish = match (self.worker, self.worker_from) {
            (Some(worker), _) => {
                check_worker(preset, worker)?;
                Wish::Exactly(worker)
            }
            (None, Some(WorkerFrom::Ordinal)) => ordinal_wish(&host_name(), &preset.layout)
                .map_err(|error| Failure::usage(format!("--worker-from ordinal: {error}")))?,
            (None, None) => Wish::Any,
        };
        if self.unrecorded.worker_unrecorded && wish == Wish::Any {
            return Err(Failure::usage(
                "--worker-unrecorded: a worker id that is recorded nowhere must be named; add \
                 --worker N, or --worker-from ordinal",
            ));
        }
        Ok(wish)
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

impl UnrecordedArgs {
    /// Says what is withdrawn, before anything else is said.
    pub(crate) fn warn(self) {
        if self.worker_unrecorded {
            tracing::warn!(
                "promise P1, that no id is ever answered twice, is withdrawn across restarts: the \
                 worker id is recorded nowhere (--worker-unrecorded), so a second process that has \
                 it, or a clock set back between two runs, repeats ids; ids begin after one lease"
            );
        }
    }
}
