//! Snowflakes whose registry is cut off, silent, or killed: they go on up to the horizon, stop
//! there, say why, and resume; and nobody's ids meet another's. The same for each store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_runtime::snowflake::preset;
use idgen_runtime::store::{self, Wish};
use idgen_runtime::{Cause, IssueError, Runtime, Settings, SnowflakeSettings, Snowflakes};

#[path = "../../../idgen-store/tests/network/proxy.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod proxy;
#[path = "../../../idgen-store/tests/network/services.rs"]
mod services;

use proxy::Proxy;

/// How long a registry may take to be there again, once nothing keeps it away.
const RECOVERY: Duration = Duration::from_secs(20);

/// A store whose server is in the way of harm.
pub(crate) struct Outage {
    /// What `cargo xtask services` calls the server.
    pub(crate) service: &'static str,
    /// What names its URL.
    pub(crate) variable: &'static str,
    /// Options of the URL.
    pub(crate) options: &'static str,
    pub(crate) lease_ms: u64,
}

fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{variable} is not set: run `cargo xtask services up` and set what it prints"),
    }
}

fn now_unix_ms() -> u64 {
    u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// One process that issues.
struct Node {
    snowflakes: Arc<Snowflakes>,
    ids: Vec<u64>,
    _runtime: Runtime,
}

impl Node {
    fn start(url: &str, lease_ms: u64, space: &str, wish: Wish) -> Self {
        // So that a renewal has failed before its lease is over, as with the default lease.
        let store_timeout = Duration::from_millis(lease_ms * 6 / 10);
        let settings = Settings { lease_ms, store_timeout, ..Settings::default() };
        let runtime = Runtime::start(store::open(url).unwrap(), settings).unwrap();
        let space = SnowflakeSettings::new(space, preset("standard").unwrap()).unwrap();
        let space = SnowflakeSettings { wish, ..space };
        let snowflakes = runtime.snowflakes_blocking(space).unwrap();
        Self { snowflakes, ids: Vec::new(), _runtime: runtime }
    }

    /// Takes ids until there is none at once, and says why.
    fn take_until_refused(&mut self, limit: Duration) -> IssueError {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            match self.take() {
                Ok(()) => std::thread::sleep(Duration::from_millis(2)),
                Err(refused) => return refused,
            }
        }
        panic!("ids after {limit:?}");
    }

    /// Takes ids for as long as that, and counts them.
    fn take_for(&mut self, time: Duration) -> usize {
        let (before, until) = (self.ids.len(), Instant::now() + time);
        while Instant::now() < until {
            self.take().ok();
            std::thread::sleep(Duration::from_millis(2));
        }
        self.ids.len() - before
    }

    fn take(&mut self) -> Result<(), IssueError> {
        let id = self.snowflakes.next_id_blocking(Instant::now() + Duration::from_millis(20))?;
        self.ids.push(id);
        Ok(())
    }

    /// Waits for the first id after an outage.
    fn resume(&mut self) {
        let id = self.snowflakes.next_id_blocking(Instant::now() + RECOVERY).unwrap();
        self.ids.push(id);
    }

    /// The latest time in an id.
    fn latest_unix_ms(&self) -> u64 {
        let last = self.ids.iter().copied().max().unwrap();
        self.snowflakes.layout().decode(last).unwrap().unix_ms()
    }
}

impl Outage {
    fn url(&self) -> String {
        let url = server(self.variable);
        // Of several servers the first: one can be harmed.
        format!("{}{}", url.split(',').next().unwrap(), self.options)
    }

    /// The same through a proxy.
    fn proxied(&self) -> (Proxy, String) {
        let url = server(self.variable);
        let (scheme, hosts) = url.split_once("://").unwrap();
        let proxy = Proxy::to(hosts.split(',').next().unwrap());
        let url = format!("{scheme}://127.0.0.1:{}{}", proxy.port(), self.options);
        (proxy, url)
    }

    fn space(test: &str) -> String {
        format!("{test} {} {}", std::process::id(), now_unix_ms())
    }

