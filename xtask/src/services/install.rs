//! The servers' programs: where they are, and their packages where they are not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::catalog::{Service, failed};
use crate::suite;

/// A program, or a file by its absolute path, that a service cannot do without.
pub(super) struct Need {
    pub(super) program: &'static str,
    /// Debian packages that bring it; the first one known is installed.
    pub(super) packages: &'static [&'static str],
}

/// Debian keeps PostgreSQL's servers in a folder of each version.
const POSTGRES: &str = "/usr/lib/postgresql";

impl Need {
    fn is_met(&self) -> bool {
        match self.program.starts_with('/') {
            true => Path::new(self.program).exists(),
            false => found(self.program).is_some(),
        }
    }
}

/// The path of a program; its name if there is none, for the attempt to start it to say so.
pub(super) fn program(name: &str) -> String {
    found(name).map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}

fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Servers lie outside the path of a user who is not root.
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let versions = std::fs::read_dir(POSTGRES).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    versions.sort_unstable_by_key(|path| std::cmp::Reverse(version(path)));
    folders.extend(versions.into_iter().map(|path| path.join("bin")));
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn version(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

/// Installs what the services lack, if this is root.
///
/// # Errors
///
/// What is missing, with the commands that would install it.
pub(super) fn all(services: &[&dyn Service]) -> Result<(), String> {
    let unmet =
        || services.iter().flat_map(|service| service.needs()).filter(|need| !need.is_met());
    if unmet().next().is_none() {
        return Ok(());
    }
    if suite::is_root() {
        let _quiet = Quiet::new()?;
        apt_get(&["update", "-q"])?;
        let mut packages: Vec<&str> = unmet().map(|need| known(need.packages)).collect();
        packages.sort_unstable();
        packages.dedup();
        let install = ["install", "-qy", "--no-install-recommends"];
        apt_get(&[&install[..], &packages].concat())?;
    }
    let mut missing: Vec<&Need> = unmet().collect();
    missing.dedup_by_key(|need| need.program);
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<&str> = missing.iter().map(|need| need.program).collect();
    let packages: Vec<&str> = missing.iter().map(|need| known(need.packages)).collect();
    Err(format!(
        "{} missing; run `apt-get install --no-install-recommends {}` as root, or leave the \
         services out",
        programs.join(", "),
        packages.join(" ")
    ))
}

/// The first of these packages that the package lists know; the first of all if none is.
fn known(packages: &'static [&'static str]) -> &'static str {
    let is_known = |package: &&&str| {
        let mut command = Command::new("apt-cache");
        command.args(["show", "--no-all-versions", package]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    packages.iter().find(is_known).unwrap_or(&packages[0])
}

fn apt_get(words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    // Another installation may be under way.
    command.args(["-o", "DPkg::Lock::Timeout=120"]).args(words);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {} failed ({status})", words.join(" "))),
        Err(error) => Err(format!("apt-get does not start: {error}; install by hand")),
    }
}

/// Debian's packages start their servers when they are installed, unless this script forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While it lives, installed packages start nothing.
struct Quiet {
    is_own: bool,
}

impl Quiet {
    fn new() -> Result<Self, String> {
        let path = Path::new(POLICY);
        if path.exists() {
            // The operator's own rule.
            return Ok(Self { is_own: false });
        }
        let own = Self { is_own: true };
        std::fs::write(path, "#!/bin/sh\nexit 101\n").map_err(|error| failed(path, &error))?;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).map_err(|error| failed(path, &error))?;
        Ok(own)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.is_own && std::fs::remove_file(POLICY).is_err() {
            eprintln!("{POLICY} keeps packages from starting their servers; remove it by hand");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_files_by_path() {
        assert!(Need { program: "sh", packages: &["dash"] }.is_met());
        assert!(Need { program: "/proc/self", packages: &["linux"] }.is_met());
        for absent in ["no-such-program-of-idgen", "/no/such/file"] {
            assert!(!Need { program: absent, packages: &["none"] }.is_met(), "{absent}");
        }
        assert!(program("sh").ends_with("/sh"));
        assert_eq!(program("no-such-program-of-idgen"), "no-such-program-of-idgen");
    }

    #[test]
    fn later_versions_are_greater() {
        let of = |name: &str| version(&Path::new(POSTGRES).join(name));
        assert!(of("15") > of("9") && of("15") > of("other"));
    }
}
