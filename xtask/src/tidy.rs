//! The house rules, each an ordinary function from the project's files to findings.
//!
//! Every rule is shown to be able to fail by a planted violation (`tests.rs`), and holds on the
//! project itself: `cargo xtask tidy` prints what does not.

mod crates;
mod lines;
mod tokens;
mod tree;

#[cfg(test)]
mod tests;

use tree::Tree;

/// A place that breaks a rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// Counted from 1; 0 when the whole file is meant.
    line: usize,
    says: String,
}

impl Finding {
    fn at(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, says: says.into() }
    }

    fn of(path: &str, says: impl Into<String>) -> Self {
        Self::at(path, 0, says)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, line, says } = self;
        match line {
            0 => write!(f, "{path}: {says}"),
            line => write!(f, "{path}:{line}: {says}"),
        }
    }
}

struct Rule {
    name: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

const fn rule(name: &'static str, check: fn(&Tree) -> Vec<Finding>) -> Rule {
    Rule { name, check }
}

const RULES: &[Rule] = &[
    rule("crates depend only along the table's arrows", crates::arrows),
    rule("dependencies among our crates have no cycle", crates::cycles),
    rule("algorithm crates keep to their few third parties", crates::third_parties),
    rule("only benches/ names a competitor", crates::competitors),
    rule("every crate inherits the workspace's lints", crates::lints),
    rule("algorithm crates are no_std", crates::no_std),
    rule("end-to-end tests have names of their own", crates::end_to_end_names),
    rule("lines are at most 100 columns", lines::columns),
    rule("text is ASCII", lines::ascii),
    rule("files are short", lines::file_length),
    rule("there are no banner lines", lines::banners),
    rule("doc tests are not ignored", lines::ignored_doc_tests),
    rule("no file is a grab bag", lines::names),
    rule("no module is a grab bag", tokens::module_names),
    rule("functions are at most 70 lines", tokens::function_length),
    rule("there is no unsafe", tokens::no_unsafe),
    rule("nothing is left to do and no test ignored", tokens::no_stubs),
    rule("algorithm crates take atomics from the shim", tokens::atomics_from_shim),
    rule("every memory ordering has its reason", tokens::ordering_reasons),
    rule("hot paths have an Orderings section", tokens::ordering_sections),
];

/// Checks every rule on the project, prints what breaks one, and tells whether nothing does.
#[expect(clippy::print_stdout, reason = "findings are this command's output")]
pub(crate) fn run() -> bool {
    let tree = match Tree::of_project() {
        Ok(tree) => tree,
        Err(error) => {
            println!("tidy: {error}");
            return false;
        }
    };
    let mut broken = 0;
    for rule in RULES {
        let findings = (rule.check)(&tree);
        broken += usize::from(!findings.is_empty());
        for finding in findings {
            println!("{finding} [{}]", rule.name);
        }
    }
    println!("tidy: {} rules on {} files, {broken} broken", RULES.len(), tree.files.len());
    broken == 0
}
