//! The arguments of the commands that look at worker ids.

use clap::{Args as ClapArgs, Subcommand};

use super::{Format, PlaceArgs, RegistryArgs};

/// `idgen worker`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen worker list standard
  idgen worker show genid 202 --registry sqlite:/var/lib/idgen/idgen.db
  idgen worker release standard 7
  idgen worker thaw standard --above 1790000000000 --data-dir /var/lib/idgen

An id space has the name of its layout. A released worker id is free at once, and its next lease
begins where the recorded one ends: whoever still has that one issues below, so no id comes twice.
With --force a server that is alive loses its worker id and claims another one.")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(subcommand)]
    pub(crate) command: WorkerCommand,
}

/// What to do with worker ids.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    #[command(flatten)]
    Record(RecordCommand),
    /// Let a server issue again that found its registry gone back. It then begins above the time
    /// named, and one lease and a few seconds after it met the registry: by then all others have
    /// ended whatever the registry forgot. Its marks stand in --data-dir, and each frozen server
    /// has its own. Until the first lease another time can be named.
    Thaw {
        /// The id space.
        space: String,
        /// The latest time that any server was granted, or any above it, in milliseconds since
        /// 1970; each frozen server names its own.
        #[arg(long, value_name = "MS")]
        above: u64,
    },
}

/// What to do with the registry's records.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// List the worker ids that were ever leased.
    List {
        /// The id space.
        space: String,
    },
    /// Show one worker id.
    Show {
        /// The id space.
        space: String,
        /// The worker id.
        worker: u64,
    },
    /// Free a worker id whose holder is gone.
    Release {
        /// The id space.
        space: String,
        /// The worker id.
        worker: u64,
        /// Although its lease still runs.
        #[arg(long)]
        force: bool,
    },
}

/// `idgen explain`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen explain 7263948571234304
  idgen explain 7520112847193210889 --layout genid --registry sqlite:/var/lib/idgen/idgen.db

A registry keeps the last lease of each worker id: of an id that was issued under an earlier one it
can only tell that.")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// The id.
    pub(crate) id: String,
    /// Its layout; see 'idgen layout list'.
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub(crate) layout: String,
    /// Its id space [default: the name of the layout].
    #[arg(long, value_name = "NAME")]
    pub(crate) space: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Dec)]
    pub(crate) format: Format,
}
