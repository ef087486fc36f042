//! One Redis server that is spoken to in secret.

use super::authority::{self, Authority};
use super::catalog::{Service, Site};
use super::install::Need;
use super::probe::Probe;
use super::redis::{SERVER, command, configure};

/// Its certificate is for 127.0.0.1, and it takes clients without one.
pub(super) struct RedisTls;

const NEEDS: &[Need] = &[SERVER, authority::NEED];

fn authority(site: &Site) -> Authority {
    Authority::of(&site.nodes[0].data)
}

impl Service for RedisTls {
    fn name(&self) -> &'static str {
        "redis-tls"
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn processes(&self) -> &'static [&'static str] {
        &["redis-tls"]
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        let authority = authority(site);
        authority.make(site)?;
        let file = |name| format!("{:?}", authority.file(name));
        let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
        let node = &site.nodes[0];
        // The plain port is that of the probe; what comes last counts.
        let settings = format!(
            "appendonly yes\nport {}\ntls-port {}\ntls-cert-file {cert}\ntls-key-file {key}\n\
             tls-ca-cert-file {ca}\ntls-auth-clients optional",
            node.peer_port, node.port
        );
        configure(site, node, &settings)
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        command(&site.nodes[index])
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        Probe::pong(site.nodes[index].peer_port)
    }

    fn url(&self, site: &Site) -> String {
        format!("rediss://{}?tls_ca={}", site.addresses(0), authority(site).file("ca.pem"))
    }
}
