//! Everything issued is a range: an arithmetic progression that is never empty.

use core::num::NonZeroU64;

/// Ids `start, start + step, start + 2 step, ...`, `len` of them; never empty, never past
/// 2^64 - 1.
///
/// One id is a range of one. A batch of snowflakes inside one tick is a range too: its step is the
/// place value of the sequence field.
///
/// # Examples
///
/// ```
/// use idgen_core::IdRange;
/// let odd = IdRange::new(1, 2, 3)?;
/// assert_eq!(odd.iter().collect::<Vec<_>>(), [1, 3, 5]);
/// assert_eq!(odd.last(), 5);
/// assert!(IdRange::new(u64::MAX, 1, 2).is_err());
/// # Ok::<(), idgen_core::RangeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdRange {
    start: u64,
    step: NonZeroU64,
    len: NonZeroU64,
}

/// Why three numbers are not an id range, or an id not a signed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A range of no ids.
    #[error("an id range holds at least one id; ask for 1 or more")]
    Empty,
    /// Every id of the range would be the same.
    #[error("the step of an id range is at least 1, not 0")]
    ZeroStep,
    /// The last id would lie past 2^64 - 1.
    #[error("{len} ids from {start} in steps of {step} pass 2^64-1; ask for fewer")]
    PastEnd {
        /// The first id.
        start: u64,
        /// The distance of neighbours.
        step: u64,
        /// How many ids were asked for.
        len: u64,
    },
    /// An id above 2^63 - 1 does not fit a signed 64-bit number.
    #[error("id {id} is above 2^63-1 and does not fit a signed 64-bit number; use an unsigned one")]
    AboveI64 {
        /// The id.
        id: u64,
    },
}

/// The id as a signed number, for columns and languages that have no unsigned one.
///
/// # Errors
///
/// [`RangeError::AboveI64`] for ids above 2^63 - 1: they are never turned negative.
pub const fn as_i64(id: u64) -> Result<i64, RangeError> {
    if id > i64::MAX as u64 {
        return Err(RangeError::AboveI64 { id });
    }
    Ok(id.cast_signed())
}

impl IdRange {
    /// `len` ids from `start`, each `step` above the one before.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if `len` or `step` is 0 or the last id would lie past 2^64 - 1.
    #[inline]
    pub const fn new(start: u64, step: u64, len: u64) -> Result<Self, RangeError> {
        let Some(nonzero_len) = NonZeroU64::new(len) else { return Err(RangeError::Empty) };
        let Some(nonzero_step) = NonZeroU64::new(step) else { return Err(RangeError::ZeroStep) };
        let past_end = RangeError::PastEnd { start, step, len };
        let Some(span) = step.checked_mul(len - 1) else { return Err(past_end) };
        if start.checked_add(span).is_none() {
            return Err(past_end);
        }
        Ok(Self { start, step: nonzero_step, len: nonzero_len })
    }

    /// The range that holds one id.
    #[inline]
    pub const fn one(id: u64) -> Self {
        Self { start: id, step: NonZeroU64::MIN, len: NonZeroU64::MIN }
    }

    /// The first and lowest id.
    #[inline]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The distance of neighbours; at least 1.
    #[inline]
    pub const fn step(&self) -> u64 {
        self.step.get()
    }

    /// How many ids; at least 1.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(&self) -> u64 {
        self.len.get()
    }

    /// The last and highest id.
    #[inline]
    pub const fn last(&self) -> u64 {
        self.start + self.step.get() * (self.len.get() - 1)
    }

    /// The id at `index`, counted from 0.
    #[inline]
    pub const fn get(&self, index: u64) -> Option<u64> {
        if index >= self.len.get() {
            return None;
        }
        Some(self.start + self.step.get() * index)
    }

    /// Whether `id` is one of the range's.
    pub const fn contains(&self, id: u64) -> bool {
        id >= self.start && id <= self.last() && (id - self.start).is_multiple_of(self.step.get())
    }

    /// `len` ids of this range, from the one at `index` on; `None` if the range has not so many.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_core::IdRange;
    /// let range = IdRange::new(10, 5, 4)?;
    /// assert_eq!(range.part(1, 2), Some(IdRange::new(15, 5, 2)?));
    /// assert_eq!(range.part(3, 2), None);
    /// # Ok::<(), idgen_core::RangeError>(())
    /// ```
    #[inline]
    pub const fn part(&self, index: u64, len: u64) -> Option<Self> {
        let Some(nonzero_len) = NonZeroU64::new(len) else { return None };
        if index >= self.len.get() || len > self.len.get() - index {
            return None;
        }
        let start = self.start + self.step.get() * index;
        Some(Self { start, step: self.step, len: nonzero_len })
    }

    /// Whether the stretch from first to last id meets the other's.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.last() && other.start <= self.last()
    }

    /// The ids in rising order.
    #[inline]
    pub const fn iter(&self) -> Ids {
        Ids { next: self.start, step: self.step, left: self.len.get() }
    }

    /// First and last id as signed numbers.
    ///
    /// # Errors
    ///
    /// [`RangeError::AboveI64`] if the last id is above 2^63 - 1.
    pub const fn as_i64(&self) -> Result<(i64, i64), RangeError> {
        match (as_i64(self.start), as_i64(self.last())) {
            (Ok(first), Ok(last)) => Ok((first, last)),
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    }
}

