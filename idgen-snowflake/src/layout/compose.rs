//! Ids from their parts, and parts from ids. Everything is checked, nothing is masked.

use super::{Field, Layout, Role};

/// A part that does not fit the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A name that is no node field's.
    #[error("name {at} of the list (from 0) is no field of the layout; look at Layout::fields")]
    Unknown {
        /// Where the name stands in the list, counted from 0.
        at: usize,
    },
    /// A field without a value.
    #[error("field `{name}` has no value; give it one")]
    Missing {
        /// The field.
        name: &'static str,
    },
    /// A field with two values.
    #[error("field `{name}` has more than one value; keep one")]
    Twice {
        /// The field.
        name: &'static str,
    },
    /// A value too large for its field.
    #[error("field `{name}` holds 0 to {max}, not {value}; give it a smaller value")]
    TooLarge {
        /// The field.
        name: &'static str,
        /// The value.
        value: u64,
        /// The greatest value it holds.
        max: u64,
    },
    /// A moment outside the layout's lifetime.
    #[error(
        "{unix_ms} ms is outside the layout's time; give a moment of \
         {epoch_unix_ms}..{end_unix_ms} ms"
    )]
    Time {
        /// The moment, in Unix milliseconds.
        unix_ms: u64,
        /// Where the layout's time begins.
        epoch_unix_ms: u64,
        /// Where it ends (exclusive).
        end_unix_ms: u64,
    },
}

/// An id that the layout cannot have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("id {id} has more than the {bits} bits of the layout; decode it with the one it is from")]
pub struct DecodeError {
    /// The id.
    pub id: u64,
    /// How many bits the layout's ids have.
    pub bits: u32,
}

impl Layout {
    /// Packs the node fields into a worker id: the number that all of them but the bucket hold
    /// together, concatenated from high to low.
    ///
    /// Each field must be named exactly once, in any order.
    ///
    /// # Errors
    ///
    /// [`FieldError`] names the first field that is wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// let layout = idgen_snowflake::preset("twitter").expect("a known name");
    /// assert_eq!(layout.worker(&[("datacenter", 3), ("worker", 1)]), Ok(3 << 5 | 1));
    /// assert!(layout.worker(&[("datacenter", 32), ("worker", 1)]).is_err());
    /// ```
    pub fn worker(&self, values: &[(&str, u64)]) -> Result<u64, FieldError> {
        self.check_names(values, |field| field.role == Role::Node)?;
        let mut worker = 0;
        for field in self.fields().iter().filter(|field| field.role == Role::Node) {
            worker = (worker << field.bits) | value_of(field, values)?;
        }
        Ok(worker)
    }

    /// The id with these parts, for a time rounded down to its tick.
    ///
    /// Each node field, the bucket too, must be named exactly once, in any order. Nothing keeps
    /// such an id from being one that a generator issues as well.
    ///
    /// # Errors
    ///
    /// [`FieldError`] names the first part that does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// let layout = idgen_snowflake::preset("standard").expect("a known name");
    /// let id = layout.compose(1_735_689_600_001, &[("worker", 2)], 3)?;
    /// assert_eq!(id, (1 << 22) | (2 << 12) | 3);
    /// # Ok::<(), idgen_snowflake::FieldError>(())
    /// ```
    pub fn compose(
        &self,
        unix_ms: u64,
        values: &[(&str, u64)],
        sequence: u64,
    ) -> Result<u64, FieldError> {
        let (epoch_unix_ms, end_unix_ms) = (self.epoch_unix_ms, self.end_unix_ms());
        if unix_ms < epoch_unix_ms || unix_ms >= end_unix_ms {
            return Err(FieldError::Time { unix_ms, epoch_unix_ms, end_unix_ms });
        }
        self.check_names(values, |field| field.role != Role::Sequence)?;
        let mut id = ((unix_ms - epoch_unix_ms) / self.tick_ms) << self.time_shift;
        for field in self.fields() {
            let value = match field.role {
                Role::Sequence => checked(field, sequence)?,
                Role::Node | Role::Bucket => value_of(field, values)?,
            };
            id |= value << field.shift;
        }
        Ok(id)
    }

