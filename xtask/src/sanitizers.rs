//! The suites under AddressSanitizer and ThreadSanitizer.
//!
//! The crates hold no unsafe code, so what these find lies below: in the standard library, in
//! SQLite (its C is instrumented too), in the crates for threads that the runtime stands on, or in
//! how we use them. ThreadSanitizer wants a standard library built with it.
//!
//! Both come with the compiler that builds everything else, as unstable flags. Each first has to
//! report a defect planted for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::suite::{self, Length, Outcome, Tally, Tool};

const USUAL_HOST: &str = "x86_64-unknown-linux-gnu";

const ADDRESS_TOOLS: &[Tool] = &[Tool {
    name: "the compiler's AddressSanitizer",
    probe: &["sh", "-ec", "ls \"$(rustc --print target-libdir)\"/librustc-*_rt.asan.a"],
    install: &[&["rustup", "toolchain", "install", "stable"]],
    needs_root: false,
}];

const THREAD_TOOLS: &[Tool] = &[
    Tool {
        name: "the compiler's ThreadSanitizer",
        probe: &["sh", "-ec", "ls \"$(rustc --print target-libdir)\"/librustc-*_rt.tsan.a"],
        install: &[&["rustup", "toolchain", "install", "stable"]],
        needs_root: false,
    },
    Tool {
        name: "the standard library's source (component rust-src)",
        probe: &["sh", "-ec", "ls -d \"$(rustc --print sysroot)/lib/rustlib/src/rust/library\""],
        install: &[&["rustup", "component", "add", "rust-src"]],
        needs_root: false,
    },
];

/// A program that reads freed memory, or counts on two threads without order.
const PLANTED: &str = r#"
static mut COUNT: u64 = 0;

fn count() {
    for _ in 0..10_000 {
        unsafe { COUNT = std::hint::black_box(COUNT) + 1 };
    }
}

fn main() {
    if std::env::args().any(|word| word == "address") {
        let held = std::hint::black_box(Box::new(7_u64));
        let freed = &raw const *held;
        drop(held);
        println!("{}", unsafe { std::hint::black_box(freed).read_volatile() });
    } else {
        let other = std::thread::spawn(count);
        count();
        other.join().unwrap();
    }
}
"#;

/// In the workspace's profile, so that both use one standard library.
const PLANTED_MANIFEST: &str = r#"
[package]
name = "planted"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.dev]
debug = "line-tables-only"
opt-level = 1
"#;

struct Sanitizer {
    name: &'static str,
    /// What it says of the planted defect.
    says: &'static str,
    tools: &'static [Tool],
    rebuilds_std: bool,
}

const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    says: "AddressSanitizer: heap-use-after-free",
    tools: ADDRESS_TOOLS,
    rebuilds_std: false,
};

const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    says: "ThreadSanitizer: data race",
    tools: THREAD_TOOLS,
    rebuilds_std: true,
};

/// Runs both and tells whether neither found anything.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run(length: Length) -> bool {
    let outcomes = [(ADDRESS.name, address(length)), (THREAD.name, thread(length))];
    for (name, outcome) in &outcomes {
        println!("\n{name} sanitizer: {outcome}");
    }
    outcomes.iter().all(|(_, outcome)| outcome.is_ok())
}

/// The algorithm crates and the stores, SQLite's C included.
pub(crate) fn address(length: Length) -> Outcome {
    let packages = ["idgen-core", "idgen-segment", "idgen-snowflake", "idgen-store"];
    let features = "idgen-core/serde,idgen-store/conformance";
    let mut suites = ADDRESS.cargo(&["test", "--no-fail-fast", "--lib", "--tests"], length);
    for package in packages {
        suites.args(["-p", package]);
    }
    suites.args(["--features", features]);
    ADDRESS.run(vec![suites])
}

/// The thread tests of the algorithm crates, and the runtime's suites that open SQLite once at
/// most: its first start looks at its own settings without a lock, which it does on purpose.
pub(crate) fn thread(length: Length) -> Outcome {
    let mut algorithms = THREAD.cargo(&["test", "--no-fail-fast", "--test", "threads"], length);
    algorithms.args(["-p", "idgen-segment", "-p", "idgen-snowflake"]);
    let mut runtime = THREAD.cargo(&["test", "--no-fail-fast", "--lib"], length);
    runtime.args(["-p", "idgen-runtime", "--features", "testing", "--test", "edges"]);
    THREAD.run(vec![algorithms, runtime])
}

impl Sanitizer {
    fn target_dir(&self) -> PathBuf {
        suite::target_dir().join("sanitizers").join(self.name)
    }

