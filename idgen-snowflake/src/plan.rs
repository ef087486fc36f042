//! Proposes a layout for what is wanted of it.
//!
//! The finest tick of 1, 10, 100 and 1000 ms is taken with which everything fits: coarser ticks
//! need fewer bits of time but make bursts wait. Each field gets as few bits as will do; what is
//! left of the id stays free, at the top.

use crate::Layout;

/// What a layout shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// How many generators run at once; at least 1. Each needs a worker id, and a few to spare let
    /// a killed one come back at once under another.
    pub nodes: u64,
    /// How many ids each mints a second; at least 1.
    pub ids_per_second: u64,
    /// How long the layout shall last, in years of 365.2425 days; at least 1.
    pub years: u64,
    /// Whether ids stay below 2^53, so that JavaScript's numbers hold them exactly.
    pub js_safe: bool,
}

/// A proposed layout and what it leaves over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The layout, with the default epoch 2025-01-01T00:00:00Z.
    pub layout: Layout,
    /// Bits of the id that no field uses.
    pub free_bits: u32,
    /// Worker ids beyond the nodes wanted.
    pub spare_workers: u64,
    needs: Needs,
}

/// Needs that no layout meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A need of 0.
    #[error("a layout serves at least 1 node, 1 id per second and 1 year; say how many")]
    Nothing,
    /// Even with ticks of a second there are not bits enough.
    #[error(
        "{nodes} nodes of {ids_per_second} ids/s for {years} years need {needed} bits and an id \
         has {available}; ask for less of one of them"
    )]
    TooMuch {
        /// The nodes asked for.
        nodes: u64,
        /// The rate asked for.
        ids_per_second: u64,
        /// The years asked for.
        years: u64,
        /// Bits that the thriftiest layout would take.
        needed: u32,
        /// Bits that there are.
        available: u32,
    },
}

/// Something to know about a plan before taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanWarning {
    /// Every worker id is in use.
    #[error("every worker id is in use: a killed node waits for its lease to lapse; plan for more")]
    NoSpareWorker,
    /// The rate is close to the ceiling.
    #[error("the ceiling is less than twice the rate: bursts will wait for the next tick")]
    LittleHeadroom,
    /// Ids pass 2^53.
    #[error("ids pass 2^53: write them as strings where JavaScript reads them")]
    NotJsSafe,
    /// Ticks are long.
    #[error("ticks are long: ids tell the time only so exactly, and a used-up tick is waited out")]
    LongTick,
    /// The layout ends within twenty years.
    #[error("the layout lasts less than twenty years: plan its successor now")]
    ShortLife,
}

const TICKS_MS: [u64; 4] = [1, 10, 100, 1000];
/// 365.2425 days, the mean year of the Gregorian calendar.
const YEAR_MS: u128 = 31_556_952_000;
const SIGNED_BITS: u32 = 63;
const JS_BITS: u32 = 53;

/// Proposes a layout.
///
/// # Errors
///
/// [`PlanError`] if a need is 0 or no layout has bits enough.
///
/// # Examples
///
/// ```
/// use idgen_snowflake::{Needs, plan};
/// let needs = Needs { nodes: 30, ids_per_second: 100_000, years: 50, js_safe: true };
/// let plan = plan(&needs)?;
/// assert_eq!((plan.layout.time_bits(), plan.layout.workers()), (41, 32));
/// assert!(plan.layout.ids_per_second() >= 100_000);
/// assert_eq!(plan.free_bits, 0);
/// # Ok::<(), idgen_snowflake::PlanError>(())
/// ```
pub fn plan(needs: &Needs) -> Result<Plan, PlanError> {
    let Needs { nodes, ids_per_second, years, js_safe } = *needs;
    if nodes == 0 || ids_per_second == 0 || years == 0 {
        return Err(PlanError::Nothing);
    }
    let available = if js_safe { JS_BITS } else { SIGNED_BITS };
    let mut needed = u32::MAX;
    for tick_ms in TICKS_MS {
        let widths = Widths::new(needs, tick_ms);
        needed = needed.min(widths.sum());
        if widths.sum() <= available
            && let Some(layout) = widths.layout(tick_ms)
        {
            let free_bits = available - layout.bits();
            let spare_workers = layout.workers() - nodes;
            return Ok(Plan { layout, free_bits, spare_workers, needs: *needs });
        }
    }
    Err(PlanError::TooMuch { nodes, ids_per_second, years, needed, available })
}

