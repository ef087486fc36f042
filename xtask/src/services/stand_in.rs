//! Servers of the project's own, for stores that no package registry has: package `stand-ins`.

use std::path::PathBuf;

use super::catalog::{Site, failed};
use crate::suite;

/// Where a service runs its stand-in from: beside its data, since the user that servers run as may
/// not get to where it is built.
pub(super) fn program(site: &Site, name: &str) -> String {
    path(site, name).to_string_lossy().into_owned()
}

fn path(site: &Site, name: &str) -> PathBuf {
    site.folder.join(name)
}

/// Builds a stand-in and puts it where it is run from.
///
/// # Errors
///
/// It does not build, or cannot be copied.
pub(super) fn build(site: &Site, name: &str) -> Result<(), String> {
    let mut build = suite::cargo(&["build", "--quiet", "-p", "stand-ins", "--bin", name]);
    // Optimised like the tests, so that dependencies are theirs.
    build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    match build.status() {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("{name} does not build ({status}), see above")),
        Err(error) => return Err(format!("cargo does not start: {error}")),
    }
    let built = suite::target_dir().join("debug").join(name);
    let path = path(site, name);
    std::fs::copy(&built, &path).map(|_bytes| ()).map_err(|error| failed(&path, &error))
}
