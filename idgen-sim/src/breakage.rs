//! Defects that are planted to see that the simulation finds them.
//!
//! Each is planted from outside of the runtime, where what it does to ids can be brought about
//! faithfully: between the runtime and its registry or store, or by the operator who stops it.

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// A lease begins at its claimer's clock, whatever its predecessor was granted.
    NoFloor,
    /// A generator does not stop at its horizon: it is told one that lies an hour further.
    NoHorizon,
    /// A lease is released with a receipt of the moment, and its generator goes on for a while.
    EarlyRelease,
    /// A renewal by the holder before the current one is granted as if it were current.
    OldToken,
    /// The end of a generator is a load and a store: the receipt does not know of the claim that
    /// was made between the two.
    PlainEnd,
    /// A hand-back whose answer is lost is sent again as a new one, and is taken as one.
    SecondHandBack,
    /// The guard sees nothing: a store that went back tells what would be expected of it.
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
