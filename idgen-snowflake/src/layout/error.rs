//! Why a layout cannot be.

/// What is wrong with a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A field is empty or too wide for its purpose.
    #[error("field `{name}` has {bits} bits; give it 1 to {max}")]
    Width {
        /// The field.
        name: &'static str,
        /// Its width.
        bits: u32,
        /// The greatest width of such a field.
        max: u32,
    },
    /// All fields together are wider than an id.
    #[error("the layout has {bits} bits and an id {usable}; take bits from some field")]
    TooWide {
        /// The sum of all widths.
        bits: u32,
        /// 63 for a signed layout, 64 for an unsigned one.
        usable: u32,
    },
    /// There are more than eight node fields.
    #[error("the layout has {count} fields below the time; 8 node fields and 1 sequence are most")]
    TooManyFields {
        /// How many there are below the time.
        count: usize,
    },
    /// There is no sequence field, or more than one.
    #[error("the layout has {count} sequence fields; give it exactly 1")]
    Sequences {
        /// 0, or 2 for more than one.
        count: u32,
    },
    /// There is more than one bucket field.
    #[error("the layout has more than one bucket field; make the others node fields")]
    Buckets,
    /// A field's name is empty, taken, or `time`.
    #[error("field name `{name}` is empty, taken or reserved; choose another")]
    Name {
        /// The name.
        name: &'static str,
    },
    /// A tick of no length.
    #[error("a tick of 0 ms has no length; make tick_ms 1 or more")]
    NoTick,
    /// The last tick would lie beyond every date that can be reckoned with.
    #[error("the layout ends later than 2^61 ms after 1970; take bits from the time")]
    EndsTooLate,
}

impl LayoutError {
    /// The cause without its numbers, which a constant's panic cannot format.
    pub(super) const fn brief(self) -> &'static str {
        match self {
            Self::Width { .. } => "a field of the layout is empty or too wide for its purpose",
            Self::TooWide { .. } => "the layout is wider than an id; take bits from some field",
            Self::TooManyFields { .. } => "the layout has more than 8 node fields",
            Self::Sequences { .. } => "the layout needs exactly 1 sequence field",
            Self::Buckets => "the layout has more than one bucket field",
            Self::Name { .. } => "a field name is empty, taken or reserved",
            Self::NoTick => "a tick of 0 ms has no length",
            Self::EndsTooLate => "the layout ends later than 2^61 ms after 1970",
        }
    }
}
