//! Servers whose wall clock is off, by the library of Debian's package faketime.
//!
//! The clock of the boot, by which leases are held, stays right: it is read without the library.

use std::path::Path;

/// The library that lies about the time.
pub(crate) fn library() -> String {
    let folders = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "local/lib", "lib64"];
    let paths = folders.map(|folder| format!("/usr/{folder}/faketime/libfaketimeMT.so.1"));
    let found = paths.into_iter().find(|path| Path::new(path).exists());
    found.expect("libfaketimeMT.so.1 is missing: install the package faketime")
}

/// The environment of a server whose clock is off by `offset`, such as `-0.4s`.
pub(crate) fn clock_off<'a>(library: &'a str, offset: &'a str) -> Vec<(&'a str, &'a str)> {
    clock_told(library, "FAKETIME", offset)
}

/// The environment of a server whose clock is off by what this variable of the library says.
pub(crate) fn clock_told<'a>(
    library: &'a str,
    variable: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("LD_PRELOAD", library),
        (variable, value),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_NO_CACHE", "1"),
    ]
}
