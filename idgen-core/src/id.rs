//! One id as a value that prints, parses and serialises.

use core::fmt;
use core::str::FromStr;

use crate::text::{self, Form, TextError};

/// A 64-bit id. Displays and parses as decimal; JSON gets a *string*, because JavaScript's numbers
/// lose digits above 2^53.
///
/// # Examples
///
/// ```
/// use idgen_core::Id;
/// let id: Id = "18446744073709551615".parse()?;
/// assert_eq!(id.0, u64::MAX);
/// # Ok::<(), idgen_core::text::TextError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Id(
    /// The number.
    pub u64,
);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(true, "", &text::encode(self.0, Form::Decimal))
    }
}

impl FromStr for Id {
    type Err = TextError;

    fn from_str(s: &str) -> Result<Self, TextError> {
        text::decode(s, Form::Decimal).map(Self)
    }
}

impl From<u64> for Id {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl From<Id> for u64 {
    fn from(id: Id) -> Self {
        id.0
    }
}

#[cfg(feature = "serde")]
mod as_string {
    use super::Id;
    use crate::text::{self, Form};
    use core::fmt;
    use serde::de::{Deserialize, Deserializer, Error, Visitor};
    use serde::ser::{Serialize, Serializer};

    impl Serialize for Id {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(&text::encode(self.0, Form::Decimal))
        }
    }

    struct StringOrNumber;

    impl Visitor<'_> for StringOrNumber {
        type Value = Id;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id as a decimal string or an unsigned number")
        }

        fn visit_str<E: Error>(self, s: &str) -> Result<Id, E> {
            s.parse().map_err(E::custom)
        }

        fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
            Ok(Id(id))
        }
    }

    impl<'de> Deserialize<'de> for Id {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(StringOrNumber)
        }
    }
}

/// Serialises an [`Id`](crate::Id) as a JSON *number*: `#[serde(with = "idgen_core::as_number")]`.
///
/// For readers that keep all 64 bits. Reading takes numbers and decimal strings alike.
#[cfg(feature = "serde")]
pub mod as_number {
    use super::Id;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the number.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(id.0)
    }

    /// Reads a number or a decimal string.
    ///
    /// # Errors
    ///
    /// Those of the deserializer; a string that is not an id.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        Id::deserialize(deserializer)
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Row {
        id: Id,
        #[serde(with = "as_number")]
        number: Id,
    }

    #[test]
    fn string_by_default_number_on_request() {
        let row = Row { id: Id(u64::MAX), number: Id(7) };
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(json, r#"{"id":"18446744073709551615","number":7}"#);
        assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
    }

    #[test]
    fn refuses_what_is_no_id() {
        for bad in [r#""-1""#, "-1", "1.5", r#""01""#, r#""""#, "null"] {
            assert!(serde_json::from_str::<Id>(bad).is_err(), "{bad}");
        }
    }
}
