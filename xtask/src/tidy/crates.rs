//! Rules that read manifests: which crate may know which.
//!
//! The table is the architecture's: arrows run downward only, and the algorithms see next to
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Finding;
use super::tree::{Source, Tree};

const EVERYTHING: &[&str] = &[
    "idgen-core",
    "idgen-segment",
    "idgen-snowflake",
    "idgen-store",
    "idgen-runtime",
    "idgen-wire",
    "idgen-server",
    "idgen-client",
    "idgen-ffi",
    "idgen-cli",
    "idgen-sim",
];

/// Folder of a crate, and the crates of ours it may depend on. A folder within another that is not
/// named here counts as that other.
const ARROWS: &[(&str, &[&str])] = &[
    ("idgen-core", &[]),
    ("idgen-segment", &["idgen-core"]),
    ("idgen-snowflake", &["idgen-core"]),
    // Itself, because of the package in its folder `full`: the same library under another name.
    (
        "idgen-ffi",
        &[
            "idgen-core",
            "idgen-segment",
            "idgen-snowflake",
            "idgen-runtime",
            "idgen-store",
            "idgen-ffi",
        ],
    ),
    ("idgen-store", &["idgen-core"]),
    ("idgen-runtime", &["idgen-core", "idgen-segment", "idgen-snowflake", "idgen-store"]),
    ("idgen-wire", &["idgen-core"]),
    ("idgen-server", &["idgen-core", "idgen-runtime", "idgen-wire"]),
    ("idgen-client", &["idgen-core", "idgen-segment", "idgen-wire"]),
    ("idgen-cli", EVERYTHING),
    (
        "idgen-sim",
        &["idgen-core", "idgen-segment", "idgen-snowflake", "idgen-store", "idgen-runtime"],
    ),
    ("fuzz", EVERYTHING),
    ("benches", EVERYTHING),
    ("demos", &["idgen-core", "idgen-segment", "idgen-snowflake"]),
    // As a backend of somebody else: the traits, and what a range is.
    ("demos/store-in-files", &["idgen-core", "idgen-store"]),
    ("stand-ins", &[]),
    ("xtask", &[]),
];

/// The `no_std` crates, with the third parties that each may take into a build.
const ALGORITHMS: &[(&str, &[&str])] = &[
    ("idgen-core", &["portable-atomic", "thiserror", "serde", "loom"]),
    ("idgen-segment", &["thiserror", "loom"]),
    ("idgen-snowflake", &["thiserror", "loom"]),
    ("idgen-wire", &["thiserror"]),
];

/// What the tests of the algorithm crates may use beside that.
const TEST_ONLY: &[&str] = &["proptest", "loom", "serde_json"];

const COMPETITORS: &[&str] = &["ferroid", "snowid", "snowflake_me", "uuid"];

pub(super) fn is_algorithm(folder: &str) -> bool {
    ALGORITHMS.iter().any(|&(name, _)| name == folder)
}

struct Manifest<'a> {
    file: &'a Source,
    table: Table,
}

struct Dependency {
    /// The package's real name, whatever it is renamed to.
    name: String,
    /// `dependencies`, `dev-dependencies` or `build-dependencies`.
    section: &'static str,
    target: Option<String>,
    is_optional: bool,
}

impl Dependency {
    fn is_dev(&self) -> bool {
        self.section == "dev-dependencies"
    }
}

impl Manifest<'_> {
    fn finding(&self, says: impl Into<String>) -> Finding {
        Finding::of(&self.file.path, says)
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(key))
    }

    fn says(&self, path: &[&str], word: &str) -> bool {
        self.at(path).and_then(Value::as_str) == Some(word)
    }
}

/// All manifests, and as findings those that cannot be read.
fn manifests(tree: &Tree) -> (Vec<Manifest<'_>>, Vec<Finding>) {
    let (mut read, mut findings) = (Vec::new(), Vec::new());
    for file in &tree.files {
        if file.path != "Cargo.toml" && !file.path.ends_with("/Cargo.toml") {
            continue;
        }
        match file.text.parse() {
            Ok(table) => read.push(Manifest { file, table }),
            Err(error) => findings.push(Finding::of(&file.path, format!("unreadable: {error}"))),
        }
    }
    (read, findings)
}

