//! Rules that read Rust tokens, so that strings and comments do not count as code.
//!
//! A file is taken apart into *levels*: the tokens between one pair of brackets. Rules look at a
//! token and its neighbours of the same level, which also reaches into macros, where a parser of
//! items would be blind.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Finding;
use super::lines::{GRAB_BAGS, is_hot};
use super::tree::{Source, Tree};

const FUNCTION_LINES: usize = 70;
const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// Where `unsafe` may stand: the C interface, the hook that sees a fork, and the names that
/// JavaScript calls.
const UNSAFE_ALLOWED: [&str; 3] =
    ["idgen-ffi/", "idgen-runtime/src/fork.rs", "demos/wasm/src/exports.rs"];

type Level = Vec<TokenTree>;

fn stream(file: &Source) -> Result<TokenStream, Finding> {
    let lexed: Result<TokenStream, _> = file.text.parse();
    lexed.map_err(|error| Finding::of(&file.path, format!("is not Rust: {error}; see rustc")))
}

fn collect(stream: TokenStream, keep: fn(Level) -> Level, levels: &mut Vec<Level>) {
    let level = keep(stream.into_iter().collect());
    for token in &level {
        if let TokenTree::Group(group) = token {
            collect(group.stream(), keep, levels);
        }
    }
    levels.push(level);
}

fn all_levels(file: &Source) -> Result<Vec<Level>, Finding> {
    let mut levels = Vec::new();
    collect(stream(file)?, |level| level, &mut levels);
    Ok(levels)
}

/// Levels without imports, enums and what is compiled for tests only.
fn production_levels(file: &Source) -> Result<Vec<Level>, Finding> {
    let mut levels = Vec::new();
    if !file.is_test() {
        collect(stream(file)?, production_only, &mut levels);
    }
    Ok(levels)
}

fn production_only(level: Level) -> Level {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < level.len() {
        if is_ident(level.get(at), "use") && !is_punct(level.get(at + 1), '<') {
            at = past(&level, at, |token| is_punct(Some(token), ';'));
        } else if is_punct(level.get(at), '#') && level.get(at + 1).is_some_and(is_test_attribute) {
            at = past(&level, at, |token| {
                is_punct(Some(token), ';') || group(Some(token), Delimiter::Brace).is_some()
            });
        } else if is_ident(level.get(at), "enum") {
            // The names of variants are declared here, not used.
            at = past(&level, at, |token| group(Some(token), Delimiter::Brace).is_some());
        } else {
            kept.push(level[at].clone());
            at += 1;
        }
    }
    kept
}

/// The index behind the next token that is the end of something.
fn past(level: &Level, from: usize, is_end: impl Fn(&TokenTree) -> bool) -> usize {
    level[from..].iter().position(is_end).map_or(level.len(), |end| from + end + 1)
}

/// `[test]` or a `[cfg(...)]` that asks for `test` and denies nothing.
fn is_test_attribute(token: &TokenTree) -> bool {
    let Some(attribute) = group(Some(token), Delimiter::Bracket) else { return false };
    let mut levels = Vec::new();
    collect(attribute.stream(), |level| level, &mut levels);
    let names = |name| levels.iter().flatten().any(|token| is_ident(Some(token), name));
    let top = &levels[levels.len() - 1];
    let is_cfg = is_ident(top.first(), "cfg") && names("test") && !names("not");
    is_cfg || (top.len() == 1 && is_ident(top.first(), "test"))
}

fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// Runs `see` on every token of every level and gathers what it says, with the token's line.
fn scan(
    file: &Source,
    levels: Result<Vec<Level>, Finding>,
    see: impl Fn(&Level, usize) -> Option<String>,
) -> Vec<Finding> {
    let levels = match levels {
        Ok(levels) => levels,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for level in &levels {
        for at in 0..level.len() {
            let line = level[at].span().start().line;
            findings.extend(see(level, at).map(|says| Finding::at(&file.path, line, says)));
        }
    }
    findings
}

fn scan_all(tree: &Tree, see: impl Fn(&Level, usize) -> Option<String>) -> Vec<Finding> {
    tree.rust().flat_map(|file| scan(file, all_levels(file), &see)).collect()
}

pub(super) fn module_names(tree: &Tree) -> Vec<Finding> {
    scan_all(tree, |level, at| {
        let name = ident(level.get(at + 1)).filter(|_| is_ident(level.get(at), "mod"))?;
        let says = format!("module `{name}` is a grab bag; name it after what it holds");
        GRAB_BAGS.contains(&&*name).then_some(says)
    })
}

pub(super) fn function_length(tree: &Tree) -> Vec<Finding> {
    scan_all(tree, |level, at| {
        let name = ident(level.get(at + 1)).filter(|_| is_ident(level.get(at), "fn"))?;
        let end = past(level, at, |token| {
            is_punct(Some(token), ';') || group(Some(token), Delimiter::Brace).is_some()
        });
        let body = group(level.get(end - 1), Delimiter::Brace)?;
        let lines = body.span_close().end().line - level[at].span().start().line + 1;
        let says = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES}; split it");
        (lines > FUNCTION_LINES).then_some(says)
    })
}

pub(super) fn no_unsafe(tree: &Tree) -> Vec<Finding> {
    let barred = |file: &&Source| !UNSAFE_ALLOWED.iter().any(|at| file.path.starts_with(at));
    let see = |level: &Level, at: usize| {
        is_ident(level.get(at), "unsafe").then(|| "unsafe; find the safe way".to_owned())
    };
    tree.rust().filter(barred).flat_map(|file| scan(file, all_levels(file), see)).collect()
}

