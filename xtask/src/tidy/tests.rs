//! Every rule can fail, spares what only looks alike, and holds on the project.

use super::*;

type Files<'a> = &'a [(&'a str, &'a str)];

/// The findings of a rule on files made up for it.
fn findings(rule: &Rule, files: Files) -> Vec<String> {
    (rule.check)(&Tree::planted(files)).iter().map(Finding::to_string).collect()
}

/// Proves the rule whose check is `check`: each violation is found once, the innocent files are
/// spared, and the project keeps the rule.
fn proves(check: fn(&Tree) -> Vec<Finding>, violations: &[Files], innocent: Files) {
    let is_it = |rule: &&Rule| std::ptr::fn_addr_eq(rule.check, check);
    let rule = RULES.iter().find(is_it).expect("the rule is not in the list");
    for files in violations {
        let found = findings(rule, files);
        assert_eq!(found.len(), 1, "{}: {found:?} in {files:?}", rule.name);
    }
    let found = findings(rule, innocent);
    assert!(found.is_empty(), "{}: {found:#?}", rule.name);
    let tree = Tree::of_project().unwrap();
    let found: Vec<String> = (rule.check)(&tree).iter().map(Finding::to_string).collect();
    assert!(found.is_empty(), "{}: {found:#?}", rule.name);
}

const CORE: &str = "[package]\nname = 'idgen-core'\n";

#[test]
fn arrows() {
    let upward = "[package]\nname = 'idgen-core'\n[dependencies]\nidgen-store.workspace = true";
    let by_target = "[package]\nname = 'idgen-segment'\n\
                     [target.'cfg(unix)'.dependencies]\nidgen-runtime = '1'";
    let renamed = "[package]\nname = 'idgen-wire'\n\
                   [dependencies]\nstore = { package = 'idgen-store', version = '1' }";
    let at_build = "[package]\nname = 'idgen-wire'\n[build-dependencies]\nidgen-cli = '1'";
    let on_store = "[package]\nname = 'a'\n[dependencies]\nidgen-store = '1'";
    let dev = "[package]\nname = 'idgen-store'\n[dependencies]\nidgen-core = '1'\n\
               [dev-dependencies]\nidgen-runtime = '1'";
    proves(
        crates::arrows,
        &[
            &[("idgen-core/Cargo.toml", upward)],
            &[("idgen-segment/Cargo.toml", by_target)],
            &[("idgen-wire/Cargo.toml", renamed)],
            &[("idgen-wire/Cargo.toml", at_build)],
            &[("idgen-new/Cargo.toml", "[package]\nname = 'idgen-new'")],
            &[("idgen-core/Cargo.toml", "not a manifest")],
            &[("demos/proof/Cargo.toml", on_store)],
        ],
        &[
            ("idgen-core/Cargo.toml", CORE),
            ("idgen-store/Cargo.toml", dev),
            ("demos/store-in-files/Cargo.toml", on_store),
        ],
    );
}

#[test]
fn workspace_renames_do_not_hide_an_arrow() {
    let root = "[workspace.dependencies]\nplain = { package = 'idgen-store', version = '1' }";
    let core = "[package]\nname = 'idgen-core'\n[dependencies]\nplain.workspace = true";
    let files: Files = &[("Cargo.toml", root), ("idgen-core/Cargo.toml", core)];
    assert_eq!(crates::arrows(&Tree::planted(files)).len(), 1);
}

#[test]
fn cycles() {
    let store = "[package]\nname = 'idgen-store'\n[dependencies]\nidgen-core = '1'\n\
                 [dev-dependencies]\nidgen-runtime = '1'";
    let runtime = "[package]\nname = 'idgen-runtime'\n[dependencies]\nidgen-store = '1'";
    let itself = "[package]\nname = 'idgen-core'\n[dev-dependencies]\nidgen-core = '1'";
    proves(
        crates::cycles,
        &[
            &[("idgen-store/Cargo.toml", store), ("idgen-runtime/Cargo.toml", runtime)],
            &[("idgen-core/Cargo.toml", itself)],
        ],
        &[("idgen-core/Cargo.toml", CORE), ("idgen-store/Cargo.toml", store)],
    );
}

#[test]
fn third_parties() {
    let tokio = "[package]\nname = 'idgen-core'\n[dependencies]\ntokio = '1'";
    let serde = "[package]\nname = 'idgen-core'\n[dependencies]\nserde = '1'";
    let loom = "[package]\nname = 'idgen-segment'\n[dev-dependencies]\nloom = '0.7'";
    let dev = "[package]\nname = 'idgen-segment'\n[dev-dependencies]\nrand = '0.9'";
    let fine = "[package]\nname = 'idgen-core'\n[dependencies]\nthiserror = '2'\n\
                serde = { version = '1', optional = true }\n[dev-dependencies]\nproptest = '1'\n\
                [target.'cfg(idgen_loom)'.dependencies]\nloom = '0.7'";
    proves(
        crates::third_parties,
        &[
            &[("idgen-core/Cargo.toml", tokio)],
            &[("idgen-core/Cargo.toml", serde)],
            &[("idgen-segment/Cargo.toml", loom)],
            &[("idgen-segment/Cargo.toml", dev)],
        ],
        &[("idgen-core/Cargo.toml", fine)],
    );
}

