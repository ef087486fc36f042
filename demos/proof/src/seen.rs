//! Which ids came out, one bit each.

const WORDS: usize = 128;

/// Ids that came out: no id twice, in 512 bytes.
#[derive(Clone, Debug)]
pub struct Seen {
    words: [u32; WORDS],
    from: u64,
    step: u64,
    last: Option<u64>,
    count: u32,
}

impl Seen {
    /// How many ids there is room for.
    pub const ROOM: u64 = WORDS as u64 * 32;

    /// Nothing yet; ids are `from`, `from + step` and so on.
    pub const fn from(from: u64, step: u64) -> Self {
        Self { words: [0; WORDS], from, step, last: None, count: 0 }
    }

    /// Marks an id.
    ///
    /// # Panics
    ///
    /// If the id was marked before, or is none of those there is room for.
    pub fn mark(&mut self, id: u64) {
        assert!(id >= self.from, "id {id} is below {}", self.from);
        assert_eq!((id - self.from) % self.step, 0, "id {id} is between two of the sequence");
        let index = (id - self.from) / self.step;
        assert!(index < Self::ROOM, "id {id} is past the last");
        // Fits: ROOM is below 2^32.
        let word = &mut self.words[usize::try_from(index / 32).unwrap_or(WORDS)];
        let bit = 1 << (index % 32);
        assert!(*word & bit == 0, "id {id} came out twice");
        *word |= bit;
        self.last = self.last.max(Some(id));
        self.count += 1;
    }

    /// Marks an id that lies above all before it.
    ///
    /// # Panics
    ///
    /// As [`mark`](Self::mark), and if the id does not lie above the others.
    pub fn mark_rising(&mut self, id: u64) {
        let last = self.last;
        assert!(last < Some(id), "id {id} does not lie above {last:?}");
        self.mark(id);
    }

    /// How many ids came out.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ids_in_any_order() {
        let mut seen = Seen::from(1 << 40, 5);
        for index in [3, 0, 4095, 31, 32] {
            seen.mark((1 << 40) + 5 * index);
        }
        assert_eq!(seen.count(), 5);
    }

    #[test]
    #[should_panic(expected = "came out twice")]
    fn an_id_that_comes_twice_is_found() {
        let mut seen = Seen::from(0, 1);
        seen.mark(40);
        seen.mark(41);
        seen.mark(40);
    }

    #[test]
    #[should_panic(expected = "does not lie above")]
    fn an_id_that_falls_is_found() {
        let mut seen = Seen::from(0, 1);
        seen.mark_rising(40);
        seen.mark_rising(39);
    }

    #[test]
    #[should_panic(expected = "between two")]
    fn a_stranger_is_found() {
        Seen::from(0, 3).mark(10);
    }
}
