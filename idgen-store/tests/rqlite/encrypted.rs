//! Encrypted connections, through a proxy that ends the encryption in front of a node.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use idgen_store::{SequenceStore, StoreError};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio_rustls::TlsAcceptor;

use crate::network::{self, address, orders, wait};
use crate::{Rqlite, fresh};

/// How `openssl` makes a certificate for this host, which is nobody's authority.
const CERTIFICATE: &str = "\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = idgen
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// A new certificate and its key, in one file.
fn certificate() -> PathBuf {
    let path = std::env::temp_dir().join(format!("idgen-rqlite-{}.pem", network::unique()));
    let config = path.with_extension("conf");
    std::fs::write(&config, CERTIFICATE).unwrap();
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-days", "2", "-noenc", "-newkey", "ec"]);
    make.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]).arg("-config").arg(&config);
    let made = make.arg("-keyout").arg(&path).arg("-out").arg("/dev/stdout").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = std::fs::read(&path).unwrap();
    std::fs::write(&path, [key, made.stdout].concat()).unwrap();
    std::fs::remove_file(config).unwrap();
    path
}

/// A proxy with a certificate for its address, which stands in a file.
struct Guard {
    port: u16,
    certificate: PathBuf,
}

impl Guard {
    fn before(server: &str) -> Self {
        let certificate = certificate();
        let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&certificate).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, server) = (TlsAcceptor::from(Arc::new(config)), server.to_owned());
        wait(async move {
            // It serves until the process ends.
            drop(tokio::spawn(serve(listener, acceptor, server)));
        });
        Self { port, certificate }
    }

    /// A store through the proxy.
    fn store(&self, place: &network::Place<Rqlite>, options: &str) -> Arc<dyn SequenceStore> {
        let prefix = place.prefix();
        let place = format!("127.0.0.1:{}?prefix={prefix}&peers=listed&retries=1", self.port);
        idgen_store::open(&format!("https://{place}{options}")).unwrap().sequences
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A file that is left behind in a temporary folder harms nobody.
        std::fs::remove_file(&self.certificate).ok();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: String) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, server) = (acceptor.clone(), server.clone());
        tokio::spawn(async move {
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
            // Either end may have had enough.
            copy_bidirectional(&mut client, &mut server).await.ok();
        });
    }
}

#[test]
fn a_certificate_that_is_trusted_lets_leases_through() {
    let place = fresh();
    let guard = Guard::before(&address(&place.url()));
    let store = guard.store(&place, &format!("&tls_ca={}", guard.certificate.display()));
    wait(store.create(&orders(), &Default::default())).unwrap();
    assert_eq!(wait(store.lease(&orders(), 10, 0)).unwrap().range.last(), 10);
    assert_eq!(wait(place.store().last(&orders())).unwrap(), 10, "the same cluster");
}

#[test]
fn a_stranger_s_certificate_is_refused() {
    let place = fresh();
    let (guard, other) = (Guard::before(&address(&place.url())), Guard::before("127.0.0.1:1"));
    let store = guard.store(&place, &format!("&tls_ca={}", other.certificate.display()));
    let error = wait(store.identity()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}
