//! The rules that keep ids unique, by name, so that a model can run the real code without one.
//!
//! In ordinary builds [`Rules`] has no size and [`Rules::lack`] is the constant `false`: nothing
//! of this is left. Under `--cfg idgen_loom` a test takes one rule away and shows that the model
//! checker finds the harm.

/// One rule; the comment says what the code does without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(idgen_loom), expect(unreachable_pub, reason = "exported under the model checker"))]
pub enum Rule {
    /// A claim is one add. Without: a load and a store.
    ClaimIsOneAdd,
    /// A claim lies at or below the horizon's last tick. Without: only the window counts.
    HorizonTest,
    /// A claim lies in the window of the clock. Without: later ticks count too.
    WindowTest,
    /// A claim is not older than the clock. Without: old ticks are stamped after idle time.
    LowerBound,
    /// The ended bit stays in the compared tick. Without: it is masked off.
    EndedBitCompared,
    /// The slow path is one compare-exchange. Without: a store.
    SlowIsOneExchange,
    /// A block stays inside its tick. Without: it runs on.
    BlockInTick,
    /// A refusal keeps later calls from adding. Without: they add in vain.
    GateRises,
    /// Ending is one read-modify-write. Without: a load and a store.
    EndIsOneOr,
    /// Only the call that set the ended bit has the receipt. Without: each call has one.
    OneEnder,
    /// The receipt is the raw word. Without: it is cut to the generator's horizon.
    RawReceipt,
    /// Extending is a maximum. Without: a store.
    ExtendIsMax,
    /// Extending releases, claiming acquires. Without: both are relaxed.
    HorizonOrdered,
    /// Only a renewal of the same lease extends. Without: any does.
    SameLease,
    /// The ender of buckets ends all. Without: only bucket 0.
    AllBucketsEnd,
    /// The receipt of buckets is the greatest. Without: bucket 0's.
    GreatestReceipt,
    /// A handle's block goes with its tick. Without: it is kept for ever.
    BlockGoesWithTick,
}

/// The rules a generator keeps: all of them, but for one that a model took away.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    #[cfg(idgen_loom)]
    lacking: Option<Rule>,
}

impl Rules {
    #[cfg(idgen_loom)]
    pub(crate) const fn without(rule: Option<Rule>) -> Self {
        Self { lacking: rule }
    }

    /// Whether `rule` was taken away; never, outside the model checker.
    #[cfg(not(idgen_loom))]
    #[inline(always)]
    pub(crate) const fn lack(self, _rule: Rule) -> bool {
        false
    }

    #[cfg(idgen_loom)]
    pub(crate) fn lack(self, rule: Rule) -> bool {
        self.lacking == Some(rule)
    }
}
