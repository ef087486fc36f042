//! `idgen int` on a cluster of rqlite: the sessions of the original's README, played again.
//!
//! `IDGEN_TEST_RQLITE_URL` names the first node of the stand-in that `cargo xtask services up
//! rqlite` starts: what happens to its nodes is ordered by its path `/stand-in`.

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

use std::net::SocketAddr;
use std::process::Output;
use std::sync::RwLockWriteGuard;

use clients::once;
use harness::Place;
use servers::continuous::Continuous;

/// The cluster, for one test at a time, and a table of its own.
struct Cluster {
    first: String,
    key: String,
    _turn: RwLockWriteGuard<'static, ()>,
}

impl Cluster {
    fn new() -> Self {
        let turn = servers::alone();
        let url = servers::server("IDGEN_TEST_RQLITE_URL");
        let first = url.split_once("://").unwrap().1.split(['/', '?', ',']).next().unwrap();
        let cluster = Self { first: first.to_owned(), key: servers::unique(), _turn: turn };
        cluster.order("calm");
        cluster
    }

    /// An order to the stand-in, by its first node.
    fn order(&self, what: &str) {
        let addr: SocketAddr = self.first.parse().unwrap();
        let answer = once(addr, "POST", &format!("/stand-in/{what}"));
        assert_eq!(answer.status, 200, "this needs the stand-in: {answer:?}");
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let dsn = format!("http://{}", self.first);
        let words = ["int", "-engine", "rqlite", "-dsn", &dsn, "-set-key", &self.key];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn int(&self, place: &Place, more: &[&str]) -> Output {
        let args = self.args(more);
        place.tool(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn mint(&self, place: &Place, more: &[&str]) -> (String, String) {
        let output = self.int(place, more);
        assert!(output.status.success(), "{output:?}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.order("calm");
        }
    }
}

#[test]
fn the_series_is_the_originals_from_any_node() {
    let (place, cluster) = (Place::new(), Cluster::new());
    for id in 1..=3 {
        assert_eq!(cluster.mint(&place, &[]), (format!("{id}\n"), String::new()));
    }
    cluster.order("leader?node=2");
    cluster.order("redirect?always=true");
    let (printed, told) = cluster.mint(&place, &[]);
    assert_eq!(printed, "4\n");
    assert!(told.contains("named another"), "{told}");
    assert_eq!(cluster.mint(&place, &["-set-last-int=100"]).0, "101\n");
    let refused = cluster.int(&place, &["-set-last-int", "50"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(cluster.mint(&place, &["-set-increment", "10", "-set-offset", "3"]).0, "103\n");
}

#[test]
fn continuous_goes_on_after_a_time_without_a_leader() {
    let (place, cluster) = (Place::new(), Cluster::new());
    let args = cluster.args(&["-continuous"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut tool = Continuous::start(place.command(&args));
    tool.mints(100);
    cluster.order("leader?node=none");
    tool.tells("the leader cannot be reached");
    tool.tells("the leader cannot be reached");
    cluster.order("leader?node=3");
    tool.mints(100);
    let all = tool.end();
    assert_eq!(all[..3], [1, 2, 3]);
}
