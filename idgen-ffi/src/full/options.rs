//! What a caller may set; 0 stands for the default everywhere.

use core::ffi::c_char;
use core::time::Duration;
use std::path::PathBuf;

use idgen_runtime::{ClockKind, Settings};
use idgen_store::Order;

use super::failure::{Failure, Told};
use super::words::text;
use crate::status::Status;

/// Snowflakes are stamped by the system's clock, exact to the millisecond.
pub const IDGEN_CLOCK_EXACT: u32 = 0;
/// By the system's coarse clock, some milliseconds behind and cheaper to read.
pub const IDGEN_CLOCK_COARSE: u32 = 1;
/// By a number that a thread of the store's writes each millisecond while anybody asks: cheapest.
pub const IDGEN_CLOCK_PUBLISHED: u32 = 2;

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// How a store is opened. Begin with zeros, which are the defaults, and set what you want:
///
///     idgen_options options = {0};
///     options.state_dir = "ids";
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A directory for what this process must remember over its own death, made if need be; one
    /// process works in it at a time. With one, a store that was set back is noticed after a
    /// restart too (FROZEN), and a worker id is used again within a tenth of a second of a crash.
    /// NULL: none.
    pub state_dir: *const c_char,
    /// For how long a sequence shall go on without its store, in milliseconds at its recent rate;
    /// 10,000 by default. The ids of one lease last so long: as many are lost by a crash.
    pub reserve_ms: u64,
    /// The shortest lease of a sequence, in ids; 1,000 by default.
    pub min_step: u64,
    /// The longest lease of a sequence, in ids, at most 2^32, which is the default.
    pub max_step: u64,
    /// How long a worker lease lasts, 1,000 to 3,600,000 milliseconds; 10,000 by default.
    pub lease_ms: u64,
    /// How long one call to the store may take, in milliseconds; 2,000 by default.
    pub store_timeout_ms: u64,
    /// Which clock snowflakes are stamped by: one of the `IDGEN_CLOCK_` numbers.
    pub clock: u32,
    /// 1: a sequence that is opened without a definition must exist (UNKNOWN_SEQUENCE). 0: it is
    /// created with the default one.
    pub must_exist: u32,
    /// 0.
    pub reserved: [u64; 4],
}

fn or(value: u64, default: u64) -> u64 {
    if value == 0 { default } else { value }
}

fn wrong(words: &str) -> Failure {
    Failure::new(Status::OutOfRange, words)
}

/// A number that is a yes or a no.
pub(super) fn flag(value: u32, name: &str) -> Told<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(wrong(&format!("{name} is {other}; it is 0 or 1"))),
    }
}

impl Options {
    /// # Safety
    ///
    /// The directory must be NULL or a string.
    pub(super) unsafe fn settings(&self) -> Told<Settings> {
        let default = Settings::default();
        let default_ms = u64::try_from(default.store_timeout.as_millis()).unwrap_or(u64::MAX);
        if self.reserved != [0; 4] {
            return Err(wrong("reserved is not 0; begin with idgen_options options = {0}"));
        }
        Ok(Settings {
            // SAFETY: the caller's promise is ours.
            state_dir: unsafe { self.directory()? },
            clock: self.clock_kind()?,
            reserve_ms: or(self.reserve_ms, default.reserve_ms),
            min_step: or(self.min_step, default.min_step),
            max_step: or(self.max_step, default.max_step),
            lease_ms: or(self.lease_ms, default.lease_ms),
            clock_limit_ms: default.clock_limit_ms,
            store_timeout: Duration::from_millis(or(self.store_timeout_ms, default_ms)),
            machine: None,
            peers: None,
        })
    }

    unsafe fn directory(&self) -> Told<Option<PathBuf>> {
        if self.state_dir.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        let path = unsafe { text(self.state_dir, MAX_PATH, Status::BadName)? };
        if path.is_empty() {
            let words = "state_dir is empty; name a directory, or leave it NULL";
            return Err(Failure::new(Status::BadName, words));
        }
        Ok(Some(PathBuf::from(path)))
    }

    fn clock_kind(&self) -> Told<ClockKind> {
        match self.clock {
            IDGEN_CLOCK_EXACT => Ok(ClockKind::Exact),
            IDGEN_CLOCK_COARSE => Ok(ClockKind::Coarse),
            IDGEN_CLOCK_PUBLISHED => Ok(ClockKind::Published),
            _ => Err(wrong("clock is no IDGEN_CLOCK_ number; 0 is the exact one")),
        }
    }
}

/// What a sequence counts: the numbers n with n mod increment = offset mod increment, from `first`
/// to `end`, in rising order. Zeros are the defaults: 1, 2, 3, ... up to 2^64 - 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// No id lies below; 0 is taken for 1.
    pub first: u64,
    /// The distance of neighbours; 0 is taken for 1.
    pub increment: u64,
    /// What is left of every id divided by the increment.
    pub offset: u64,
    /// No id lies above; 0 is taken for 2^64 - 1.
    pub end: u64,
    /// 0: processes lease segments; ids rise within a process. 1: every id or batch is one durable
    /// step; ids rise over all processes, as slowly as the store.
    pub is_strict: u32,
    /// 0.
    pub reserved: u32,
}

impl Definition {
    pub(super) fn checked(&self) -> Told<idgen_store::Definition> {
        if self.reserved != 0 {
            return Err(wrong("reserved is not 0; begin with idgen_definition definition = {0}"));
        }
        let order = if flag(self.is_strict, "is_strict")? { Order::Strict } else { Order::Leased };
        let (first, increment, end) =
            (or(self.first, 1), or(self.increment, 1), or(self.end, u64::MAX));
        idgen_store::Definition::new(first, increment, self.offset, end, order)
            .map_err(|error| wrong(&error.to_string()))
    }
}

impl From<idgen_store::Definition> for Definition {
    fn from(definition: idgen_store::Definition) -> Self {
        Self {
            first: definition.first(),
            increment: definition.increment(),
            offset: definition.offset(),
            end: definition.end(),
            is_strict: u32::from(definition.order() == Order::Strict),
            reserved: 0,
        }
    }
}
