//! Where segments come from.

use idgen_core::IdRange;

use crate::cursor::{OnTurn, SegmentCursor};
use crate::refill::SupplyError;

/// A source of leased segments: a store, a server, a test.
///
/// The one law: no id is ever granted twice, to whomever. Closures that take `(len, above)` are
/// sources.
///
/// # Examples
///
/// ```
/// use idgen_core::{IdRange, RangeError};
/// use idgen_segment::{SegmentCursor, SegmentSource};
///
/// // Grants from 1 up; on a real store the bound is durable before the grant is answered.
/// struct Counter {
///     bound: u64,
/// }
///
/// impl SegmentSource for Counter {
///     type Error = RangeError;
///
///     fn next_segment(&mut self, len: u64, above: Option<u64>) -> Result<IdRange, RangeError> {
///         let start = above.map_or(self.bound, |above| self.bound.max(above)) + 1;
///         let segment = IdRange::new(start, 1, len)?;
///         self.bound = segment.last();
///         Ok(segment)
///     }
/// }
///
/// let cursor = SegmentCursor::new();
/// let mut counter = Counter { bound: 41 };
/// assert!(cursor.refill_from(&mut counter, 1000)?);
/// assert_eq!(cursor.next_id()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SegmentSource {
    /// Why a segment was not granted.
    type Error;

    /// Leases about `len` ids, all above `above` (the highest id this caller was granted).
    ///
    /// # Errors
    ///
    /// The source's own.
    fn next_segment(&mut self, len: u64, above: Option<u64>) -> Result<IdRange, Self::Error>;
}

impl<F, E> SegmentSource for F
where
    F: FnMut(u64, Option<u64>) -> Result<IdRange, E>,
{
    type Error = E;

    fn next_segment(&mut self, len: u64, above: Option<u64>) -> Result<IdRange, E> {
        self(len, above)
    }
}

/// Why a refill from a source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefillError<E> {
    /// The source granted nothing.
    #[error("the source granted no segment; ask it again later")]
    Source(#[source] E),
    /// The cursor did not take what the source granted.
    #[error("the cursor did not take the segment; see why, then hand it back or lease one above")]
    Supply(#[source] SupplyError),
}

impl<T: OnTurn> SegmentCursor<T> {
    /// Leases a segment of about `len` ids and makes it the standby, if the cursor is bare and no
    /// other refill is under way; tells whether it did.
    ///
    /// # Errors
    ///
    /// [`RefillError`]: the source's error, or why the segment was not taken.
    pub fn refill_from<S>(&self, source: &mut S, len: u64) -> Result<bool, RefillError<S::Error>>
    where
        S: SegmentSource + ?Sized,
    {
        let Some(refill) = self.begin_refill() else { return Ok(false) };
        let above = self.highest_supplied();
        let segment = source.next_segment(len, above).map_err(RefillError::Source)?;
        refill.supply(segment).map_err(RefillError::Supply)?;
        Ok(true)
    }
}
