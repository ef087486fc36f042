//! `cargo xtask header`: the C header, made from the sources of the library.
//!
//! It is kept beside them, so that C programmers find it without a tool and a change of the
//! interface shows in a commit. `cargo xtask test` makes it anew and compares.

use std::path::PathBuf;

use crate::root;
use crate::suite::{Length, Outcome, Tally};

/// Writes the header anew.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn rewrite() -> bool {
    let path = path();
    let written = made().and_then(|text| {
        std::fs::write(&path, text)
            .map_err(|error| format!("{error}; see the rights of {}", path.display()))
    });
    match written {
        Ok(()) => println!("wrote {}", path.display()),
        Err(ref reason) => eprintln!("header: {reason}"),
    }
    written.is_ok()
}

/// Compares the header with the sources; counts as one test.
pub(crate) fn outcome(_: Length) -> Outcome {
    let kept = std::fs::read_to_string(path()).unwrap_or_default();
    match made().and_then(|made| compare(&kept, &made)) {
        Ok(()) => Outcome { tally: Tally { passed: 1, ..Tally::default() }, reason: None },
        Err(reason) => Outcome::failed(Tally::default(), reason),
    }
}

fn library() -> PathBuf {
    root().join("idgen-ffi")
}

fn path() -> PathBuf {
    library().join("include/idgen.h")
}

fn made() -> Result<String, String> {
    let config = cbindgen::Config::from_file(library().join("cbindgen.toml"))
        .map_err(|error| format!("idgen-ffi/cbindgen.toml: {error}"))?;
    let header = cbindgen::generate_with_config(library(), config)
        .map_err(|error| format!("no header can be made of idgen-ffi: {error}"))?;
    let mut text = Vec::new();
    header.write(&mut text);
    String::from_utf8(text).map_err(|error| format!("the header is no text: {error}"))
}

/// Names the first line in which the two differ.
fn compare(kept: &str, made: &str) -> Result<(), String> {
    if kept == made {
        return Ok(());
    }
    let same = kept.lines().zip(made.lines()).take_while(|(kept, made)| kept == made).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("the end").to_owned();
    Err(format!(
        "idgen.h is not what its sources make, from line {} on: {:?} is kept, {:?} is made; run \
         `cargo xtask header` and commit it",
        same + 1,
        line(kept),
        line(made)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(compare("a\nb\n", "a\nb\n"), Ok(()));
        let reason = compare("a\nb\n", "a\nc\n").unwrap_err();
        assert!(reason.contains("line 2 on: \"b\" is kept, \"c\" is made"), "{reason}");
        assert!(compare("", "a\n").is_err() && compare("a\nb\n", "a\n").is_err());
        assert!(compare("a\n", "a").is_err(), "line ends count");
    }

    #[test]
    fn the_header_declares_what_the_sources_export() {
        let header = made().unwrap();
        for word in ["idgen_segment_next(", "IDGEN_STATUS_INTERNAL = 21", "IDGEN_ALIGNMENT 128"] {
            assert!(header.contains(word), "{word}");
        }
    }
}
