//! Counting tests from what `cargo test` prints.

use std::fmt;

/// How many tests passed, failed and were not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// What one line of output counts: nothing, unless it is a test binary's summary.
    ///
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; ...`
    pub(crate) fn of_line(line: &str) -> Self {
        let mut tally = Self::default();
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return tally;
        };
        for count in counts.split(';') {
            let Some((number, what)) = count.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => tally.passed += number,
                "failed" => tally.failed += number,
                "ignored" | "filtered out" => tally.skipped += number,
                _ => {}
            }
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_summaries_and_nothing_else() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; \
                    3 filtered out; finished in 0.02s";
        assert_eq!(Tally::of_line(line), Tally { passed: 12, failed: 2, skipped: 4 });
        for line in ["test a ... ok", "12 passed; 0 failed", "", "test result: odd"] {
            assert_eq!(Tally::of_line(line), Tally::default(), "{line}");
        }
    }

    #[test]
    fn closes_with_a_plain_line() {
        let mut total = Tally { passed: 3, failed: 0, skipped: 0 };
        assert_eq!(total.to_string(), "3 passed, 0 failed");
        total.add(Tally { passed: 1, failed: 1, skipped: 2 });
        assert_eq!(total.to_string(), "4 passed, 1 failed, 2 skipped");
    }
}
