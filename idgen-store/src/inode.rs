//! What tells a file from another of the same name.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// Device, number and birth of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    /// Stays when the device is mounted anew.
    #[cfg_attr(not(feature = "file"), allow(dead_code, reason = "only a registry writes it down"))]
    pub(crate) number: u64,
    /// When the file was made, in nanoseconds since 1970; 0 if the file system does not tell. A
    /// copy in another volume may have the same number by chance, but was made later.
    #[cfg_attr(not(feature = "file"), allow(dead_code, reason = "only a registry writes it down"))]
    pub(crate) born_ns: u128,
}

impl Inode {
    #[cfg(unix)]
    pub(crate) fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: found.dev(), number: found.ino(), born_ns: born_ns(found) }
    }

    /// Elsewhere an open file cannot be replaced, so that its being there is enough; a copy is told
    /// by its birth alone.
    #[cfg(not(unix))]
    pub(crate) fn of(found: &Metadata) -> Self {
        Self { device: 0, number: 0, born_ns: born_ns(found) }
    }
}

fn born_ns(found: &Metadata) -> u128 {
    let born = found.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    born.map_or(0, |since| since.as_nanos())
}
