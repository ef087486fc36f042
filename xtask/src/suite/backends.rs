//! The tests of the stores that need a server, and the servers around them.
//!
//! A test target is of a store if it has the store's name, or a name that begins with it and an
//! underscore: `mysql`, `mysql_adopted`, and `mysql_tools` of the command's crate, which drives the
//! release binary. `registries` is of several: it has a module of tests named after each. They find
//! their servers in the variables that `cargo xtask services up` prints; what is set already is
//! taken as it is.

use std::process::{Command, Stdio};

use super::steps::{Plan, Step, target_dir, test};
use super::{Length, Outcome, Tally, run};
use crate::services;

const STEP: &str = "stores on real servers";

/// The test target with a module for each of these stores.
const OF_SEVERAL: (&str, [&str; 5]) =
    ("registries", ["mysql", "postgres", "redis", "etcd", "zookeeper"]);

/// The store that a service is one kind of server for: `redis` of `redis-cluster`.
fn store_of(service: &str) -> &str {
    service.split_once('-').map_or(service, |(store, _)| store)
}

/// The stores that have a service, each once.
fn stores() -> Vec<&'static str> {
    let mut stores: Vec<&str> = services::names().map(store_of).collect();
    stores.dedup();
    stores
}

/// Whether a crate's feature of this name is a store, to be built for the tests.
pub(super) fn is_feature(name: &str) -> bool {
    stores().contains(&name)
}

/// The stores with a service that a test target of this name is of.
fn stores_of(target: &str) -> Vec<&'static str> {
    if target == OF_SEVERAL.0 {
        return OF_SEVERAL.1.to_vec();
    }
    let is_of = |store: &&str| {
        target.strip_prefix(store).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    stores().into_iter().find(is_of).into_iter().collect()
}

/// Whether a test target of this name needs a server.
pub(super) fn needs_server(target: &str) -> bool {
    !stores_of(target).is_empty()
}

/// What the words behind `test` ask for: the length, and the stores to leave out.
///
/// # Errors
///
/// A word that says nothing here.
pub(super) fn asked(words: &[&str]) -> Result<(Length, Vec<String>), String> {
    let (mut length, mut without) = (Length::Slice, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--full" => length = Length::Full,
            "--without" => {
                let name = words.next().copied().unwrap_or_default();
                let known = stores().join(", ");
                if !stores().contains(&name) {
                    return Err(format!("--without takes a store: {known}; there is no '{name}'"));
                }
                without.push(name.to_owned());
            }
            other => return Err(format!("'{other}' is no option of test; see `cargo xtask`")),
        }
    }
    without.sort_unstable();
    without.dedup();
    Ok((length, without))
}

/// The steps for these test targets (folder and name) that are of a store: one that runs them, and
/// one for each store that is left out.
pub(super) fn steps(targets: &[(String, String)], without: &[String]) -> Vec<Step> {
    let left_out = |store: &&str| without.iter().any(|name| name == store);
    let (mut stores, mut skipped) = (Vec::new(), Vec::new());
    let mut command = test(&[]);
    for (_, target) in targets {
        let (without, with): (Vec<_>, Vec<_>) = stores_of(target).into_iter().partition(left_out);
        if !with.is_empty() {
            command.args(["--test", target]);
            stores.extend(with);
            // None, but in a target of several.
            skipped.extend(without.iter().map(|store| format!("--skip={store}::")));
        }
    }
    if !skipped.is_empty() {
        command.arg("--").args(skipped);
    }
    command.env("IDGEN_BIN", target_dir().join("release").join("idgen"));
    let services: Vec<&str> =
        services::names().filter(|service| stores.contains(&store_of(service))).collect();
    let mut steps = Vec::new();
    if !services.is_empty() {
        steps.push(Step { name: STEP, plan: Plan::OnServers(services, command) });
    }
    steps.extend(without.iter().map(|store| {
        let reason = format!("{store}: left out by --without {store}");
        Step { name: STEP, plan: Plan::Skip(reason) }
    }));
    steps
}

/// Runs the tests with these services up; those that were not up before are ended with them.
pub(super) fn on_servers(wanted: &[&str], mut command: Command) -> Outcome {
    let given = |service: &&&str| std::env::var_os(services::variable(service)).is_none();
    let wanted: Vec<&str> = wanted.iter().filter(given).copied().collect();
    let servers = match Servers::up(&wanted) {
        Ok(servers) => servers,
        Err(reason) => return Outcome::failed(Tally::default(), reason),
    };
    command.envs(servers.environment.iter().map(|(key, value)| (key, value)));
    run::stream(command)
}

