//! Rules that read lines and names of files.

use super::Finding;
use super::tree::{Source, Tree};

const COLUMNS: usize = 100;
const FILE_LINES: usize = 400;
const HOT_FILE_LINES: usize = 250;
const TEST_FILE_LINES: usize = 600;

/// Names under which anything can be put and nothing is found again.
pub(super) const GRAB_BAGS: [&str; 5] = ["common", "utils", "helpers", "manager", "types"];

const TEXTS: [&str; 10] =
    [".rs", ".toml", ".md", ".sh", ".yml", ".h", ".c", ".cpp", ".sql", ".ci/run"];

fn is_text(file: &Source) -> bool {
    TEXTS.iter().any(|end| file.path.ends_with(end))
}

/// Whether a file lies on the hot path of the algorithms, where every line is read twice.
pub(super) fn is_hot(file: &Source) -> bool {
    let hot = ["idgen-segment/src/", "idgen-snowflake/src/"];
    file.is_rust() && !file.is_test() && hot.iter().any(|folder| file.path.starts_with(folder))
}

pub(super) fn columns(tree: &Tree) -> Vec<Finding> {
    let long = |file: &Source| {
        let over = |&(_, line): &(usize, &str)| line.chars().count() > COLUMNS;
        let found: Vec<Finding> = file
            .lines()
            .filter(over)
            .map(|(number, _)| Finding::at(&file.path, number, "longer than 100 columns; break it"))
            .collect();
        found
    };
    tree.rust().flat_map(long).collect()
}

pub(super) fn ascii(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_text(file)) {
        for (number, line) in file.lines() {
            if let Some(foreign) = line.chars().find(|letter| !letter.is_ascii()) {
                let says = format!("{:?} is not ASCII; write it out", foreign.escape_unicode());
                findings.push(Finding::at(&file.path, number, says));
            }
        }
    }
    findings
}

pub(super) fn file_length(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let most = match () {
            () if file.is_test() => TEST_FILE_LINES,
            () if is_hot(file) => HOT_FILE_LINES,
            () => FILE_LINES,
        };
        let lines = file.lines().count();
        if lines > most {
            findings.push(Finding::of(&file.path, format!("{lines} lines, at most {most}; split")));
        }
    }
    findings
}

pub(super) fn banners(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust() || file.path.ends_with(".toml")) {
        for (number, line) in file.lines().filter(|(_, line)| is_banner(line, file.is_rust())) {
            let says = format!("a banner: {:?}; let names and order speak", line.trim());
            findings.push(Finding::at(&file.path, number, says));
        }
    }
    findings
}

/// A comment that draws a line: `// ----`, `// ==== Title ====`, `/////////`.
fn is_banner(line: &str, is_rust: bool) -> bool {
    let line = line.trim();
    let comment = match is_rust {
        true => line.strip_prefix("//").or_else(|| line.strip_prefix("/*")),
        false => line.strip_prefix('#'),
    };
    comment.is_some_and(|comment| {
        let text = comment.strip_prefix(['/', '!', '*']).unwrap_or(comment).trim_start();
        let drawn = ["---", "===", "***", "~~~", "___", "####", "///"];
        drawn.iter().any(|drawn| text.starts_with(drawn))
    })
}

pub(super) fn ignored_doc_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let fences = file.lines().filter(|(_, line)| {
            let fence = line.trim_start().trim_start_matches(['/', '!']).trim_start();
            fence.strip_prefix("```").is_some_and(|tags| tags.split(',').any(|tag| tag == "ignore"))
        });
        findings.extend(fences.map(|(number, _)| {
            Finding::at(&file.path, number, "an ignored doc test; make it run, or write `text`")
        }));
    }
    findings
}

pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let is_grab_bag = |file: &&Source| {
        file.path.split('/').any(|part| {
            let stem = part.split_once('.').map_or(part, |(stem, _)| stem);
            GRAB_BAGS.contains(&stem)
        })
    };
    let says = "a grab bag's name; name it after what it holds";
    tree.files.iter().filter(is_grab_bag).map(|file| Finding::of(&file.path, says)).collect()
}
