//! Row 13: calls from C through the shared library, as C programs make them.
//!
//! No Rust loop can stand in for that: the library is built as it is installed, `calls.c` is
//! compiled against it and linked to it, and times itself, for it alone sees both sides. It prints
//! ratios; here the median of its runs is judged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use idgen_benches::TOLERANCE;

/// What a subject may cost, by what `calls.c` names beside it.
const GOALS: [(&str, f64); 3] = [("next", 1.0), ("handle", 1.1), ("fill", 0.12)];

pub(crate) fn next() -> (String, bool) {
    judged("next")
}

pub(crate) fn handle() -> (String, bool) {
    judged("handle")
}

pub(crate) fn fill() -> (String, bool) {
    judged("fill")
}

fn judged(subject: &str) -> (String, bool) {
    static TOLD: OnceLock<Result<String, String>> = OnceLock::new();
    match TOLD.get_or_init(|| build().and_then(|program| run(&mut Command::new(program)))) {
        Ok(told) => judge(told, subject),
        Err(reason) => (reason.clone(), false),
    }
}

/// The median of the runs of a subject, and whether it meets its goal.
fn judge(told: &str, subject: &str) -> (String, bool) {
    let lines = || told.lines().filter_map(|line| line.strip_prefix(subject)?.strip_prefix(' '));
    let mut ratios: Vec<f64> = lines().filter_map(|ratio| ratio.parse().ok()).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(&ratio) = ratios.get(ratios.len() / 2) else {
        return ("noisy: too few quiet pairs to tell".to_owned(), false);
    };
    let goal = GOALS.iter().find(|(name, _)| *name == subject).map_or(0.0, |(_, goal)| *goal);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    (format!("{ratio:.3} (runs {low:.3} to {high:.3})"), ratio <= goal * (1.0 + TOLERANCE))
}

/// The library as users have it, without this program's flags; then the program.
fn build() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let folder = own.parent().and_then(Path::parent).ok_or("no folder of its own")?.join("calls");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["rustc", "--quiet", "--release", "-p", "idgen-ffi", "--lib"]);
    cargo.args(["--crate-type", "cdylib", "--target-dir"]).arg(&folder);
    run(&mut cargo)?;
    let program = folder.join("calls");
    let libraries = folder.join("release");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-std=c11", "-I"]).arg(root.join("idgen-ffi/include"));
    cc.arg(root.join("benches/paired/calls.c")).arg("-o").arg(&program);
    cc.arg(libraries.join("libidgen_ffi.so"));
    cc.arg(format!("-Wl,-rpath,{}", libraries.display()));
    run(&mut cc)?;
    Ok(program)
}

fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} does not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} ended with {}: {}", output.status, said.lines().next().unwrap_or("")))
}
