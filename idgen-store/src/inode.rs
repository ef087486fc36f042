//! What tells a file from another of the same name.

use std::fs::Metadata;

/// Device and number of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    /// Stays when the device is mounted anew.
    #[cfg_attr(not(feature = "file"), allow(dead_code, reason = "only a registry writes it down"))]
    pub(crate) number: u64,
}

impl Inode {
    #[cfg(unix)]
    pub(crate) fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: found.dev(), number: found.ino() }
    }

    /// Elsewhere an open file cannot be replaced, so that its being there is enough; a copy cannot
    /// be told.
    #[cfg(not(unix))]
    pub(crate) fn of(_found: &Metadata) -> Self {
        Self { device: 0, number: 0 }
    }
}
