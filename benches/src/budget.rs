//! Budgets of instructions: exact counts, so the one gate that noise cannot touch.

use crate::TOLERANCE;

/// How many instructions an id may cost, three of them the measured loop's.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What is counted.
    pub what: &'static str,
    /// Instructions per id.
    pub most: f64,
}

impl Budget {
    /// Whether the count is at the budget or below, within [`TOLERANCE`].
    pub fn holds(&self, count: f64) -> bool {
        count <= self.most * (1.0 + TOLERANCE)
    }

    /// What a gate says to the count, or to the reason why there is none.
    ///
    /// # Errors
    ///
    /// A count past the budget, and no count: what is not counted may be past it.
    pub fn check(&self, count: &Result<f64, String>) -> Result<(), String> {
        let Self { what, most } = self;
        match count {
            Ok(count) if self.holds(*count) => Ok(()),
            Ok(count) => Err(format!(
                "{what}: {count:.2} instructions per id are more than {most}; see what the last \
                 change added to its loop"
            )),
            Err(reason) => Err(format!("{what}: not counted: {reason}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { what: "shared-snowflake", most: 18.0 };

    #[test]
    fn a_count_within_the_budget_passes() {
        for count in [0.0, 17.0, 18.0, 18.5] {
            assert_eq!(BUDGET.check(&Ok(count)), Ok(()));
        }
    }

    #[test]
    fn one_instruction_more_fails() {
        let said = BUDGET.check(&Ok(19.0)).unwrap_err();
        assert!(said.starts_with("shared-snowflake: 19.00 instructions per id"), "{said}");
    }

    #[test]
    fn no_count_and_no_number_fail() {
        let said = BUDGET.check(&Err("valgrind ended".to_owned())).unwrap_err();
        assert_eq!(said, "shared-snowflake: not counted: valgrind ended");
        assert!(BUDGET.check(&Ok(f64::NAN)).is_err());
    }
}
