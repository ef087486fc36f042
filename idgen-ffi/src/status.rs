//! What a call answers.

use core::ffi::{CStr, c_char};

use idgen_core::{LeaseError, RangeError, Refusal};
use idgen_segment::{PaceError, SupplyError};
use idgen_snowflake::{ExtendError, NewError};

/// What a call answers. The numbers never change their meaning; new ones may be added.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The leased ground is used up: supply a segment, or renew the worker lease, and call again.
    Exhausted = 1,
    /// The clock has not reached the next free tick: wait as long as `wait_ms` says, call again.
    NotYet = 2,
    /// Ended for ever: make a new one from new ground.
    Ended = 3,
    /// A pointer is NULL that may not be.
    Null = 4,
    /// A pointer is not aligned as its type demands.
    Misaligned = 5,
    /// The block was never initialised, was copied to another address, was carried over a fork, or
    /// has ended: initialise one here, with ground of its own.
    BadState = 6,
    /// A number lies outside the range that the function names.
    OutOfRange = 7,
    /// Nothing to refill: a standby waits already, another refill is under way, or the cursor has
    /// ended.
    Busy = 8,
    /// The segment does not lie above those supplied before: lease one above.
    NotAbove = 9,
    /// The segment meets one supplied before; ids would repeat: find out why it was granted twice.
    Overlaps = 10,
    /// No preset has this name or number.
    Unknown = 11,
    /// The text is no id in this form.
    BadText = 12,
    /// The buffer is too small; the function says what it needs.
    BufferTooSmall = 13,
    /// The layout contradicts itself; `idgen_layout_check` writes why.
    BadLayout = 14,
    /// The lease is empty, shorter than three ticks or longer than a generator counts, or its
    /// worker id is not below the layout's count.
    BadLease = 15,
    /// The layout has no time left at or above the lease's floor: move to a later epoch.
    LayoutEnded = 16,
    /// The renewal is of another lease: make a new generator from the new lease.
    ForeignLease = 17,
    /// The generator has counted its fill: end it, and make one from the lease that it leaves.
    WordFull = 18,
    /// The source granted no segment: ask it again later.
    SourceFailed = 19,
    /// The library was built without a system clock: pass the time in.
    NoClock = 20,
    /// A defect of the library, or the system refused it what it needs; nothing was issued.
    Internal = 21,
    /// The store cannot be reached or used now (libidgen-full, as all from here on): `why` tells
    /// what ails it; mend that, and call again.
    Unavailable = 32,
    /// Nothing was to be had in the time given: give more time, or call again.
    Deadline = 33,
    /// The store has gone back behind what it granted before, and ids would repeat: find out why,
    /// and thaw the sequence as `why` tells.
    Frozen = 34,
    /// The store has no such sequence, and may not create it: create it, or look at the name.
    UnknownSequence = 35,
    /// The sequence or the id space exists with another definition or layout: use that, or another
    /// name.
    Conflict = 36,
    /// The URL names no store of this library: write one that `why` lists.
    BadUrl = 37,
    /// A name is not of 1 to 128 bytes of UTF-8, or a path is none: choose another.
    BadName = 38,
    /// The sequence has issued its last id, for good: use another sequence.
    SequenceEnded = 39,
    /// All worker ids of the id space are taken, or the one that was asked for: wait till one is
    /// free, or use a layout with more worker bits.
    WorkersTaken = 40,
    /// The worker lease is lost, and another is being claimed: call again in a second.
    LeaseLost = 41,
    /// Another process, or another store of this one, works in the state directory: close that, or
    /// name another directory.
    InUse = 42,
}

/// Every status, in the order of the numbers; between 21 and 32 there are none.
pub(crate) const ALL: [Status; 33] = [
    Status::Ok,
    Status::Exhausted,
    Status::NotYet,
    Status::Ended,
    Status::Null,
    Status::Misaligned,
    Status::BadState,
    Status::OutOfRange,
    Status::Busy,
    Status::NotAbove,
    Status::Overlaps,
    Status::Unknown,
    Status::BadText,
    Status::BufferTooSmall,
    Status::BadLayout,
    Status::BadLease,
    Status::LayoutEnded,
    Status::ForeignLease,
    Status::WordFull,
    Status::SourceFailed,
    Status::NoClock,
    Status::Internal,
    Status::Unavailable,
    Status::Deadline,
    Status::Frozen,
    Status::UnknownSequence,
    Status::Conflict,
    Status::BadUrl,
    Status::BadName,
    Status::SequenceEnded,
    Status::WorkersTaken,
    Status::LeaseLost,
    Status::InUse,
];