#[test]
fn competitors() {
    let named = "[package]\nname = 'idgen-core'\n[dev-dependencies]\nsnowflake-me = '1'";
    let listed = "[workspace.dependencies]\nuuid = '1'";
    proves(
        crates::competitors,
        &[&[("idgen-core/Cargo.toml", named)], &[("Cargo.toml", listed)]],
        &[("benches/Cargo.toml", "[package]\nname = 'benches'\n[dependencies]\nuuid = '1'")],
    );
}

#[test]
fn lints() {
    let own = "[package]\nname = 'idgen-core'\n[lints.rust]\nunsafe_code = 'forbid'";
    let weak = "[workspace.lints.rust]\nunsafe_code = 'deny'";
    let root = "[workspace.lints.rust]\nunsafe_code = 'forbid'";
    let inherits = "[package]\nname = 'idgen-core'\n[lints]\nworkspace = true";
    let apart = "[workspace]\n[package]\nname = 'b'\n[lints.rust]\nunsafe_code = 'forbid'";
    let denies = "[package]\nname = 'wasm'\n[lints.rust]\nunsafe_code = 'deny'";
    proves(
        crates::lints,
        &[
            &[("idgen-core/Cargo.toml", CORE)],
            &[("idgen-core/Cargo.toml", own)],
            &[("Cargo.toml", weak)],
            &[("demos/proof/Cargo.toml", denies)],
            &[("demos/wasm/Cargo.toml", "[package]\nname = 'wasm'")],
        ],
        &[
            ("Cargo.toml", root),
            ("a/Cargo.toml", inherits),
            ("benches/Cargo.toml", apart),
            ("demos/wasm/Cargo.toml", denies),
        ],
    );
}

#[test]
fn no_std() {
    proves(
        crates::no_std,
        &[&[("idgen-core/src/lib.rs", "//! #![no_std]\n")]],
        &[("idgen-core/src/lib.rs", "#![no_std]\n"), ("idgen-store/src/lib.rs", "")],
    );
}

#[test]
fn end_to_end_names() {
    proves(
        crates::end_to_end_names,
        &[&[("idgen-cli/tests/http.rs", ""), ("idgen-server/tests/http/main.rs", "")]],
        &[("idgen-cli/tests/drive.rs", ""), ("idgen-server/tests/http.rs", "")],
    );
}

#[test]
fn columns() {
    let (long, full) = ("x".repeat(101), "x".repeat(100));
    proves(lines::columns, &[&[("a.rs", &long)]], &[("a.rs", &full), ("a.md", &long)]);
}

#[test]
fn ascii() {
    proves(
        lines::ascii,
        &[&[("a.rs", "// \u{e9}")], &[("README.md", "a \u{2014} b")]],
        &[("a.rs", "// e"), ("picture.svg", "\u{e9}")],
    );
}

#[test]
fn file_length() {
    let lines = |count| "\n".repeat(count);
    proves(
        lines::file_length,
        &[
            &[("idgen-core/src/a.rs", &lines(401))],
            &[("idgen-segment/src/a.rs", &lines(251))],
            &[("idgen-segment/tests/a.rs", &lines(601))],
        ],
        &[
            ("idgen-core/src/a.rs", &lines(400)),
            ("idgen-segment/src/a.rs", &lines(250)),
            ("idgen-segment/src/a/tests.rs", &lines(600)),
        ],
    );
}

#[test]
fn banners() {
    proves(
        lines::banners,
        &[
            &[("a.rs", "// ---- Errors ----")],
            &[("a.rs", "    //////////")],
            &[("a.rs", "/* ====== */")],
            &[("a.rs", "/********\n")],
            &[("a.toml", "# ---- tests")],
            &[("a.toml", "########")],
        ],
        &[
            ("a.rs", "/// # Errors\n//! | a | b |\n//! |---|---|\n// - a point\n/** doc */\n"),
            ("a.toml", "## A feature.\n# a comment\n[lints]"),
        ],
    );
}

#[test]
fn ignored_doc_tests() {
    proves(
        lines::ignored_doc_tests,
        &[&[("a.rs", "/// ```ignore\n")], &[("a.rs", "//! ```rust,ignore\n")]],
        &[("a.rs", "/// ```text\n/// ignore\n/// ```\n")],
    );
}

#[test]
fn names() {
    proves(
        lines::names,
        &[&[("a/src/utils.rs", "")], &[("a/tests/common/mod.rs", "")], &[("types/a.c", "")]],
        &[("a/src/common_case.rs", ""), ("a/src/prototypes.rs", "")],
    );
}

#[test]
fn module_names() {
    proves(
        tokens::module_names,
        &[&[("a.rs", "mod helpers { }")], &[("a.rs", "mod inner { pub mod manager; }")]],
        &[("a.rs", "// mod helpers\nmod lines;\nconst A: &str = \"mod types\";")],
    );
}

