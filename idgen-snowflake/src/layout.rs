//! Which bits of an id mean what.
//!
//! A layout is a stack of fields: time on top, below it node fields and the sequence in any order,
//! nothing in between. The order is part of the layout (Sonyflake's sequence lies above its
//! machine). All checks run when a layout is built, in release builds too; the methods afterwards
//! cannot fail.

mod builder;
pub(crate) mod compose;
mod error;
#[cfg(test)]
mod tests;

pub use builder::LayoutBuilder;
pub use error::LayoutError;

/// How many node fields a layout may have, the bucket field among them.
pub const MAX_NODE_FIELDS: usize = 8;

const MAX_FIELDS: usize = MAX_NODE_FIELDS + 1;

/// What a field below the time is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A part of the worker id.
    Node,
    /// The number of a generator inside its process.
    Bucket,
    /// The sequence number inside a tick.
    Sequence,
}

/// One field below the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    bits: u32,
    shift: u32,
    role: Role,
}

impl Field {
    const NONE: Self = Self { name: "", bits: 0, shift: 0, role: Role::Node };

    /// The field's name; `sequence` for the sequence.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How wide the field is, in bits.
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// How many bits lie below the field.
    pub const fn shift(&self) -> u32 {
        self.shift
    }

    /// What the field is for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The greatest value the field holds.
    pub const fn max(&self) -> u64 {
        (1 << self.bits) - 1
    }

    const fn read(&self, id: u64) -> u64 {
        (id >> self.shift) & self.max()
    }
}

/// Which bits of an id mean what, and how long its time lasts.
///
/// # Examples
///
/// ```
/// use idgen_snowflake::Layout;
/// const LAYOUT: Layout = Layout::builder(39)
///     .epoch_unix_ms(1_409_529_600_000)
///     .tick_ms(10)
///     .sequence(8)
///     .node("machine", 16)
///     .build();
/// assert_eq!(LAYOUT.ids_per_second(), 25_600);
/// assert_eq!(LAYOUT.sequence_place(), 1 << 16);
/// assert_eq!(LAYOUT.workers(), 65_536);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    signed: bool,
    epoch_unix_ms: u64,
    tick_ms: u64,
    time_bits: u32,
    time_shift: u32,
    fields: [Field; MAX_FIELDS],
    len: usize,
    sequence: usize,
    bucket: Option<usize>,
    worker_bits: u32,
}

impl Layout {
    /// Whether the topmost bit is kept 0, so that ids are positive as signed 64-bit numbers.
    pub const fn signed(&self) -> bool {
        self.signed
    }

    /// The moment of tick 0, in Unix milliseconds.
    pub const fn epoch_unix_ms(&self) -> u64 {
        self.epoch_unix_ms
    }

    /// The length of a tick, in milliseconds; at least 1.
    pub const fn tick_ms(&self) -> u64 {
        self.tick_ms
    }

    /// How many bits count ticks.
    pub const fn time_bits(&self) -> u32 {
        self.time_bits
    }

    /// How many bits lie below the time.
    pub const fn time_shift(&self) -> u32 {
        self.time_shift
    }

    /// How many bits an id has in all; at most 63 if [signed](Self::signed), else 64.
    pub const fn bits(&self) -> u32 {
        self.time_bits + self.time_shift
    }

    /// The fields below the time, from high to low.
    pub fn fields(&self) -> &[Field] {
        &self.fields[..self.len]
    }

    /// The sequence field.
    pub const fn sequence(&self) -> &Field {
        &self.fields[self.sequence]
    }

    /// The bucket field, if there is one.
    pub const fn bucket(&self) -> Option<&Field> {
        match self.bucket {
            Some(at) => Some(&self.fields[at]),
            None => None,
        }
    }

    /// How many buckets one worker has; 1 without a bucket field.
    pub const fn buckets(&self) -> u64 {
        match self.bucket() {
            Some(field) => field.max() + 1,
            None => 1,
        }
    }

    /// How many worker ids there are: they run from 0 to one below.
    pub const fn workers(&self) -> u64 {
        1 << self.worker_bits
    }

    /// The number of the last tick.
    pub const fn last_tick(&self) -> u64 {
        (1 << self.time_bits) - 1
    }

    /// The moment at which the last tick is over, in Unix milliseconds: no id is later.
    pub const fn end_unix_ms(&self) -> u64 {
        self.epoch_unix_ms + self.lifetime_ms()
    }

    /// How long the layout lasts from its epoch on, in milliseconds.
    pub const fn lifetime_ms(&self) -> u64 {
        (self.last_tick() + 1) * self.tick_ms
    }

    /// The ceiling in ids per second of one worker, or of one bucket where there are buckets.
    pub const fn ids_per_second(&self) -> u64 {
        (self.sequence().max() + 1) * 1000 / self.tick_ms
    }

    /// The place value of the sequence field: the step of a batch.
    pub const fn sequence_place(&self) -> u64 {
        1 << self.sequence().shift
    }

    /// The moment at which `tick` begins, in Unix milliseconds.
    pub(crate) const fn tick_unix_ms(&self, tick: u64) -> u64 {
        self.epoch_unix_ms + tick * self.tick_ms
    }
}
