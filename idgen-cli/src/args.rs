//! The command line.

pub(crate) mod doors;
pub(crate) mod guards;
pub(crate) mod layout;
mod listen;
pub(crate) mod store;
pub(crate) mod tools;
pub(crate) mod worker_id;
pub(crate) mod workers;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use idgen_core::text::Form;
use idgen_store::Order;

use crate::failure::EXIT_CODES;
pub(crate) use listen::Listen;
pub(crate) use worker_id::RegistryArgs;
use worker_id::WorkerArgs;

/// The most ids that one call of a tool issues.
const MAX_IDS: u64 = 1_000_000;

const EXAMPLES: &str = "\
Examples:
  idgen serve                          serve on 127.0.0.1, recorded in ./idgen-data
  curl -X POST http://127.0.0.1:8080/v1/sequences/default/ids?count=3
  idgen next orders -n 5               five ids of the sequence 'orders'
  idgen snowflake --format base32      one time-ordered id
  idgen decode 7263948571234304 --layout standard";

/// Unique 64-bit ids: serial ids from leased segments, time-ordered ids from leased time.
#[derive(Debug, Parser)]
#[command(name = "idgen", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Args {
    /// Write results, and failures, as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve ids over HTTP and TCP until SIGTERM or Ctrl-C.
    Serve(Box<ServeArgs>),
    /// Lease exactly N ids of a sequence from the store, beside any running server.
    Next(NextArgs),
    /// Issue time-ordered ids under a worker id of its own.
    Snowflake(SnowflakeArgs),
    /// Take an id apart.
    Decode(DecodeArgs),
    /// Tell all of an id: its parts, its forms, the lease it was issued under.
    Explain(workers::ExplainArgs),
    /// Look at worker ids, or free one.
    Worker(workers::WorkerArgs),
    /// Create, look at and change sequences.
    Sequence(SequenceArgs),
    /// Look at a store, or move sequences from one to another.
    Store(store::StoreArgs),
    /// Look at layouts.
    Layout(layout::LayoutArgs),
    /// Mint artisanal integers, as int of go-artisanal-integers does.
    Int(tools::IntArgs),
    /// Serve artisanal integers, as intd-server of go-artisanal-integers does.
    IntdServer(tools::IntdServerArgs),
    /// Serve pots, as idpot-server of go-idpot does.
    IdpotServer(tools::IdpotServerArgs),
    /// Serve ids of a pool, as idpool does.
    Idpool(tools::IdpoolArgs),
    /// Serve time-ordered ids, as GenID does.
    Genid(tools::GenidArgs),
}

impl Command {
    /// Whether it serves until it is stopped.
    pub(crate) fn is_server(&self) -> bool {
        let tool = matches!(self, Self::IdpotServer(_) | Self::Idpool(_) | Self::Genid(_));
        tool || matches!(self, Self::Serve(_) | Self::IntdServer(_))
    }
}

/// Where ids are recorded.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct PlaceArgs {
    /// The store: sqlite:PATH, memory: or, where built in, mysql://USER:PASSWORD@HOST/DATABASE,
    /// postgres://USER:PASSWORD@HOST/DATABASE, redis://:PASSWORD@HOST, rqlite://USER:PASSWORD@HOST,
    /// zookeeper://HOST,HOST or etcd://HOST,HOST [default: idgen.db in the data directory]. Given
    /// several times, each store leases its own part of every sequence (with two: odd and even
    /// ids), and ids go on while one of them is down.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) store: Vec<String>,
    /// Where this host keeps its store and its journal.
    #[arg(long, value_name = "DIR", default_value = "idgen-data", global = true)]
    pub(crate) data_dir: PathBuf,
    /// Allow a store that forgets everything when the process ends.
    #[arg(long, global = true)]
    pub(crate) volatile: bool,
}

/// `idgen serve`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen serve
  idgen serve --data-dir /var/lib/idgen --http 0.0.0.0:8080 --tcp off
  idgen serve --zone 3 --dc 1 --machine 2      this GenID node and no other
  idgen serve --zone 3 --dc 1                  any free machine of that data centre
  idgen serve --registry file:/mnt/volume/workers --worker-from ordinal
  idgen serve --artisanal-http localhost:8090 --artisanal-tcp localhost:8091
  idgen serve --sequence-http localhost:8092 --sequence-zookeeper zoo1,zoo2,zoo3
  idgen serve --store postgres://me:secret@db/ids --layout off --tcp off

Standard output gets one line for each door and then 'ready'; the log goes to standard error
(IDGEN_LOG=debug for more). SIGTERM and Ctrl-C drain: no new connections, requests that have been
read are answered, unissued ids go back to the store. A second signal ends it at once.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) guards: guards::GuardArgs,
    #[command(flatten)]
    pub(crate) nodes: doors::NodesArgs,
    /// Address of another server's administration, http://HOST:PORT, once for each of all others
    /// that issue from the store. A sequence that is frozen because the store went back goes on by
    /// itself when each of them has told the highest id it was granted. Not for a store from which
    /// others lease too, such as originals or 'idgen next': what they were granted nobody tells.
    #[arg(long = "peer", value_name = "URL")]
    pub(crate) peers: Vec<String>,
    /// Address of idpool, idpot and the native API, or off.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) http: Listen,
    /// Address of the GenID protocol, or off.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3778")]
    pub(crate) tcp: Listen,
    /// Address of administration, or off. Whoever reaches it may change sequences.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub(crate) admin: Listen,
    #[command(flatten)]
    pub(crate) doors: doors::DoorArgs,
    /// GenID zone, 0 to 31.
    #[arg(long, default_value_t = 0, value_parser = at_most::<31>, allow_hyphen_values = true)]
    pub(crate) zone: u64,
    /// GenID data centre, 0 to 7.
    #[arg(long, default_value_t = 0, value_parser = at_most::<7>, allow_hyphen_values = true)]
    pub(crate) dc: u64,
    /// GenID machine, 0 to 7 [default: any of them that is free under the zone and data centre].
    #[arg(long, value_parser = at_most::<7>, allow_hyphen_values = true)]
    pub(crate) machine: Option<u64>,
    /// Layout of native snowflakes, see 'idgen layout list', or off.
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub(crate) layout: String,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// The sequence that the idpool door serves; created if there is none.
    #[arg(long, value_name = "SEQUENCE", default_value = "default")]
    pub(crate) pool: String,
}

