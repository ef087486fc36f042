//! What leases the worker ids of servers in several directories.

use std::path::PathBuf;

use crate::harness::{Place, binary};

/// A registry, and the binary that can reach it.
pub(crate) struct Registry {
    url: String,
    binary: PathBuf,
}

impl Registry {
    pub(crate) fn at(url: String) -> Self {
        Self::by(binary(), url)
    }

    /// For a registry that not every binary has built in.
    pub(crate) fn by(binary: PathBuf, url: String) -> Self {
        Self { url, binary }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its kind: what follows may hold a password.
    pub(crate) fn name(&self) -> &str {
        self.url.split_once(':').map_or(&self.url, |(scheme, _)| scheme)
    }

    /// A directory for one of the servers.
    pub(crate) fn place(&self) -> Place {
        Place::of(self.binary.clone())
    }
}