impl Status {
    const fn sentence(self) -> &'static CStr {
        match self {
            Self::Ok => c"done",
            Self::Exhausted => c"the leased ground is used up; supply a segment or renew the lease",
            Self::NotYet => c"the next free tick is still to come; wait and call again",
            Self::Ended => c"ended for ever; make a new one from new ground",
            Self::Null => c"a pointer is NULL; pass the address of what the function asks for",
            Self::Misaligned => {
                c"a pointer is not aligned as its type demands; see IDGEN_ALIGNMENT"
            }
            Self::BadState => {
                c"not initialised here, copied, carried over a fork, or ended; initialise a block \
                  at this address in this process, with ground of its own"
            }
            Self::OutOfRange => c"a number is out of range; see the function's documentation",
            Self::Busy => c"nothing to refill: a standby waits, a refill is under way, or it ended",
            Self::NotAbove => c"the segment is not above those supplied before; lease one above",
            Self::Overlaps => {
                c"the segment meets one supplied before; find out why it was granted twice"
            }
            Self::Unknown => c"there is none of this name or number; see the presets",
            Self::BadText => c"the text is no id in this form; check where it came from",
            Self::BufferTooSmall => c"the buffer is too small; pass a larger one",
            Self::BadLayout => c"the layout contradicts itself; idgen_layout_check writes why",
            Self::BadLease => {
                c"the lease is empty, too short or too long, or its worker id too large; lease \
                  another"
            }
            Self::LayoutEnded => {
                c"the layout's time has ended; move to a layout with a later epoch"
            }
            Self::ForeignLease => {
                c"the renewal is of another lease; make a new generator from the new lease"
            }
            Self::WordFull => {
                c"the generator has counted its fill; end it and go on from the lease it leaves"
            }
            Self::SourceFailed => c"the source granted no segment; ask it again later",
            Self::NoClock => c"there is no system clock in this build; pass the time in",
            Self::Internal => c"the library or the system failed; nothing was issued",
            Self::Unavailable
            | Self::Deadline
            | Self::Frozen
            | Self::UnknownSequence
            | Self::Conflict
            | Self::BadUrl
            | Self::BadName
            | Self::SequenceEnded
            | Self::WorkersTaken
            | Self::LeaseLost
            | Self::InUse => self.sentence_of_a_store(),
        }
    }

    const fn sentence_of_a_store(self) -> &'static CStr {
        match self {
            Self::Unavailable => c"the store cannot be used now; mend it and call again",
            Self::Deadline => c"nothing was to be had in the time given; give more or call again",
            Self::Frozen => {
                c"the store has gone back behind what it granted; find out why, then thaw the \
                  sequence"
            }
            Self::UnknownSequence => c"the store has no such sequence; create it first",
            Self::Conflict => {
                c"it exists with another definition or layout; use that, or another name"
            }
            Self::BadUrl => c"the URL names no store of this library; see idgen_open",
            Self::BadName => c"the text is no name: 1 to 128 bytes of UTF-8; choose another",
            Self::SequenceEnded => c"the sequence has issued its last id; use another sequence",
            Self::WorkersTaken => {
                c"the worker ids are taken; wait, or use a layout with more worker bits"
            }
            Self::LeaseLost => {
                c"the worker lease is lost and being claimed anew; call again in a second"
            }
            Self::InUse => {
                c"the state directory is in use; close who uses it, or name another directory"
            }
            _ => c"no status of this library",
        }
    }
}

/// A short answer for `?`.
pub(crate) type Answer<T = ()> = Result<T, Status>;

pub(crate) fn said(answer: Answer) -> Status {
    answer.err().unwrap_or(Status::Ok)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Exhausted => Self::Exhausted,
            Refusal::NotYet { .. } => Self::NotYet,
            Refusal::Ended => Self::Ended,
        }
    }
}

impl From<SupplyError> for Status {
    fn from(error: SupplyError) -> Self {
        match error {
            SupplyError::Retired { .. } => Self::Ended,
            SupplyError::Overlaps { .. } => Self::Overlaps,
            SupplyError::NotAbove { .. } => Self::NotAbove,
            SupplyError::TooLong { .. } => Self::OutOfRange,
        }
    }
}

impl From<RangeError> for Status {
    fn from(_: RangeError) -> Self {
        Self::OutOfRange
    }
}

impl From<PaceError> for Status {
    fn from(_: PaceError) -> Self {
        Self::OutOfRange
    }
}

impl From<LeaseError> for Status {
    fn from(_: LeaseError) -> Self {
        Self::BadLease
    }
}

impl From<NewError> for Status {
    fn from(error: NewError) -> Self {
        match error {
            NewError::LayoutEnded { .. } => Self::LayoutEnded,
            NewError::WorkerTooLarge { .. }
            | NewError::LeaseTooShort { .. }
            | NewError::LeaseTooLong { .. } => Self::BadLease,
            NewError::BorrowTooWide { .. } => Self::OutOfRange,
            NewError::HasBuckets | NewError::NoBuckets => Self::BadLayout,
        }
    }
}

impl From<ExtendError> for Status {
    fn from(error: ExtendError) -> Self {
        match error {
            ExtendError::Foreign { .. } => Self::ForeignLease,
            ExtendError::WordFull => Self::WordFull,
            ExtendError::Ended => Self::Ended,
        }
    }
}

/// Tells in an English sentence what a status means and what to do next. The text lives as long as
/// the program; a number that is no status gets a text that says so. Never NULL.
///
///     idgen_status status = idgen_segment_next(&orders, &id);
///     if (status != IDGEN_STATUS_OK)
///         fprintf(stderr, "orders: %s\n", idgen_status_str(status));
#[unsafe(no_mangle)]
pub extern "C" fn idgen_status_str(status: i32) -> *const c_char {
    let known = ALL.iter().find(|known| **known as i32 == status);
    known.map_or(c"no status of this library", |status| status.sentence()).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_stands_at_its_number_and_has_a_sentence_of_its_own() {
        for (status, number) in ALL.into_iter().zip((0..22).chain(32..)) {
            assert_eq!(status as i32, number);
            assert_ne!(status.sentence(), c"no status of this library");
            let same = ALL.into_iter().filter(|other| other.sentence() == status.sentence());
            assert_eq!(same.count(), 1, "{status:?}");
        }
    }
}