    /// Ids go on for two thirds of a lease, end with it, and come again.
    fn stop_and_resume(&self, node: &mut Node, port: &str, harm: impl Fn(), mend: impl Fn()) {
        let lease = Duration::from_millis(self.lease_ms);
        assert!(node.take_for(lease / 4) > 10, "before");
        harm();
        let (begun, harmed_unix_ms) = (Instant::now(), now_unix_ms());
        let refused = node.take_until_refused(lease * 2);
        assert!(begun.elapsed() >= lease * 6 / 10, "ids for only {:?}", begun.elapsed());
        assert_eq!(refused.cause(), Cause::StoreDown, "{refused}");
        assert_eq!(node.take_for(lease / 2), 0, "none beyond the horizon");
        assert!(node.latest_unix_ms() < harmed_unix_ms + self.lease_ms);
        let why = node.snowflakes.trouble().expect("none can be issued").to_string();
        let cause = why.contains(port) || why.contains("no answer within");
        let next_step = why.contains("can be reached") || why.contains("retry");
        assert!(cause && next_step, "{why}");
        mend();
        node.resume();
        assert!(node.take_for(lease / 4) > 10, "after");
        assert!(node.ids.is_sorted_by(|one, next| one < next), "each once, and rising");
    }

    /// The connection ends and no other can be made.
    pub(crate) fn cut_off(&self) {
        let _turn = services::together();
        let (proxy, url) = self.proxied();
        let mut node = Node::start(&url, self.lease_ms, &Self::space("cut off"), Wish::Any);
        let port = proxy.port().to_string();
        self.stop_and_resume(&mut node, &port, || proxy.set_down(true), || proxy.set_down(false));
        assert_eq!(node.snowflakes.worker(), Some(0), "the lease was only late");
    }

    /// The connection stays, and nothing comes through.
    pub(crate) fn silent(&self) {
        let _turn = services::together();
        let (proxy, url) = self.proxied();
        let mut node = Node::start(&url, self.lease_ms, &Self::space("silent"), Wish::Any);
        let port = proxy.port().to_string();
        let (harm, mend) = (|| proxy.set_silent(true), || proxy.set_silent(false));
        self.stop_and_resume(&mut node, &port, harm, mend);
        assert_eq!(node.snowflakes.worker(), Some(0), "the lease was only late");
    }

    /// The server is killed and started again on its data.
    pub(crate) fn killed(&self) {
        let _turn = services::alone();
        let url = self.url();
        let mut node = Node::start(&url, self.lease_ms, &Self::space("killed"), Wish::Any);
        let (_, place) = url.rsplit_once(':').unwrap();
        let port = place.split(['/', '?']).next().unwrap();
        let order = |what| services::order(what, self.service);
        self.stop_and_resume(&mut node, port, || order("kill"), || order("start"));
    }

    /// A node that is cut off loses its worker id to one that is not, and never issues what that
    /// one issues.
    pub(crate) fn taken_over(&self) {
        let _turn = services::together();
        let ((proxy, url), space) = (self.proxied(), Self::space("taken over"));
        let mut first = Node::start(&url, self.lease_ms, &space, Wish::Any);
        first.take_for(Duration::from_millis(200));
        proxy.set_down(true);
        let url = self.url();
        // It waits until the lease has lapsed, while the first goes on.
        let waiting = std::thread::spawn({
            let (lease_ms, space) = (self.lease_ms, space.clone());
            move || Node::start(&url, lease_ms, &space, Wish::Exactly(0))
        });
        first.take_until_refused(Duration::from_millis(self.lease_ms * 2));
        let mut second = waiting.join().unwrap();
        second.take_for(Duration::from_millis(200));
        proxy.set_down(false);
        first.resume();
        assert_eq!(first.snowflakes.worker(), Some(1), "its own is another's");
        second.take_for(Duration::from_millis(100));
        let all: BTreeSet<u64> = first.ids.iter().chain(&second.ids).copied().collect();
        assert_eq!(all.len(), first.ids.len() + second.ids.len(), "no id twice");
        assert_eq!(second.snowflakes.worker(), Some(0));
    }
}
