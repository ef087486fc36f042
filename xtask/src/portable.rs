//! `cargo xtask portable`: the algorithm crates on machines unlike this one.
//!
//! - The checks of `demos/` on a Cortex-M0, a Cortex-M3 and in node; on each of them a planted
//!   defect has to be reported. On the microcontrollers an interrupt mints as well, and there is a
//!   firmware in C that is linked with libidgen.
//! - The whole test suites under an emulator, on powerpc (32 bits, big-endian, no 64-bit atomics)
//!   and on aarch64 (weakly ordered).
//!
//! All with this toolchain's own libraries for those targets, in a target folder of its own.

mod in_c;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::root;
use crate::suite::{self, Length, Outcome, Tally, Tool};
use in_c::Board;

/// Runs everything; a machine that cannot be had fails it.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run() -> bool {
    let outcome = outcome(Length::Slice);
    println!("\nother machines: {outcome}");
    outcome.is_ok()
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "an emulator of microcontrollers",
        probe: &["qemu-system-arm", "--version"],
        install: &[
            suite::APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "qemu-system-arm"],
        ],
        needs_root: true,
    },
    Tool {
        name: "a C compiler for microcontrollers",
        probe: &["arm-none-eabi-gcc", "--version"],
        install: &[
            suite::APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "gcc-arm-none-eabi"],
        ],
        needs_root: true,
    },
    Tool {
        name: "node",
        probe: &["node", "--version"],
        install: &[
            suite::APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "nodejs"],
        ],
        needs_root: true,
    },
    Tool {
        name: "an emulator, compiler or C library of powerpc or aarch64",
        probe: &[
            "sh",
            "-c",
            "qemu-ppc --version && qemu-aarch64 --version && powerpc-linux-gnu-gcc --version && \
             aarch64-linux-gnu-gcc --version && test -e /usr/powerpc-linux-gnu/lib/crt1.o && \
             test -e /usr/aarch64-linux-gnu/lib/crt1.o",
        ],
        install: &[
            suite::APT_UPDATE,
            &[
                "apt-get",
                "install",
                "-qy",
                "--no-install-recommends",
                "qemu-user",
                "gcc-powerpc-linux-gnu",
                "libc6-dev-powerpc-cross",
                "gcc-aarch64-linux-gnu",
                "libc6-dev-arm64-cross",
            ],
        ],
        needs_root: true,
    },
    Tool {
        name: "Rust's library for one of five targets",
        probe: &[
            "sh",
            "-ec",
            "for target in thumbv6m-none-eabi thumbv7m-none-eabi wasm32-unknown-unknown \
             powerpc-unknown-linux-gnu aarch64-unknown-linux-gnu; do \
             test -d \"$(rustc --print target-libdir --target $target)\"; done",
        ],
        install: &[&[
            "rustup",
            "target",
            "add",
            "thumbv6m-none-eabi",
            "thumbv7m-none-eabi",
            "wasm32-unknown-unknown",
            "powerpc-unknown-linux-gnu",
            "aarch64-unknown-linux-gnu",
        ]],
        needs_root: false,
    },
];

/// One command and how it has to end.
enum Act {
    Passes(Command),
    /// It fails, and says this.
    Reports(Command, &'static str),
}

/// All that is done on one machine, and whether tests are counted there.
struct Stage {
    name: &'static str,
    acts: Vec<Act>,
}

/// Runs the stages one after the other; nothing stops at the first that fails.
///
/// What is missing is installed if this is root; what stays missing is the reason to skip them all:
/// a server of packages that is away says nothing about the project.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn outcome(length: Length) -> Outcome {
    if let Err(reason) = suite::missing(TOOLS, suite::is_root()) {
        return Outcome::skipped(reason);
    }
    if length == Length::Slice {
        println!("Thread tests run at a tenth of their slice: emulators are slow.");
    }
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    for stage in stages(length) {
        println!("\n--> {}", stage.name);
        let begun = Instant::now();
        let outcome = perform(stage.acts);
        let seconds = begun.elapsed().as_secs_f64();
        println!("<-- {}: {outcome} in {seconds:.1} s", stage.name);
        total.add(outcome.tally);
        failed.extend(outcome.reason.map(|reason| format!("{}: {reason}", stage.name)));
    }
    match failed.is_empty() {
        true => Outcome { tally: total, reason: None },
        false => Outcome::failed(total, failed.join("; ")),
    }
}

