//! Stands in for a cluster of rqlite in tests: its documented HTTP API over one SQLite file.
//!
//! One process is all nodes. Node `n` listens on `127.0.0.n` at the one port given, so that a
//! cluster needs a single free port. There is one leader, the first node to begin with; any other
//! node forwards a request to it, or answers 301 with its address if the request has `redirect` or
//! the cluster was started with `--redirect`, as versions before 7 always did. What was answered
//! is on disk, and a process that was killed goes on with it when it is started again.
//!
//! What is there: `/db/execute`, `/db/query`, `/db/request` (parameters by place and by name,
//! `transaction`, `level`, `associative`, `redirect`), `/nodes`, `/leader`, `/status`, `/readyz`,
//! and Basic authentication. What is not is refused: the write queue, backups, joining.
//!
//! Beside that API, which rqlite has not, each node takes orders of a test under `/stand-in`; the
//! head of the module `orders` lists them.

mod cluster;
mod database;
mod node;
mod orders;
mod results;
mod statement;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use cluster::Cluster;
use database::Database;

/// Stands in for a cluster of rqlite in tests.
#[derive(Debug, Parser)]
struct Args {
    /// The folder of the data; it must exist.
    #[arg(long)]
    data: PathBuf,
    /// The port of all nodes; node N listens on 127.0.0.N.
    #[arg(long)]
    port: u16,
    /// How many nodes there are.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// Have followers answer 301 without being asked to.
    #[arg(long)]
    redirect: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("rqlite-stand-in: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<(), String> {
    let path = args.data.join("rqlite-stand-in.db");
    let database = Database::open(&path).map_err(|error| {
        format!("{}: {error}; see that the folder exists and can be written", path.display())
    })?;
    let addresses = (1..=args.nodes).map(|node| (Ipv4Addr::new(127, 0, 0, node), args.port).into());
    let cluster = Arc::new(Cluster::new(database, addresses.collect(), args.redirect));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(node::listen(cluster))
}
