//! The project's chores in Rust, so that every machine with cargo can do them.
//!
//! - `cargo xtask test [--full] [--without STORE]` runs every check and closes with a plain count.
//! - `cargo xtask features` checks the library crates in each combination of their features.
//! - `cargo xtask sanitizers [--full]` runs suites under AddressSanitizer and ThreadSanitizer.
//! - `cargo xtask bench [ROW...]` measures the targets' rows and keeps the table.
//! - `cargo xtask api` writes the listings of what the algorithm crates offer.
//! - `cargo xtask header` writes the C header of the library.
//! - `cargo xtask libidgen` installs the C library and tries it from C and C++.
//! - `cargo xtask mutants [WORD...]` plants known defects and demands a test that sees each.
//! - `cargo xtask portable` runs the algorithm crates on emulated machines and in node.
//! - `cargo xtask services up|down|status` starts real servers for tests and ends them.
//! - `cargo xtask simulate --seeds A..B | --seed N --trace` runs the simulation on these seeds.
//! - `cargo xtask tidy` checks the house rules alone; `cargo test -p xtask` does so too.

use std::path::Path;
use std::process::ExitCode;

mod api;
mod bench;
mod budgets;
mod features;
mod header;
mod libidgen;
mod mutants;
mod portable;
mod sanitizers;
mod services;
mod simulate;
mod suite;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--full]   run every check; --full runs the long suites whole
       [--without STORE]...  leave out the tests of stores that need this server
  bench [ROW...]  measure all rows of the targets, or these; keep benches/results/paired.md
  api             write the listings of the public interfaces, api.txt of each algorithm crate
  header          write the C header, idgen-ffi/include/idgen.h
  features        check the library crates in each combination of their features
  libidgen        install the C library, and try it from C and C++
  sanitizers [--full]  suites under AddressSanitizer and ThreadSanitizer
  mutants [WORD...]  plant the listed defects, or those named so; a test has to see each
  portable        the algorithm crates on emulated machines and in node
  services up [NAME...]  start servers for tests, all or these, and print the tests' variables
  services down [NAME...] | status  end them and remove their data; tell what runs
  services kill|stop|start NAME  one of them, with the data it has
  simulate --seeds A..B | --seed N --trace   run the simulation; --help tells the rest
  tidy            check the house rules";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match words[..] {
        ["test", ref words @ ..] => suite::run(words),
        ["bench", ref arguments @ ..] => bench::run(arguments),
        ["api"] => api::rewrite(),
        ["header"] => header::rewrite(),
        ["libidgen"] => libidgen::run(),
        ["features"] => features::run(),
        ["sanitizers"] => sanitizers::run(suite::Length::Slice),
        ["sanitizers", "--full"] => sanitizers::run(suite::Length::Full),
        ["mutants", ref words @ ..] => mutants::run(words),
        ["portable"] => portable::run(),
        ["services", ref words @ ..] => services::run(words),
        ["simulate", ref words @ ..] => simulate::run(words),
        ["tidy"] => tidy::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
