//! `cargo xtask bench`: the targets' rows, measured and kept as a table and as plots.
//!
//! Nothing passes or fails by what was measured: a machine's speed is no property of the code. It
//! fails only if the benches do not build or run.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::root;

/// Measures all rows, or those of these numbers, and keeps the table in `benches/results/`.
pub(crate) fn run(arguments: &[&str]) -> bool {
    match measure(arguments) {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("bench: {reason}");
            false
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is this command's output")]
fn measure(arguments: &[&str]) -> Result<(), String> {
    let mut table = circumstances();
    println!("{table}");
    table.push('\n');
    let folder = results();
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}; see its rights", folder.display()))?;
    let mut command = benches(ALIGNED, "bench");
    command.args(arguments);
    if arguments.is_empty() {
        command.arg("--plots").arg(&folder);
    }
    table += &tell(&mut command)?;
    if asks_for_bulk(arguments) {
        let head = if has_wide_registers() {
            "\nBuilt for x86-64-v3:\n"
        } else {
            "\nNot built for x86-64-v3: this processor is none.\n"
        };
        println!("{head}");
        writeln!(table, "{head}").map_err(|error| error.to_string())?;
        if has_wide_registers() {
            // Rows 9 and 14 have goals of their own where registers are wider.
            let mut command = benches(WIDE, "bench-v3");
            table += &tell(command.args(["9", "14"]))?;
        }
    }
    keep(&table)
}

/// Every loop begins on a cache line. Elsewhere the linker's luck decides whether one of ten
/// instructions takes a cycle or two, and a line of code far away may change it.
const ALIGNED: &str = "-Cllvm-args=-align-loops=64";
const WIDE: &str = "-Cllvm-args=-align-loops=64 -Ctarget-cpu=x86-64-v3";

/// The benches built with flags, in a folder of their own: builds do not replace one another.
fn benches(flags: &str, folder: &str) -> Command {
    let own = std::env::var_os("CARGO_TARGET_DIR");
    let target = own.map_or_else(|| root().join("target"), |own| root().join(own));
    let mut command = cargo();
    command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target.join(folder));
    command.args(["bench", "--quiet", "-p", "idgen-benches", "--bench", "paired", "--"]);
    command
}

fn asks_for_bulk(arguments: &[&str]) -> bool {
    arguments.is_empty() || arguments.contains(&"9")
}

/// Whether binaries for x86-64-v3 run here.
#[cfg(target_arch = "x86_64")]
fn has_wide_registers() -> bool {
    std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("fma")
        && std::is_x86_feature_detected!("f16c")
        && std::is_x86_feature_detected!("lzcnt")
        && std::is_x86_feature_detected!("movbe")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_wide_registers() -> bool {
    false
}

/// Runs the benches, shows what they say line by line, and returns it.
#[expect(clippy::print_stdout, reason = "the table is this command's output")]
fn tell(command: &mut Command) -> Result<String, String> {
    command.current_dir(root()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cargo does not start: {error}"))?;
    let mut told = String::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        let line = line.map_err(|error| format!("the table was lost: {error}"))?;
        println!("{line}");
        writeln!(told, "{line}").map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| format!("cargo was lost: {error}"))?;
    if !status.success() {
        return Err(format!("the benches ended with {status}; see above"));
    }
    Ok(told)
}

fn results() -> std::path::PathBuf {
    root().join("benches/results")
}

fn keep(table: &str) -> Result<(), String> {
    let path = results().join("paired.md");
    std::fs::write(&path, table)
        .map_err(|error| format!("cannot write {}: {error}; see its rights", path.display()))?;
    eprintln!("kept in {}", path.display());
    Ok(())
}

/// What was measured where, and how it was built.
fn circumstances() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "- Commit: {}\n- Compiler: {}\n- Built: release profile (lto thin, codegen-units 1), \
         RUSTFLAGS=\"{ALIGNED}\"\n- Processor: {processor}, {threads} of them\n",
        says("git", &["describe", "--always", "--dirty"]),
        says("rustc", &["--version"]),
    )
}

/// What a program prints, or *unknown*.
fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let text = output.ok().filter(|output| output.status.success());
    let text = text.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circumstances_name_commit_compiler_and_processor() {
        let told = circumstances();
        assert!(told.contains("Compiler: rustc 1."), "{told}");
        assert_eq!(told.lines().filter(|line| line.starts_with("- ")).count(), 4);
    }

    #[test]
    fn bulk_rows_are_built_twice() {
        assert!(asks_for_bulk(&[]) && asks_for_bulk(&["1", "9"]));
        assert!(!asks_for_bulk(&["1", "--runs", "3"]));
    }

    #[test]
    fn a_missing_program_is_unknown() {
        assert_eq!(says("no-such-program-of-idgen", &[]), "unknown");
        assert_eq!(says("false", &[]), "unknown");
    }
}
