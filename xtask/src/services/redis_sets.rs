//! Redis servers that belong together: a set watched by sentinels, and a cluster.

use std::path::Path;

use super::catalog::{Node, Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;
use super::redis::{NEEDS, command, configure};

/// Three servers, the first of them the master to begin with, and three sentinels.
pub(super) struct Sentinel;

const SERVERS: usize = 3;

/// A master is given up after a second, so that tests need not wait.
fn watch(site: &Site, node: &Node) -> Result<(), String> {
    let text = format!(
        "port {}\nbind 127.0.0.1\ndir {data:?}\nsentinel monitor idgen 127.0.0.1 {} 2\n\
         sentinel down-after-milliseconds idgen 1000\nsentinel failover-timeout idgen 5000\n",
        node.port,
        site.nodes[0].port,
        data = node.data.to_string_lossy(),
    );
    site.write(&node.data.join("redis.conf"), &text)
}

impl Service for Sentinel {
    fn name(&self) -> &'static str {
        "redis-sentinel"
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn processes(&self) -> &'static [&'static str] {
        &[
            "redis-sentinel-server-1",
            "redis-sentinel-server-2",
            "redis-sentinel-server-3",
            "redis-sentinel-watch-1",
            "redis-sentinel-watch-2",
            "redis-sentinel-watch-3",
        ]
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        let (servers, sentinels) = site.nodes.split_at(SERVERS);
        configure(site, &servers[0], "appendonly yes")?;
        let replica = format!("appendonly yes\nreplicaof 127.0.0.1 {}", servers[0].port);
        servers[1..].iter().try_for_each(|node| configure(site, node, &replica))?;
        sentinels.iter().try_for_each(|node| watch(site, node))
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        let mut command = command(&site.nodes[index]);
        if index >= SERVERS {
            command.extend(words!["--sentinel"]);
        }
        command
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        Probe::pong(site.nodes[index].port)
    }

    /// Before a sentinel starts, since it asks for replicas at once and then each 10 seconds only.
    fn joined_before(&self, site: &Site, index: usize) -> Option<Probe> {
        let answer = "connected_slaves:2";
        let line = "INFO replication";
        (index == SERVERS).then(|| Probe::Says { port: site.nodes[0].port, line, answer })
    }

    fn settled(&self, site: &Site) -> Vec<Probe> {
        let asked = [
            ("SENTINEL CKQUORUM idgen", "+OK 3 usable"),
            ("SENTINEL MASTER idgen", "num-slaves\r\n$1\r\n2\r\n"),
        ];
        let all = site.nodes[SERVERS..].iter().flat_map(|node| {
            asked.map(|(line, answer)| Probe::Says { port: node.port, line, answer })
        });
        all.collect()
    }

    fn url(&self, site: &Site) -> String {
        format!("redis-sentinel://{}/idgen", site.addresses(SERVERS))
    }
}

/// Three masters.
pub(super) struct Cluster;

impl Service for Cluster {
    fn name(&self) -> &'static str {
        "redis-cluster"
    }

    fn needs(&self) -> &'static [Need] {
        NEEDS
    }

    fn processes(&self) -> &'static [&'static str] {
        &["redis-cluster-1", "redis-cluster-2", "redis-cluster-3"]
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        site.nodes.iter().try_for_each(|node| {
            let bus = node.peer_port;
            let settings = format!(
                "appendonly yes\ncluster-enabled yes\ncluster-port {bus}\n\
                 cluster-node-timeout 2000"
            );
            configure(site, node, &settings)
        })
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        command(&site.nodes[index])
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        Probe::pong(site.nodes[index].port)
    }

    fn join(&self, site: &Site) -> Result<(), String> {
        let mut create = words![program("redis-cli"), "--cluster", "create"];
        create.extend(site.addresses(0).split(',').map(str::to_owned));
        create.extend(words!["--cluster-replicas", "0", "--cluster-yes"]);
        site.run(&create, Path::new("/dev/null"))
    }

    fn settled(&self, site: &Site) -> Vec<Probe> {
        let (line, answer) = ("CLUSTER INFO", "cluster_state:ok");
        site.nodes.iter().map(|node| Probe::Says { port: node.port, line, answer }).collect()
    }

    fn url(&self, site: &Site) -> String {
        format!("redis-cluster://{}", site.addresses(0))
    }
}
