//! One etcd.

use super::catalog::{Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct Etcd;

impl Service for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn needs(&self) -> &'static [Need] {
        &[Need { program: "etcd", packages: &["etcd-server", "etcd"] }]
    }

    fn processes(&self) -> &'static [&'static str] {
        &["etcd"]
    }

    /// All of it is on the command line.
    fn prepare(&self, _: &Site) -> Result<(), String> {
        Ok(())
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        let node = &site.nodes[index];
        let clients = format!("http://127.0.0.1:{}", node.port);
        let peers = format!("http://127.0.0.1:{}", node.peer_port);
        words![
            program("etcd"),
            "--name=idgen",
            // A folder of its own choosing: it wants no other to be able to read it.
            format!("--data-dir={}", node.data.join("etcd").display()),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=idgen={peers}"),
        ]
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        let line = "GET /health HTTP/1.0\r\n";
        Probe::Says { port: site.nodes[index].port, line, answer: "\"health\":\"true\"" }
    }

    fn url(&self, site: &Site) -> String {
        format!("etcd://{}", site.addresses(0))
    }
}
