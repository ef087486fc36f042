//! How many calls took how long.

/// Nanoseconds counted one by one up to a limit, and above it the greatest powers of two.
#[derive(Clone, Debug)]
pub struct Histogram {
    exact: Vec<u64>,
    long: [u64; 64],
    all: u64,
}

const EXACT_NS: usize = 1 << 14;

impl Histogram {
    /// No call yet.
    #[expect(clippy::new_without_default, reason = "an empty one is made to be added to")]
    pub fn new() -> Self {
        Self { exact: vec![0; EXACT_NS], long: [0; 64], all: 0 }
    }

    /// Counts a call of so many nanoseconds.
    #[inline]
    pub fn add(&mut self, ns: u64) {
        self.all += 1;
        match usize::try_from(ns).ok().and_then(|ns| self.exact.get_mut(ns)) {
            Some(count) => *count += 1,
            None => self.long[ns.ilog2() as usize] += 1,
        }
    }

    /// The nanoseconds below which, or at which, `part` of the calls lie; a power of two above
    /// 16,384 ns.
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = crate::as_f64(self.all) * part;
        let exact = (0..).zip(&self.exact);
        let long = (0..64).map(|power| 1 << power).zip(&self.long);
        let mut below = 0;
        for (ns, count) in exact.chain(long) {
            below += count;
            if below > 0 && crate::as_f64(below) >= wanted {
                return ns;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_added() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=100).for_each(|ns| histogram.add(ns));
        assert_eq!((histogram.quantile(0.5), histogram.quantile(0.99)), (50, 99));
        assert_eq!(histogram.quantile(0.0), 1);
        histogram.add(3_000_000);
        assert_eq!(histogram.quantile(1.0), 1 << 21);
    }
}
