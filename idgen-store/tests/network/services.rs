//! The servers that `cargo xtask services` runs: who uses one now, and what is done to it.
//!
//! Tests use a server together; one that kills it has it alone. A test takes one turn at a time: a
//! second one, taken while somebody waits to be alone, would wait for ever.

use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static USERS: RwLock<()> = RwLock::new(());

/// The right to use the server beside others.
pub(crate) type Together = RwLockReadGuard<'static, ()>;

/// The right to use the server alone.
pub(crate) type Alone = RwLockWriteGuard<'static, ()>;

pub(crate) fn together() -> Together {
    USERS.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn alone() -> Alone {
    USERS.write().unwrap_or_else(PoisonError::into_inner)
}

/// `kill` (with signal 9), `stop` or `start` a service; its data and port stay.
pub(crate) fn order(what: &str, service: &str) {
    let program = super::server("IDGEN_TEST_XTASK");
    let output = Command::new(program).args(["services", what, service]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "services {what} {service}: {said}");
}
