//! How a layout is made: fields named from high to low, then checked as a whole.
//!
//! Everything here is `const`, so that a wrong layout that is a constant does not compile.

use super::{Field, Layout, LayoutError, MAX_FIELDS, Role};

const MAX_SEQUENCE_BITS: u32 = 32;
const MAX_BUCKET_BITS: u32 = 5;
/// Dates end here, so that signed arithmetic on milliseconds has room to spare.
const MAX_END_UNIX_MS: u64 = 1 << 61;
/// 2025-01-01T00:00:00Z.
const DEFAULT_EPOCH_UNIX_MS: u64 = 1_735_689_600_000;

/// A layout in the making; see [`Layout::builder`].
///
/// Fields below the time are named from high to low.
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct LayoutBuilder {
    signed: bool,
    epoch_unix_ms: u64,
    tick_ms: u64,
    time_bits: u32,
    fields: [Field; MAX_FIELDS],
    pushed: usize,
}

impl LayoutBuilder {
    /// Uses all 64 bits; ids may be above 2^63 - 1.
    pub const fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// The moment of tick 0, in Unix milliseconds.
    pub const fn epoch_unix_ms(mut self, epoch_unix_ms: u64) -> Self {
        self.epoch_unix_ms = epoch_unix_ms;
        self
    }

    /// The length of a tick in whole milliseconds, at least 1.
    pub const fn tick_ms(mut self, tick_ms: u64) -> Self {
        self.tick_ms = tick_ms;
        self
    }

    /// A node field below what has been named so far: a part of the worker id.
    pub const fn node(self, name: &'static str, bits: u32) -> Self {
        self.push(Field { name, bits, shift: 0, role: Role::Node })
    }

    /// The bucket field below what has been named so far, at most 5 bits: 32 buckets.
    pub const fn bucket(self, name: &'static str, bits: u32) -> Self {
        self.push(Field { name, bits, shift: 0, role: Role::Bucket })
    }

    /// The sequence below what has been named so far, 1 to 32 bits.
    pub const fn sequence(self, bits: u32) -> Self {
        self.push(Field { name: "sequence", bits, shift: 0, role: Role::Sequence })
    }

    const fn push(mut self, field: Field) -> Self {
        if self.pushed < MAX_FIELDS {
            self.fields[self.pushed] = field;
        }
        self.pushed += 1;
        self
    }

    /// The layout, for constants: a wrong one does not compile.
    ///
    /// # Panics
    ///
    /// Where [`try_build`](Self::try_build) has an error.
    pub const fn build(self) -> Layout {
        match self.try_build() {
            Ok(layout) => layout,
            Err(error) => panic!("{}", error.brief()),
        }
    }

    /// The layout, for values that come from outside.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] names the first thing that is wrong.
    pub const fn try_build(self) -> Result<Layout, LayoutError> {
        if let Err(error) = self.check_time() {
            return Err(error);
        }
        if self.pushed > MAX_FIELDS {
            return Err(LayoutError::TooManyFields { count: self.pushed });
        }
        let mut layout = Layout {
            signed: self.signed,
            epoch_unix_ms: self.epoch_unix_ms,
            tick_ms: self.tick_ms,
            time_bits: self.time_bits,
            time_shift: 0,
            fields: self.fields,
            len: self.pushed,
            sequence: MAX_FIELDS,
            bucket: None,
            worker_bits: 0,
        };
        let mut at = self.pushed;
        while at > 0 {
            at -= 1;
            if let Err(error) = layout.place(at) {
                return Err(error);
            }
        }
        layout.check_whole()
    }

    const fn check_time(&self) -> Result<(), LayoutError> {
        if self.time_bits == 0 || self.time_bits > 60 {
            return Err(LayoutError::Width { name: "time", bits: self.time_bits, max: 60 });
        }
        if self.tick_ms == 0 {
            return Err(LayoutError::NoTick);
        }
        let lifetime_ms = (1_u128 << self.time_bits) * self.tick_ms as u128;
        if lifetime_ms + self.epoch_unix_ms as u128 > MAX_END_UNIX_MS as u128 {
            return Err(LayoutError::EndsTooLate);
        }
        Ok(())
    }
}

impl Layout {
    /// Begins a layout with `time_bits` bits of time on top.
    ///
    /// Until told otherwise it is signed, its ticks are 1 ms and its epoch is
    /// 2025-01-01T00:00:00Z.
    pub const fn builder(time_bits: u32) -> LayoutBuilder {
        LayoutBuilder {
            signed: true,
            epoch_unix_ms: DEFAULT_EPOCH_UNIX_MS,
            tick_ms: 1,
            time_bits,
            fields: [Field::NONE; MAX_FIELDS],
            pushed: 0,
        }
    }

    /// Puts the field at `at` on top of those below it.
    const fn place(&mut self, at: usize) -> Result<(), LayoutError> {
        let Field { name, bits, role, .. } = self.fields[at];
        let max = match role {
            Role::Node => 62,
            Role::Bucket => MAX_BUCKET_BITS,
            Role::Sequence => MAX_SEQUENCE_BITS,
        };
        if bits == 0 || bits > max {
            return Err(LayoutError::Width { name, bits, max });
        }
        self.fields[at].shift = self.time_shift;
        self.time_shift += bits;
        match role {
            Role::Node => self.worker_bits += bits,
            Role::Bucket if self.bucket.is_none() => self.bucket = Some(at),
            Role::Bucket => return Err(LayoutError::Buckets),
            Role::Sequence if self.sequence == MAX_FIELDS => self.sequence = at,
            Role::Sequence => return Err(LayoutError::Sequences { count: 2 }),
        }
        Ok(())
    }

    const fn check_whole(self) -> Result<Self, LayoutError> {
        if self.sequence == MAX_FIELDS {
            return Err(LayoutError::Sequences { count: 0 });
        }
        let usable = if self.signed { 63 } else { 64 };
        if self.bits() > usable {
            return Err(LayoutError::TooWide { bits: self.bits(), usable });
        }
        let mut at = 0;
        while at < self.len {
            let name = self.fields[at].name;
            if name.is_empty() || same(name, "time") || self.has_before(at, name) {
                return Err(LayoutError::Name { name });
            }
            at += 1;
        }
        Ok(self)
    }

    const fn has_before(&self, end: usize, name: &str) -> bool {
        let mut at = 0;
        while at < end {
            if same(self.fields[at].name, name) {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// String equality that constants can use.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