    /// Cargo with everything instrumented but build scripts and procedural macros.
    fn cargo(&self, arguments: &[&str], length: Length) -> Command {
        let mut command = suite::cargo(arguments);
        let target = host();
        command.args(["--target", &target, "--target-dir"]).arg(self.target_dir());
        if self.rebuilds_std {
            command.arg("-Zbuild-std=std,panic_unwind,test");
        }
        command.env("RUSTC_BOOTSTRAP", "1");
        command.env("RUSTFLAGS", format!("-Zsanitizer={}", self.name));
        let flags = format!("CFLAGS_{}", target.replace('-', "_"));
        command.env(flags, format!("-fsanitize={}", self.name));
        if length == Length::Slice {
            command.env("IDGEN_SLICE", "small");
        } else {
            command.env("IDGEN_FULL", "1");
        }
        command
    }

    /// The planted defect, then the suites.
    fn run(&self, suites: Vec<Command>) -> Outcome {
        if let Err(reason) = suite::missing(self.tools, suite::is_root()) {
            return Outcome::skipped(reason);
        }
        let folder = self.target_dir().join("planted");
        let planted = match plant(&folder) {
            Ok(()) => self.planted(&folder),
            Err(error) => {
                return Outcome::failed(Tally::default(), format!("{error}; is it full?"));
            }
        };
        let (mut total, mut failed) = (Tally::default(), Vec::new());
        for outcome in
            [reports(planted, self.says)].into_iter().chain(suites.into_iter().map(suite::stream))
        {
            total.add(outcome.tally);
            failed.extend(outcome.reason);
        }
        match failed.is_empty() {
            true => Outcome { tally: total, reason: None },
            false => Outcome::failed(total, failed.join("; ")),
        }
    }

    fn planted(&self, folder: &Path) -> Command {
        let mut command = self.cargo(&["run", "--quiet"], Length::Slice);
        command.arg("--manifest-path").arg(folder.join("Cargo.toml")).args(["--", self.name]);
        command
    }
}

fn plant(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("Cargo.toml"), PLANTED_MANIFEST)?;
    std::fs::write(folder.join("src/main.rs"), PLANTED)
}

/// Counts as one passed test if the program fails and says so in these words.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
fn reports(mut command: Command, words: &str) -> Outcome {
    suite::announce(&command);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Outcome::failed(Tally::default(), format!("not started: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !said.contains(words) {
        let reason = format!("the planted defect was not reported ({}): {said}", output.status);
        return Outcome::failed(Tally::default(), reason);
    }
    println!("the planted defect was reported: {words}");
    Outcome { tally: Tally { passed: 1, ..Tally::default() }, reason: None }
}

/// The triple of this machine; that of the usual one if the compiler does not tell.
fn host() -> String {
    let told = Command::new("rustc").args(["--print", "host-tuple"]).output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    told.ok().filter(|triple| !triple.is_empty()).unwrap_or_else(|| USUAL_HOST.to_owned())
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
    fn a_planted_defect_must_be_reported_and_fail() {
        assert_eq!(reports(shell("echo race >&2; exit 66"), "race").tally.passed, 1);
        for quiet in ["echo race >&2", "exit 66", "echo race; exit 66"] {
            assert!(!reports(shell(quiet), "race").is_ok(), "{quiet}");
        }
        assert!(!reports(Command::new("no-such-program-of-idgen"), "race").is_ok());
    }

    #[test]
    fn what_a_sanitizer_lacks_skips_it_with_a_reason() {
        const ABSENT: &[Tool] = &[Tool {
            name: "a runtime",
            probe: &["false"],
            install: &[&["false"]],
            needs_root: false,
        }];
        let outcome = Sanitizer { tools: ABSENT, ..ADDRESS }.run(Vec::new());
        assert_eq!(outcome.tally, Tally { skipped: 1, ..Tally::default() });
        assert_eq!(outcome.to_string(), "skipped (a runtime is missing; run `false`)");
    }

    #[test]
    fn c_is_instrumented_like_rust_and_rust_with_its_library() {
        let set = |command: &Command, key: &str| {
            let mut all = command.get_envs().filter(|(name, _)| *name == key);
            all.find_map(|(_, value)| value).map(|value| value.to_string_lossy().into_owned())
        };
        let command = THREAD.cargo(&["test"], Length::Slice);
        let c = format!("CFLAGS_{}", host().replace('-', "_"));
        assert_eq!(set(&command, "RUSTFLAGS").as_deref(), Some("-Zsanitizer=thread"));
        assert_eq!(set(&command, &c).as_deref(), Some("-fsanitize=thread"));
        assert_eq!(set(&command, "IDGEN_SLICE").as_deref(), Some("small"));
        assert!(command.get_args().any(|word| word.to_string_lossy().starts_with("-Zbuild-std")));
        assert_eq!(set(&THREAD.cargo(&["test"], Length::Full), "IDGEN_SLICE"), None);
    }
}
