//! Certificates for a server on this host, and for those who call it.

use std::path::{Path, PathBuf};

use super::catalog::{Site, words};
use super::install::{Need, program};

pub(super) const NEED: Need = Need { program: "openssl", packages: &["openssl"] };

/// An authority that a server's tests trust, as files in one folder.
pub(super) struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// That of a folder, whether it has been made or not.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// `ca`, `stranger-ca`, `server` or `client` with the ending `pem` or `key`.
    pub(super) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// Makes the authority, one that nobody trusts, and certificates of the first: one for a server
    /// at 127.0.0.1, by no name, and one for a client.
    ///
    /// # Errors
    ///
    /// What openssl says.
    pub(super) fn make(&self, site: &Site) -> Result<(), String> {
        let is_authority = |yes: &str| format!("basicConstraints=critical,CA:{yes}");
        for name in ["ca", "stranger-ca"] {
            self.request(site, name, &[&is_authority("TRUE")], &[])?;
        }
        let (certificate, key) = (self.file("ca.pem"), self.file("ca.key"));
        let signed = ["-CA", &certificate, "-CAkey", &key];
        let own = is_authority("FALSE");
        self.request(site, "server", &[&own, "subjectAltName=IP:127.0.0.1"], &signed)?;
        self.request(site, "client", &[&own], &signed)
    }

    fn request(
        &self,
        site: &Site,
        name: &str,
        extensions: &[&str],
        signed: &[&str],
    ) -> Result<(), String> {
        let mut request = words![program("openssl"), "req", "-x509", "-noenc", "-days", "30"];
        request.extend(words!["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        request.extend(words!["-subj", format!("/CN=idgen {name}")]);
        request.extend(words!["-out", self.file(&format!("{name}.pem"))]);
        request.extend(words!["-keyout", self.file(&format!("{name}.key"))]);
        extensions.iter().for_each(|extension| request.extend(words!["-addext", *extension]));
        request.extend(signed.iter().map(|word| (*word).to_owned()));
        site.run(&request, Path::new("/dev/null"))
    }
}
