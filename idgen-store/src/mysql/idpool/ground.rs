//! What a lease takes from the rows of a pool, apart from SQL.
//!
//! A row holds the ids `start_pos..=end_pos`, of which those from `current_pos` on are unclaimed.
//! The original writes claims as half-open intervals and leaves the last ids of a row alone; idgen
//! issues them. `current_pos` cannot say that 2^64-1 itself is claimed: that claim lowers `end_pos`
//! by one in the same statement, which leaves no room for the original either, and writes its own
//! open end as 0.

use idgen_core::IdRange;

use crate::StoreError;

/// A row of `id_pool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) current: u64,
}

impl Row {
    /// The lowest unclaimed id above `above`.
    fn next(&self, above: u64) -> Option<u64> {
        let next = self.current.max(above.checked_add(1)?);
        (next <= self.end).then_some(next)
    }

    /// Claims everything up to and with `last`.
    fn claim_to(&mut self, last: u64) {
        match last.checked_add(1) {
            Some(current) => self.current = current,
            None => (self.current, self.end) = (last, last - 1),
        }
    }

    /// The highest id that is claimed, or the number before the first.
    fn bound(&self) -> u64 {
        let top_is_claimed = self.current == u64::MAX && self.end == u64::MAX - 1;
        if top_is_claimed { u64::MAX } else { self.current - 1 }
    }

    /// The ids that the row was made for.
    fn last(&self) -> u64 {
        self.end.max(self.bound())
    }
}

/// The rows of a pool by their key, known not to overlap.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) rows: Vec<Row>,
}

impl Pool {
    /// Takes the rows as they stand, by their key.
    ///
    /// The error names what cannot be served and the next step.
    pub(super) fn new(rows: Vec<Row>) -> Result<Self, String> {
        for row in &rows {
            if row.start == 0 || row.current < row.start {
                return Err(format!(
                    "row {} of id_pool begins at {} with current_pos {}; ids begin at 1, and \
                     current_pos at start_pos: set it right",
                    row.id, row.start, row.current
                ));
            }
        }
        let mut rising: Vec<&Row> = rows.iter().collect();
        rising.sort_by_key(|row| row.start);
        for pair in rising.windows(2) {
            if pair[1].start <= pair[0].last() {
                return Err(format!(
                    "rows {} ({} to {}) and {} ({} to {}) of id_pool overlap, so ids would come \
                     twice; take one of them away or move it above the other",
                    pair[0].id,
                    pair[0].start,
                    pair[0].last(),
                    pair[1].id,
                    pair[1].start,
                    pair[1].last()
                ));
            }
        }
        Ok(Self { rows })
    }

    /// The lowest id the pool was made for; a pool without rows has none.
    pub(super) fn first(&self) -> Option<u64> {
        self.rows.iter().map(|row| row.start).min()
    }

    /// The highest id the pool was made for.
    pub(super) fn last(&self) -> Option<u64> {
        self.rows.iter().map(Row::last).max()
    }

    /// The highest id that is claimed, or the number before the first.
    pub(super) fn bound(&self) -> Option<u64> {
        let used = self.rows.iter().filter(|row| row.bound() >= row.start).map(Row::bound).max();
        used.or(self.first().map(|first| first - 1))
    }

    /// Claims up to `len` ids above `above` from the first row that has some; the row as it is
    /// then comes with them.
    pub(super) fn claim(&self, len: u64, above: u64) -> Option<(Row, IdRange)> {
        let (row, start) =
            self.rows.iter().find_map(|row| row.next(above).map(|start| (row, start)))?;
        let last = start.saturating_add(len - 1).min(row.end);
        let range = IdRange::new(start, 1, last - start + 1).expect("it lies within a row");
        let mut row = row.clone();
        row.claim_to(last);
        Some((row, range))
    }

    /// The lowest unclaimed id of the row that holds `above`, if it is not above that.
    ///
    /// Who was granted `above` then knows that the row went back, and that other nodes' claims may
    /// be forgotten as well.
    pub(super) fn went_back(&self, above: u64) -> Option<u64> {
        let row = self.rows.iter().find(|row| row.start <= above && above <= row.last())?;
        (row.bound() < above).then_some(row.current)
    }

    /// A row with room that this caller cannot use, because its earlier ids lie above it.
    pub(super) fn left_below(&self, above: u64) -> Option<&Row> {
        let highest = self.rows.iter().filter(|row| row.start <= above).map(|row| row.start).max();
        self.rows.iter().find(|row| Some(row.start) < highest && row.current <= row.end)
    }

