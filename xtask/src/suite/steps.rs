//! What `cargo xtask test` runs, in this order.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::provision;
use super::run::Outcome;
use super::{Length, backends, outside};
use crate::{api, budgets, features, header, libidgen, mutants, portable, root, sanitizers};

/// Features that tests need and that are off by default, wherever a crate has them. All steps name
/// the same, so that nothing is built twice.
const FEATURES: [&str; 3] = ["serde", "conformance", "testing"];

/// The package whose integration tests drive the release binary from outside.
const END_TO_END: &str = "idgen-cli";

/// The packages that have models, in `tests/loom.rs`.
const MODELLED: [&str; 2] = ["idgen-segment", "idgen-snowflake"];

const BINARY: &str = "release binary";

const BENCHES: &str = "benches compile";

pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) plan: Plan,
}

pub(super) enum Plan {
    Check(fn() -> Result<(), String>),
    Run(Command),
    /// Run while these services are up.
    OnServers(Vec<&'static str>, Command),
    /// Several commands that tell themselves how they went.
    Stages(fn(Length) -> Outcome),
    /// Run if the named step went well.
    After(&'static str, Command),
    Skip(String),
}

/// The steps for the project as it lies there, without the tests of these stores.
pub(super) fn all(length: Length, without: &[String]) -> Vec<Step> {
    let targets = test_targets();
    let step = |name, plan| Step { name, plan };
    let mut steps = vec![
        step("tools", Plan::Check(provision::tools)),
        step("house rules", Plan::Check(house_rules)),
        step("format", Plan::Run(cargo(&["fmt", "--all", "--check"]))),
        step("clippy", Plan::Run(clippy())),
        step("unit and integration tests", Plan::Run(tests(&targets))),
        step("doc tests", Plan::Run(doc_tests())),
        step("documentation", Plan::Run(documentation())),
        step("public interfaces", Plan::Stages(api::outcome)),
        step("C header", Plan::Stages(header::outcome)),
        step("combinations of features", Plan::Stages(features::outcome)),
        step("the runtime without tokio", Plan::Run(without_tokio())),
        step("loom models", loom(&targets)),
        step(BINARY, binary()),
        step("end-to-end tests", end_to_end(&targets)),
        step("a backend outside", Plan::Stages(outside::outcome)),
        step(BENCHES, benches()),
        step("instructions per id", Plan::Stages(budgets::outcome)),
        step("AddressSanitizer", Plan::Stages(sanitizers::address)),
        step("ThreadSanitizer", Plan::Stages(sanitizers::thread)),
        step("libidgen", Plan::Stages(libidgen::outcome)),
        step("other machines", Plan::Stages(portable::outcome)),
    ];
    let at = steps.iter().position(|step| step.name == BENCHES).unwrap_or(steps.len());
    steps.splice(at..at, backends::steps(&targets, without));
    if length == Length::Full {
        steps.push(step("planted defects", Plan::Stages(mutants::outcome)));
    }
    steps
}

/// Folder of the crate and name of the integration test whose root file this is.
pub(crate) fn test_target(path: &str) -> Option<(&str, &str)> {
    let (folder, file) = path.split_once("/tests/")?;
    let name = file.strip_suffix("/main.rs").or_else(|| file.strip_suffix(".rs"))?;
    (!folder.contains('/') && !name.contains('/')).then_some((folder, name))
}

/// Every integration test of the workspace's crates: the crate's folder and the test's name.
fn test_targets() -> Vec<(String, String)> {
    let mut targets = Vec::new();
    for folder in members() {
        let tests = root().join(&folder).join("tests");
        for file in names_in(&tests) {
            let inside = if tests.join(&file).join("main.rs").exists() { "/main.rs" } else { "" };
            let path = format!("{folder}/tests/{file}{inside}");
            targets.extend(test_target(&path).map(|(a, b)| (a.to_owned(), b.to_owned())));
        }
    }
    targets
}

/// Names in a folder, sorted; none if it is not there.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// The manifest in a folder, from the workspace's; empty if there is none. A broken one is for
/// cargo to complain about.
fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap_or_default().parse().unwrap_or_default()
}

pub(crate) fn members() -> Vec<String> {
    let table = manifest("");
    let members = table.get("workspace").and_then(|workspace| workspace.get("members")?.as_array());
    members.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
}

fn is_member(folder: &str) -> bool {
    members().iter().any(|member| member == folder)
}

/// The features a member's manifest names, without `default`.
pub(crate) fn features_of(member: &str) -> Vec<String> {
    let table = manifest(member);
    let own = table.get("features").and_then(toml::Value::as_table);
    own.into_iter().flat_map(|own| own.keys()).filter(|name| *name != "default").cloned().collect()
}

/// Whether a feature of a member does nothing but ask for those of our other crates.
pub(crate) fn hands_on(member: &str, feature: &str) -> bool {
    let table = manifest(member);
    let own = table.get("features").and_then(toml::Value::as_table);
    let asked = own.and_then(|own| own.get(feature)?.as_array());
    asked.is_some_and(|asked| {
        let elsewhere = |word: &str| word.starts_with("idgen-") && word.contains('/');
        let words = || asked.iter().filter_map(toml::Value::as_str);
        let is_known = |word| elsewhere(word) || own.is_some_and(|own| own.contains_key(word));
        words().any(elsewhere) && words().all(is_known)
    })
}

/// The name of the package in a member's folder; mostly the folder's.
pub(crate) fn package_of(member: &str) -> String {
    let table = manifest(member);
    let name = table.get("package").and_then(|package| package.get("name")?.as_str());
    name.unwrap_or(member).to_owned()
}

/// `--features=idgen-core/serde,...`.
fn needed_features() -> String {
    let mut named = Vec::new();
    for member in members() {
        let own = features_of(&member);
        let is_needed = |name: &str| FEATURES.contains(&name) || backends::is_feature(name);
        let needed = own.iter().filter(|feature| is_needed(feature));
        let package = package_of(&member);
        named.extend(needed.map(|feature| format!("{package}/{feature}")));
    }
    format!("--features={}", named.join(","))
}

fn house_rules() -> Result<(), String> {
    if crate::tidy::run() { Ok(()) } else { Err("see the findings above".to_owned()) }
}

/// The cargo that runs this, without what it told this package about itself: build scripts that
/// watch such variables would run again.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&key);
        }
    }
    command.args(arguments).current_dir(root());
    command
}

