//! Bounded, jittered pauses between tries.

use std::time::Duration;

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
        // Without the system's randomness there is no jitter, only a whole pause.
        Duration::from_millis(self.0.pause_ms(getrandom::u64().unwrap_or(0)))
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
pub(crate) fn nonce() -> Result<u128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
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