    /// The rows that change if nothing up to and with `above` is to be claimed any more.
    pub(super) fn advanced(&self, above: u64) -> Vec<Row> {
        let behind = self.rows.iter().filter(|row| row.current <= row.end.min(above));
        behind
            .map(|row| {
                let mut row = row.clone();
                row.claim_to(above.min(row.end));
                row
            })
            .collect()
    }
}

/// The pool's rows, or why they cannot be served.
pub(super) fn pool(rows: Vec<Row>) -> Result<Pool, StoreError> {
    Pool::new(rows).map_err(StoreError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: u64 = u64::MAX;

    fn row(id: u64, start: u64, end: u64, current: u64) -> Row {
        Row { id, start, end, current }
    }

    fn ends(claim: Option<(Row, IdRange)>) -> (u64, u64, u64, u64) {
        let (row, range) = claim.unwrap();
        (range.start(), range.last(), row.current, row.end)
    }

    #[test]
    fn the_last_ids_of_a_row_are_issued() {
        let pool = Pool::new(vec![row(1, 1, 10, 8), row(2, 50, 60, 50)]).unwrap();
        assert_eq!(ends(pool.claim(1000, 0)), (8, 10, 11, 10));
        assert_eq!(ends(pool.claim(5, 10)), (50, 54, 55, 60));
        assert_eq!(ends(pool.claim(5, 58)), (59, 60, 61, 60));
        assert!(pool.claim(1, 60).is_none() && pool.claim(1, TOP).is_none());
        assert_eq!((pool.first(), pool.last(), pool.bound()), (Some(1), Some(60), Some(7)));
    }

    #[test]
    fn the_top_of_u64_is_claimed_once() {
        let mut pool = Pool::new(vec![row(1, 1, TOP, TOP - 2)]).unwrap();
        assert_eq!(ends(pool.claim(2, 0)), (TOP - 2, TOP - 1, TOP, TOP));
        assert_eq!(ends(pool.claim(TOP, 0)), (TOP - 2, TOP, TOP, TOP - 1));
        pool.rows[0] = pool.claim(TOP, 0).unwrap().0;
        assert!(pool.claim(1, 0).is_none());
        assert_eq!((pool.bound(), pool.last()), (Some(TOP), Some(TOP)));
        let again = Pool::new(pool.rows).unwrap();
        assert!(again.claim(1, 0).is_none(), "it reads back as it was");
    }

    #[test]
    fn rows_that_overlap_are_named() {
        let said = Pool::new(vec![row(7, 100, 200, 100), row(3, 1, 100, 1)]).unwrap_err();
        assert!(said.contains("rows 3 (1 to 100) and 7 (100 to 200)"), "{said}");
        let said = Pool::new(vec![row(1, 1, TOP - 1, TOP), row(2, TOP, TOP, TOP)]).unwrap_err();
        assert!(said.contains("overlap"), "the top is claimed already: {said}");
        assert!(
            Pool::new(vec![row(1, 5, 9, 4)]).is_err() && Pool::new(vec![row(1, 0, 9, 0)]).is_err()
        );
    }

    #[test]
    fn a_row_below_is_told_apart_from_an_end() {
        let pool = Pool::new(vec![row(1, 500, 510, 511), row(2, 1, 100, 1)]).unwrap();
        assert_eq!(ends(pool.claim(5, 0)), (1, 5, 6, 100));
        assert!(pool.claim(5, 510).is_none());
        assert_eq!(pool.left_below(510).map(|row| row.id), Some(2));
        let alone = Pool::new(vec![row(1, 1, 100, 50)]).unwrap();
        assert_eq!(alone.left_below(100), None);
    }

    #[test]
    fn only_the_row_of_the_callers_ids_shows_that_it_went_back() {
        let pool = Pool::new(vec![row(1, 1, 100, 51), row(2, 200, TOP, 301)]).unwrap();
        for (above, shown) in [
            (0, None),
            (50, None),
            (51, Some(51)),
            (100, Some(51)),
            (150, None),
            (300, None),
            (301, Some(301)),
        ] {
            assert_eq!(pool.went_back(above), shown, "above {above}");
        }
        let full = Pool::new(vec![row(1, 1, TOP - 1, TOP)]).unwrap();
        assert_eq!((full.went_back(TOP), full.went_back(TOP - 1)), (None, None));
    }

    #[test]
    fn advancing_skips_what_lies_below() {
        let pool = Pool::new(vec![row(1, 1, 10, 3), row(2, 50, TOP, 50)]).unwrap();
        assert_eq!(pool.advanced(60), [row(1, 1, 10, 11), row(2, 50, TOP, 61)]);
        assert_eq!(pool.advanced(TOP), [row(1, 1, 10, 11), row(2, 50, TOP - 1, TOP)]);
        assert_eq!(pool.advanced(2), []);
    }
}
