//! One Redis server.

use super::catalog::{Node, Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct Redis {
    pub(super) name: &'static str,
    pub(super) processes: &'static [&'static str],
    /// A line of the configuration.
    pub(super) persistence: &'static str,
}

pub(super) const SERVER: Need = Need { program: "redis-server", packages: &["redis-server"] };
pub(super) const NEEDS: &[Need] =
    &[SERVER, Need { program: "redis-cli", packages: &["redis-tools"] }];

/// Writes the configuration that [`command`] names: in a file, so that the server can rewrite it.
pub(super) fn configure(site: &Site, node: &Node, settings: &str) -> Result<(), String> {
    let data = node.data.display();
    let text = format!(
        "port {}\nbind 127.0.0.1\ndir {data:?}\ndaemonize no\nsave \"\"\nappendfsync always\n\
         enable-debug-command local\nrepl-diskless-sync-delay 0\nmaxclients 1000\n{settings}\n",
        node.port,
        data = data.to_string(),
    );
    site.write(&node.data.join("redis.conf"), &text)
}

pub(super) fn command(node: &Node) -> Vec<String> {
    words![program("redis-server"), node.data.join("redis.conf").to_string_lossy()]
}

impl Service for Redis {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn processes(&self) -> &'static [&'static str] {
        self.processes
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        configure(site, &site.nodes[0], self.persistence)
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        command(&site.nodes[index])
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        Probe::pong(site.nodes[index].port)
    }

    fn url(&self, site: &Site) -> String {
        format!("redis://{}", site.addresses(0))
    }
}
