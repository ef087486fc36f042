//! Instructions per id, counted by callgrind and held to their budgets: a step of the suite.
//!
//! Unlike times, counts are the same on every machine of a kind, so a hot path that grew by one
//! instruction fails. The budgets stand beside what they are for, in `benches/paired`.

use std::process::Command;

use crate::suite::{self, Length, Outcome, Tool};

const TOOLS: &[Tool] = &[Tool {
    name: "valgrind",
    probe: &["valgrind", "--version"],
    install: &[
        suite::APT_UPDATE,
        &["apt-get", "install", "-qy", "--no-install-recommends", "valgrind"],
    ],
    needs_root: true,
}];

/// Counts and compares. Not run where the counter cannot be had or the budgets do not hold.
pub(crate) fn outcome(_: Length) -> Outcome {
    if !cfg!(target_arch = "x86_64") {
        return Outcome::skipped("the budgets are in instructions of x86-64".to_owned());
    }
    match suite::missing(TOOLS, suite::is_root()) {
        Ok(()) => suite::stream(count()),
        Err(reason) => Outcome::skipped(reason),
    }
}

/// In the release profile and the folder of the release binary, whose dependencies it shares.
fn count() -> Command {
    suite::cargo(&["bench", "-p", "idgen-benches", "--bench", "paired", "--", "--budgets"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_gate_that_runs_and_not_the_table() {
        let words: Vec<_> = count().get_args().map(|word| word.to_owned()).collect();
        assert_eq!(words.last().unwrap(), "--budgets");
    }
}