/// Runs `check` on the manifest of every crate.
fn each_crate(tree: &Tree, check: impl Fn(&Manifest) -> Vec<Finding>) -> Vec<Finding> {
    let (manifests, mut findings) = manifests(tree);
    let crates = manifests.iter().filter(|manifest| manifest.table.contains_key("package"));
    findings.extend(crates.flat_map(check));
    findings
}

/// Dependencies of every section, those for single targets and the workspace's list included.
fn dependencies(tree: &Tree, manifest: &Manifest) -> Vec<Dependency> {
    let mut found = sections(&manifest.table, None);
    if let Some(Value::Table(targets)) = manifest.at(&["target"]) {
        for (target, value) in targets {
            found.extend(value.as_table().map_or_else(Vec::new, |t| sections(t, Some(target))));
        }
    }
    if let Some(Value::Table(workspace)) = manifest.at(&["workspace"]) {
        found.extend(sections(workspace, None));
    }
    let renamed = renames(tree);
    for dependency in &mut found {
        if let Some(name) = renamed.get(&dependency.name) {
            dependency.name.clone_from(name);
        }
    }
    found
}

fn sections(table: &Table, target: Option<&str>) -> Vec<Dependency> {
    let mut found = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = table.get(section).and_then(Value::as_table);
        for (key, value) in entries.into_iter().flatten() {
            found.push(Dependency {
                name: value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned(),
                section,
                target: target.map(str::to_owned),
                is_optional: value.get("optional").and_then(Value::as_bool).unwrap_or(false),
            });
        }
    }
    found
}

/// Keys of the workspace's dependencies that stand for a package of another name.
fn renames(tree: &Tree) -> BTreeMap<String, String> {
    let root: Option<Table> = tree.get("Cargo.toml").and_then(|file| file.text.parse().ok());
    let entries = root.as_ref().and_then(|root| root.get("workspace")?.get("dependencies"));
    let entries = entries.and_then(Value::as_table).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.get("package")?.as_str()?.to_owned())))
        .collect()
}

fn is_ours(name: &str) -> bool {
    EVERYTHING.contains(&name) || name == "xtask" || name.starts_with("idgen-")
}

pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    each_crate(tree, |manifest| {
        let own = manifest.file.path.strip_suffix("/Cargo.toml").unwrap_or_default();
        let row = |folder: &str| ARROWS.iter().find(|(name, _)| *name == folder);
        let Some((folder, allowed)) = row(own).or_else(|| row(manifest.file.crate_folder())) else {
            return vec![manifest.finding("is not in the table of crates; add it there first")];
        };
        dependencies(tree, manifest)
            .iter()
            .filter(|dependency| is_ours(&dependency.name) && !dependency.is_dev())
            .filter(|dependency| !allowed.contains(&&*dependency.name))
            .map(|dependency| {
                let name = &dependency.name;
                manifest.finding(format!("{folder} may not depend on {name}; turn the arrow round"))
            })
            .collect()
    })
}

pub(super) fn cycles(tree: &Tree) -> Vec<Finding> {
    let (manifests, mut findings) = manifests(tree);
    let mut arrows = BTreeMap::new();
    for manifest in &manifests {
        let Some(name) = manifest.at(&["package", "name"]).and_then(Value::as_str) else {
            continue;
        };
        let ours = dependencies(tree, manifest).into_iter().map(|dependency| dependency.name);
        arrows.insert(name.to_owned(), ours.filter(|name| is_ours(name)).collect::<BTreeSet<_>>());
    }
    // Take away crates that depend on nothing left, until none goes: the rest is on cycles or
    // above one.
    loop {
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        arrows.retain(|_, on| on.iter().any(|name| left.contains(name)));
        if arrows.len() == left.len() {
            break;
        }
    }
    if !arrows.is_empty() {
        let names: Vec<&str> = arrows.keys().map(String::as_str).collect();
        let says = format!("a cycle within or below {}; cut a dev-dependency", names.join(", "));
        findings.push(Finding::of("Cargo.toml", says));
    }
    findings
}