fn perform(acts: Vec<Act>) -> Outcome {
    let mut total = Tally::default();
    for act in acts {
        let outcome = match act {
            Act::Passes(command) => suite::stream(command),
            Act::Reports(command, words) => reports(command, words),
        };
        total.add(outcome.tally);
        if outcome.reason.is_some() {
            return Outcome { tally: total, ..outcome };
        }
    }
    match total.passed {
        0 => Outcome::failed(total, "it reported no test".to_owned()),
        _ => Outcome { tally: total, reason: None },
    }
}

/// Counts as one passed test if the command fails and says so in these words.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
fn reports(mut command: Command, words: &str) -> Outcome {
    suite::announce(&command);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Outcome::failed(Tally::default(), format!("not started: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() || !said.contains(words) {
        let reason = format!("a planted defect was not reported ({}): {said}", output.status);
        return Outcome::failed(Tally::default(), reason);
    }
    println!("the planted defect was reported: {words}");
    Outcome { tally: Tally { passed: 1, ..Tally::default() }, reason: None }
}

/// 64-bit atomics by holding interrupts off, where the fallback would be a lock.
const SINGLE_CORE: &str = "--cfg portable_atomic_unsafe_assume_single_core";

fn stages(length: Length) -> Vec<Stage> {
    let m0 = || Firmware { target: "thumbv6m-none-eabi", machine: "microbit", flags: "" };
    let m3 = |flags| Firmware { target: "thumbv7m-none-eabi", machine: "lm3s6965evb", flags };
    let interrupt = ["--features", "interrupt"];
    let in_c = |firmware, flags| Board { firmware, flags }.acts();
    let stage = |name, acts| Stage { name, acts };
    vec![
        stage("the checks themselves", checks()),
        stage("Cortex-M0 (thumbv6m, micro:bit)", m0().acts(&interrupt)),
        stage("Cortex-M3 (thumbv7m, LM3S6965)", m3("").acts(&[])),
        stage("Cortex-M3, minting in an interrupt too", m3(SINGLE_CORE).acts(&interrupt)),
        stage("Cortex-M0, firmware in C", in_c(m0(), &["-mcpu=cortex-m0", "-DSMALL"])),
        stage("Cortex-M3, firmware in C", in_c(m3(""), &["-mcpu=cortex-m3"])),
        stage("node (wasm32)", node()),
        stage("powerpc (32-bit, big-endian)", suites("powerpc", "qemu-ppc", length)),
        stage("aarch64", suites("aarch64", "qemu-aarch64", length)),
    ]
}

fn target_dir() -> PathBuf {
    suite::target_dir().join("portable")
}

/// Cargo in a folder, undisturbed by flags that are meant for this machine.
fn cargo(folder: &str, arguments: &[&str]) -> Command {
    let mut command = suite::cargo(arguments);
    command.current_dir(root().join(folder)).env("CARGO_TARGET_DIR", target_dir());
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        command.env_remove(flags);
    }
    command
}

fn demo(arguments: &[&str]) -> Command {
    cargo("demos", arguments)
}

fn checks() -> Vec<Act> {
    let lint = |arguments: &[&str]| {
        let mut command = demo(&["clippy", "--locked", "--release"]);
        command.args(arguments).args(["--", "-D", "warnings"]);
        Act::Passes(command)
    };
    vec![
        Act::Passes(demo(&["fmt", "--all", "--check"])),
        lint(&["-p", "firmware", "--features", "interrupt", "--target", "thumbv6m-none-eabi"]),
        lint(&["-p", "wasm", "--target", "wasm32-unknown-unknown"]),
        Act::Passes(demo(&["test", "--locked", "-p", "proof"])),
    ]
}

