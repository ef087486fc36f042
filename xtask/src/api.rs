//! `cargo xtask api`: what the algorithm crates offer, as text.
//!
//! Each keeps its listing in `api.txt`, one public item a line, so that a change of the interface
//! shows in a commit as a change of that file. `cargo xtask test` makes the listings anew and
//! compares. They come from rustdoc's JSON, whose form changes between compilers: the parser in
//! xtask's manifest goes with the compiler that the workspace names.

use std::path::PathBuf;
use std::process::Command;

use crate::root;
use crate::suite::{self, Length, Outcome, Tally};

/// The crates, and the features with which their interface is whole.
const LISTED: &[(&str, &str)] =
    &[("idgen-core", "serde"), ("idgen-segment", ""), ("idgen-snowflake", "")];

/// Traits of the compiler's own: nobody can name them, and each release has others.
const UNNAMEABLE: &[&str] = &[
    "core::marker::Freeze",
    "core::marker::StructuralPartialEq",
    "core::marker::UnsafeUnpin",
    "core::panic::unwind_safe::RefUnwindSafe",
    "core::panic::unwind_safe::UnwindSafe",
];

/// Writes the listings anew.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn rewrite() -> bool {
    for (package, features) in LISTED {
        let path = path(package);
        let written = listing(package, features).and_then(|text| {
            std::fs::write(&path, text)
                .map_err(|error| format!("{error}; see the rights of {}", path.display()))
        });
        match written {
            Ok(()) => println!("wrote {}", path.display()),
            Err(reason) => {
                eprintln!("api: {package}: {reason}");
                return false;
            }
        }
    }
    true
}

/// Compares the listings with the code; each crate counts as a test.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn outcome(_: Length) -> Outcome {
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    for (package, features) in LISTED {
        let kept = std::fs::read_to_string(path(package)).unwrap_or_default();
        match listing(package, features).map(|made| difference(&kept, &made)) {
            Ok(changes) if changes.is_empty() => total.passed += 1,
            Ok(changes) => {
                println!("{package}/api.txt against the code:\n{}", changes.join("\n"));
                let count = changes.len();
                failed.push(format!(
                    "{package} has {count} changes of its interface; if they are meant, run \
                     `cargo xtask api` and commit its listing"
                ));
            }
            Err(reason) => failed.push(format!("{package}: {reason}")),
        }
    }
    total.failed = failed.len() as u64;
    match failed.is_empty() {
        true => Outcome { tally: total, reason: None },
        false => Outcome::failed(total, failed.join("; ")),
    }
}

fn path(package: &str) -> PathBuf {
    root().join(package).join("api.txt")
}

/// A folder of its own: unstable rustdoc needs a variable at which build scripts look.
fn target_dir() -> PathBuf {
    suite::target_dir().join("api")
}

fn rustdoc(package: &str, features: &str) -> Command {
    let mut command = suite::cargo(&["rustdoc", "--quiet", "--lib", "-p", package]);
    if !features.is_empty() {
        command.args(["--features", features]);
    }
    command.arg("--target-dir").arg(target_dir());
    command.args(["--", "-Zunstable-options", "--output-format", "json"]);
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS").env_remove("RUSTDOCFLAGS");
    command
}

fn listing(package: &str, features: &str) -> Result<String, String> {
    let outcome = suite::stream(rustdoc(package, features));
    if let Some(reason) = outcome.reason {
        return Err(format!("rustdoc failed ({reason}); see above"));
    }
    let json = target_dir().join("doc").join(package.replace('-', "_")).with_extension("json");
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()
        .map_err(|error| {
            format!("{error}; choose the version of public-api that reads this rustdoc's JSON")
        })?;
    Ok(api
        .items()
        .map(|item| item.to_string())
        .filter(|line| is_ours(line))
        .fold(String::new(), |text, line| text + &line + "\n"))
}

fn is_ours(line: &str) -> bool {
    !line.starts_with("impl") || !UNNAMEABLE.iter().any(|name| line.contains(&format!(" {name} ")))
}

/// Lines that one of the two lacks, marked `-` and `+`.
fn difference(kept: &str, made: &str) -> Vec<String> {
    let lacks = |text: &str, line: &str| !text.lines().any(|other| other == line);
    let gone = kept.lines().filter(|line| lacks(made, line)).map(|line| format!("-{line}"));
    let new = made.lines().filter(|line| lacks(kept, line)).map(|line| format!("+{line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_and_what_came_is_told() {
        let changes = difference("pub fn a()\npub fn b()\n", "pub fn b()\npub fn c()\n");
        assert_eq!(changes, ["-pub fn a()", "+pub fn c()"]);
        assert!(difference("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(difference("", "a\n"), ["+a"], "a listing that is not there differs");
    }

    #[test]
    fn traits_that_nobody_can_name_are_left_out() {
        assert!(!is_ours("impl core::marker::Freeze for idgen_core::Id"));
        assert!(!is_ours("impl<T> core::marker::Freeze for idgen_core::Line<T> where T: Copy"));
        assert!(is_ours("impl core::marker::Send for idgen_core::Id"));
        assert!(is_ours("pub fn idgen_core::Freeze::new() -> core::marker::Freeze "));
    }

    #[test]
    fn every_listing_is_kept_and_names_its_crate() {
        for (package, _) in LISTED {
            let kept = std::fs::read_to_string(path(package)).unwrap();
            let first = format!("pub mod {}", package.replace('-', "_"));
            assert_eq!(kept.lines().next(), Some(&*first));
        }
    }
}
