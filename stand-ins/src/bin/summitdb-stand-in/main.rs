//! Stands in for a cluster of SummitDB in tests: its documented commands over one file.
//!
//! One process is all nodes. Node `n` listens on `127.0.0.n` at the one port given, so that a
//! cluster needs a single free port. There is one leader, the first node to begin with; any other
//! node answers a command that reads or writes with `TRY` and the leader's address, as SummitDB
//! does at its usual consistency. What was answered is on disk, and a process that was killed goes
//! on with it when it is started again.
//!
//! What is there: `GET`, `SET`, `SETNX`, `DEL`, `EXISTS`, `INCR`, `INCRBY`, `DECRBY`, `KEYS`,
//! `DBSIZE`, `FLUSHDB`, `FENCE`, `FENCEGET`, `EVAL` with JavaScript, `MULTI`, `EXEC`, `DISCARD`,
//! `PING`, `QUIT`, `RAFTPEERS`, `RAFTLEADER` and `RAFTSTATE`. `INCRBY` goes past 2^63-1 without a
//! word, to the lowest negative number, as it does there. What is not there is an unknown command,
//! as it would be in a version without it.
//!
//! Beside these, which SummitDB has not, each node takes orders of a test by `STANDIN`; the head of
//! the module `orders` lists them.
//!
//! # How it works
//!
//! A thread for each connection reads commands and writes replies. One thread owns everything else:
//! it takes commands from all connections as they come, runs them, appends what they wrote to the
//! file, syncs once for all that came together, and only then hands out their replies.

mod commands;
mod engine;
mod log;
mod node;
mod orders;
mod resp;
mod script;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use engine::Engine;

/// Stands in for a cluster of SummitDB in tests.
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
}

fn main() -> ExitCode {
    let args = Args::parse();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("summitdb-stand-in: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<(), String> {
    let path = args.data.join("summitdb-stand-in.log");
    let addresses: Vec<SocketAddr> =
        (1..=args.nodes).map(|node| (Ipv4Addr::new(127, 0, 0, node), args.port).into()).collect();
    let (jobs, queue) = std::sync::mpsc::channel();
    let lines = node::listen(&addresses, &jobs)?;
    let engine = Engine::open(&path, addresses, lines).map_err(|error| {
        format!("{}: {error}; see that the folder exists and can be written", path.display())
    })?;
    engine.run(&queue)
}
