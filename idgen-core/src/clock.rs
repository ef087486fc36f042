//! How an algorithm learns the time.

/// A source of Unix time in milliseconds.
///
/// A clock may be wrong, jump or stand still: that costs refusals and gaps, never a duplicate,
/// because a generator issues only inside its lease whatever its clock says.
///
/// # Examples
///
/// ```
/// use idgen_core::Clock;
///
/// struct Wall;
/// impl Clock for Wall {
///     fn unix_ms(&self) -> u64 {
///         let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
///         u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
///     }
/// }
/// assert!(Wall.unix_ms() > 1_700_000_000_000);
/// ```
pub trait Clock {
    /// The time now, in milliseconds since 1970-01-01T00:00:00Z. May be slow.
    fn unix_ms(&self) -> u64;

    /// A cheap reading of the same time for the hot path; it may lag by a few milliseconds.
    ///
    /// 0 means *no reading at hand*: the caller turns to [`unix_ms`](Self::unix_ms). A published
    /// tick whose publisher sleeps answers so.
    #[inline(always)]
    fn hint_unix_ms(&self) -> u64 {
        self.unix_ms()
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    #[inline(always)]
    fn unix_ms(&self) -> u64 {
        (**self).unix_ms()
    }

    #[inline(always)]
    fn hint_unix_ms(&self) -> u64 {
        (**self).hint_unix_ms()
    }
}

/// A time passed in as a value: the clock of callers that have read theirs already.
///
/// # Examples
///
/// ```
/// use idgen_core::{At, Clock};
/// assert_eq!(At(1_735_689_600_000).unix_ms(), 1_735_689_600_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub u64,
);

impl Clock for At {
    #[inline(always)]
    fn unix_ms(&self) -> u64 {
        self.0
    }
}
