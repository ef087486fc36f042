//! Bounded, jittered pauses between tries.

use std::time::Duration;

use crate::background::Background;

/// Pauses that double from a least to a most, each drawn from its upper half, so that nodes that
/// failed together do not come back together.
///
/// # Examples
///
/// ```
/// let mut backoff = idgen_runtime::Backoff::new(50, 1000);
/// assert!((25..=50).contains(&backoff.pause().as_millis()));
/// assert!((50..=100).contains(&backoff.pause().as_millis()));
/// ```
#[derive(Debug)]
pub struct Backoff(idgen_core::Backoff);

impl Backoff {
    /// Pauses of at least `least_ms` and at most `most_ms` milliseconds, before they are drawn.
    pub const fn new(least_ms: u64, most_ms: u64) -> Self {
        Self(idgen_core::Backoff::new(least_ms, most_ms))
    }

    /// The pause before the next try.
    pub fn pause(&mut self) -> Duration {
        self.drawn(getrandom::u64())
    }

    /// The same, drawn by a random number.
    pub(crate) fn drawn(&mut self, random: Result<u64, getrandom::Error>) -> Duration {
        // Without a random number there is no jitter, only a whole pause.
        Duration::from_millis(self.0.pause_ms(random.unwrap_or(0)))
    }

    /// After a success the next pause is the least again.
    pub const fn reset(&mut self) {
        self.0.reset();
    }
}

/// A fresh nonce for one claim.
///
/// # Errors
///
/// Those of the system's randomness.
pub(crate) fn nonce(background: &Background) -> Result<u128, getrandom::Error> {
    let (high, low) = (background.random()?, background.random()?);
    Ok(u128::from(high) << 64 | u128::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_bounds() {
        let mut backoff = Backoff::new(50, 300);
        for whole in [50, 100, 200, 300, 300] {
            let pause = backoff.pause().as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{pause} of {whole}");
        }
        backoff.reset();
        assert!(backoff.pause().as_millis() <= 50);
    }
}
