//! How long the next segment should be.

use idgen_segment::{Pace as Inner, PaceLimits as Limits};

use crate::guard::guard;
use crate::pointer::{input, output};
use crate::seal::{Block, init, open, open_alone};
use crate::status::Status;

/// Bounds and wishes of a pace.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PaceLimits {
    /// The shortest segment, in ids; at least 1.
    pub min_len: u64,
    /// The longest segment, in ids; at most 2^32.
    pub max_len: u64,
    /// How long one segment shall last with the store away, in milliseconds.
    pub reserve_ms: u64,
    /// How many fetches one segment shall outlast; at least 1.
    pub safety: u64,
}

/// Decides how many ids to lease next from what the last ones lasted: rate x max(fetch x safety,
/// reserve), between two bounds; shrinks by halves when ids go slowly.
///
/// Opaque memory of yours, as a cursor is. One thread at a time may use it.
#[repr(C, align(128))]
pub struct Pace {
    opaque: [u64; 16],
}

impl Block for Pace {
    type Body = Inner;
    const KIND: u64 = 0x714A_E2D8_096F_B35C;
}

/// Makes a pace of your memory that starts with the shortest segment. `limits` NULL: 1000 to 2^32
/// ids, a reserve of 10 s, four fetches.
///
///     idgen_pace pace;
///     idgen_pace_init(&pace, NULL);
///     idgen_pace_observe(&pace, issued, elapsed_ms, fetch_ms);
///     uint64_t len;
///     idgen_pace_step(&pace, &len);
///     idgen_segment_refill(&orders, my_store, my_context, len, NULL);
///
/// OUT_OF_RANGE: the limits contradict one another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_pace_init(pace: *mut Pace, limits: *const PaceLimits) -> Status {
    guard(|| {
        let make = || {
            if limits.is_null() {
                return Ok(Inner::new(Limits::default())?);
            }
            // SAFETY: the caller's promise.
            let &PaceLimits { min_len, max_len, reserve_ms, safety } = unsafe { input(limits)? };
            Ok(Inner::new(Limits { min_len, max_len, reserve_ms, safety })?)
        };
        // SAFETY: the caller's promise.
        unsafe { init(pace, make) }
    })
}

/// Tells the pace that `issued` ids went in `elapsed_ms` milliseconds and that the last fetch took
/// `fetch_ms`. Once before each lease, with what went since the one before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_pace_observe(
    pace: *mut Pace,
    issued: u64,
    elapsed_ms: u64,
    fetch_ms: u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let sealed = unsafe { open_alone(pace)? };
        sealed.body.observe(issued, elapsed_ms, fetch_ms);
        Ok(())
    })
}

/// Writes how many ids to lease next to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_pace_step(pace: *const Pace, len: *mut u64) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (sealed, len) = unsafe { (open(pace)?, output(len)?) };
        len.put(sealed.body.step())
    })
}
