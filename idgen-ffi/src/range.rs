//! Ids as a range.

use idgen_core::IdRange;

use crate::guard::guard;
use crate::pointer::{input, output};
use crate::status::{Answer, Status};

/// Ids `start`, `start + step`, ... : `len` of them. `step` and `len` are at least 1, and the last
/// id is at most 2^64 - 1.
///
///     for (uint64_t i = 0; i < range.len; i++)
///         insert(range.start + i * range.step);
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first and lowest id.
    pub start: u64,
    /// The distance of neighbours.
    pub step: u64,
    /// How many ids.
    pub len: u64,
}

impl Range {
    /// What is written where there is no range.
    pub(crate) const NONE: Self = Self { start: 0, step: 1, len: 0 };

    pub(crate) fn checked(&self) -> Answer<IdRange> {
        Ok(IdRange::new(self.start, self.step, self.len)?)
    }
}

impl From<IdRange> for Range {
    fn from(range: IdRange) -> Self {
        Self { start: range.start(), step: range.step(), len: range.len() }
    }
}

impl From<Option<IdRange>> for Range {
    fn from(range: Option<IdRange>) -> Self {
        range.map_or(Self::NONE, Self::from)
    }
}

/// Writes the last and highest id of a range to `last`.
///
/// OUT_OF_RANGE: the range has no ids, a step of 0, or reaches past 2^64 - 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_range_last(range: *const Range, last: *mut u64) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (range, last) = unsafe { (input(range)?, output(last)?) };
        last.put(range.checked()?.last())
    })
}