/// `idgen next`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen next                           one id of the sequence 'default', made at first use
  idgen next orders -n 100 --format base32")]
pub(crate) struct NextArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The sequence [default: default, created if there is none].
    pub(crate) sequence: Option<String>,
    /// How many ids.
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=MAX_IDS), allow_negative_numbers = true)]
    pub(crate) count: u64,
    /// How ids are written.
    #[arg(long, value_enum, default_value_t = Format::Dec)]
    pub(crate) format: Format,
}

/// `idgen snowflake`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen snowflake
  idgen snowflake -n 1000 --layout js-safe")]
pub(crate) struct SnowflakeArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// How many ids.
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=MAX_IDS), allow_negative_numbers = true)]
    pub(crate) count: u64,
    /// Their layout; see 'idgen layout list'.
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub(crate) layout: String,
    /// How ids are written.
    #[arg(long, value_enum, default_value_t = Format::Dec)]
    pub(crate) format: Format,
}

/// `idgen decode`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen decode 7263948571234304
  idgen decode 7520112847193210889 --layout genid
  idgen decode 0DQ2M1FQG4001 --format base32")]
pub(crate) struct DecodeArgs {
    /// The id.
    pub(crate) id: String,
    /// Its layout; see 'idgen layout list'.
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub(crate) layout: String,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Dec)]
    pub(crate) format: Format,
}

/// `idgen sequence`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen sequence create orders --first 1000
  idgen sequence create odd --increment 2 --offset 1
  idgen sequence advance orders --above 50000
  idgen sequence alter orders --end 99999999 --above 60000

These work on the store itself, beside any server. A running server goes on with the segment it
has leased and follows with its next one; its admin listener makes it follow at once, for example
  curl -X POST -H 'Content-Type: application/json' -d '{\"above\":\"50000\"}' \\
    http://127.0.0.1:8081/admin/v1/sequences/orders/advance")]
pub(crate) struct SequenceArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(subcommand)]
    pub(crate) command: SequenceCommand,
}

/// What to do with sequences.
#[derive(Debug, Subcommand)]
pub(crate) enum SequenceCommand {
    /// Create a sequence; with the same settings again nothing changes.
    Create {
        /// Its name: any text of 1 to 128 bytes.
        name: String,
        /// The lowest id.
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// The distance of neighbours.
        #[arg(long, default_value_t = 1)]
        increment: u64,
        /// What every id leaves when divided by the increment.
        #[arg(long, default_value_t = 0)]
        offset: u64,
        /// The highest id.
        #[arg(long, default_value_t = u64::MAX)]
        end: u64,
        /// How ids are ordered over nodes.
        #[arg(long, value_enum, default_value_t = OrderArg::Leased)]
        order: OrderArg,
    },
    /// List all sequences.
    List,
    /// Show one sequence.
    Show {
        /// Its name.
        name: String,
    },
    /// Make the next id lie above a number.
    Advance {
        /// Its name.
        name: String,
        /// The number; never below what is granted.
        #[arg(long, value_name = "N")]
        above: u64,
    },
    /// Change settings; ids go on above a number.
    Alter {
        /// Its name.
        name: String,
        /// The new distance of neighbours.
        #[arg(long)]
        increment: Option<u64>,
        /// What every new id leaves when divided by the increment.
        #[arg(long)]
        offset: Option<u64>,
        /// The new highest id.
        #[arg(long)]
        end: Option<u64>,
        /// The new order over nodes.
        #[arg(long, value_enum)]
        order: Option<OrderArg>,
        /// The number; never below what is granted.
        #[arg(long, value_name = "N")]
        above: u64,
    },
    /// Delete a sequence; created again it goes on above its last id.
    Delete {
        /// Its name.
        name: String,
    },
    /// Let a frozen sequence go on above a number that no server has passed.
    Thaw {
        /// Its name.
        name: String,
        /// The highest id that was ever answered, or any above it.
        #[arg(long, value_name = "N")]
        above: u64,
    },
}

/// How ids are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Decimal.
    Dec,
    /// Crockford base32, 13 characters.
    Base32,
    /// Base62, 11 characters.
    Base62,
    /// Lower-case hexadecimal, 16 digits.
    Hex,
}

impl From<Format> for Form {
    fn from(format: Format) -> Self {
        match format {
            Format::Dec => Self::Decimal,
            Format::Base32 => Self::Base32,
            Format::Base62 => Self::Base62,
            Format::Hex => Self::Hex,
        }
    }
}

/// How ids of one sequence are ordered over all nodes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OrderArg {
    /// Nodes lease segments: fast.
    Leased,
    /// Every id is one durable step: rising over all nodes.
    Strict,
}

impl From<OrderArg> for Order {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Leased => Self::Leased,
            OrderArg::Strict => Self::Strict,
        }
    }
}

/// A number of a field that holds 0 to `MAX`.
fn at_most<const MAX: u64>(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX);
    number.ok_or_else(|| format!("{text} is not in 0..={MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
