//! The combinations of features in which the library crates have to build, without a warning.
//!
//! They are read from the manifests, so that a new feature is covered by being there: nothing but
//! the defaults off, each feature alone, all together. The order of features does not matter to
//! cargo, and what two of them break that neither breaks alone shows with all of them. A feature
//! that only hands on to another crate's is checked there, and alone in the full length only.

use std::process::Command;

use crate::suite::{self, Length, Outcome, Tally};

/// What a crate is never built without: each of its combinations is checked with each of these.
const ONE_OF: &[(&str, &[&str])] = &[("idgen-runtime", &["tokio", "smol"])];

/// Checks every combination and tells whether all are sound.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run() -> bool {
    let outcome = outcome(Length::Full);
    println!("\ncombinations of features: {outcome}");
    outcome.is_ok()
}

/// Checks every combination; each counts as a test.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn outcome(length: Length) -> Outcome {
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    for member in suite::members() {
        let package = suite::package_of(&member);
        let features = suite::features_of(&member);
        let is_own = |name: &&String| length == Length::Full || !suite::hands_on(&member, name);
        let alone: Vec<&str> = features.iter().filter(is_own).map(String::as_str).collect();
        for features in combinations(&package, &alone, &features) {
            let outcome = suite::stream(check(&package, &features));
            let shown = format!("{package} with [{features}]");
            println!("{shown}: {outcome}");
            match outcome.is_ok() {
                true => total.passed += 1,
                false => {
                    total.failed += 1;
                    failed.push(shown);
                }
            }
        }
    }
    match failed.is_empty() {
        true => Outcome { tally: total, reason: None },
        false => Outcome::failed(total, failed.join("; ")),
    }
}

/// Lints are what tells of dead code. Optimised like the tests, so that dependencies are theirs.
fn check(package: &str, features: &str) -> Command {
    let mut command = suite::cargo(&["clippy", "--quiet"]);
    command.args(["-p", package, "--no-default-features"]);
    if !features.is_empty() {
        command.args(["--features", features]);
    }
    command.args(["--", "-D", "warnings"]);
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    command
}

/// Comma-separated features, those `alone` each by itself; none at all for a crate that has none.
fn combinations(package: &str, alone: &[&str], features: &[String]) -> Vec<String> {
    let needed = ONE_OF.iter().find(|(name, _)| *name == package).map_or(&[""][..], |(_, of)| of);
    let mut found: Vec<String> = Vec::new();
    if features.is_empty() {
        return found;
    }
    let alone = alone.iter().map(|&feature| vec![feature]);
    for set in [Vec::new()].into_iter().chain(alone) {
        for needed in needed {
            found.push(joined(set.iter().copied().chain([*needed])));
        }
    }
    found.push(joined(features.iter().map(String::as_str)));
    found.sort_unstable();
    found.dedup();
    found
}

fn joined<'a>(features: impl Iterator<Item = &'a str>) -> String {
    let mut named: Vec<&str> = features.filter(|feature| !feature.is_empty()).collect();
    named.sort_unstable();
    named.dedup();
    named.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(package: &str, features: &[&str]) -> Vec<String> {
        let features: Vec<String> = features.iter().map(|&name| name.to_owned()).collect();
        combinations(package, &features.iter().map(String::as_str).collect::<Vec<_>>(), &features)
    }

    #[test]
    fn none_each_and_all() {
        assert_eq!(of("idgen-wire", &[]), [""; 0]);
        assert_eq!(
            of("idgen-core", &["serde", "fallback"]),
            ["", "fallback", "fallback,serde", "serde"]
        );
    }

    #[test]
    fn the_runtime_always_has_an_executor() {
        let found = of("idgen-runtime", &["tokio", "smol", "sqlite"]);
        assert_eq!(
            found,
            ["smol", "smol,sqlite", "smol,sqlite,tokio", "smol,tokio", "sqlite,tokio", "tokio"]
        );
    }

    #[test]
    fn what_hands_on_is_checked_where_it_leads() {
        assert!(suite::hands_on("idgen-cli", "mysql"));
        assert!(suite::hands_on("idgen-runtime", "redis"));
        assert!(!suite::hands_on("idgen-store", "mysql"));
        assert!(!suite::hands_on("idgen-runtime", "testing"));
    }

    #[test]
    fn defaults_are_off_and_warnings_refused() {
        let command = check("idgen-core", "serde");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert!(words.iter().any(|word| word == "--no-default-features"), "{words:?}");
        assert_eq!(words[words.len() - 2..], ["-D", "warnings"]);
    }

    #[test]
    fn the_algorithms_features_are_found() {
        for package in ["idgen-core", "idgen-segment", "idgen-snowflake"] {
            let found = suite::features_of(package);
            assert!(found.contains(&"fallback".to_owned()), "{package}: {found:?}");
        }
        assert!(!suite::features_of("idgen-store").contains(&"default".to_owned()));
    }
}