pub(crate) fn target_dir() -> PathBuf {
    let own = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(own)
}

/// In the profile of the tests, so that build scripts (SQLite's takes longest) run once for both.
fn clippy() -> Command {
    let mut command = cargo(&["clippy", "--workspace", "--all-targets", "--profile", "test"]);
    command.arg(needed_features()).args(["--", "-D", "warnings"]);
    command
}

/// Tests chosen from the whole workspace.
pub(super) fn test(which: &[&str]) -> Command {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.arg(needed_features()).args(which);
    command
}

/// `--doc` takes in packages, too, that have told cargo to leave their examples alone.
fn doc_tests() -> Command {
    let mut command = test(&["--doc"]);
    for member in members() {
        let table = manifest(&member);
        let asked = table.get("lib").and_then(|lib| lib.get("doctest")?.as_bool());
        if asked == Some(false) {
            command.args(["--exclude", &package_of(&member)]);
        }
    }
    command
}

fn tests(targets: &[(String, String)]) -> Command {
    let mut command = test(&["--lib", "--bins"]);
    let mut names: Vec<&str> = targets
        .iter()
        .filter(|(folder, _)| folder != END_TO_END)
        .map(|(_, name)| name.as_str())
        // Empty without the loom configuration, and a step of its own, as the stores on servers.
        .filter(|name| *name != "loom" && !backends::needs_server(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        command.args(["--test", name]);
    }
    command
}

/// Every public item documented, every link whole.
fn documentation() -> Command {
    let mut command = cargo(&["doc", "--workspace", "--no-deps", "--profile", "test"]);
    command.arg(needed_features()).env("RUSTDOCFLAGS", "-D warnings");
    command
}

/// Its other executor under the same tests.
fn without_tokio() -> Command {
    let features = "--features=smol,sqlite,testing";
    let mut command = cargo(&["test", "-p", "idgen-runtime", "--no-default-features", features]);
    command.args(["--lib", "--tests", "--no-fail-fast"]);
    command
}

fn loom(targets: &[(String, String)]) -> Plan {
    let has_models = |package: &&&str| {
        targets.iter().any(|(folder, name)| folder == **package && name == "loom")
    };
    let packages: Vec<&&str> = MODELLED.iter().filter(has_models).collect();
    if packages.is_empty() {
        return Plan::Skip("no crate has tests/loom.rs".to_owned());
    }
    let mut command = cargo(&["test", "--release", "--no-fail-fast"]);
    for package in packages {
        command.args(["-p", package]);
    }
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.args(["--test", "loom", "--target-dir"]).arg(target_dir().join("loom"));
    command.env("RUSTFLAGS", format!("{flags} --cfg idgen_loom").trim_start());
    Plan::Run(command)
}

fn missing_cli() -> Plan {
    Plan::Skip(format!("there is no package {END_TO_END}"))
}

fn binary() -> Plan {
    if !is_member(END_TO_END) {
        return missing_cli();
    }
    Plan::Run(cargo(&["build", "--release", "-p", END_TO_END]))
}

fn end_to_end(targets: &[(String, String)]) -> Plan {
    if !is_member(END_TO_END) {
        return missing_cli();
    }
    let names: Vec<&str> = targets
        .iter()
        .filter(|(folder, name)| folder == END_TO_END && !backends::needs_server(name))
        .map(|(_, name)| name.as_str())
        .collect();
    if names.is_empty() {
        return Plan::Skip(format!("{END_TO_END}/tests holds no test"));
    }
    let mut command = test(&[]);
    for name in names {
        command.args(["--test", name]);
    }
    command.env("IDGEN_BIN", target_dir().join("release").join("idgen"));
    Plan::After(BINARY, command)
}

fn benches() -> Plan {
    if !root().join("benches/Cargo.toml").exists() {
        return Plan::Skip("there is no benches/Cargo.toml".to_owned());
    }
    let mut command = cargo(&["check", "--benches", "--profile", "test"]);
    command.args(["--manifest-path", "benches/Cargo.toml"]);
    command.arg("--target-dir").arg(target_dir());
    Plan::Run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    fn targets(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|&(folder, name)| (folder.to_owned(), name.to_owned())).collect()
    }

    #[test]
    fn test_targets_are_the_files_cargo_takes() {
        assert_eq!(test_target("idgen-wire/tests/genid.rs"), Some(("idgen-wire", "genid")));
        assert_eq!(test_target("idgen-cli/tests/cli/main.rs"), Some(("idgen-cli", "cli")));
        for other in
            ["idgen-cli/tests/cli/http.rs", "idgen-cli/tests", "a/src/b.rs", "a/b/tests/c.rs"]
        {
            assert_eq!(test_target(other), None, "{other}");
        }
        let found = test_targets();
        assert!(found.contains(&("idgen-wire".to_owned(), "genid".to_owned())), "{found:?}");
    }

    #[test]
    fn end_to_end_tests_run_in_their_own_step_only() {
        let targets = targets(&[("idgen-cli", "drive"), ("idgen-wire", "genid"), ("a", "loom")]);
        let first = words(&tests(&targets));
        assert!(first.contains(&"genid".to_owned()));
        assert!(!first.contains(&"drive".to_owned()) && !first.contains(&"loom".to_owned()));
    }

    #[test]
    fn loom_takes_the_packages_that_have_models() {
        let Plan::Run(command) = loom(&targets(&[("idgen-segment", "loom")])) else {
            panic!("not run");
        };
        let words = words(&command);
        assert!(words.contains(&"idgen-segment".to_owned()));
        assert!(!words.contains(&"idgen-snowflake".to_owned()));
        let flags = command.get_envs().find(|(key, _)| *key == "RUSTFLAGS").unwrap().1.unwrap();
        assert!(flags.to_string_lossy().contains("--cfg idgen_loom"));
        assert!(matches!(loom(&[]), Plan::Skip(_)));
    }

    #[test]
    fn the_workspace_knows_its_members() {
        assert!(is_member("xtask") && is_member("idgen-wire"));
        assert_eq!(package_of("idgen-ffi/full"), "idgen-ffi-full");
        assert!(!is_member("target"));
        let features = needed_features();
        assert!(features.contains("idgen-core/serde"), "{features}");
        assert!(!features.contains("fallback"), "{features}");
    }
}
