//! What is trusted, and shown, on an encrypted connection.

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::url::StoreUrl;
use crate::{StoreError, tls};

/// Reads the files that the options of a URL name.
pub(super) fn certificates(url: &mut StoreUrl, place: &str) -> Result<TlsCertificates, StoreError> {
    tls::provide();
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
    tls::certificates(pem).map(|all| all.len())
}

fn keys_in(pem: &[u8]) -> Option<usize> {
    PrivateKeyDer::from_pem_slice(pem).ok().map(|_| 1)
}

fn pem(
    place: &str,
    option: &str,
    path: Option<String>,
    count: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Option<Vec<u8>>, StoreError> {
    path.map(|path| tls::pem(place, option, &path, count)).transpose()
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
