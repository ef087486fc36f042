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
pub struct Backoff {
    least_ms: u64,
    most_ms: u64,
    next_ms: u64,
}

impl Backoff {
    /// Pauses of at least `least_ms` and at most `most_ms` milliseconds, before they are drawn.
    pub const fn new(least_ms: u64, most_ms: u64) -> Self {
        Self { least_ms, most_ms, next_ms: least_ms }
    }

    /// The pause before the next try.
    pub fn pause(&mut self) -> Duration {
        let whole = self.next_ms;
        self.next_ms = whole.saturating_mul(2).min(self.most_ms);
        Duration::from_millis(whole - random_below(whole / 2 + 1))
    }

    /// After a success the next pause is the least again.
    pub fn reset(&mut self) {
        self.next_ms = self.least_ms;
    }
}

fn random_below(bound: u64) -> u64 {
    // Without the system's randomness there is no jitter, only a whole pause.
    getrandom::u64().map_or(0, |random| random % bound)
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
