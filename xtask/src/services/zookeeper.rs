//! One ZooKeeper server.

use super::catalog::{Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct ZooKeeper;

const JAR: &str = "/usr/share/java/zookeeper.jar";
/// Lets it log; without it, it is silent.
const LOGGER: &str = "/usr/share/java/slf4j-simple.jar";

impl Service for ZooKeeper {
    fn name(&self) -> &'static str {
        "zookeeper"
    }

    fn needs(&self) -> &'static [Need] {
        &[
            Need { program: "java", packages: &["default-jre-headless"] },
            Need { program: JAR, packages: &["libzookeeper-java"] },
        ]
    }

    fn processes(&self) -> &'static [&'static str] {
        &["zookeeper"]
    }

    /// Short ticks allow sessions from 0.4 s, so that tests need not wait for one to end.
    fn prepare(&self, site: &Site) -> Result<(), String> {
        let node = &site.nodes[0];
        let text = format!(
            "tickTime=200\nmaxSessionTimeout=60000\ndataDir={}\nclientPort={}\n\
             clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n\
             4lw.commands.whitelist=*\n",
            node.data.display(),
            node.port,
        );
        site.write(&site.folder.join("zoo.cfg"), &text)
    }

    fn command(&self, site: &Site, _: usize) -> Vec<String> {
        words![
            program("java"),
            "-Xmx96m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-cp",
            format!("{JAR}:{LOGGER}"),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            site.folder.join("zoo.cfg").to_string_lossy(),
        ]
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        let answer = "Mode: standalone";
        Probe::Says { port: site.nodes[index].port, line: "srvr", answer }
    }

    fn url(&self, site: &Site) -> String {
        format!("zookeeper://{}", site.addresses(0))
    }
}