impl Plan {
    /// What to know before taking the plan, in the order of weight.
    pub fn warnings(&self) -> impl Iterator<Item = PlanWarning> {
        let (layout, needs) = (self.layout, self.needs);
        let twice = needs.ids_per_second.saturating_mul(2);
        let twenty_years_ms = 20 * YEAR_MS;
        [
            (self.spare_workers == 0, PlanWarning::NoSpareWorker),
            (layout.ids_per_second() < twice, PlanWarning::LittleHeadroom),
            (layout.bits() > JS_BITS, PlanWarning::NotJsSafe),
            (layout.tick_ms() > crate::MAX_BORROW_MS, PlanWarning::LongTick),
            (u128::from(layout.lifetime_ms()) < twenty_years_ms, PlanWarning::ShortLife),
        ]
        .into_iter()
        .filter_map(|(holds, warning)| holds.then_some(warning))
    }
}

/// How many bits each field needs at one tick.
struct Widths {
    time: u32,
    worker: u32,
    sequence: u32,
}

impl Widths {
    fn new(needs: &Needs, tick_ms: u64) -> Self {
        let tick_ms = u128::from(tick_ms);
        let ticks = (u128::from(needs.years) * YEAR_MS).div_ceil(tick_ms);
        let per_tick = (u128::from(needs.ids_per_second) * tick_ms).div_ceil(1000);
        Self {
            time: bits_for(ticks).max(1),
            worker: bits_for(u128::from(needs.nodes)),
            sequence: bits_for(per_tick).max(1),
        }
    }

    fn sum(&self) -> u32 {
        self.time + self.worker + self.sequence
    }

    /// `None` where a field is wider than a layout's may be.
    fn layout(&self, tick_ms: u64) -> Option<Layout> {
        let builder = Layout::builder(self.time).tick_ms(tick_ms);
        let builder = if self.worker == 0 { builder } else { builder.node("worker", self.worker) };
        builder.sequence(self.sequence).try_build().ok()
    }
}

/// The least number of bits that tell `n` things apart.
fn bits_for(n: u128) -> u32 {
    u128::BITS - (n - 1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn the_standard_layout_is_what_its_needs_ask_for() {
        let needs = Needs { nodes: 1024, ids_per_second: 4_096_000, years: 69, js_safe: false };
        let plan = plan(&needs).unwrap();
        let widths = (plan.layout.time_bits(), plan.layout.workers(), plan.layout.tick_ms());
        assert_eq!(widths, (41, 1024, 1));
        assert_eq!(plan.layout.ids_per_second(), 4_096_000);
        let warnings: Vec<_> = plan.warnings().collect();
        let expected =
            [PlanWarning::NoSpareWorker, PlanWarning::LittleHeadroom, PlanWarning::NotJsSafe];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn too_much_names_the_bits() {
        let needs = Needs { nodes: 1 << 20, ids_per_second: 1 << 20, years: 100, js_safe: true };
        let error = plan(&needs).unwrap_err().to_string();
        assert!(error.contains("need 72 bits and an id has 53"), "{error}");
        let nothing = Needs { nodes: 0, ..needs };
        assert_eq!(plan(&nothing), Err(PlanError::Nothing));
    }

    proptest! {
        #[test]
        fn a_plan_keeps_what_it_promises(
            nodes in 1_u64..100_000, rate in 1_u64..10_000_000, years in 1_u64..300,
            js_safe in any::<bool>(),
        ) {
            let needs = Needs { nodes, ids_per_second: rate, years, js_safe };
            if let Ok(plan) = plan(&needs) {
                let layout = plan.layout;
                prop_assert!(layout.workers() >= nodes);
                prop_assert!(layout.ids_per_second() >= rate);
                prop_assert!(u128::from(layout.lifetime_ms()) >= u128::from(years) * YEAR_MS);
                let most = if js_safe { 53 } else { 63 };
                prop_assert!(layout.bits() <= most);
            }
        }

        #[test]
        fn no_need_makes_it_panic(
            nodes in any::<u64>(), rate in any::<u64>(), years in any::<u64>(),
            js_safe in any::<bool>(),
        ) {
            let needs = Needs { nodes, ids_per_second: rate, years, js_safe };
            if let Ok(plan) = plan(&needs) {
                prop_assert!(plan.warnings().count() <= 5);
            }
        }
    }
}
