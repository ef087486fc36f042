//! Real servers for the tests of the tools.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod balancer;
pub(crate) mod continuous;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Who uses the server now: tests do it together, one that kills it does it alone.
static USERS: RwLock<()> = RwLock::new(());

pub(crate) fn together() -> RwLockReadGuard<'static, ()> {
    USERS.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    USERS.write().unwrap_or_else(PoisonError::into_inner)
}

/// What `cargo xtask services up` printed.
pub(crate) fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!("{variable} is not set: run `cargo xtask services up` and set what it prints"),
    }
}

/// `kill` (with signal 9) or `start` a service; its data and port stay.
pub(crate) fn order(what: &str, service: &str) {
    let program = server("IDGEN_TEST_XTASK");
    let output = Command::new(program).args(["services", what, service]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "services {what} {service}: {said}");
}

/// A word that no other test and no other run has.
pub(crate) fn unique() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("t{}_{now}", std::process::id())
}

/// An inline command to a server that speaks as Redis does, and the first line of its answer.
pub(crate) fn ask(server: &str, command: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap().unwrap();
    if first.starts_with('$') { lines.next().unwrap().unwrap() } else { first }
}
