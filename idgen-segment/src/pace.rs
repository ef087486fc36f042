//! How long the next segment should be.
//!
//! step = rate x max(fetch latency x safety, reserve), between two bounds. Just after a turn one
//! segment is all there is in hand, so each alone must last while the next is fetched, and through
//! an outage of the store as long as the reserve. A faster rate is followed at once, because too
//! short a segment stops the callers; a slower one by halves, one for each fetch and one more for
//! each further reserve that has gone by, because too long a segment only wastes ids at a restart.

/// Bounds and wishes of a [`Pace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceLimits {
    /// The shortest segment, in ids; at least 1.
    pub min_len: u64,
    /// The longest segment, in ids; at most [`MAX_SEGMENT_LEN`](crate::MAX_SEGMENT_LEN).
    pub max_len: u64,
    /// How long one segment shall last with the store away, in milliseconds.
    pub reserve_ms: u64,
    /// How many fetches one segment shall outlast; at least 1.
    pub safety: u64,
}

/// 1000 to 2^32 ids, a reserve of 10 s, four fetches.
impl Default for PaceLimits {
    fn default() -> Self {
        Self { min_len: 1000, max_len: crate::MAX_SEGMENT_LEN, reserve_ms: 10_000, safety: 4 }
    }
}

/// Why limits are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// The shortest segment is 0 or above the longest, or the longest above 2^32.
    #[error("segments of {min_len} to {max_len} ids; want 1 <= min <= max <= 4294967296")]
    Len {
        /// The shortest segment asked for.
        min_len: u64,
        /// The longest segment asked for.
        max_len: u64,
    },
    /// A segment that lasts less than one fetch runs dry every time.
    #[error("a safety of 0 fetches; want 1 or more, 4 is usual")]
    Safety,
}

/// Decides the length of the next segment from what the last ones lasted.
///
/// # Examples
///
/// ```
/// use idgen_segment::{Pace, PaceLimits};
///
/// let limits = PaceLimits { reserve_ms: 2000, ..PaceLimits::default() };
/// let mut pace = Pace::new(limits)?;
/// assert_eq!(pace.step(), 1000);
/// pace.observe(50_000, 1000, 3);
/// assert_eq!(pace.step(), 100_000);
/// # Ok::<(), idgen_segment::PaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pace {
    limits: PaceLimits,
    step: u64,
    fetch_ms: u64,
}

impl Pace {
    /// Starts with the shortest segment.
    ///
    /// # Errors
    ///
    /// [`PaceError`] if the limits contradict one another.
    pub const fn new(limits: PaceLimits) -> Result<Self, PaceError> {
        let PaceLimits { min_len, max_len, safety, .. } = limits;
        if min_len == 0 || min_len > max_len || max_len > crate::MAX_SEGMENT_LEN {
            return Err(PaceError::Len { min_len, max_len });
        }
        if safety == 0 {
            return Err(PaceError::Safety);
        }
        Ok(Self { limits, step: min_len, fetch_ms: 0 })
    }

    /// How many ids to ask for next.
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// Learns that `issued` ids went in `elapsed_ms` and that the last fetch took `fetch_ms`.
    ///
    /// Time shorter than a millisecond counts as one. Call it once before each fetch, with what
    /// went since the one before: each call may halve the step.
    pub fn observe(&mut self, issued: u64, elapsed_ms: u64, fetch_ms: u64) {
        let elapsed_ms = elapsed_ms.max(1);
        // A slow fetch is remembered for a while: slow ones come in bunches.
        self.fetch_ms = fetch_ms.max(self.fetch_ms - self.fetch_ms.div_ceil(8));
        let wanted = self.wanted(issued, elapsed_ms);
        let kept = self.step >> self.halvings(elapsed_ms);
        self.step = wanted.max(kept).max(self.limits.min_len).min(self.limits.max_len);
    }

    /// rate x max(fetch x safety, reserve), rounded up, at most the longest segment.
    fn wanted(&self, issued: u64, elapsed_ms: u64) -> u64 {
        let fetches_ms = u128::from(self.fetch_ms) * u128::from(self.limits.safety);
        let lasting_ms = fetches_ms.max(u128::from(self.limits.reserve_ms));
        // A product above 2^128 is far above the longest segment, as is what it saturates to.
        let ids = u128::from(issued).saturating_mul(lasting_ms).div_ceil(u128::from(elapsed_ms));
        u64::try_from(ids).unwrap_or(self.limits.max_len)
    }

    /// One per reserve gone by, at least one and at most what makes any step 0.
    fn halvings(&self, elapsed_ms: u64) -> u32 {
        let reserves = elapsed_ms / self.limits.reserve_ms.max(1);
        u32::try_from(reserves.clamp(1, 63)).unwrap_or(63)
    }
}

#[cfg(test)]
mod tests;
