//! What the README says is what the examples, the header and the library say.

use std::fs;
use std::path::Path;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code between the fences of a language, block by block.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let inside = |block: &str| block.split("```").next().unwrap().to_owned();
    readme.split(&fence).skip(1).map(inside).collect()
}

/// The cells of the rows of a table whose first cell starts so.
fn rows<'a>(readme: &'a str, first: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let cells = |line: &'a str| line.split('|').map(str::trim).collect::<Vec<_>>();
    readme
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(cells)
        .filter(move |row| row[1].starts_with(first))
}

#[test]
fn the_code_is_that_of_the_examples() {
    let readme = text("README.md");
    for language in ["c", "cpp"] {
        let examples =
            ["hello", "full_hello"].map(|name| text(&format!("examples/{name}.{language}")));
        assert_eq!(blocks(&readme, language), examples);
    }
}

#[test]
fn the_statuses_are_those_of_the_header() {
    let (readme, header) = (text("README.md"), text("include/idgen.h"));
    let told: Vec<String> = rows(&readme, "")
        .filter(|row| row[1].parse::<u32>().is_ok())
        .map(|row| format!("IDGEN_STATUS_{} = {},", row[2].trim_matches('`'), row[1]))
        .collect();
    let named: Vec<&str> = header
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("IDGEN_STATUS_") && line.ends_with(','))
        .filter(|line| line.contains(" = "))
        .collect();
    assert_eq!(told, named);
    assert_eq!(told.len(), 33);
}

#[test]
fn the_blocks_are_as_large_as_it_says() {
    let sizes = [
        ("idgen_segment_cursor", size_of::<idgen_ffi::Cursor>()),
        ("idgen_segment_handle", size_of::<idgen_ffi::Handle>()),
        ("idgen_snowflake", size_of::<idgen_ffi::Snowflake>()),
        ("idgen_snowflake_handle", size_of::<idgen_ffi::SnowflakeHandle>()),
        ("idgen_buckets", size_of::<idgen_ffi::Buckets>()),
        ("idgen_pace", size_of::<idgen_ffi::Pace>()),
    ];
    let readme = text("README.md");
    let told: Vec<String> =
        rows(&readme, "`idgen_").map(|row| format!("{} {}", row[1], row[2])).collect();
    assert_eq!(told, sizes.map(|(name, size)| format!("`{name}` {size}")));
}

#[test]
fn the_interface_has_the_number_it_says() {
    let soname = format!("`libidgen.so.{}`", idgen_ffi::IDGEN_ABI_VERSION);
    assert!(text("README.md").contains(&soname), "{soname}");
}

#[test]
fn what_it_links_to_is_there() {
    let readme = text("README.md");
    let links: Vec<&str> = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://"))
        .collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        text(link);
    }
}

/// The C++ names are those of the header, in its order: a new status is added to both.
#[test]
fn cpp_names_every_status() {
    let (cpp, header) = (text("include/idgen.hpp"), text("include/idgen.h"));
    let class = cpp.split("enum class status").nth(1).unwrap().split("};").next().unwrap();
    let named = |line: &str| {
        let (name, rest) = line.trim().strip_prefix("IDGEN_STATUS_")?.split_once(" = ")?;
        rest.ends_with(',').then(|| format!("{} = IDGEN_STATUS_{name},", name.to_lowercase()))
    };
    let wanted: Vec<String> = header.lines().filter_map(named).collect();
    let found: Vec<&str> =
        class.lines().map(str::trim).filter(|line| line.contains("IDGEN_STATUS_")).collect();
    assert_eq!(found, wanted);
}
