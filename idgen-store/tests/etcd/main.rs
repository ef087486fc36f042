//! The etcd store passes every law on a real server, and costs what it promises.
//!
//! `IDGEN_TEST_ETCD_URL` names a server, or several of one cluster; each test works below a prefix
//! of its own. `IDGEN_FULL=1` runs the lengths that are promised.

use std::ops::RangeInclusive;
use std::time::Duration;

use etcd_client::{Client, DeleteOptions};
use network::{Backend, network_suite};

#[path = "../network/mod.rs"]
mod network;

mod own;
mod workers;

/// A prefix of the keys, removed in the end.
struct Etcd {
    server: String,
    prefix: String,
}

impl Backend for Etcd {
    const SERVICE: &'static str = "etcd";
    const TIME_LIMITS: &'static [&'static str] = &["answer_timeout_ms"];
    // Pings and windows of HTTP/2 are turns of their own.
    const TURNS_OF_50_LEASES: RangeInclusive<u64> = 50..=110;
    const LAST_MESSAGE_BYTES: usize = 9;
    const RECOVERY: Duration = Duration::from_secs(10);
    const LEASE_MS: u64 = 4000;
    // What holders published may be three tenths of a lease old.
    const SLACK_MS: u64 = 2000 + Self::LEASE_MS * 3 / 10;
    // The server looks for leases that have ended twice a second.
    const LAPSE: Duration = Duration::from_millis(1000);

    fn make() -> Self {
        Self { server: network::server("IDGEN_TEST_ETCD_URL"), prefix: network::unique() }
    }

    fn url(&self) -> String {
        format!("{}/{}", self.server, self.prefix)
    }
}

impl Etcd {
    /// A client of the same server.
    async fn client(&self) -> Client {
        Client::connect([network::address(&self.server)], None).await.unwrap()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What failed is told already, and the keys may be worth a look.
            return;
        }
        network::wait(async {
            let below = Some(DeleteOptions::new().with_prefix());
            self.client().await.delete(format!("{}/", self.prefix), below).await.unwrap();
        });
    }
}

type Place<T = network::services::Together> = network::Place<Etcd, T>;

fn fresh() -> Place {
    network::fresh()
}

network_suite!(Etcd);
network_suite!(Etcd: workers);
