//! `cargo xtask test`: every check there is, one after the other, none skipped in silence.
//!
//! A step is one command, whose output streams through while its `test result:` lines are added
//! up. Nothing stops at the first failure. All steps choose their packages from the whole
//! workspace and name the same features, so that dependencies are built once per profile.

mod backends;
mod outside;
mod provision;
mod run;
mod steps;
mod tally;

use std::process::Command;
use std::time::Instant;

use steps::Plan;

pub(crate) use provision::{APT_UPDATE, Tool, is_root, missing};
pub(crate) use run::{Outcome, announce, stream};
pub(crate) use steps::{
    cargo, features_of, hands_on, members, package_of, target_dir, test_target,
};
pub(crate) use tally::Tally;

/// How long the long suites run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Long enough for every commit.
    Slice,
    /// The whole of them.
    Full,
}

/// Runs all steps, closes with `N passed, N failed` and tells whether nothing failed. The words are
/// options, such as `--full` and `--without STORE`.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run(words: &[&str]) -> bool {
    let (length, without) = match backends::asked(words) {
        Ok(asked) => asked,
        Err(reason) => {
            eprintln!("{reason}");
            return false;
        }
    };
    match length {
        Length::Slice => println!(
            "Long suites run at slice length and no defects are planted; --full does both whole."
        ),
        Length::Full => println!("Long suites run whole."),
    }
    let (mut total, mut done) = (Tally::default(), Vec::new());
    for step in steps::all(length, &without) {
        println!("\n==> {}", step.name);
        let begun = Instant::now();
        let outcome = perform(step.plan, &done, length);
        let seconds = begun.elapsed().as_secs_f64();
        println!("<== {}: {outcome} in {seconds:.1} s", step.name);
        total.add(outcome.tally);
        done.push((step.name, seconds, outcome));
    }
    println!();
    for (name, seconds, outcome) in &done {
        println!("{seconds:>7.1} s  {name}: {outcome}");
    }
    println!("{total}");
    total.failed == 0
}

fn perform(plan: Plan, done: &[(&str, f64, Outcome)], length: Length) -> Outcome {
    match plan {
        Plan::Check(check) => Outcome::of_check(check()),
        Plan::Skip(reason) => Outcome::skipped(reason),
        Plan::Stages(run) => run(length),
        Plan::Run(command) => run::stream(with_length(command, length)),
        Plan::OnServers(services, command) => {
            backends::on_servers(&services, with_length(command, length))
        }
        Plan::After(needed, command) => {
            let is_there = done.iter().any(|(name, _, outcome)| *name == needed && outcome.is_ok());
            if is_there {
                run::stream(with_length(command, length))
            } else {
                Outcome::skipped(format!("\"{needed}\" did not succeed"))
            }
        }
    }
}

fn with_length(mut command: Command, length: Length) -> Command {
    if length == Length::Full {
        command.env("IDGEN_FULL", "1").env("IDGEN_LOOM_FULL", "1");
    }
    command
}