    fn check_names(
        &self,
        values: &[(&str, u64)],
        wanted: impl Fn(&Field) -> bool,
    ) -> Result<(), FieldError> {
        let known = |name: &str| self.fields().iter().any(|f| f.name == name && wanted(f));
        match values.iter().position(|(name, _)| !known(name)) {
            Some(at) => Err(FieldError::Unknown { at }),
            None => Ok(()),
        }
    }

    /// Takes an id apart.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the id has bits above the layout's highest.
    ///
    /// # Examples
    ///
    /// ```
    /// let layout = idgen_snowflake::preset("twitter").expect("a known name");
    /// let decoded = layout.decode(1_541_815_603_606_036_480)?;
    /// assert_eq!(decoded.unix_ms(), 1_656_432_460_105);
    /// let fields: Vec<_> = decoded.fields().collect();
    /// assert_eq!(fields, [("datacenter", 11), ("worker", 26)]);
    /// # Ok::<(), idgen_snowflake::DecodeError>(())
    /// ```
    pub fn decode(&self, id: u64) -> Result<Decoded<'_>, DecodeError> {
        if self.bits() < 64 && id >> self.bits() != 0 {
            return Err(DecodeError { id, bits: self.bits() });
        }
        Ok(Decoded { layout: self, id })
    }

    /// The bits of an id that `worker` sets; `worker` is below [`workers`](Self::workers).
    pub(crate) fn spread(&self, worker: u64) -> u64 {
        let mut rest = worker;
        let mut bits = 0;
        for field in self.fields().iter().rev().filter(|field| field.role == Role::Node) {
            bits |= (rest & field.max()) << field.shift;
            rest >>= field.bits;
        }
        bits
    }
}

fn value_of(field: &Field, values: &[(&str, u64)]) -> Result<u64, FieldError> {
    let mut found = values.iter().filter(|(name, _)| *name == field.name);
    let &(_, value) = found.next().ok_or(FieldError::Missing { name: field.name })?;
    if found.next().is_some() {
        return Err(FieldError::Twice { name: field.name });
    }
    checked(field, value)
}

fn checked(field: &Field, value: u64) -> Result<u64, FieldError> {
    let max = field.max();
    if value > max {
        return Err(FieldError::TooLarge { name: field.name, value, max });
    }
    Ok(value)
}

/// An id taken apart; see [`Layout::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    layout: &'a Layout,
    id: u64,
}

impl<'a> Decoded<'a> {
    /// The number of the tick, counted from the layout's epoch.
    pub const fn tick(&self) -> u64 {
        self.id >> self.layout.time_shift
    }

    /// The moment at which the tick begins, in Unix milliseconds.
    pub const fn unix_ms(&self) -> u64 {
        self.layout.tick_unix_ms(self.tick())
    }

    /// The sequence number inside the tick.
    pub const fn sequence(&self) -> u64 {
        self.layout.sequence().read(self.id)
    }

    /// The bucket, if the layout has one.
    pub fn bucket(&self) -> Option<u64> {
        self.layout.bucket().map(|field| field.read(self.id))
    }

    /// The worker id that the node fields hold together.
    pub fn worker(&self) -> u64 {
        let nodes = self.layout.fields().iter().filter(|field| field.role == Role::Node);
        nodes.fold(0, |worker, field| (worker << field.bits) | field.read(self.id))
    }

    /// Names and values of the node fields and the bucket, from high to low.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'a> {
        let id = self.id;
        let fields = self.layout.fields().iter().filter(|field| field.role != Role::Sequence);
        fields.map(move |field| (field.name, field.read(id)))
    }
}
