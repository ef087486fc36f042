//! How long a layout lasts: told at the start, warned of when its end comes near.

use idgen_snowflake::Layout;

const DAY_MS: u64 = 86_400_000;
/// A year of the calendar's mean length.
const YEAR_MS: u64 = 31_556_952_000;

/// How long a layout goes on issuing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The moment at which its last tick is over, in Unix milliseconds.
    pub end_unix_ms: u64,
    /// What is left until then, in milliseconds; 0 once it is over.
    pub left_ms: u64,
    /// From when on its ids are negative as signed 64-bit numbers, in Unix milliseconds; `None`
    /// if none of them is.
    pub negative_from_unix_ms: Option<u64>,
}

impl Lifetime {
    /// The lifetime of `layout` at the moment `now_unix_ms`.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_runtime::{Lifetime, snowflake::preset};
    /// let genid = preset("genid").expect("a known name");
    /// let lifetime = Lifetime::at(genid, 1_750_000_000_000);
    /// assert_eq!(lifetime.end_unix_ms, (1 << 32) * 1000);
    /// assert_eq!(lifetime.negative_from_unix_ms, Some((1 << 31) * 1000));
    /// assert_eq!(lifetime.warning(), None);
    /// ```
    pub fn at(layout: &Layout, now_unix_ms: u64) -> Self {
        let end_unix_ms = layout.end_unix_ms();
        // The topmost of 64 bits is a time bit, so it is set in the second half of the ticks.
        let half_unix_ms = layout.epoch_unix_ms() + layout.lifetime_ms() / 2;
        let negative = (layout.bits() == 64).then_some(half_unix_ms);
        Self {
            end_unix_ms,
            left_ms: end_unix_ms.saturating_sub(now_unix_ms),
            negative_from_unix_ms: negative,
        }
    }

    /// What is left, in whole days.
    pub const fn left_days(&self) -> u64 {
        self.left_ms / DAY_MS
    }

    /// The warning that is due: at 5 years, at 1 year and at 90 days before the end.
    pub fn warning(&self) -> Option<LifetimeWarning> {
        match self.left_ms {
            0 => Some(LifetimeWarning::Over),
            left if left <= 90 * DAY_MS => Some(LifetimeWarning::Within90Days),
            left if left <= YEAR_MS => Some(LifetimeWarning::WithinAYear),
            left if left <= 5 * YEAR_MS => Some(LifetimeWarning::WithinFiveYears),
            _ => None,
        }
    }
}

/// How near the end of a layout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LifetimeWarning {
    /// 5 years or less.
    WithinFiveYears,
    /// 1 year or less.
    WithinAYear,
    /// 90 days or less.
    Within90Days,
    /// No id is left.
    Over,
}

impl std::fmt::Display for LifetimeWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::WithinFiveYears => "the layout ends within 5 years; plan another id space",
            Self::WithinAYear => "the layout ends within a year; prepare another id space",
            Self::Within90Days => "the layout ends within 90 days; begin another id space now",
            Self::Over => "the layout has ended; begin another id space",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_snowflake::PRESETS;

    #[test]
    fn warnings_come_at_five_years_one_year_and_ninety_days() {
        let layout = idgen_snowflake::preset("standard").unwrap();
        let end = layout.end_unix_ms();
        let due = |left_ms: u64| Lifetime::at(layout, end - left_ms).warning();
        assert_eq!(due(5 * YEAR_MS + 1), None);
        assert_eq!(due(5 * YEAR_MS), Some(LifetimeWarning::WithinFiveYears));
        assert_eq!(due(YEAR_MS + 1), Some(LifetimeWarning::WithinFiveYears));
        assert_eq!(due(YEAR_MS), Some(LifetimeWarning::WithinAYear));
        assert_eq!(due(90 * DAY_MS + 1), Some(LifetimeWarning::WithinAYear));
        assert_eq!(due(90 * DAY_MS), Some(LifetimeWarning::Within90Days));
        assert_eq!(due(0), Some(LifetimeWarning::Over));
        assert_eq!(Lifetime::at(layout, u64::MAX).left_days(), 0);
    }

    #[test]
    fn ids_turn_negative_at_that_very_tick() {
        for preset in &PRESETS {
            let layout = &preset.layout;
            let Some(from) = Lifetime::at(layout, 0).negative_from_unix_ms else {
                assert!(layout.bits() < 64, "{}", preset.name);
                continue;
            };
            let fields = layout.fields().iter().filter(|it| it.name() != "sequence");
            let zeros: Vec<_> = fields.map(|field| (field.name(), 0)).collect();
            let id = |ms: u64| layout.compose(ms, &zeros, 0).unwrap();
            assert!(
                id(from).cast_signed() < 0 && id(from - 1).cast_signed() > 0,
                "{}",
                preset.name
            );
        }
    }
}
