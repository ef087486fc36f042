//! The time that a call goes by.
//!
//! Every snowflake call takes the time in Unix milliseconds, or one of two numbers that no clock
//! ever shows, in the manner of POSIX's `UTIME_NOW`: the system's clock is read then.

use idgen_core::Clock;

use crate::status::{Answer, Status};

/// In place of a time: the system's clock, exact to the millisecond. Reading it takes about 20 ns.
pub const IDGEN_NOW: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// In place of a time: the system's coarse clock where there is one (Linux: up to 4 ms behind,
/// read in about 3 ns), with the exact one wherever that would refuse; elsewhere the exact one.
pub const IDGEN_NOW_COARSE: u64 = 0xFFFF_FFFF_FFFF_FFFE;

/// Times passed in lie below this, in Unix milliseconds; no layout reaches so far.
pub const IDGEN_MAX_UNIX_MS: u64 = 0x2000_0000_0000_0000;

/// The clock that a caller chose.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    Given(u64),
    #[cfg(feature = "std")]
    Exact,
    #[cfg(feature = "std")]
    Coarse,
}

impl Time {
    #[inline(always)]
    pub(crate) fn of(now_unix_ms: u64) -> Answer<Self> {
        match now_unix_ms {
            0..IDGEN_MAX_UNIX_MS => Ok(Self::Given(now_unix_ms)),
            #[cfg(feature = "std")]
            IDGEN_NOW => Ok(Self::Exact),
            #[cfg(feature = "std")]
            IDGEN_NOW_COARSE => Ok(Self::Coarse),
            #[cfg(not(feature = "std"))]
            IDGEN_NOW | IDGEN_NOW_COARSE => Err(Status::NoClock),
            _ => Err(Status::OutOfRange),
        }
    }
}

impl Clock for Time {
    #[inline]
    fn unix_ms(&self) -> u64 {
        match *self {
            Self::Given(unix_ms) => unix_ms,
            #[cfg(feature = "std")]
            Self::Exact | Self::Coarse => system::exact_unix_ms(),
        }
    }

    #[inline]
    fn hint_unix_ms(&self) -> u64 {
        match *self {
            Self::Given(unix_ms) => unix_ms,
            #[cfg(feature = "std")]
            Self::Exact => system::exact_unix_ms(),
            #[cfg(feature = "std")]
            Self::Coarse => system::coarse_unix_ms(),
        }
    }
}

/// A clock before 1970 is behind every lease, as one at 1970 is.
#[cfg(feature = "std")]
mod system {
    use std::time::{SystemTime, UNIX_EPOCH};

    #[cold]
    pub(super) fn exact_unix_ms() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(target_os = "linux")]
    #[cold]
    pub(super) fn coarse_unix_ms() -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the address of a timespec of our own.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut time) };
        let part = |number| u64::try_from(number).unwrap_or(0);
        if failed != 0 {
            exact_unix_ms()
        } else {
            part(time.tv_sec) * 1000 + part(time.tv_nsec) / 1_000_000
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) use exact_unix_ms as coarse_unix_ms;
}
