//! What the installed library is, looked at from outside.

use std::path::Path;
use std::process::Command;

use super::{folder, prefix};
use crate::suite::{Outcome, Tally};

/// What a system has that runs any program.
const MAY_NEED: &[&str] = &["libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"];

/// Of the stripped library, in bytes.
const MAX_SIZE: u64 = 400 * 1024;

/// Each check counts as a test.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(super) fn outcome() -> Outcome {
    let library = prefix().join("lib/libidgen.so");
    let full = prefix().join("lib/libidgen-full.so");
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    let checks = [
        ("exports only idgen_*", exports_of(&library)),
        ("libidgen-full exports only idgen_*", exports_of(&full)),
        ("needs next to nothing", says("readelf", &["-d"], &library).and_then(|it| needs(&it))),
        ("SONAME is the interface's number", soname_of(&library, "libidgen")),
        ("libidgen-full's SONAME is the same number", soname_of(&full, "libidgen-full")),
        ("is below 400 KiB, stripped", size_of(&library).and_then(is_small)),
    ];
    for (name, checked) in checks {
        println!("test {name} ... {}", if checked.is_ok() { "ok" } else { "FAILED" });
        match checked {
            Ok(()) => total.passed += 1,
            Err(reason) => {
                total.failed += 1;
                failed.push(reason);
            }
        }
    }
    match failed.is_empty() {
        true => Outcome { tally: total, reason: None },
        false => Outcome::failed(total, failed.join("; ")),
    }
}

fn says(program: &str, arguments: &[&str], library: &Path) -> Result<String, String> {
    let output = Command::new(program).args(arguments).arg(library).output();
    let output = output.map_err(|error| format!("{program} does not start: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(told)
    } else {
        Err(format!("{program} {} ended with {}", library.display(), output.status))
    }
}

fn exports_of(library: &Path) -> Result<(), String> {
    exports(&says("nm", &["-D", "--defined-only"], library)?)
}

/// Every line of `nm` is `value kind name`.
fn exports(symbols: &str) -> Result<(), String> {
    let names: Vec<&str> =
        symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let foreign: Vec<&&str> = names.iter().filter(|name| !name.starts_with("idgen_")).collect();
    if !names.contains(&"idgen_abi_version") {
        return Err("it does not export idgen_abi_version".to_owned());
    }
    if foreign.is_empty() { Ok(()) } else { Err(format!("it exports {foreign:?}")) }
}

/// What stands in brackets on the lines of `readelf -d` that hold a tag.
fn tagged<'a>(dynamic: &'a str, tag: &str) -> Vec<&'a str> {
    let lines = dynamic.lines().filter(|line| line.contains(tag));
    lines.filter_map(|line| line.split_once('[')?.1.split(']').next()).collect()
}

fn needs(dynamic: &str) -> Result<(), String> {
    let needed = tagged(dynamic, "(NEEDED)");
    let more: Vec<&&str> = needed.iter().filter(|name| !MAY_NEED.contains(name)).collect();
    if more.is_empty() { Ok(()) } else { Err(format!("it needs {more:?}; want {MAY_NEED:?}")) }
}

fn soname_of(library: &Path, name: &str) -> Result<(), String> {
    let header = prefix().join("include/idgen.h");
    let header = std::fs::read_to_string(&header)
        .map_err(|error| format!("{}: {error}; is it installed?", header.display()))?;
    soname(&says("readelf", &["-d"], library)?, &header, name)
}

fn soname(dynamic: &str, header: &str, name: &str) -> Result<(), String> {
    let number = header
        .lines()
        .find_map(|line| line.strip_prefix("#define IDGEN_ABI_VERSION "))
        .ok_or("idgen.h does not define IDGEN_ABI_VERSION")?;
    let (found, wanted) = (tagged(dynamic, "(SONAME)"), format!("{name}.so.{number}"));
    if found == [&*wanted] {
        return Ok(());
    }
    Err(format!(
        "the SONAME is {found:?}; want {wanted}: change the version in \
         package.metadata.capi.library"
    ))
}

fn size_of(library: &Path) -> Result<u64, String> {
    let stripped = folder().join("stripped.so");
    let path = stripped.to_string_lossy();
    says("strip", &["-o", &path], library)?;
    let facts = std::fs::metadata(&stripped).map_err(|error| format!("{path}: {error}"))?;
    Ok(facts.len())
}

fn is_small(bytes: u64) -> Result<(), String> {
    if bytes < MAX_SIZE {
        return Ok(());
    }
    Err(format!("stripped it has {bytes} bytes; want less than {MAX_SIZE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_too_many_is_told() {
        let own = "0000000000021e00 T idgen_abi_version\n0000000000021e10 T idgen_next\n";
        assert_eq!(exports(own), Ok(()));
        let planted = format!("{own}0000000000031e00 T rust_eh_personality\n");
        assert!(exports(&planted).unwrap_err().contains("rust_eh_personality"));
        assert!(exports("").is_err(), "a library that exports nothing is none");
    }

    const DYNAMIC: &str = " 0x0001 (NEEDED)  Shared library: [libc.so.6]\n \
                           0x000e (SONAME)  Library soname: [libidgen.so.0]\n";

    #[test]
    fn a_library_too_many_is_told() {
        assert_eq!(needs(DYNAMIC), Ok(()));
        let planted = format!("{DYNAMIC} 0x0001 (NEEDED)  Shared library: [libssl.so.3]\n");
        assert!(needs(&planted).unwrap_err().contains("libssl.so.3"));
    }

    #[test]
    fn the_soname_follows_the_interface() {
        assert_eq!(soname(DYNAMIC, "#define IDGEN_ABI_VERSION 0\n", "libidgen"), Ok(()));
        assert!(soname(DYNAMIC, "#define IDGEN_ABI_VERSION 1\n", "libidgen").is_err());
        assert!(soname(DYNAMIC, "#define IDGEN_ABI_VERSION 0\n", "libidgen-full").is_err());
        assert!(soname(DYNAMIC, "", "libidgen").is_err());
        assert!(soname("", "#define IDGEN_ABI_VERSION 0\n", "libidgen").is_err());
    }

    #[test]
    fn a_byte_too_many_is_told() {
        assert_eq!(is_small(409_599), Ok(()));
        assert!(is_small(409_600).unwrap_err().contains("409600"));
    }

    #[test]
    fn a_program_that_fails_tells_nothing_of_the_library() {
        assert!(says("false", &[], Path::new("x")).is_err());
        assert!(says("no-such-program-of-idgen", &[], Path::new("x")).is_err());
    }
}
