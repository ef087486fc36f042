//! Names of sequences and id spaces.

use std::fmt;
use std::sync::Arc;

/// The name of a sequence or an id space: any UTF-8 text of 1 to 128 bytes, taken as it is.
///
/// No byte has a meaning: quotes, blanks, `%`, NUL and slashes name what they name. Backends bind
/// or encode names, never paste them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A text that cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 128 bytes of UTF-8, this one has {bytes}; choose another")]
pub struct NameError {
    /// The text's length in bytes.
    pub bytes: usize,
}

impl Name {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes `text` as a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the text is empty or longer than 128 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_store::Name;
    /// assert_eq!(Name::new("orders")?.as_str(), "orders");
    /// assert!(Name::new("").is_err());
    /// # Ok::<(), idgen_store::NameError>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(NameError { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}
