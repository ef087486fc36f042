//! The names that JavaScript calls.
#![expect(unsafe_code, reason = "a name that is not mangled could meet another; these do not")]

use crate::{MINT, Mint};

fn with_mint<R>(ask: impl FnOnce(&mut Mint) -> R) -> R {
    MINT.with_borrow_mut(ask)
}

/// How many checks there are.
#[unsafe(no_mangle)]
pub extern "C" fn checks() -> usize {
    proof::CHECKS.len()
}

/// Where the name of a check begins in memory.
#[unsafe(no_mangle)]
pub extern "C" fn check_name(index: usize) -> *const u8 {
    proof::CHECKS[index].name.as_ptr()
}

/// How many bytes the name of a check has.
#[unsafe(no_mangle)]
pub extern "C" fn check_name_len(index: usize) -> usize {
    proof::CHECKS[index].name.len()
}

/// Runs a check and returns how many ids it looked at; traps if it fails.
#[unsafe(no_mangle)]
pub extern "C" fn run_check(index: usize) -> u32 {
    (proof::CHECKS[index].run)()
}

/// The id of the last call that answered 0, as a `BigInt`.
#[unsafe(no_mangle)]
pub extern "C" fn last_id() -> u64 {
    with_mint(|mint| mint.last_id)
}

/// Leases `len` more ids, if none wait; 0 unless that failed.
#[unsafe(no_mangle)]
pub extern "C" fn refill(len: u64) -> u32 {
    with_mint(|mint| mint.refill(len))
}

/// Mints an id from the segment: 0, 1 if exhausted, 3 if ended.
#[unsafe(no_mangle)]
pub extern "C" fn next_segment_id() -> u32 {
    with_mint(Mint::next_segment_id)
}

/// Makes a generator for a worker and a stretch of time: 0, or 4 if these make none.
///
/// The caller promises what [`idgen_core::WorkerLease::assume`] asks for.
#[unsafe(no_mangle)]
pub extern "C" fn lease(worker: u64, floor_ms: u64, horizon_ms: u64) -> u32 {
    with_mint(|mint| mint.lease(worker, floor_ms, horizon_ms))
}

/// Mints a snowflake: 0, 1 if exhausted, 2 if not yet, 3 if ended, 4 without a lease.
#[unsafe(no_mangle)]
pub extern "C" fn next_snowflake(now_ms: u64) -> u32 {
    with_mint(|mint| mint.next_snowflake(now_ms))
}
