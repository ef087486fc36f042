//! The backend of `demos/store-in-files`, as somebody else's: in a workspace of its own, it sees of
//! idgen-store what is public, and passes its laws.

use std::process::Command;

use super::steps::{cargo, target_dir};
use super::{Length, Outcome, Tally, run};
use crate::root;

const FOLDER: &str = "demos/store-in-files";

/// Formats, lints and tests it; its planted defects are in `xtask/mutants.toml`.
pub(super) fn outcome(_: Length) -> Outcome {
    all([
        at_home(&["fmt", "--check"]),
        at_home(&["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]),
        at_home(&["test", "--locked", "--no-fail-fast"]),
    ])
}

fn at_home(arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(root().join(FOLDER)).env("CARGO_TARGET_DIR", target_dir().join("outside"));
    command
}

/// Runs them in turn, up to the first that fails; tests have to be among them.
fn all(commands: impl IntoIterator<Item = Command>) -> Outcome {
    let mut tally = Tally::default();
    for command in commands {
        let outcome = run::stream(command);
        tally.add(outcome.tally);
        if let Some(reason) = outcome.reason {
            return Outcome::failed(tally, reason);
        }
    }
    match tally.passed {
        0 => Outcome::failed(tally, format!("no test ran in {FOLDER}")),
        _ => Outcome { tally, reason: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_is_told_and_nothing_is_no_success() {
        let tests = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'";
        assert_eq!(all([shell("true"), shell(tests)]).tally.passed, 3);
        assert!(all([shell(tests)]).is_ok());
        let failed = all([shell(tests), shell("exit 3"), shell("exit 4")]);
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
        assert!(!all([shell("true")]).is_ok());
    }
}