/// Services that are up while this lives.
struct Servers {
    /// Those that this has started.
    own: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Servers {
    /// By a process of its own, not this one: servers that a test kills would stay corpses for as
    /// long as their parent lives and does not look, and some do not start beside their corpse.
    fn up(wanted: &[&str]) -> Result<Self, String> {
        if wanted.is_empty() {
            return Ok(Self { own: Vec::new(), environment: Vec::new() });
        }
        let running = services::running()?;
        let is_own = |service: &&str| !running.iter().any(|name| name == service);
        let own = wanted.iter().copied().filter(is_own).map(str::to_owned).collect();
        // From here on what is started is ended, whatever goes wrong.
        let mut servers = Self { own, environment: Vec::new() };
        let mut command = Command::new(services::program());
        command.args(["services", "up"]).args(wanted);
        run::announce(&command);
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("xtask does not start itself: {error}"))?;
        if !output.status.success() {
            return Err("a server is missing, see above; --without STORE leaves it out".to_owned());
        }
        servers.environment = variables(&String::from_utf8_lossy(&output.stdout));
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let own: Vec<&str> = self.own.iter().map(String::as_str).collect();
        if !own.is_empty() {
            services::run(&[&["down"], &own[..]].concat());
        }
    }
}

fn variables(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    // As a shell takes it.
    pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|&name| ("idgen-store".to_owned(), name.to_owned())).collect()
    }

    #[test]
    fn targets_are_known_by_their_names() {
        assert_eq!(
            stores(),
            ["mysql", "postgres", "redis", "etcd", "zookeeper", "rqlite", "summitdb"]
        );
        assert_eq!(stores_of("redis"), ["redis"]);
        assert_eq!(stores_of("mysql_adopted"), ["mysql"]);
        assert_eq!(stores_of("redis_tools"), ["redis"]);
        assert!(OF_SEVERAL.1.iter().all(|store| stores().contains(store)));
        assert!(needs_server("registries"));
        for other in ["mysqlish", "sqlite", "my", "summit", "registry"] {
            assert!(!needs_server(other), "{other}");
        }
        assert!(
            is_feature("rqlite")
                && is_feature("summitdb")
                && is_feature("redis")
                && !is_feature("sqlite")
        );
    }

    #[test]
    fn what_is_left_out_is_a_skipped_step() {
        let all = targets(&["mysql", "sqlite", "redis", "mysql_adopted"]);
        let steps = steps(&all, &["mysql".to_owned()]);
        let [run, skipped] = &steps[..] else { panic!("{} steps", steps.len()) };
        let Plan::OnServers(services, command) = &run.plan else { panic!("not run") };
        let due = ["redis", "redis-volatile", "redis-tls", "redis-sentinel", "redis-cluster"];
        assert_eq!(*services, due);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words[words.len() - 2..], ["--test", "redis"]);
        assert!(!words.iter().any(|word| word.contains("mysql_adopted") || word == "sqlite"));
        let Plan::Skip(reason) = &skipped.plan else { panic!("run although left out") };
        assert!(reason.contains("--without mysql"), "{reason}");
        assert!(super::steps(&targets(&["sqlite"]), &[]).is_empty());
    }

    #[test]
    fn of_a_target_of_several_stores_the_others_are_run() {
        let last_words = |without: &[&str]| -> Vec<String> {
            let without: Vec<String> = without.iter().map(|&store| store.to_owned()).collect();
            let steps = steps(&targets(&["registries"]), &without);
            let Plan::OnServers(services, command) = &steps[0].plan else { panic!("not run") };
            assert!(!services.iter().any(|service| without.contains(&(*service).to_owned())));
            let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.skip_while(|word| word != "registries").skip(1).collect()
        };
        assert_eq!(last_words(&[]), [""; 0]);
        assert_eq!(last_words(&["etcd", "mysql"]), ["--", "--skip=mysql::", "--skip=etcd::"]);
        let all = OF_SEVERAL.1.map(str::to_owned);
        let steps = steps(&targets(&["registries"]), &all);
        assert!(steps.iter().all(|step| matches!(step.plan, Plan::Skip(_))));
    }

    #[test]
    fn targets_of_the_command_drive_the_release_binary() {
        let targets = [("idgen-store", "redis"), ("idgen-cli", "redis_tools")];
        let targets = targets.map(|(folder, name)| (folder.to_owned(), name.to_owned()));
        let steps = steps(&targets, &[]);
        let [Step { plan: Plan::OnServers(_, command), .. }] = &steps[..] else { panic!() };
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words[words.len() - 4..], ["--test", "redis", "--test", "redis_tools"]);
        let binary = command.get_envs().find(|(key, _)| *key == "IDGEN_BIN").unwrap().1.unwrap();
        assert!(binary.to_string_lossy().ends_with("/release/idgen"), "{binary:?}");
    }

    #[test]
    fn words_are_understood_or_refused() {
        let (length, without) = asked(&["--without", "etcd", "--full", "--without", "redis"])
            .unwrap_or_else(|reason| panic!("{reason}"));
        assert!(length == Length::Full && without == ["etcd", "redis"]);
        assert!(matches!(asked(&[]), Ok((Length::Slice, without)) if without.is_empty()));
        for wrong in [&["--without"][..], &["--without", "sqlite"], &["-full"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_may_hold_an_equals_sign() {
        let read = variables("A=b\nnoise\nC=d?e=f\n");
        let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read, [own("A", "b"), own("C", "d?e=f")]);
    }

    #[test]
    fn without_servers_to_start_the_tests_just_run() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        assert!(on_servers(&[], command).to_string().contains("exit status: 3"));
    }
}
