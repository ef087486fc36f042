//! `cargo xtask libidgen`: the C library as it is installed, used by C and C++ programs.
//!
//! ```text
//! install     cargo-c installs it, and libidgen-full, into a scratch prefix
//! artefact    what it exports and needs, its SONAME, its size
//! programs    all of tests/c and tests/cpp: gcc and clang, plain, under the address and
//!             undefined-behaviour sanitizers, and under valgrind; each status was reached
//! projects    CMake and a Makefile with pkg-config, from the prefix alone, shared and static
//! examples    built and run
//! ```
//!
//! The programs know nothing of the sources: all they have is the prefix.

mod artefact;
mod crew;
mod install;
mod programs;

use std::path::PathBuf;
use std::time::Instant;

use crate::suite::{self, Length, Outcome, Tally, Tool};

const fn debian(install: &'static [&'static [&'static str]]) -> Tool {
    Tool { name: "", probe: &[], install, needs_root: true }
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "a C and C++ compiler, make or binutils (package build-essential)",
        probe: &["sh", "-c", "gcc --version && g++ --version && make --version && nm --version"],
        ..debian(&[
            suite::APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "build-essential"],
        ])
    },
    Tool {
        name: "clang with its sanitizers (packages clang, libclang-rt-dev)",
        probe: &[
            "sh",
            "-c",
            "clang++ --version && echo 'int main(void) { return 0; }' | \
             clang -fsanitize=address,undefined -x c - -o /dev/null",
        ],
        ..debian(&[
            suite::APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "clang", "libclang-rt-dev"],
        ])
    },
    Tool {
        name: "CMake, pkg-config, valgrind or Python (packages of these names, python3)",
        probe: &[
            "sh",
            "-c",
            "cmake --version && pkg-config --version && valgrind --version && python3 --version",
        ],
        ..debian(&[
            suite::APT_UPDATE,
            &[
                "apt-get",
                "install",
                "-qy",
                "--no-install-recommends",
                "cmake",
                "pkg-config",
                "valgrind",
                "python3",
            ],
        ])
    },
];

/// Runs everything and tells whether nothing failed.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run() -> bool {
    let outcome = outcome(Length::Slice);
    println!("\nlibidgen: {outcome}");
    outcome.is_ok()
}

/// Where everything of this step is made.
fn folder() -> PathBuf {
    suite::target_dir().join("libidgen")
}

fn prefix() -> PathBuf {
    folder().join("prefix")
}

/// All stages; without the library there is only the first.
pub(crate) fn outcome(_: Length) -> Outcome {
    if let Err(reason) = suite::missing(TOOLS, suite::is_root()) {
        return Outcome::skipped(reason);
    }
    let cargo_c = match install::cargo_c() {
        Ok(cargo_c) => cargo_c,
        Err(reason) => return Outcome::skipped(reason),
    };
    let mut stages = Stages::default();
    stages.perform("installation", || install::libraries(&cargo_c));
    if stages.failed.is_empty() {
        stages.perform("the installed library", artefact::outcome);
        stages.perform("C and C++ programs", programs::tests);
        stages.perform("projects of others", programs::projects);
        stages.perform("examples", programs::examples);
    }
    stages.outcome()
}

#[derive(Default)]
struct Stages {
    total: Tally,
    failed: Vec<String>,
}

impl Stages {
    #[expect(clippy::print_stdout, reason = "the report is this command's output")]
    fn perform(&mut self, name: &str, stage: impl FnOnce() -> Outcome) {
        println!("\n--> {name}");
        let begun = Instant::now();
        let outcome = stage();
        println!("<-- {name}: {outcome} in {:.1} s", begun.elapsed().as_secs_f64());
        self.total.add(outcome.tally);
        self.failed.extend(outcome.reason.map(|reason| format!("{name}: {reason}")));
    }

    fn outcome(self) -> Outcome {
        match self.failed.is_empty() {
            true => Outcome { tally: self.total, reason: None },
            false => Outcome::failed(self.total, self.failed.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_fails_is_named() {
        let mut stages = Stages::default();
        let one = Tally { passed: 1, ..Tally::default() };
        stages.perform("first", || Outcome { tally: one, reason: None });
        stages.perform("second", || Outcome::failed(Tally::default(), "planted".to_owned()));
        let outcome = stages.outcome();
        assert_eq!(outcome.tally, Tally { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(outcome.to_string(), "FAILED (second: planted; 1 passed, 1 failed)");
    }
}
