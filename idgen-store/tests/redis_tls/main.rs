//! The Redis store over encrypted connections: what it costs, whom it trusts, what it shows.
//!
//! `IDGEN_TEST_REDIS_TLS_URL` names a server at 127.0.0.1 that asks for certificates and takes
//! clients without one, with the file of its authority; beside that file lie those of a client and
//! of another authority.

use idgen_store::StoreError;
use network::{Backend, alone, fresh, network_suite, orders, wait, with_option};
use redis::{Client, ClientTlsConfig, TlsCertificates};

#[path = "../network/mod.rs"]
mod network;

struct Encrypted {
    server: String,
    prefix: String,
}

impl Backend for Encrypted {
    const SERVICE: &'static str = "redis-tls";
    const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
    // An answer is one record, of which nothing is understood before all is there.
    const LAST_MESSAGE_BYTES: usize = 20;
    const INCARNATION_SURVIVES: bool = false;

    fn make() -> Self {
        let server = network::server("IDGEN_TEST_REDIS_TLS_URL");
        Self { server, prefix: network::unique() }
    }

    fn url(&self) -> String {
        with_option(&self.server, &format!("prefix={}", self.prefix))
    }
}

network_suite!(Encrypted: wire, outage, crash);

/// The processes of the suite lease by this test.
#[test]
fn processes_lease_disjoint_ground() {
    network::suite::callers::processes_lease_disjoint_ground::<Encrypted>();
}

impl Encrypted {
    /// A file beside that of the authority.
    fn file(&self, name: &str) -> String {
        let (_, authority) = self.server.split_once("tls_ca=").unwrap();
        authority.replace("ca.pem", name)
    }

    fn client_options(&self) -> String {
        format!("tls_cert={}&tls_key={}", self.file("client.pem"), self.file("client.key"))
    }

    /// Whether the server insists on a client's certificate.
    fn ask_clients(&self, how: &str) {
        let read = |name: &str| std::fs::read(self.file(name)).unwrap();
        let (client_cert, client_key) = (read("client.pem"), read("client.key"));
        let client_tls = Some(ClientTlsConfig { client_cert, client_key });
        let certificates = TlsCertificates { client_tls, root_cert: Some(read("ca.pem")) };
        let (server, _) = self.server.split_once('?').unwrap();
        let client = Client::build_with_tls(server, certificates).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("tls-auth-clients").arg(how).exec(&mut connection).unwrap();
    }
}

fn lease(url: &str) -> Result<(), String> {
    let store = idgen_store::open(url).map_err(|error| format!("refused: {error}"))?.sequences;
    match wait(store.lease(&orders(), 1, 0)) {
        Ok(_) => Ok(()),
        Err(StoreError::Unavailable(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn only_who_the_authority_vouches_for_is_trusted() {
    let place = fresh::<Encrypted>();
    place.stocked();
    lease(&place.url()).unwrap();
    let strange = place.url().replace("/ca.pem", "/stranger-ca.pem");
    let said = lease(&strange).unwrap_err();
    assert!(said.contains("UnknownIssuer") && said.contains("tls_ca"), "{said}");
    // What the system trusts knows nothing of it.
    let said = lease(place.server.split('?').next().unwrap()).unwrap_err();
    assert!(said.contains("UnknownIssuer"), "{said}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let place = fresh::<Encrypted>();
    let said = lease(&place.url().replace("127.0.0.1", "localhost")).unwrap_err();
    assert!(said.contains("NotValidForName") || said.contains("not valid for name"), "{said}");
}

#[test]
fn nothing_is_left_out_on_a_word() {
    let place = fresh::<Encrypted>();
    for option in ["insecure=1", "tls=off", "tls_verify=none"] {
        let said = lease(&with_option(&place.url(), option)).unwrap_err();
        assert!(said.contains("refused") && said.contains("is not known"), "{said}");
    }
    let plain = place.url().replace("rediss://", "redis://");
    assert!(lease(&plain).unwrap_err().contains("'tls_ca'"));
}

#[test]
fn a_server_that_asks_who_calls_is_told() {
    let place = alone::<Encrypted>();
    place.stocked();
    let url = with_option(&place.url(), &place.client_options());
    place.ask_clients("yes");
    let (shown, hidden) = (lease(&url), lease(&place.url()));
    place.ask_clients("optional");
    shown.unwrap();
    assert!(hidden.is_err(), "a client without a certificate was let in");
    lease(&place.url()).unwrap();
    let (half, _) = url.split_once("&tls_key").unwrap();
    assert!(lease(half).unwrap_err().contains("belong together"));
}
