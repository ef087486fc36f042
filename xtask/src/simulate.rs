//! `cargo xtask simulate --seeds A..B`: the simulation, in a release build.
//!
//! Its slice, the planted defects and, with `--full`, the length that the README states are tests
//! of `idgen-sim` itself.

use std::process::Command;

use crate::suite;

/// Runs the simulation with these words; whether all promises were kept.
pub(crate) fn run(words: &[&str]) -> bool {
    suite::stream(simulation(words)).is_ok()
}

fn simulation(words: &[&str]) -> Command {
    let mut command = suite::cargo(&["run", "--release", "--quiet", "-p", "idgen-sim", "--"]);
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_handed_on() {
        let command = simulation(&["--seed", "7", "--trace"]);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words[words.len() - 4..], ["--", "--seed", "7", "--trace"]);
    }
}
