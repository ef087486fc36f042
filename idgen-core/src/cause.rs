//! Why a request is not met, in one table that every door and client shares.

/// The cause of a refusal; its [name](Cause::name) and its [number](Cause::number) are the same on
/// every door.
///
/// # Examples
///
/// ```
/// use idgen_core::Cause;
/// assert_eq!(Cause::StoreDown.name(), "store_down");
/// assert_eq!(Cause::numbered(Cause::StoreDown.number()), Some(Cause::StoreDown));
/// assert_eq!(Cause::numbered(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Cause {
    /// The request is malformed, out of range or over a cap.
    BadRequest = 1,
    /// The request shows no token, and needs one.
    Unauthorized = 2,
    /// The token that the request shows has no right to this.
    Forbidden = 3,
    /// There is no such sequence.
    Unknown = 4,
    /// It exists with other settings.
    Exists = 5,
    /// The ids that were set aside for whoever asks are used up.
    Quota = 6,
    /// The sequence or the layout has ended, for good.
    Exhausted = 7,
    /// No lease could be had within the deadline.
    StoreDown = 8,
    /// This node's worker lease is lost; it is being claimed anew.
    LeaseLost = 9,
    /// This node's clock is behind what it has issued, or ahead of what it may.
    ClockHold = 10,
    /// This node's configuration meets another's.
    Clash = 11,
    /// The store went back behind what it had granted; an operator must act.
    Frozen = 12,
    /// This node is shutting down.
    Draining = 13,
}

impl Cause {
    /// Every cause, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Unknown,
        Self::Exists,
        Self::Quota,
        Self::Exhausted,
        Self::StoreDown,
        Self::LeaseLost,
        Self::ClockHold,
        Self::Clash,
        Self::Frozen,
        Self::Draining,
    ];

    /// The cause in the words of the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Unknown => "unknown",
            Self::Exists => "exists",
            Self::Quota => "quota",
            Self::Exhausted => "exhausted",
            Self::StoreDown => "store_down",
            Self::LeaseLost => "lease_lost",
            Self::ClockHold => "clock_hold",
            Self::Clash => "clash",
            Self::Frozen => "frozen",
            Self::Draining => "draining",
        }
    }

    /// The cause where a dialect has one byte for it; 1 to 13.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The cause of a number.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.number() == number)
    }

    /// Whether another node may meet what this one refuses.
    pub const fn helps_elsewhere(self) -> bool {
        matches!(
            self,
            Self::StoreDown | Self::LeaseLost | Self::ClockHold | Self::Clash | Self::Draining
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_one_cause() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(cause.number()), index + 1);
            assert_eq!(Cause::numbered(cause.number()), Some(cause));
            let same = Cause::ALL.into_iter().filter(|other| other.name() == cause.name());
            assert_eq!(same.count(), 1, "{}", cause.name());
        }
        assert_eq!((Cause::numbered(0), Cause::numbered(14)), (None, None));
    }
}
