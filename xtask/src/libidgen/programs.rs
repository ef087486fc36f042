//! Programs that use the installed library: the tests, others' projects, the examples.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::crew::{self, Job, Shows};
use super::{folder, prefix};
use crate::root;
use crate::suite::{Outcome, Tally};

/// How a program is built and run.
#[derive(Clone, Copy)]
enum Under {
    Nothing,
    Sanitizers,
    /// Built as for nothing, by the first compiler.
    Valgrind,
}

const C: &[&str] = &["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const CPP: &[&str] = &["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// One program.
struct Source {
    path: PathBuf,
    name: String,
    is_cpp: bool,
}

impl Source {
    /// Programs of libidgen-full are named so.
    fn is_full(&self) -> bool {
        self.name.starts_with("full_")
    }

    fn compilers(&self) -> [&'static str; 2] {
        if self.is_cpp { ["g++", "clang++"] } else { ["gcc", "clang"] }
    }

    fn product(&self, compiler: &str, kind: &str) -> PathBuf {
        let language = if self.is_cpp { "cpp" } else { "c" };
        folder().join(format!("{}-{language}-{compiler}{kind}", self.name))
    }

    /// Debug information, so that a finding names a line.
    fn build(&self, compiler: &str, flags: &[&str], product: &Path) -> Command {
        let mut command = Command::new(compiler);
        command.args(if self.is_cpp { CPP } else { C }).args(["-g", "-O1"]).args(flags);
        if self.name.ends_with("_noexcept") {
            command.arg("-fno-exceptions");
        }
        let include = prefix().join("include");
        if self.is_full() {
            command.arg("-I").arg(include.join("idgen-full"));
        }
        command.arg("-I").arg(include).arg(&self.path).arg("-o").arg(product);
        command.arg("-L").arg(libraries());
        command.arg(if self.is_full() { "-lidgen-full" } else { "-lidgen" }).arg("-pthread");
        command
    }

    fn job(&self, compiler: &str, under: Under, shows: Shows) -> Job {
        let (kind, flags, what) = match under {
            Under::Nothing => ("", &[][..], ""),
            Under::Sanitizers => ("-san", SANITIZERS, " under sanitizers"),
            Under::Valgrind => ("-valgrind", &[][..], " under valgrind"),
        };
        let product = self.product(compiler, kind);
        let mut run = Command::new("timeout");
        run.arg(LIMIT);
        if let Under::Valgrind = under {
            run.args(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full"]);
            // Rust keeps a name of each thread by a pointer into it, which looks lost, possibly.
            run.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
            // Else one thread of eight may keep the others waiting for a long time.
            run.arg("--fair-sched=yes");
        }
        run.arg(&product);
        prepare(&mut run);
        if !matches!(under, Under::Nothing) {
            run.env("IDGEN_SLICE", "small");
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Job {
            name: format!("{name}, {compiler}{what}"),
            commands: vec![self.build(compiler, flags, &product), run],
            shows,
        }
    }
}

/// Seconds after which a program is held to hang.
const LIMIT: &str = "120";

fn libraries() -> PathBuf {
    prefix().join("lib")
}

/// A program finds the library in the prefix, and may write beside it.
fn prepare(command: &mut Command) {
    command.env("LD_LIBRARY_PATH", libraries()).current_dir(folder());
}

/// The programs in a folder of idgen-ffi, by name.
fn sources(of: &str) -> Vec<Source> {
    let entries = std::fs::read_dir(root().join("idgen-ffi").join(of)).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().filter_map(source).collect()
}

fn source(path: PathBuf) -> Option<Source> {
    let is_cpp = match path.extension()?.to_str()? {
        "c" => false,
        "cpp" => true,
        _ => return None,
    };
    let name = path.file_stem()?.to_str()?.to_owned();
    Some(Source { path, name, is_cpp })
}

/// Each test program under both compilers and all three watches, and the statuses they reach.
pub(super) fn tests() -> Outcome {
    let (c, cpp) = (sources("tests/c"), sources("tests/cpp"));
    if c.is_empty() || cpp.is_empty() {
        let reason = "there are no programs in idgen-ffi/tests/c or tests/cpp".to_owned();
        return Outcome::failed(Tally::default(), reason);
    }
    let mut jobs = Vec::new();
    for source in c.iter().chain(&cpp) {
        let [first, second] = source.compilers();
        jobs.push(source.job(first, Under::Valgrind, Shows::Tests));
        for compiler in [first, second] {
            jobs.push(source.job(compiler, Under::Nothing, Shows::Tests));
            jobs.push(source.job(compiler, Under::Sanitizers, Shows::Tests));
        }
    }
    let (mut outcome, said) = crew::work(jobs);
    match are_reached(&said) {
        Ok(()) => outcome.tally.passed += 1,
        Err(reason) => {
            outcome.tally.failed += 1;
            outcome.reason = Some(outcome.reason.map_or(reason.clone(), |it| it + "; " + &reason));
        }
    }
    outcome
}

/// The numbers of all statuses that a library with a clock answers; that without is tested by
/// itself, in Rust.
fn statuses() -> impl Iterator<Item = u32> {
    const NO_CLOCK: u32 = 20;
    (0..=21).filter(|&status| status != NO_CLOCK)
}

fn are_reached(said: &str) -> Result<(), String> {
    let lists = said.lines().filter_map(|line| line.strip_prefix("statuses:"));
    let reached: Vec<&str> = lists.flat_map(str::split_whitespace).collect();
    let missing: Vec<String> = statuses()
        .map(|status| status.to_string())
        .filter(|status| !reached.contains(&&**status))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("no check of idgen-ffi/tests/c reaches the statuses {}", missing.join(", ")))
}

/// A CMake project and a Makefile that know the prefix and nothing else.
pub(super) fn projects() -> Outcome {
    let tests = root().join("idgen-ffi/tests");
    let built = folder().join("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(tests.join("cmake")).arg("-B").arg(&built).arg("--fresh");
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    let mut build = Command::new("cmake");
    build.arg("--build").arg(&built);
    let mut run = Command::new("cmake");
    run.arg("--build").arg(&built).args(["--target", "check"]);
    let mut make = Command::new("make");
    make.args(["-s", "-B", "-C"]).arg(tests.join("make")).arg("check");
    make.arg(format!("OUT={}", folder().join("make").display()));
    make.env("PKG_CONFIG_PATH", libraries().join("pkgconfig"));
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let job = |name: &str, commands| Job { name: name.to_owned(), commands, shows: Shows::Tests };
    crew::work(vec![
        job("a CMake project", vec![configure, build, run]),
        job("a Makefile with pkg-config", vec![make]),
    ])
    .0
}

/// Every example, by the first compiler of its language, or by Python.
pub(super) fn examples() -> Outcome {
    let examples = sources("examples");
    let mut jobs: Vec<Job> = examples
        .iter()
        .map(|source| source.job(source.compilers()[0], Under::Nothing, Shows::Words))
        .collect();
    let mut python = Command::new("python3");
    python.arg(root().join("idgen-ffi/examples/ids.py"));
    python.arg(libraries().join("libidgen.so"));
    prepare(&mut python);
    jobs.push(Job { name: "ids.py".to_owned(), commands: vec![python], shows: Shows::Words });
    crew::work(jobs).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_status_that_no_check_reaches_is_told() {
        let all: Vec<String> = statuses().map(|status| status.to_string()).collect();
        let said = |numbers: &[String]| format!("test a ... ok\nstatuses: {}\n", numbers.join(" "));
        assert_eq!(are_reached(&said(&all)), Ok(()));
        assert_eq!(are_reached(&(said(&all[..9]) + &said(&all[9..]))), Ok(()));
        assert!(are_reached(&said(&all[1..])).unwrap_err().ends_with("statuses 0"));
        assert!(are_reached(&said(&all[..20])).unwrap_err().ends_with("statuses 21"));
        assert!(are_reached("").is_err());
    }

    #[test]
    fn programs_are_built_for_their_language_and_library() {
        let c = source("a/full_one.c".into()).unwrap();
        let built = words(&c.build("gcc", SANITIZERS, Path::new("one")));
        for word in ["-std=c11", "-Werror", "-lidgen-full", "-fsanitize=address,undefined"] {
            assert!(built.iter().any(|built| built == word), "{word}: {built:?}");
        }
        let cpp = source("a/b_noexcept.cpp".into()).unwrap();
        let built = words(&cpp.build("g++", &[], Path::new("b")));
        for word in ["-std=c++17", "-lidgen", "-fno-exceptions"] {
            assert!(built.iter().any(|built| built == word), "{word}: {built:?}");
        }
        assert!(source("a/check.h".into()).is_none() && source("a/check".into()).is_none());
    }

    #[test]
    fn a_program_that_fails_under_a_watch_fails() {
        let source = Source { path: "a/b.c".into(), name: "b".to_owned(), is_cpp: false };
        let job = source.job("gcc", Under::Valgrind, Shows::Tests);
        let run = words(&job.commands[1]);
        assert!(run.contains(&"--error-exitcode=9".to_owned()), "{run:?}");
        let small = job.commands[1].get_envs().any(|(key, _)| key == "IDGEN_SLICE");
        assert!(small, "threads are slow there");
    }
}