pub(super) fn no_stubs(tree: &Tree) -> Vec<Finding> {
    scan_all(tree, |level, at| {
        let is_stub = ["todo", "unimplemented"].iter().any(|name| is_ident(level.get(at), name))
            && is_punct(level.get(at + 1), '!')
            && matches!(level.get(at + 2), Some(TokenTree::Group(_)));
        let is_ignored = is_punct(level.get(at), '#')
            && group(level.get(at + 1), Delimiter::Bracket).is_some_and(ignores);
        match (is_stub, is_ignored) {
            (true, _) => Some("a stub; write what belongs here".to_owned()),
            (_, true) => Some("an ignored test; mend it or take it out".to_owned()),
            _ => None,
        }
    })
}

/// `[ignore]`, `[ignore = "..."]` and `[cfg_attr(..., ignore)]`.
fn ignores(attribute: &Group) -> bool {
    let tokens: Level = attribute.stream().into_iter().collect();
    let conditional = group(tokens.get(1), Delimiter::Parenthesis)
        .filter(|_| is_ident(tokens.first(), "cfg_attr"))
        .is_some_and(|inner| inner.stream().into_iter().any(|t| is_ident(Some(&t), "ignore")));
    is_ident(tokens.first(), "ignore") || conditional
}

pub(super) fn atomics_from_shim(tree: &Tree) -> Vec<Finding> {
    let bound = |file: &&Source| {
        super::crates::is_algorithm(file.crate_folder())
            && !file.is_test()
            && file.path != "idgen-core/src/atomics.rs"
    };
    let see = |level: &Level, at: usize| {
        let is_std = is_ident(level.get(at), "sync") && is_ident(level.get(at + 3), "atomic");
        let is_shimmed = is_std || is_ident(level.get(at), "portable_atomic");
        is_shimmed.then(|| "atomics come from idgen_core::atomics, which loom swaps".to_owned())
    };
    tree.rust().filter(bound).flat_map(|file| scan(file, all_levels(file), see)).collect()
}

pub(super) fn ordering_reasons(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        match ordering_lines(file) {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => findings.extend(without_reason(file, &lines)),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

pub(super) fn ordering_sections(tree: &Tree) -> Vec<Finding> {
    let names_one = |file: &&Source| ordering_lines(file).is_ok_and(|lines| !lines.is_empty());
    let has_section = |file: &Source| file.lines().any(|(_, line)| line == "//! # Orderings");
    tree.rust()
        .filter(|file| is_hot(file) && !has_section(file))
        .filter(names_one)
        .map(|file| Finding::of(&file.path, "names orderings; its doc needs `# Orderings`"))
        .collect()
}

/// The lines of production code that name a memory ordering.
fn ordering_lines(file: &Source) -> Result<BTreeSet<usize>, Finding> {
    let levels = production_levels(file)?;
    let lines = |level: &Level| -> Vec<usize> {
        let named = (0..level.len()).filter(|&at| is_ordering(level, at));
        named.map(|at| level[at].span().start().line).collect()
    };
    Ok(levels.iter().flat_map(lines).collect())
}

/// Whether a token is one of the orderings as a value: bare or behind `Ordering::`, and not the
/// name of something else (`Op::Release`, `struct Release`, a variant of an enum with fields).
fn is_ordering(level: &Level, at: usize) -> bool {
    if !ORDERINGS.iter().any(|name| is_ident(level.get(at), name)) {
        return false;
    }
    let before = |distance: usize| at.checked_sub(distance).and_then(|index| level.get(index));
    if is_punct(before(1), ':') && is_punct(before(2), ':') {
        return is_ident(before(3), "Ordering");
    }
    let declares = ["struct", "enum", "fn", "trait", "type", "impl", "for", "union"];
    let is_declared = declares.iter().any(|word| is_ident(before(1), word));
    let goes_on =
        is_punct(level.get(at + 1), ':') || matches!(level.get(at + 1), Some(TokenTree::Group(_)));
    !is_declared && !goes_on
}

fn without_reason(file: &Source, lines: &BTreeSet<usize>) -> Vec<Finding> {
    let ends = code_ends(file);
    let text: Vec<&str> = file.text.lines().collect();
    let is_comment = |line: &str| {
        let comment = line.trim_start().strip_prefix("//");
        comment.is_some_and(|says| !says.starts_with(['/', '!']) && !says.trim().is_empty())
    };
    let has_reason = |line: &usize| {
        let behind: String = text[line - 1].chars().skip(ends[line]).collect();
        is_comment(&behind) || (*line > 1 && is_comment(text[line - 2]))
    };
    let says = "a memory ordering without its reason; say what it pairs with or why it is enough";
    lines
        .iter()
        .filter(|line| !has_reason(line))
        .map(|&n| Finding::at(&file.path, n, says))
        .collect()
}

/// For each line with tokens, the column behind the last of them.
fn code_ends(file: &Source) -> BTreeMap<usize, usize> {
    let mut ends = BTreeMap::new();
    for token in all_levels(file).unwrap_or_default().iter().flatten() {
        let spans = match token {
            TokenTree::Group(group) => [group.span_open(), group.span_close()],
            other => [other.span(), other.span()],
        };
        for end in spans.map(|span| span.end()) {
            let column = ends.entry(end.line).or_insert(end.column);
            *column = end.column.max(*column);
        }
    }
    ends
}
