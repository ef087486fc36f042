//! From a caller's layout to one that is checked, and back.

use core::ffi::c_char;
use core::fmt;

use idgen_snowflake::{self as snowflake, LayoutError, Role};

use super::{
    Field, IDGEN_FIELD_NAME_SIZE, IDGEN_MAX_FIELDS, IDGEN_ROLE_BUCKET, IDGEN_ROLE_NODE,
    IDGEN_ROLE_SEQUENCE, Layout,
};
use crate::status::{Answer, Status};

/// The names by which fields are known inside: their places.
const PLACES: [&str; IDGEN_MAX_FIELDS] = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];

impl Layout {
    pub(crate) fn checked(&self) -> Answer<snowflake::Layout> {
        self.built().map_err(|_| Status::BadLayout)
    }

    pub(super) fn built(&self) -> Result<snowflake::Layout, Flaw> {
        self.built_with(|place, _| Some(place))
    }

    /// Builds it, each field called as `call` says of its place and its bytes.
    pub(crate) fn built_with(
        &self,
        call: impl Fn(&'static str, &[u8]) -> Option<&'static str>,
    ) -> Result<snowflake::Layout, Flaw> {
        let count = usize::try_from(self.field_count).unwrap_or(usize::MAX);
        let fields = self.fields.get(..count).ok_or(Flaw::Count(self.field_count))?;
        let mut builder = snowflake::Layout::builder(self.time_bits)
            .epoch_unix_ms(self.epoch_unix_ms)
            .tick_ms(self.tick_ms);
        match (self.is_unsigned, self.reserved) {
            (0, 0) => {}
            (1, 0) => builder = builder.unsigned(),
            _ => return Err(Flaw::Flags),
        }
        for (at, (field, place)) in fields.iter().zip(PLACES).enumerate() {
            let name = field.name().and_then(|name| call(place, name)).ok_or(Flaw::Name(at))?;
            builder = match field.role {
                IDGEN_ROLE_NODE => builder.node(name, field.bits),
                IDGEN_ROLE_BUCKET => builder.bucket(name, field.bits),
                IDGEN_ROLE_SEQUENCE => builder.sequence(field.bits),
                role => return Err(Flaw::Role(at, role)),
            };
        }
        builder.try_build().map_err(Flaw::Layout)
    }
}

impl From<&snowflake::Layout> for Layout {
    fn from(layout: &snowflake::Layout) -> Self {
        let mut fields = [Field::NONE; IDGEN_MAX_FIELDS];
        for (field, of) in fields.iter_mut().zip(layout.fields()) {
            *field = Field::from(of);
        }
        Self {
            epoch_unix_ms: layout.epoch_unix_ms(),
            tick_ms: layout.tick_ms(),
            time_bits: layout.time_bits(),
            is_unsigned: u32::from(!layout.signed()),
            field_count: layout.fields().iter().fold(0, |count, _| count + 1),
            reserved: 0,
            fields,
        }
    }
}

impl Field {
    const NONE: Self = Self { name: [0; IDGEN_FIELD_NAME_SIZE], bits: 0, role: 0 };

    /// The name's bytes, if it ends inside its place and is not empty.
    fn name(&self) -> Option<&[u8]> {
        let len = self.name.iter().position(|&byte| byte == 0).filter(|&len| len > 0)?;
        // SAFETY: the first bytes of our own array; a `c_char` is one byte, and any byte will do.
        Some(unsafe { core::slice::from_raw_parts(self.name.as_ptr().cast(), len) })
    }
}

impl From<&snowflake::Field> for Field {
    fn from(field: &snowflake::Field) -> Self {
        let mut own = Self::NONE;
        // The last byte stays 0.
        for (byte, &of) in
            own.name[..IDGEN_FIELD_NAME_SIZE - 1].iter_mut().zip(field.name().as_bytes())
        {
            *byte = of.cast_signed() as c_char;
        }
        own.bits = field.bits();
        own.role = match field.role() {
            Role::Node => IDGEN_ROLE_NODE,
            Role::Bucket => IDGEN_ROLE_BUCKET,
            Role::Sequence => IDGEN_ROLE_SEQUENCE,
        };
        own
    }
}

/// Why a caller's layout is none.
pub(crate) enum Flaw {
    Count(u32),
    Flags,
    Name(usize),
    Role(usize, u32),
    Layout(LayoutError),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count} fields; want {IDGEN_MAX_FIELDS} at most"),
            Self::Flags => f.write_str("is_unsigned is 0 or 1, and reserved is 0"),
            Self::Name(at) => write!(f, "fields[{at}].name is no text of 1 to 23 bytes"),
            Self::Role(at, role) => {
                write!(f, "fields[{at}].role is {role}; want one of the IDGEN_ROLE_ numbers")
            }
            Self::Layout(error) => write!(f, "{error}"),
        }
    }
}
