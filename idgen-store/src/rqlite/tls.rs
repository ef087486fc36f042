//! What is trusted on an encrypted connection.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::StoreError;

/// Trusts the certificates in the file `ca`, or without one those that the system trusts.
pub(super) fn connector(place: &str, ca: Option<String>) -> Result<TlsConnector, StoreError> {
    let roots = match ca {
        Some(path) => of_file(&path).map_err(|why| {
            let path = path.escape_debug();
            StoreError::Refused(format!("{place}: tls_ca={path}: {why}; name a PEM file"))
        })?,
        None => of_system(place)?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn of_file(path: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("no certificate is in it".to_owned()) } else { Ok(roots) }
}

fn of_system(place: &str) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(StoreError::Refused(format!(
            "{place}: this system trusts no certificate at all; install ca-certificates, or name \
             a PEM file by ?tls_ca="
        )));
    }
    Ok(roots)
}
