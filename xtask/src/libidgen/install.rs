//! Installing the libraries with cargo-c, and cargo-c if it is not there.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use super::prefix;
use crate::suite::{self, Outcome, Tally};

const VERSION: &str = "0.10.24";

/// The packages that are libraries of C.
const PACKAGES: &[&str] = &["idgen-ffi", "idgen-ffi-full"];

/// The path on which `cargo-cinstall` is: this process's, or with the program of an earlier run in
/// front, or one that is built now.
///
/// Nothing but that program is built, and not optimised: it works for a second, and would be
/// optimised for minutes. It stays in the target folder.
///
/// # Errors
///
/// How to install it, if that failed.
pub(super) fn cargo_c() -> Result<OsString, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = suite::target_dir().join("tools");
    let own = tools.join("bin/cargo-cinstall");
    if says_version(Path::new("cargo-cinstall")) {
        return Ok(path);
    }
    let with_own = [tools.join("bin")].into_iter().chain(std::env::split_paths(&path));
    let with_own = std::env::join_paths(with_own).map_err(|error| format!("PATH: {error}"))?;
    if says_version(&own) {
        return Ok(with_own);
    }
    let mut command =
        suite::cargo(&["install", "cargo-c", "--version", VERSION, "--locked", "--force"]);
    command.args(["--debug", "--bin", "cargo-cinstall", "--root"]).arg(&tools);
    let build = tools.join("build");
    command.env("CARGO_TARGET_DIR", &build).env("CARGO_PROFILE_DEV_DEBUG", "0");
    command.env_remove("RUSTFLAGS");
    let outcome = suite::stream(command);
    // More than a gigabyte that nobody needs again; what stays is no harm.
    drop(std::fs::remove_dir_all(build));
    if outcome.is_ok() && says_version(&own) {
        return Ok(with_own);
    }
    Err(format!("cargo-c is missing; run `cargo install cargo-c --version {VERSION} --locked`"))
}

fn says_version(program: &Path) -> bool {
    let told = Command::new(program).args(["cinstall", "--version"]).output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(VERSION))
}

/// Installs both into a prefix made anew.
pub(super) fn libraries(path: &OsStr) -> Outcome {
    let prefix = prefix();
    if let Err(error) = std::fs::remove_dir_all(&prefix)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        let reason = format!("cannot clear {}: {error}; see its rights", prefix.display());
        return Outcome::failed(Tally::default(), reason);
    }
    let mut total = Tally::default();
    for package in PACKAGES {
        let outcome = suite::stream(cinstall(path, package));
        if !outcome.is_ok() {
            return outcome;
        }
        total.passed += 1;
    }
    Outcome { tally: total, reason: None }
}

fn cinstall(path: &OsStr, package: &str) -> Command {
    let mut command = suite::cargo(&["cinstall", "--release", "--locked", "-p", package]);
    command.env("PATH", path).env_remove("RUSTFLAGS");
    // Debian's default has the machine's name in it.
    command.args(["--libdir", "lib", "--prefix"]).arg(prefix());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_not_cargo_c() {
        assert!(!says_version(Path::new("true")));
        assert!(!says_version(Path::new("no-such-program-of-idgen")));
    }
}
