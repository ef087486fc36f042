//! For the model checker only: breaks one rule of the algorithm at a time.
//!
//! Every model is run on the real code and must pass, and again with a rule taken out of that same
//! code and must fail: otherwise the model would prove nothing. Compiled under `cfg(idgen_loom)`
//! alone. The choice belongs to the operating system's thread, on which a model runs all of its
//! own threads.

use core::cell::Cell;

/// A rule to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A claim is a load and a store.
    SplitAdd,
    /// A claim does not acquire what supplies and turns have released.
    RelaxedAdd,
    /// A supply releases nothing.
    RelaxedSupply,
    /// A claim is taken for one of the segment that was read, whatever the word's generation.
    IgnoreGeneration,
    /// The slot's whole generation is not looked at.
    NoGeneration,
    /// The slot's whole generation is looked at before the claim only.
    SameChecks,
    /// A segment counts one id too long.
    EdgeTooFar,
    /// A turn or an exact claim is a store, not a compare-exchange.
    StoreExchange,
    /// The turner does not put its own claim in the word.
    TurnWithoutClaim,
    /// The permit is a load and a store.
    SplitPermit,
    /// A permit is given while a standby waits.
    PermitWhileFull,
    /// A dropped permit stays taken.
    KeepPermit,
    /// Retiring is a load and a store.
    StoreRetire,
    /// Whether a standby waits is asked of the slot, not of the exchanged word.
    ReadinessInSlot,
    /// A supply to a retired cursor is taken for good.
    SupplyAfterRetire,
    /// Every caller of retire is told what the first is.
    EveryoneRetires,
    /// A block's rest goes back without the permit.
    FreeGiveBack,
    /// A block's rest goes back wherever the word stands.
    GiveBackAnywhere,
    /// Who frees the permit does not tell the refill that it kept out.
    NoKnock,
}

std::thread_local! {
    static PLANTED: Cell<Option<Flaw>> = const { Cell::new(None) };
    static GENERATION_BITS: Cell<u32> = const { Cell::new(24) };
}

/// Plants a flaw, or takes it out again, for every model this thread runs from now on.
pub fn plant(flaw: Option<Flaw>) {
    PLANTED.set(flaw);
}

/// Narrows the word's generation field to 1 to 24 bits.
///
/// # Panics
///
/// If `bits` is not in `1..=24`.
pub fn set_generation_bits(bits: u32) {
    assert!((1..=24).contains(&bits), "the generation field has 1 to 24 bits, not {bits}");
    GENERATION_BITS.set(bits);
}

pub(crate) fn is(flaw: Flaw) -> bool {
    PLANTED.get() == Some(flaw)
}

pub(crate) fn generation_bits() -> u32 {
    GENERATION_BITS.get()
}
