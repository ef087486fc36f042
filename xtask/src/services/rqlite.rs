//! Three nodes of rqlite: the project's own stand-in, since no package has the real one.

use super::authority;
use super::catalog::{Service, Site, words};
use super::install::Need;
use super::probe::Probe;
use super::stand_in;

pub(super) struct Rqlite;

const PROGRAM: &str = "rqlite-stand-in";

impl Service for Rqlite {
    fn name(&self) -> &'static str {
        "rqlite"
    }

    fn needs(&self) -> &'static [Need] {
        // Tests make certificates with it.
        &[authority::NEED]
    }

    fn processes(&self) -> &'static [&'static str] {
        &["rqlite"]
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        stand_in::build(site, PROGRAM)
    }

    /// The nodes share the port, on 127.0.0.1, 127.0.0.2 and 127.0.0.3.
    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        let node = &site.nodes[index];
        words![
            stand_in::program(site, PROGRAM),
            format!("--data={}", node.data.display()),
            format!("--port={}", node.port),
        ]
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        let line = "GET /readyz HTTP/1.0\r\n";
        Probe::Says { port: site.nodes[index].port, line, answer: "[+]leader ok" }
    }

    /// The first node alone: a client finds the others.
    fn url(&self, site: &Site) -> String {
        format!("rqlite://{}", site.addresses(0))
    }
}
