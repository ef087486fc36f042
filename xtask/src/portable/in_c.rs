//! The checks of `demos/firmware-c`: libidgen without std, linked and called by C alone.

use std::path::PathBuf;
use std::process::Command;

use super::{Act, Firmware, SINGLE_CORE, cargo, target_dir};
use crate::root;

/// With a warning for everything, and all of them errors.
const COMPILER: &[&str] = &[
    "-mthumb",
    "-std=c11",
    "-Os",
    "-g",
    "-ffreestanding",
    "-nostdlib",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
    "-Wl,--gc-sections,--fatal-warnings,-z,noexecstack",
];

const CHECKS: &[&str] = &["main.c", "serial.c", "timed.c", "memory.c"];

/// One board and how C is compiled for it.
pub(super) struct Board {
    pub(super) firmware: Firmware,
    /// For the compiler: processor and definitions.
    pub(super) flags: &'static [&'static str],
}

impl Board {
    /// Builds the library; then the checks with a planted defect, the checks, and the least
    /// firmware, whose size the linker judges.
    pub(super) fn acts(&self) -> Vec<Act> {
        let run = || self.firmware.run(&self.product());
        let mut planted = self.link(CHECKS);
        planted.arg("-DPLANTED");
        vec![
            Act::Passes(self.library()),
            Act::Passes(planted),
            Act::Reports(run(), "test planted ... FAILED"),
            Act::Passes(self.link(CHECKS)),
            Act::Passes(run()),
            Act::Passes(self.link(&["-T", "minimal.ld", "minimal.c"])),
            Act::Passes(run()),
        ]
    }

    fn library(&self) -> Command {
        let mut command = cargo(".", &["rustc", "--locked", "--release", "-p", "idgen-ffi"]);
        command.args(["--lib", "--no-default-features", "--features", "fallback"]);
        command.args(["--crate-type", "staticlib", "--target", self.firmware.target]);
        command.env("RUSTFLAGS", SINGLE_CORE);
        command
    }

    fn products(&self) -> PathBuf {
        target_dir().join(self.firmware.target).join("release")
    }

    fn product(&self) -> PathBuf {
        self.products().join("firmware-c")
    }

    fn link(&self, sources: &[&str]) -> Command {
        let board = self.firmware.target.split('-').next().unwrap_or_default();
        let mut command = Command::new("arm-none-eabi-gcc");
        command.current_dir(root().join("demos/firmware-c"));
        command.args(COMPILER).args(self.flags).args(["-I", "../../idgen-ffi/include"]);
        command.args(["-T", &format!("../firmware/memory/{board}.x"), "-T", "firmware.ld"]);
        command.args(sources).arg("board.c").arg(self.products().join("libidgen_ffi.a"));
        command.arg("-lgcc").arg("-o").arg(self.product());
        command
    }
}
