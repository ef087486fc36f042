//! The ZooKeeper store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_ZOOKEEPER_URL` names a server, or several of one ensemble; each test works below a
//! node of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use std::time::Duration;

use network::{Backend, network_suite};
use zookeeper_client::{Client, Error};

#[path = "../network/mod.rs"]
mod network;

mod numbers;
mod own;
mod workers;

/// A node, removed in the end with all below it.
struct ZooKeeper {
    server: String,
    node: String,
}

impl Backend for ZooKeeper {
    const SERVICE: &'static str = "zookeeper";
    const TIME_LIMITS: &'static [&'static str] = &["answer_timeout_ms"];
    const RECOVERY: Duration = Duration::from_secs(10);

    fn make() -> Self {
        Self { server: network::server("IDGEN_TEST_ZOOKEEPER_URL"), node: network::unique() }
    }

    /// With a server that is away a request waits for its time limit.
    fn url(&self) -> String {
        format!("{}/{}", self.server, self.node)
    }

    fn patient(url: &str) -> String {
        network::with_option(url, "session_timeout_ms=60000")
    }
}

impl ZooKeeper {
    /// A client of the same server.
    async fn client(&self) -> Client {
        Client::connect(&network::address(&self.server)).await.unwrap()
    }

    fn path(&self, below: &str) -> String {
        format!("/{}/idgen{below}", self.node)
    }
}

/// Removes a node with all below it.
async fn remove(client: &Client, path: &str) {
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        match client.list_children(&path).await {
            Ok(names) if !names.is_empty() => {
                left.push(path.clone());
                left.extend(names.iter().map(|name| format!("{path}/{name}")));
            }
            // Nodes that only show who lives come and go a little later than what they show.
            Ok(_) => match client.delete(&path, None).await {
                Ok(()) | Err(Error::NoNode) => {}
                Err(Error::NotEmpty) => left.push(path),
                Err(other) => panic!("{path}: {other}"),
            },
            Err(Error::NoNode) => {}
            Err(other) => panic!("{path}: {other}"),
        }
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the nodes may be worth a look.
            return;
        }
        network::wait(async {
            // Of those users the tests make nodes.
            let client = Client::connector()
                .with_auth("digest", b"nobody-here:hunter2")
                .with_auth("digest", b"me:secret");
            let client = client.connect(&network::address(&self.server)).await.unwrap();
            remove(&client, &format!("/{}", self.node)).await;
        });
    }
}

type Place<T = network::services::Together> = network::Place<ZooKeeper, T>;

fn fresh() -> Place {
    network::fresh()
}

network_suite!(ZooKeeper);
network_suite!(ZooKeeper: workers);