#[test]
fn function_length() {
    let function = |body: usize| format!("fn a() -> u8 {{\n{}1\n}}", "let a = 1;\n".repeat(body));
    let inside_macro = format!("proptest! {{\n#[test]\n{}\n}}", function(68));
    let method = format!("impl A {{\n{}\n}}", function(68));
    proves(
        tokens::function_length,
        &[&[("a.rs", &function(68))], &[("a.rs", &inside_macro)], &[("a.rs", &method)]],
        &[
            ("a.rs", &function(67)),
            ("b.rs", &format!("trait T {{ fn a();\nfn b() {{ }}\n{} }}", "\n".repeat(90))),
            ("c.rs", &format!("const A: fn(u8) = |_| {{ {} }};", "\n".repeat(90))),
        ],
    );
}

#[test]
fn no_unsafe() {
    proves(
        tokens::no_unsafe,
        &[
            &[("a.rs", "fn a() { unsafe { b() } }")],
            &[("a.rs", "#[unsafe(no_mangle)]\nfn a() {}")],
            &[("idgen-runtime/src/lib.rs", "unsafe fn a() {}")],
            &[("demos/wasm/src/lib.rs", "#[unsafe(no_mangle)]\nfn a() {}")],
        ],
        &[
            ("a.rs", "//! unsafe\n#![forbid(unsafe_code)]\nconst A: &str = \"unsafe\";"),
            ("idgen-ffi/src/lib.rs", "unsafe fn a() {}"),
        ],
    );
}

#[test]
fn no_stubs() {
    proves(
        tokens::no_stubs,
        &[
            &[("a.rs", "fn a() { todo!() }")],
            &[("a.rs", "fn a() { unimplemented!(\"b\") }")],
            &[("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}")],
            &[("a.rs", "#[cfg_attr(windows, ignore)]\nfn a() {}")],
            &[("a.rs", "proptest! { #[test] #[ignore] fn a() {} }")],
        ],
        &[("a.rs", "// todo!()\nfn ignore(todo: u8) -> bool { todo != 0 }")],
    );
}

#[test]
fn atomics_from_shim() {
    proves(
        tokens::atomics_from_shim,
        &[
            &[("idgen-segment/src/a.rs", "use core::sync::atomic::AtomicU64;")],
            &[("idgen-core/src/a.rs", "use portable_atomic::AtomicU64;")],
        ],
        &[
            ("idgen-core/src/atomics.rs", "pub use portable_atomic::AtomicU64;"),
            ("idgen-segment/src/a.rs", "use idgen_core::atomics::AtomicU64;"),
            ("idgen-runtime/src/a.rs", "use std::sync::atomic::AtomicBool;"),
        ],
    );
}

#[test]
fn ordering_reasons() {
    let plain = "fn a() { b.load(Relaxed) }";
    let by_path = "fn a() {\n// a comment\n\nb.load(atomic::Ordering::Acquire)\n}";
    let by_doc = "/// Not a reason.\nconst A: Ordering = Ordering::SeqCst;";
    let in_macro = "fn a() { assert!(b.load(AcqRel) == 0, \"// no reason\") }";
    let reasons = "\
use Ordering::{Acquire, Relaxed};
enum Op { Release }
struct Release;
fn a() {
    // Pairs with the store in `b`.
    c.load(Acquire);
    c.load(Relaxed); // A counter: nobody reads through it.
    d(Op::Release);
    Release::new();
}
#[cfg(test)]
mod tests {
    fn a() { b.load(Relaxed) }
}
";
    proves(
        tokens::ordering_reasons,
        &[&[("a.rs", plain)], &[("a.rs", by_path)], &[("a.rs", by_doc)], &[("a.rs", in_macro)]],
        &[("a/src/a.rs", reasons), ("a/tests/a.rs", plain)],
    );
    let unless_not_test = format!("#[cfg(not(test))]\n{plain}");
    assert_eq!(tokens::ordering_reasons(&Tree::planted(&[("a.rs", &unless_not_test)])).len(), 1);
}

#[test]
fn ordering_sections() {
    let named = "fn a() { b.load(Relaxed) } // Why.";
    let with_section = format!("//! # Orderings\n{named}");
    proves(
        tokens::ordering_sections,
        &[&[("idgen-segment/src/a.rs", named)]],
        &[
            ("idgen-segment/src/b.rs", &with_section),
            ("idgen-snowflake/src/c.rs", "fn a() {}"),
            ("idgen-runtime/src/a.rs", named),
        ],
    );
}

#[test]
fn findings_point_to_the_place() {
    let tree = Tree::planted(&[("a/b.rs", "fn a() {}\n\nfn c() { unsafe {} }")]);
    let found = tokens::no_unsafe(&tree);
    assert_eq!(found[0].to_string(), "a/b.rs:3: unsafe; find the safe way");
}

#[test]
fn what_does_not_lex_is_a_finding() {
    assert_eq!(tokens::no_unsafe(&Tree::planted(&[("a.rs", "fn a( {")])).len(), 1);
}
