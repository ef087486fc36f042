//! What is trusted, and shown, on an encrypted connection.

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::StoreError;
use crate::url::StoreUrl;

/// Reads the files that the options of a URL name.
pub(super) fn certificates(url: &mut StoreUrl, place: &str) -> Result<TlsCertificates, StoreError> {
    // The driver takes the process's provider. Where another was chosen before, that one stays.
    ring::default_provider().install_default().ok();
    let root_cert = pem(place, "tls_ca", url.take("tls_ca"), certificates_in)?;
    let cert = pem(place, "tls_cert", url.take("tls_cert"), certificates_in)?;
    let key = pem(place, "tls_key", url.take("tls_key"), keys_in)?;
    let client_tls = match (cert, key) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        _ => {
            return Err(StoreError::Refused(format!(
                "{place}: tls_cert and tls_key belong together; write both or none"
            )));
        }
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

fn certificates_in(pem: &[u8]) -> Option<usize> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok().map(|all| all.len())
}

fn keys_in(pem: &[u8]) -> Option<usize> {
    PrivateKeyDer::from_pem_slice(pem).ok().map(|_| 1)
}

/// The content of a file that holds at least one of what is due.
fn pem(
    place: &str,
    option: &str,
    path: Option<String>,
    count: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(path) = path else { return Ok(None) };
    let refused = |why: &str| {
        let path = path.escape_debug();
        StoreError::Refused(format!("{place}: {option}={path}: {why}; name a PEM file"))
    };
    let pem = std::fs::read(&path).map_err(|error| refused(&error.to_string()))?;
    match count(&pem) {
        Some(1..) => Ok(Some(pem)),
        _ => Err(refused("it does not hold what it should")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_looked_into() {
        let empty = std::env::temp_dir().join(format!("idgen-tls-{}", std::process::id()));
        std::fs::write(&empty, "no certificate").unwrap();
        let path = empty.display();
        let with = |options: String| {
            let mut url = StoreUrl::parse(&format!("rediss://h?{options}")).unwrap();
            certificates(&mut url, "rediss://h/")
        };
        for option in ["tls_ca", "tls_cert", "tls_key"] {
            let said = with(format!("{option}={path}")).unwrap_err().to_string();
            assert!(said.contains(option) && said.contains("does not hold"), "{said}");
        }
        let said = with("tls_ca=/no/such".to_owned()).unwrap_err().to_string();
        assert!(said.contains("rediss://h/: tls_ca=/no/such"), "{said}");
        assert!(with(String::new()).unwrap().root_cert.is_none());
        std::fs::remove_file(&empty).unwrap();
    }
}
