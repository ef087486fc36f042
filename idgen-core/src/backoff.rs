//! Bounded, jittered pauses between tries.

/// Pauses that double from a least to a most, each drawn from its upper half, so that those who
/// failed together do not come back together.
///
/// Randomness is the caller's.
///
/// # Examples
///
/// ```
/// use idgen_core::Backoff;
/// let mut backoff = Backoff::new(50, 1000);
/// assert_eq!(backoff.pause_ms(0), 50);
/// assert!((50..=100).contains(&backoff.pause_ms(0x5eed)));
/// ```
#[derive(Clone, Debug)]
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

    /// The pause before the next try, in milliseconds, drawn by `random`.
    pub const fn pause_ms(&mut self, random: u64) -> u64 {
        let whole = self.next_ms;
        let doubled = whole.saturating_mul(2);
        self.next_ms = if doubled < self.most_ms { doubled } else { self.most_ms };
        whole - random % (whole / 2 + 1)
    }

    /// After a success the next pause is the least again.
    pub const fn reset(&mut self) {
        self.next_ms = self.least_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_bounds() {
        for random in [0, 1, 77, u64::MAX] {
            let mut backoff = Backoff::new(50, 300);
            for whole in [50, 100, 200, 300, 300] {
                let pause = backoff.pause_ms(random);
                assert!((whole / 2..=whole).contains(&pause), "{pause} of {whole}");
            }
            backoff.reset();
            assert!(backoff.pause_ms(random) <= 50);
        }
    }

    #[test]
    fn the_longest_pauses_do_not_wrap() {
        let mut backoff = Backoff::new(u64::MAX, u64::MAX);
        assert_eq!(backoff.pause_ms(0), u64::MAX);
        assert!(backoff.pause_ms(u64::MAX) >= u64::MAX / 2);
    }
}