/// Runs what `build` makes, first with a planted defect that has to be told in these words.
fn built(build: impl Fn() -> Command, run: impl Fn() -> Command, says: &'static str) -> Vec<Act> {
    let mut planted = build();
    planted.args(["--features", "planted"]);
    vec![Act::Passes(planted), Act::Reports(run(), says), Act::Passes(build()), Act::Passes(run())]
}

fn build(package: &str, target: &str) -> Command {
    demo(&["build", "--locked", "--release", "-p", package, "--target", target])
}

struct Firmware {
    target: &'static str,
    machine: &'static str,
    /// For the compiler.
    flags: &'static str,
}

impl Firmware {
    fn acts(&self, features: &[&str]) -> Vec<Act> {
        let build = || {
            let mut command = build("firmware", self.target);
            command.args(features).env("RUSTFLAGS", self.flags);
            command
        };
        let product = target_dir().join(self.target).join("release/firmware");
        built(build, || self.run(&product), "came out twice")
    }

    fn run(&self, product: &Path) -> Command {
        let mut command = Command::new("timeout");
        command.args(["60", "qemu-system-arm", "-machine", self.machine, "-nographic"]);
        // Time goes by instructions, so that interrupts meet the same ones in every run.
        command.args(["-icount", "shift=4", "-semihosting-config", "enable=on,target=native"]);
        command.arg("-kernel").arg(product);
        command
    }
}

fn node() -> Vec<Act> {
    let target = "wasm32-unknown-unknown";
    let product = target_dir().join(target).join("release/wasm.wasm");
    let run = || {
        let mut command = Command::new("timeout");
        command.args(["60", "node"]).arg(root().join("demos/wasm/mint.mjs")).arg(&product);
        command
    };
    built(|| build("wasm", target), run, "test planted ... FAILED")
}

/// The whole test suites of the algorithm crates, documentation included.
fn suites(machine: &str, emulator: &str, length: Length) -> Vec<Act> {
    let target = format!("{machine}-unknown-linux-gnu");
    let mut command = cargo(".", &["test", "--locked", "--no-fail-fast", "--target", &target]);
    command.args(["-p", "idgen-core", "-p", "idgen-segment", "-p", "idgen-snowflake"]);
    command.args(["--features", "idgen-core/serde,idgen-core/fallback"]);
    let variable =
        |what| format!("CARGO_TARGET_{}_{what}", target.to_uppercase().replace('-', "_"));
    command.env(variable("LINKER"), format!("{machine}-linux-gnu-gcc"));
    command.env(variable("RUNNER"), format!("{emulator} -L /usr/{machine}-linux-gnu"));
    if length == Length::Slice {
        command.env("IDGEN_SLICE", "small");
    }
    vec![Act::Passes(command)]
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
        assert_eq!(reports(shell("echo twice; exit 1"), "twice").tally.passed, 1);
        for quiet in ["echo twice", "exit 1", "echo once; exit 1"] {
            assert!(!reports(shell(quiet), "twice").is_ok(), "{quiet}");
        }
        assert!(!reports(Command::new("no-such-program-of-idgen"), "twice").is_ok());
    }

    #[test]
    fn a_machine_that_reports_nothing_fails() {
        assert!(!perform(vec![Act::Passes(shell("true"))]).is_ok());
        let quiet = Act::Reports(shell("true"), "twice");
        let outcome = perform(vec![quiet, Act::Passes(Command::new("no-such-program-of-idgen"))]);
        assert!(outcome.to_string().contains("was not reported"), "{outcome}");
    }

    #[test]
    fn emulated_suites_are_built_for_their_machine() {
        let [Act::Passes(command)] = &suites("powerpc", "qemu-ppc", Length::Slice)[..] else {
            panic!("one command");
        };
        let set = |key: &str| {
            let mut all = command.get_envs().filter(|(name, _)| *name == key);
            all.find_map(|(_, value)| value).map(|value| value.to_string_lossy().into_owned())
        };
        let linker = set("CARGO_TARGET_POWERPC_UNKNOWN_LINUX_GNU_LINKER");
        assert_eq!(linker.as_deref(), Some("powerpc-linux-gnu-gcc"));
        assert_eq!(set("RUSTFLAGS"), None);
        assert_eq!(set("IDGEN_SLICE").as_deref(), Some("small"));
    }
}
