//! What is trusted on an encrypted connection to a store.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::error::Error;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::StoreError;

/// Has drivers that take the process's provider of cryptography find one. Where another was chosen
/// before, that one stays.
#[cfg(any(feature = "mysql", feature = "redis"))]
pub(crate) fn provide() {
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// The content of a file that holds at least one of what is due.
pub(crate) fn pem(
    place: &str,
    option: &str,
    path: &str,
    count: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Vec<u8>, StoreError> {
    let refused = |why: &str| {
        let path = path.escape_debug();
        StoreError::Refused(format!("{place}: {option}={path}: {why}; name a PEM file"))
    };
    let pem = std::fs::read(path).map_err(|error| refused(&error.to_string()))?;
    match count(&pem) {
        Some(1..) => Ok(pem),
        _ => Err(refused("it does not hold what it should")),
    }
}

/// The certificates in a text, if all are sound.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

/// Who vouches for servers: those in the file, or whom this system trusts.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn authorities(
    place: &str,
    option: &str,
    path: Option<&str>,
) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let mut listed = match path {
        Some(path) => {
            let pem = pem(place, option, path, |pem| certificates(pem).map(|all| all.len()))?;
            certificates(&pem).unwrap_or_default()
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    // A system may list certificates of old forms, which vouch for nobody here.
    listed.retain(|one| rustls::RootCertStore::empty().add(one.clone()).is_ok());
    if listed.is_empty() {
        let whose = path.unwrap_or("this system").escape_debug();
        return Err(StoreError::Refused(format!(
            "{place}: {whose} lists no authority that can vouch for a server; name a file by \
             {option}="
        )));
    }
    Ok(listed)
}

/// Why a connection ended, if that was about the server's certificate.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of I/O shows the source of what it wraps, and not that itself.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(said @ rustls::Error::InvalidCertificate(_)) =
            tls.or_else(|| error.downcast_ref())
        {
            return Some(said.to_string());
        }
        next = error.source();
    }
    None
}

#[cfg(all(test, any(feature = "mysql", feature = "postgres")))]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_looked_into() {
        let file = std::env::temp_dir().join(format!("idgen-authority-{}", std::process::id()));
        std::fs::write(&file, "no certificate").unwrap();
        let path = file.display().to_string();
        for (path, flaw) in [(path.as_str(), "does not hold"), ("/no/such", "name a PEM file")] {
            let said = authorities("mysql://h/d", "ssl-ca", Some(path)).unwrap_err().to_string();
            assert!(said.contains("mysql://h/d: ssl-ca=") && said.contains(flaw), "{said}");
        }
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn distrust_is_found_below_other_errors() {
        let said = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert!(distrust(&said).unwrap().contains("UnknownIssuer"));
        let wrapped = std::io::Error::new(std::io::ErrorKind::InvalidData, said);
        assert!(distrust(&wrapped).unwrap().contains("UnknownIssuer"));
        assert!(distrust(&std::io::Error::other("no route")).is_none());
    }
}
