//! What a sequence counts, and in which order.

use std::fmt;

use idgen_core::IdRange;

/// How ids of one sequence are ordered over all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Nodes lease segments: fast, rising within a node, interleaved over nodes.
    #[default]
    Leased,
    /// Every id or batch is one durable step: rising over all nodes, as slow as the store.
    Strict,
}

impl Order {
    /// The word for it in configuration, answers and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Strict => "strict",
        }
    }

    /// The order of that name; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Leased, Self::Strict].into_iter().find(|order| order.name() == name)
    }
}

/// What a sequence counts: the numbers `n` with `n mod increment = offset mod increment` and
/// `first <= n <= end`, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    first: u64,
    increment: u64,
    offset: u64,
    end: u64,
    order: Order,
}

/// Numbers that define no sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Ids begin at 1.
    #[error("the first id of a sequence is at least 1, not 0")]
    FirstZero,
    /// A sequence that does not move.
    #[error("the increment of a sequence is at least 1, not 0")]
    IncrementZero,
    /// No number of the progression lies between first and end.
    #[error("no number = {offset} mod {increment} lies in {first}..={end}; widen the bounds")]
    Empty {
        /// The lower bound.
        first: u64,
        /// The increment.
        increment: u64,
        /// The offset.
        offset: u64,
        /// The upper bound.
        end: u64,
    },
}

impl Default for Definition {
    /// 1, 2, 3, ... up to 2^64 - 1, leased.
    fn default() -> Self {
        Self { first: 1, increment: 1, offset: 0, end: u64::MAX, order: Order::Leased }
    }
}

impl Definition {
    /// Checks and takes the five settings. The offset is kept modulo the increment, so that equal
    /// progressions compare equal.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`] if `first` or `increment` is 0 or no number fits.
    pub const fn new(
        first: u64,
        increment: u64,
        offset: u64,
        end: u64,
        order: Order,
    ) -> Result<Self, DefinitionError> {
        if first == 0 {
            return Err(DefinitionError::FirstZero);
        }
        if increment == 0 {
            return Err(DefinitionError::IncrementZero);
        }
        let definition = Self { first, increment, offset: offset % increment, end, order };
        if definition.next_after(0).is_none() {
            return Err(DefinitionError::Empty { first, increment, offset, end });
        }
        Ok(definition)
    }

    /// The lower bound: no id lies below it.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The distance of neighbours.
    pub const fn increment(&self) -> u64 {
        self.increment
    }

    /// The residue of every id modulo the increment.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The upper bound: no id lies above it.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// How ids are ordered over nodes.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The same in another order.
    #[must_use]
    pub const fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The bound before the first lease.
    pub const fn start_bound(&self) -> u64 {
        self.first - 1
    }

    /// The lowest id above `bound`; `None` if the sequence has none.
    pub const fn next_after(&self, bound: u64) -> Option<u64> {
        let bound = if bound < self.first - 1 { self.first - 1 } else { bound };
        let Some(from) = bound.checked_add(1) else { return None };
        let residue = from % self.increment;
        let ahead = if residue <= self.offset {
            self.offset - residue
        } else {
            self.increment - residue + self.offset
        };
        match from.checked_add(ahead) {
            Some(next) if next <= self.end => Some(next),
            _ => None,
        }
    }

    /// Up to `len` ids above `bound`; fewer near the end, `None` behind it or for `len` 0.
    pub fn range_after(&self, bound: u64, len: u64) -> Option<IdRange> {
        let start = self.next_after(bound)?;
        let room = (self.end - start) / self.increment;
        // `room + 1` ids are left; the sum may pass 2^64 - 1 only when `len` is the smaller.
        let len = len.min(room.saturating_add(1));
        IdRange::new(start, self.increment, len).ok()
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "first {}, increment {}, offset {}, end {}, order {}",
            self.first,
            self.increment,
            self.offset,
            self.end,
            self.order.name()
        )
    }
}
