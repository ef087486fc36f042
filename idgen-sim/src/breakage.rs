//! Defects that are planted to see that the simulation finds them.
//!
//! Each is planted from outside of the runtime, where what it does to ids can be brought about
//! faithfully: between the runtime and its registry or store, or by the operator who stops it.

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// No floor: a lease begins at its claimer's clock, whatever its predecessor was granted.
    /// Planted in the registry's answer to a claim; the record stays right.
    NoFloor,
    /// No horizon test. Planted in the registry's answers, which tell a horizon an hour further
    /// than the one on record: so the generator does not stop where it should.
    NoHorizon,
    /// A release before the end. Planted in the stop: the lease is released with a receipt of all
    /// that was issued up to now, and only half a second later the runtime is told to stop.
    EarlyRelease,
    /// A renewal by an old token. Planted in the registry, which answers with a new horizon where
    /// it should say that the lease is lost; the record stays the current holder's.
    OldToken,
    /// The end of a generator as a plain store: a load, another thread's claim, a store. Planted
    /// in what the registry is told at a release: the receipt does not know of the last claim, the
    /// one that would have been made between the two.
    PlainEnd,
    /// A hand-back whose answer is lost is sent again as a new one. Planted on the way to the
    /// store, which takes it as one: its memory of leases would refuse a mere repeat.
    SecondHandBack,
    /// A guard that sees nothing. Planted in the store: one that went back tells the identity, the
    /// serials and the bound that are expected of it.
    GuardOff,
}

impl Breakage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoFloor,
        Self::NoHorizon,
        Self::EarlyRelease,
        Self::OldToken,
        Self::PlainEnd,
        Self::SecondHandBack,
        Self::GuardOff,
    ];
}