pub(super) fn third_parties(tree: &Tree) -> Vec<Finding> {
    each_crate(tree, |manifest| {
        let folder = manifest.file.crate_folder();
        let Some((_, allowed)) = ALGORITHMS.iter().find(|(name, _)| *name == folder) else {
            return Vec::new();
        };
        let says = |dependency: &Dependency| {
            let name = &*dependency.name;
            let is_loom_only = dependency.target.as_deref() == Some("cfg(idgen_loom)");
            match () {
                () if name == "loom" && !is_loom_only => {
                    Some("loom belongs under [target.'cfg(idgen_loom)']".to_owned())
                }
                () if dependency.is_dev() && TEST_ONLY.contains(&name) => None,
                () if !allowed.contains(&name) => {
                    Some(format!("{folder} may not depend on {name}; do it by hand or elsewhere"))
                }
                () if name == "serde" && !dependency.is_optional && !dependency.is_dev() => {
                    Some("serde must be optional".to_owned())
                }
                () => None,
            }
        };
        dependencies(tree, manifest)
            .iter()
            .filter(|dependency| !is_ours(&dependency.name))
            .filter_map(says)
            .map(|says| manifest.finding(says))
            .collect()
    })
}

pub(super) fn competitors(tree: &Tree) -> Vec<Finding> {
    let (manifests, mut findings) = manifests(tree);
    for manifest in manifests.iter().filter(|manifest| manifest.file.crate_folder() != "benches") {
        for dependency in dependencies(tree, manifest) {
            if COMPETITORS.contains(&&*dependency.name.replace('-', "_")) {
                let says = format!("names {}; only benches/ measures against it", dependency.name);
                findings.push(manifest.finding(says));
            }
        }
    }
    findings
}

/// Manifests that only deny unsafe code, so that one module may expect the lint.
const UNSAFE_DENIED: [&str; 2] = ["demos/wasm/Cargo.toml", "idgen-runtime/Cargo.toml"];

/// Manifests of crates that speak C, so that unsafe code is their work: each block says why.
const UNSAFE_EXPLAINED: [&str; 1] = ["idgen-ffi/Cargo.toml"];

/// A crate of the workspace inherits its lints; a workspace forbids unsafe code itself.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    let (manifests, mut findings) = manifests(tree);
    for manifest in &manifests {
        let inherits =
            manifest.at(&["lints", "workspace"]).and_then(Value::as_bool).unwrap_or(false);
        let own = manifest.says(&["lints", "rust", "unsafe_code"], "forbid");
        let denies = UNSAFE_DENIED.contains(&&*manifest.file.path)
            && manifest.says(&["lints", "rust", "unsafe_code"], "deny");
        let for_all = manifest.says(&["workspace", "lints", "rust", "unsafe_code"], "forbid");
        let is_workspace = manifest.table.contains_key("workspace");
        let is_crate = manifest.table.contains_key("package");
        let explains = UNSAFE_EXPLAINED.contains(&&*manifest.file.path)
            && manifest.says(&["lints", "rust", "unsafe_op_in_unsafe_fn"], "deny")
            && manifest.says(&["lints", "clippy", "undocumented_unsafe_blocks"], "deny");
        let is_bound = inherits || denies || explains || (is_workspace && own);
        if is_crate && !is_bound {
            findings.push(manifest.finding("does not inherit lints; add [lints] workspace = true"));
        }
        if is_workspace && !for_all && !own {
            findings.push(manifest.finding("does not forbid unsafe code; set its lint to forbid"));
        }
    }
    findings
}

pub(super) fn no_std(tree: &Tree) -> Vec<Finding> {
    let path = |&(folder, _): &(&str, _)| format!("{folder}/src/lib.rs");
    let files = ALGORITHMS.iter().map(path).filter_map(|path| tree.get(&path));
    files
        .filter(|file| !file.lines().any(|(_, line)| line == "#![no_std]"))
        .map(|file| Finding::of(&file.path, "needs std; begin it with #![no_std]"))
        .collect()
}

/// Test targets are chosen by name over the whole workspace, so a name shared with the end-to-end
/// tests would run both in both steps.
pub(super) fn end_to_end_names(tree: &Tree) -> Vec<Finding> {
    let targets = |is_end_to_end: bool| {
        tree.files.iter().filter_map(move |file| {
            let (folder, name) = crate::suite::test_target(&file.path)?;
            ((folder == "idgen-cli") == is_end_to_end).then_some((file, name))
        })
    };
    let others: BTreeSet<&str> = targets(false).map(|(_, name)| name).collect();
    targets(true)
        .filter(|(_, name)| others.contains(name))
        .map(|(file, name)| {
            Finding::of(&file.path, format!("another crate has a test {name} too; rename this one"))
        })
        .collect()
}
