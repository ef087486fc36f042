//! `cargo xtask services`: real servers for tests, on loopback ports, with data to throw away.
//!
//! `up` installs what it can, starts each service apart from the terminal, waits until it answers,
//! makes accounts and an empty database, and prints the variables that tests read. A service that
//! is up is kept; one that lacks a process starts anew, on empty data. `kill`, `stop` and `start`
//! take a service or one process of it: the data and the ports stay. `down` ends what was started
//! here and removes the data. All of it lies in `services/` of cargo's target folder: the files
//! `env`, `state.toml` and `PROCESS.log`, and the data, which lies in a temporary folder if servers
//! that run as `nobody` cannot get there.
//!
//! # The state file
//!
//! TOML, replaced as a whole by every command that changes it:
//!
//! ```text
//! boot = "5ab2..."               the start of the system in which the rest holds
//!
//! [[process]]                    one for each server process, in the order of their start
//! service = "redis-cluster"      what `up` takes; IDGEN_TEST_REDIS_CLUSTER_URL has its address
//! name = "redis-cluster-2"       what `kill`, `stop` and `start` take beside the service's name
//! port = 10003                   on 127.0.0.1
//! peer_port = 10004              for its peers, where it has any
//! pid = 4711                     missing while it is stopped or killed by command
//! started = 123456               clock ticks from the system's start to the process's
//! data = "/.../redis-cluster-2"  its folder
//! log = "/.../redis-cluster-2.log"
//! command = ["/usr/bin/redis-server", "..."]
//! ```
//!
//! A test that finds this file in `IDGEN_TEST_SERVICES` may kill a process by its `pid`, and gets
//! it back by the command `services start NAME` of the program in `IDGEN_TEST_XTASK`, which returns
//! when the server answers. Tests that do so must not run beside others on the same service.

mod authority;
mod board;
mod catalog;
mod etcd;
mod install;
mod mysql;
mod postgres;
mod probe;
mod process;
mod redis;
mod redis_sets;
mod redis_tls;
mod rqlite;
mod stand_in;
mod start;
mod state;
mod summitdb;
mod zookeeper;

use std::time::Instant;

use crate::suite;
use board::{Board, Ports};
use catalog::{ALL, Service, Site};
use state::Record;

pub(crate) use catalog::variable;

/// The names of all services, in the order in which they are listed.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|service| service.name())
}

/// Runs a command and tells whether it went well.
pub(crate) fn run(words: &[&str]) -> bool {
    let done = board().and_then(|board| match words {
        ["up", names @ ..] => up(&board, names),
        ["down", names @ ..] => down(&board, names),
        ["status"] => status(&board),
        ["kill", name] => each_running(&board, name, |_| "KILL"),
        ["stop", name] => each_running(&board, name, |service| service.stop_signal()),
        ["start", name] => start_again(&board, name),
        _ => Err("usage: services up|down [NAME...] | status | kill|stop|start NAME".to_owned()),
    });
    if let Err(reason) = &done {
        eprintln!("services: {reason}");
    }
    done.is_ok()
}

/// The folder of this workspace's services, or that of the test which runs this.
fn board() -> Result<Board, String> {
    let told = std::env::var_os("IDGEN_TEST_SERVICES").map(std::path::PathBuf::from);
    let told = told.as_deref().and_then(std::path::Path::parent);
    let home = told.map_or_else(|| suite::target_dir().join("services"), Into::into);
    Board::open(home)
}

/// The names of the services that are up.
pub(crate) fn running() -> Result<Vec<String>, String> {
    let board = board()?;
    let state = board.state();
    Ok(names().filter(|name| state.is_up(name)).map(str::to_owned).collect())
}

/// The path of this program, for another process to run it.
pub(crate) fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
    // What Linux adds when the file has been built anew since.
    path.to_string_lossy().trim_end_matches(" (deleted)").to_owned()
}

/// The services of these names; all without any.
fn chosen(names: &[&str]) -> Result<Vec<&'static dyn Service>, String> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let of = |name: &&str| catalog::service(name).ok_or_else(|| unknown(name));
    names.iter().map(of).collect()
}

fn unknown(name: &str) -> String {
    format!("there is no service '{name}'; there are {}", names().collect::<Vec<_>>().join(", "))
}

