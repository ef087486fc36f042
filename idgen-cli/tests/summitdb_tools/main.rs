//! `idgen int` on a cluster of SummitDB: the sessions of the original's README, played again.
//!
//! `IDGEN_TEST_SUMMITDB_URL` names the first node of the stand-in that `cargo xtask services up
//! summitdb` starts: what happens to its nodes is ordered by `STANDIN`.

#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

use std::process::Output;
use std::sync::RwLockWriteGuard;

use harness::Place;
use servers::continuous::Continuous;

/// The cluster, for one test at a time, and a key of its own.
struct Cluster {
    nodes: [String; 3],
    key: String,
    _turn: RwLockWriteGuard<'static, ()>,
}

impl Cluster {
    fn new() -> Self {
        let turn = servers::alone();
        let url = servers::server("IDGEN_TEST_SUMMITDB_URL");
        let port = url.rsplit_once(':').unwrap().1.to_owned();
        let nodes = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|host| format!("{host}:{port}"));
        let key = servers::unique().replace('_', "-");
        let cluster = Self { nodes, key, _turn: turn };
        cluster.calm();
        cluster
    }

    /// An order to the stand-in, by the node that no test takes down.
    fn order(&self, words: &str) {
        assert_eq!(servers::ask(&self.nodes[2], &format!("STANDIN {words}")), "+OK", "{words}");
    }

    fn calm(&self) {
        for words in ["UP 1", "UP 2", "MISLEAD OFF", "LEADER 1"] {
            self.order(words);
        }
    }

    /// Words of the command line for the node, in the README's spelling.
    fn args(&self, node: usize, more: &[&str]) -> Vec<String> {
        let dsn = format!("redis://{}", self.nodes[node - 1]);
        let words = ["int", "-engine", "summitdb", "-dsn", &dsn, "-set-key", &self.key];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn int(&self, place: &Place, node: usize, more: &[&str]) -> Output {
        let args = self.args(node, more);
        place.tool(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn mint(&self, place: &Place, node: usize, more: &[&str]) -> (String, String) {
        let output = self.int(place, node, more);
        assert!(output.status.success(), "{output:?}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    fn continuous(&self, place: &Place, node: usize) -> Continuous {
        let args = self.args(node, &["-continuous"]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Continuous::start(place.command(&args))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.calm();
            servers::ask(&self.nodes[0], &format!("DEL {}", self.key));
        }
    }
}

#[test]
fn a_follower_names_the_leader_and_the_integer_comes_from_there() {
    let (place, cluster) = (Place::new(), Cluster::new());
    assert_eq!(cluster.mint(&place, 1, &[]), ("2\n".to_owned(), String::new()));
    assert_eq!(cluster.mint(&place, 1, &[]).0, "4\n");
    cluster.order("LEADER 3");
    let (printed, told) = cluster.mint(&place, 2, &[]);
    assert_eq!(printed, "6\n");
    assert!(told.contains("named another") && told.contains(&cluster.nodes[2]), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert_eq!(servers::ask(&cluster.nodes[2], &format!("INCRBY {} 2", cluster.key)), ":8");
    assert_eq!(cluster.mint(&place, 3, &["-set-last-int", "20"]).0, "22\n");
    let refused = cluster.int(&place, 3, &["-set-last-int", "10"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
fn continuous_goes_on_when_the_leader_goes_down_and_tells_each_step() {
    let (place, cluster) = (Place::new(), Cluster::new());
    let mut tool = cluster.continuous(&place, 1);
    tool.mints(200);
    cluster.order("DOWN 1");
    cluster.order("LEADER NONE");
    let told = tool.tells("the leader cannot be reached");
    assert!(told.contains("attempt=") && told.contains("of=200"), "{told}");
    tool.tells("the leader cannot be reached");
    cluster.order("LEADER 2");
    tool.mints(200);
    let all = tool.end();
    assert!(all.iter().all(|id| id % 2 == 0));
}

#[test]
fn a_cluster_without_a_leader_ends_with_one_error() {
    let (place, cluster) = (Place::new(), Cluster::new());
    cluster.order("DOWN 1");
    cluster.order("DOWN 2");
    cluster.order("LEADER NONE");
    let dsn = format!("redis://{}?answer_timeout_ms=1500", cluster.nodes[2]);
    let args = ["int", "-engine", "summitdb", "-dsn", &dsn, "-set-key", &cluster.key];
    let output = place.tool(&args);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.stdout.is_empty() && output.status.code() == Some(1), "{told}");
    let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("idgen: ")).collect();
    assert_eq!(errors.len(), 1, "{told}");
    assert!(errors[0].contains(&cluster.nodes[2]), "{told}");
}