impl IntoIterator for IdRange {
    type Item = u64;
    type IntoIter = Ids;

    fn into_iter(self) -> Ids {
        self.iter()
    }
}

impl IntoIterator for &IdRange {
    type Item = u64;
    type IntoIter = Ids;

    fn into_iter(self) -> Ids {
        self.iter()
    }
}

/// The ids of an [`IdRange`] in rising order.
#[derive(Clone, Debug)]
pub struct Ids {
    next: u64,
    step: NonZeroU64,
    left: u64,
}

impl Iterator for Ids {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let id = self.next;
        // Wraps only behind the last id, where the value is never looked at.
        self.next = id.wrapping_add(self.step.get());
        Some(id)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match usize::try_from(self.left) {
            Ok(left) => (left, Some(left)),
            Err(_) => (usize::MAX, None),
        }
    }
}

impl core::iter::FusedIterator for Ids {}

#[cfg(feature = "serde")]
mod as_json {
    use super::IdRange;
    use crate::Id;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// `{"start":"1","step":"1","len":"3"}`: ids and counts as strings.
    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        start: Id,
        step: Id,
        len: Id,
    }

    impl Serialize for IdRange {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let form = Form { start: Id(self.start), step: Id(self.step()), len: Id(self.len()) };
            form.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for IdRange {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let form = Form::deserialize(deserializer)?;
            IdRange::new(form.start.0, form.step.0, form.len.0).map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn refuses_what_is_not_a_range() {
        assert_eq!(IdRange::new(1, 1, 0), Err(RangeError::Empty));
        assert_eq!(IdRange::new(1, 0, 2), Err(RangeError::ZeroStep));
        let past_end = RangeError::PastEnd { start: 2, step: u64::MAX, len: 2 };
        assert_eq!(IdRange::new(2, u64::MAX, 2), Err(past_end));
        let past_end = RangeError::PastEnd { start: 0, step: 2, len: u64::MAX };
        assert_eq!(IdRange::new(0, 2, u64::MAX), Err(past_end));
    }

    #[test]
    fn holds_the_whole_space() {
        let all = IdRange::new(1, 1, u64::MAX).unwrap();
        assert_eq!((all.last(), all.len()), (u64::MAX, u64::MAX));
        assert_eq!(all.get(u64::MAX - 1), Some(u64::MAX));
        assert_eq!(all.get(u64::MAX), None);
        let end = IdRange::new(u64::MAX - 1, 1, 2).unwrap();
        assert_eq!(end.iter().collect::<Vec<_>>(), [u64::MAX - 1, u64::MAX]);
    }

    #[test]
    fn signed_numbers_are_checked() {
        let edge = i64::MAX.cast_unsigned();
        assert_eq!(as_i64(edge), Ok(i64::MAX));
        assert_eq!(as_i64(edge + 1), Err(RangeError::AboveI64 { id: edge + 1 }));
        let across = IdRange::new(edge, 1, 2).unwrap();
        assert_eq!(across.as_i64(), Err(RangeError::AboveI64 { id: edge + 1 }));
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(
            start in 0_u64..50,
            step in 1_u64..5,
            len in 1_u64..40,
            n in 0_u64..80,
        ) {
            let range = IdRange::new(start, step, len).unwrap();
            let list: Vec<u64> = (0..len).map(|index| start + index * step).collect();
            prop_assert_eq!(range.iter().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(range.last(), *list.last().unwrap());
            prop_assert_eq!(range.contains(n), list.contains(&n));
            prop_assert_eq!(range.get(n), list.get(usize::try_from(n).unwrap()).copied());
            let part: Option<Vec<u64>> = range.part(n, 3).map(|part| part.iter().collect());
            let skip = usize::try_from(n).unwrap();
            prop_assert_eq!(part, list.get(skip..skip + 3).map(<[u64]>::to_vec));
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn is_json_with_strings() {
        let range = IdRange::new(5, 1, 3).unwrap();
        let json = serde_json::to_string(&range).unwrap();
        assert_eq!(json, r#"{"start":"5","step":"1","len":"3"}"#);
        assert_eq!(serde_json::from_str::<IdRange>(&json).unwrap(), range);
        assert!(serde_json::from_str::<IdRange>(r#"{"start":"5","step":"1","len":"0"}"#).is_err());
    }
}