#[expect(clippy::print_stdout, reason = "the variables are this command's output")]
fn up(board: &Board, names: &[&str]) -> Result<(), String> {
    let mut missing = chosen(names)?;
    missing.retain(|service| !board.state().is_up(service.name()));
    install::all(&missing)?;
    for service in &missing {
        end(board, service.name(), |_| "KILL")?;
        board.forget(service.name())?;
    }
    let mut ports = Ports::new(&board.state());
    let mut sites = Vec::new();
    for service in missing {
        sites.push((service, Site::new(service, &board.data(), || ports.take())?));
    }
    std::fs::create_dir_all(board.data())
        .map_err(|error| catalog::failed(&board.data(), &error))?;
    let failed: Vec<String> = std::thread::scope(|scope| {
        let begin = |(service, site)| scope.spawn(move || begin(board, service, &site));
        let begun: Vec<_> = sites.into_iter().map(begin).collect();
        let ends = begun.into_iter().map(|thread| thread.join());
        ends.filter_map(|end| end.unwrap_or_else(|_| Err("a bug, see above".to_owned())).err())
            .collect()
    });
    print!("{}", board.environment(&board.state()));
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn begin(board: &Board, service: &dyn Service, site: &Site) -> Result<(), String> {
    let begun = Instant::now();
    start::anew(board, service, site).map_err(|reason| format!("{}: {reason}", service.name()))?;
    eprintln!("{} is up after {:.1} s", service.name(), begun.elapsed().as_secs_f64());
    Ok(())
}

/// Ends services, all without a name, and removes their data.
fn down(board: &Board, names: &[&str]) -> Result<(), String> {
    let mut services: Vec<String> =
        board.state().records.iter().map(|record| record.service.clone()).collect();
    services.dedup();
    if !names.is_empty() {
        chosen(names)?;
        services.retain(|service| names.contains(&service.as_str()));
    }
    let ended: Result<Vec<()>, String> = std::thread::scope(|scope| {
        let all: Vec<_> = services
            .iter()
            .map(|name| scope.spawn(|| end(board, name, |service| service.stop_signal())))
            .collect();
        let ends = all.into_iter().map(|thread| thread.join());
        ends.map(|end| end.unwrap_or_else(|_| Err("a bug, see above".to_owned()))).collect()
    });
    ended?;
    for service in &services {
        catalog::remove(&board.data().join(service))?;
        board.forget(service)?;
    }
    let is_last = board.state().records.is_empty();
    if is_last { board.clear() } else { Ok(()) }
}

/// Ends the processes with a name, or of the service with it, and keeps their data.
fn end(board: &Board, name: &str, signal: fn(&dyn Service) -> &'static str) -> Result<(), String> {
    let records: Vec<Record> = board.state().named(name).cloned().collect();
    for record in records {
        if let Some(identity) = record.identity {
            let service = catalog::service(&record.service);
            identity.end(service.map_or("TERM", signal))?;
            board.keep(vec![Record { identity: None, ..record }])?;
        }
    }
    Ok(())
}

fn each_running(
    board: &Board,
    name: &str,
    signal: fn(&dyn Service) -> &'static str,
) -> Result<(), String> {
    known(board, name)?;
    end(board, name, signal)
}

fn known(board: &Board, name: &str) -> Result<(), String> {
    let state = board.state();
    if state.named(name).next().is_some() {
        return Ok(());
    }
    let names: Vec<&str> = state.records.iter().map(|record| record.name.as_str()).collect();
    Err(format!("nothing named '{name}' was started, only [{}]; run `up` first", names.join(", ")))
}

fn start_again(board: &Board, name: &str) -> Result<(), String> {
    known(board, name)?;
    let records: Vec<Record> = board.state().named(name).cloned().collect();
    for record in records.iter().filter(|record| !record.is_running()) {
        let (service, site) = place(board, &record.service)?;
        let index = site.nodes.iter().position(|node| node.name == record.name);
        let index = index.ok_or_else(|| unknown(name))?;
        start::again(board, service, &site, index)?;
    }
    // One process alone is not held to what only all of them can do.
    if catalog::service(name).is_some() && board.state().is_up(name) {
        let (service, site) = place(board, name)?;
        start::settle(service, &site)?;
    }
    Ok(())
}

fn place(board: &Board, name: &str) -> Result<(&'static dyn Service, Site), String> {
    let service = catalog::service(name).ok_or_else(|| unknown(name))?;
    let site = Site::known(board.state().named(name)).ok_or_else(|| unknown(name))?;
    Ok((service, site))
}

#[expect(clippy::print_stdout, reason = "the report is this command's output")]
fn status(board: &Board) -> Result<(), String> {
    let state = board.state();
    for record in &state.records {
        let how = match record.identity {
            Some(identity) if identity.is_running() => format!("process {}", identity.pid),
            Some(_) => "gone".to_owned(),
            None => "stopped".to_owned(),
        };
        println!("{:<24} {how:<16} 127.0.0.1:{}", record.name, record.port);
    }
    let idle = state.records.iter().filter(|record| !record.is_running()).count();
    match (state.records.len(), idle) {
        (0, _) => Err("none is up; run `cargo xtask services up`".to_owned()),
        (_, 0) => Ok(()),
        (all, idle) => Err(format!("{idle} of {all} processes do not run; `start` or `up` them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nothing_are_refused_and_listed() {
        let error = chosen(&["redis", "no-such"]).err().unwrap();
        assert!(error.contains("'no-such'") && error.contains("zookeeper"), "{error}");
        assert_eq!(chosen(&[]).unwrap().len(), ALL.len());
    }

    #[test]
    fn what_was_not_started_is_neither_ended_nor_started() {
        let home = std::env::temp_dir().join(format!("idgen-services-none-{}", std::process::id()));
        let board = Board::open(home.clone()).unwrap();
        for done in [
            each_running(&board, "redis", |_| "KILL"),
            start_again(&board, "redis"),
            status(&board),
        ] {
            assert!(done.unwrap_err().contains("`"), "no next step");
        }
        down(&board, &[]).unwrap();
        down(&board, &["redis"]).unwrap();
        drop(board);
        std::fs::remove_dir_all(&home).unwrap();
    }
}
