//! What a call yields.

use idgen_core::IdRange;

/// Ids that belong to the caller and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    ranges: Vec<IdRange>,
    connection: u64,
}

impl Taken {
    pub(crate) const fn new(ranges: Vec<IdRange>, connection: u64) -> Self {
        Self { ranges, connection }
    }

    /// The ids as ranges, in the order in which they were issued.
    pub fn ranges(&self) -> &[IdRange] {
        &self.ranges
    }

    /// The ids one by one, in the order in which they were issued.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.ranges.iter().flatten()
    }

    /// The number of the connection over which they came: within one connection of one client ids
    /// of one kind rise.
    pub const fn connection(&self) -> u64 {
        self.connection
    }
}

/// Puts an id behind those before it, in the same range if it is the next number.
pub(crate) fn push(ranges: &mut Vec<IdRange>, id: u64) {
    if let Some(last) = ranges.last_mut()
        && last.step() == 1
        && last.last().checked_add(1) == Some(id)
        && let Ok(longer) = IdRange::new(last.start(), 1, last.len() + 1)
    {
        *last = longer;
        return;
    }
    ranges.push(IdRange::one(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let ids = [5, 6, 7, 9, 8, 9, u64::MAX, 0];
        let mut ranges = Vec::new();
        ids.into_iter().for_each(|id| push(&mut ranges, id));
        let lens: Vec<u64> = ranges.iter().map(IdRange::len).collect();
        assert_eq!(lens, [3, 1, 2, 1, 1]);
        assert_eq!(Taken::new(ranges, 1).ids().collect::<Vec<_>>(), ids);
    }
}
