//! What a URL says of encryption, in the words of PostgreSQL's own clients: `sslmode` and
//! `sslrootcert`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::url::StoreUrl;
use crate::{StoreError, tls};

/// Of a file that stands for the authorities of the system.
const SYSTEM: &str = "system";

/// How connections are encrypted.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) mode: SslMode,
    /// None without encryption.
    pub(super) connect: Option<MakeRustlsConnect>,
    /// What an operator should know of it.
    pub(super) note: Option<&'static str>,
}

/// What is asked of a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    AuthorityAndHost,
}

impl Tls {
    /// Takes the options of `url`.
    pub(super) fn take(url: &mut StoreUrl, place: &str) -> Result<Self, StoreError> {
        let (mode, file) = (url.take("sslmode"), url.take("sslrootcert"));
        let refused = |what: String| StoreError::Refused(format!("{place}: {what}"));
        let (mode, check) = match (mode.as_deref(), &file) {
            (None | Some("disable"), _) => (SslMode::Disable, Check::Nothing),
            (Some("prefer"), _) => (SslMode::Prefer, Check::Nothing),
            (Some("require"), None) => (SslMode::Require, Check::Nothing),
            (Some("require" | "verify-ca"), _) => (SslMode::Require, Check::Authority),
            (Some("verify-full"), _) => (SslMode::Require, Check::AuthorityAndHost),
            (Some("allow"), _) => {
                return Err(refused(
                    "sslmode=allow cannot be had, the driver does not come back encrypted; write \
                     prefer or disable"
                        .to_owned(),
                ));
            }
            (Some(mode), _) => {
                return Err(refused(format!(
                    "sslmode is disable, prefer, require, verify-ca or verify-full, not '{}'; \
                     write one of them",
                    mode.escape_debug()
                )));
            }
        };
        if file.is_some() && check == Check::Nothing {
            return Err(refused(
                "sslrootcert names who is trusted, and this sslmode trusts everybody; write \
                 sslmode=verify-full"
                    .to_owned(),
            ));
        }
        if mode == SslMode::Require && url.hosts.iter().any(|at| at.host.starts_with('/')) {
            return Err(refused(
                "a socket is not encrypted; name a host, or leave sslmode out".to_owned(),
            ));
        }
        let connect = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(client(place, check, file.as_deref())?)),
        };
        let note = note(mode, check);
        Ok(Self { mode, connect, note })
    }
}

fn note(mode: SslMode, check: Check) -> Option<&'static str> {
    match (mode, check) {
        (SslMode::Prefer, _) => Some(
            "connections are encrypted only if the server offers it, and nobody checks whose \
             certificate it shows; write sslmode=verify-full",
        ),
        (SslMode::Require, Check::Nothing) => Some(
            "connections are encrypted, and nobody checks whose certificate the server shows; \
             write sslmode=verify-full",
        ),
        _ => None,
    }
}

fn client(place: &str, check: Check, file: Option<&str>) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(ring::default_provider());
    let mut known = RootCertStore::empty();
    if check != Check::Nothing {
        let file = file.filter(|file| *file != SYSTEM);
        known.add_parsable_certificates(tls::authorities(place, "sslrootcert", file)?);
    }
    let known = Arc::new(known);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring speaks all versions");
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        Check::AuthorityAndHost => WebPkiServerVerifier::builder_with_provider(known, provider)
            .build()
            .map_err(|error| {
                StoreError::Refused(format!("{place}: sslrootcert: {error}; name another file"))
            })?,
        _ => {
            Arc::new(WithoutHost { provider, known: (check == Check::Authority).then_some(known) })
        }
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Asks a certificate for its authority at most, never for the host's name.
#[derive(Debug)]
struct WithoutHost {
    provider: Arc<CryptoProvider>,
    /// None if any certificate will do.
    known: Option<Arc<RootCertStore>>,
}

impl ServerCertVerifier for WithoutHost {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(known) = &self.known {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(own)?,
                known,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, own, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(place: &str) -> Result<(SslMode, bool), String> {
        let mut url = StoreUrl::parse(&format!("postgres://{place}")).unwrap();
        let tls = Tls::take(&mut url, "here").map_err(|error| error.to_string())?;
        assert_eq!(tls.connect.is_some(), tls.mode != SslMode::Disable);
        Ok((tls.mode, tls.note.is_some()))
    }

    #[test]
    fn modes_are_those_of_postgres() {
        for (options, due) in [
            ("", (SslMode::Disable, false)),
            ("?sslmode=disable", (SslMode::Disable, false)),
            ("?sslmode=prefer", (SslMode::Prefer, true)),
            ("?sslmode=require", (SslMode::Require, true)),
        ] {
            assert_eq!(take(&format!("h/d{options}")), Ok(due), "{options}");
        }
        // Whether this host trusts anybody is its own affair.
        for mode in ["verify-ca", "verify-full", "verify-full&sslrootcert=system"] {
            let told = take(&format!("h/d?sslmode={mode}"));
            let none_known = told.as_ref().is_err_and(|said| said.contains("this system lists no"));
            assert!(told == Ok((SslMode::Require, false)) || none_known, "{told:?}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (place, flaw) in [
            ("h/d?sslmode=allow", "allow cannot be had"),
            ("h/d?sslmode=on", "not 'on'"),
            ("h/d?sslmode=prefer&sslrootcert=/ca.pem", "trusts everybody"),
            ("h/d?sslrootcert=/ca.pem", "trusts everybody"),
            ("h/d?sslmode=require&sslrootcert=/no/such", "sslrootcert=/no/such"),
            ("%2Frun/d?sslmode=require", "a socket is not encrypted"),
        ] {
            let said = take(place).unwrap_err();
            assert!(said.contains("here: ") && said.contains(flaw), "{place}: {said}");
        }
    }
}
