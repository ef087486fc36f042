//! Starting a service, and starting it again.

use std::time::{Duration, Instant};

use super::board::Board;
use super::catalog::{Service, Site};
use super::process;
use super::state::Record;

/// How long one process, or the joining of several, may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Starts a service on empty folders; ends what has started if not all does.
///
/// # Errors
///
/// What did not work, with the end of its log.
pub(super) fn anew(board: &Board, service: &dyn Service, site: &Site) -> Result<(), String> {
    let founded = found(board, service, site);
    if founded.is_err() {
        for record in board.state().named(service.name()) {
            let _ = record.identity.map(|identity| identity.end("KILL"));
        }
        board.forget(service.name())?;
    }
    founded
}

fn found(board: &Board, service: &dyn Service, site: &Site) -> Result<(), String> {
    // All of them at once: a service is up when every process that it has is.
    let planned = (0..site.nodes.len()).map(|index| record(board, service, site, index));
    board.keep(planned.collect())?;
    site.clear()?;
    service.prepare(site)?;
    for index in 0..site.nodes.len() {
        if let Some(probe) = service.joined_before(site, index)
            && !process::waits(PATIENCE, || probe.holds())
        {
            return Err(unmet(service, &probe));
        }
        let log = board.log(&site.nodes[index].name);
        let _ = std::fs::remove_file(log);
        attempt(board, service, site, index)?;
    }
    service.join(site)?;
    settle(service, site)
}

/// Starts one process again, on the data and port that it had.
///
/// # Errors
///
/// It ends each time, or is not ready in time.
pub(super) fn again(
    board: &Board,
    service: &dyn Service,
    site: &Site,
    index: usize,
) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let attempted = attempt(board, service, site, index);
        if attempted.is_ok() || Instant::now() >= deadline {
            return attempted;
        }
        // What a killed server leaves behind may outlast it for a moment: its own children do.
        std::thread::sleep(PAUSE);
    }
}

/// Waits until a service is ready as a whole.
pub(super) fn settle(service: &dyn Service, site: &Site) -> Result<(), String> {
    for probe in service.settled(site) {
        if !process::waits(PATIENCE, || probe.holds()) {
            return Err(unmet(service, &probe));
        }
    }
    Ok(())
}

fn unmet(service: &dyn Service, probe: &super::probe::Probe) -> String {
    format!("{} has not settled in {PATIENCE:?}: {probe:?}", service.name())
}

fn attempt(board: &Board, service: &dyn Service, site: &Site, index: usize) -> Result<(), String> {
    let node = &site.nodes[index];
    let mut record = record(board, service, site, index);
    let log = record.log.clone();
    let identity = process::spawn(&record.command, &node.data, &log)?;
    record.identity = Some(identity);
    if let Err(reason) = board.keep(vec![record]) {
        // Nobody would find it again.
        identity.end("KILL")?;
        return Err(reason);
    }
    let probe = service.probe(site, index);
    let is_over = || !identity.is_running();
    if process::waits(PATIENCE, || is_over() || probe.holds()) && !is_over() {
        return Ok(());
    }
    let what = match is_over() {
        true => "ended".to_owned(),
        false => format!("was not ready in {PATIENCE:?} and is ended"),
    };
    identity.end("KILL")?;
    Err(format!("{} {what}; {}", node.name, process::end_of(&log)))
}

/// One of a service's processes, not yet started.
fn record(board: &Board, service: &dyn Service, site: &Site, index: usize) -> Record {
    let node = &site.nodes[index];
    Record {
        service: service.name().to_owned(),
        name: node.name.clone(),
        port: node.port,
        peer_port: node.peer_port,
        identity: None,
        data: node.data.clone(),
        log: board.log(&node.name),
        command: service.command(site, index),
    }
}
