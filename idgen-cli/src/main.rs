//! `idgen`: a server of unique 64-bit ids, and the tools beside it.
//!
//! This binary is the only place of the workspace that chooses a store. Each subcommand is a
//! module; [`failure`] knows the exit codes, [`output`] how results are written, [`place`] where
//! ids are recorded.

mod args;
mod artisanal;
mod decode;
mod explain;
mod failure;
mod genid;
mod genid_node;
mod idpool;
mod idpot;
mod layout;
mod migrate;
mod next;
mod number;
mod output;
mod place;
mod sequence;
mod serve;
mod serving;
mod snowflake;
mod spelling;
mod store;
mod wanted;
mod worker;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse_from(spelling::arguments(std::env::args_os())) {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    log_to_stderr(&args.command);
    let output = Output::new(args.json);
    match run(args.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

/// Help and version are answers; wrong usage is a failure like any other, on one line.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // With standard output gone there is nobody to help.
        let _unheard = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _unheard = error.print();
        return ExitCode::from(2);
    }
    let text = error.render().to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or(&text);
    let what = what.split("\n\nFor more information").next().unwrap_or(what);
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let failure = Failure::usage(format!("{what}; see 'idgen help'"));
    Output::new(std::env::args_os().any(|arg| arg == "--json")).failure(&failure);
    ExitCode::from(failure.code())
}

fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(&args, output),
        Command::Int(args) => artisanal::int(&args),
        Command::IntdServer(args) => artisanal::intd_server(&args, output),
        Command::IdpotServer(args) => idpot::run(&args, output),
        Command::Idpool(args) => idpool::run(&args, output),
        Command::Genid(args) => genid::run(&args, output),
        Command::Next(args) => next::run(&args, output),
        Command::Snowflake(args) => snowflake::run(&args, output),
        Command::Decode(args) => decode::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Worker(args) => worker::run(&args, output),
        Command::Sequence(args) => sequence::run(&args, output),
        Command::Store(args) => store::run(&args, output),
        Command::Layout(args) => layout::run(&args, output),
    }
}

/// Logs go to standard error: a server tells what it does, a tool only what is wrong. `idgen int`
/// tells each step of a fail-over too, in plain lines. `IDGEN_LOG` chooses otherwise, for example
/// `IDGEN_LOG=debug`.
fn log_to_stderr(command: &Command) {
    let usual = match command {
        Command::Int(_) => "warn,idgen_store=info",
        command if command.is_server() => "info",
        Command::Snowflake(args) if args.worker.unrecorded.worker_unrecorded => "warn",
        _ => "error",
    };
    let filter = EnvFilter::try_from_env("IDGEN_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match command {
        Command::Int(_) => log.without_time().with_level(false).init(),
        _ => log.init(),
    }
}
