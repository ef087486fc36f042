//! Strict order as clients see it: two servers on one store.

use std::sync::Barrier;
use std::thread;

use serde_json::Value;

use crate::clients::Http;
use crate::harness::{Place, Server, assert_distinct};

const CALLERS: usize = 64;
const ROUNDS: usize = 10;

/// Two servers on a store in which the sequence is made in strict order.
struct Pair<'a> {
    store: &'a str,
    name: &'a str,
    places: [Place; 2],
}

impl<'a> Pair<'a> {
    fn new(store: &'a str, name: &'a str) -> Self {
        let pair = Self { store, name, places: [Place::new(), Place::new()] };
        let create = ["sequence", "create", name, "--order", "strict", "--store", store];
        pair.places[0].run(&create);
        pair
    }

    fn start(&self) -> [Server; 2] {
        let args = ["--store", self.store, "--tcp", "off", "--layout", "off"];
        self.places.each_ref().map(|place| place.serve_with(&args, &[]))
    }

    fn path(&self, count: u64) -> String {
        format!("/v1/sequences/{}/ids?count={count}", self.name)
    }

    /// How many leases the store has granted: nothing is handed back in strict order.
    fn leases(&self) -> u64 {
        let show = ["--json", "sequence", "show", self.name, "--store", self.store];
        let shown: Value = serde_json::from_str(&self.places[0].run(&show)).unwrap();
        assert_eq!(shown["order"], "strict");
        shown["serial"].as_str().unwrap().parse().unwrap()
    }
}

/// One client that asks two servers in turn sees each id above the one before, with no gap, and
/// either server tells the last id of both.
pub(crate) fn ids_rise_over_two_servers(store: &str, name: &str) {
    let pair = Pair::new(store, name);
    let servers = pair.start();
    let mut clients = servers.each_ref().map(|server| Http::connect(server.http()).unwrap());
    let mut next = 1;
    for turn in 0..100 {
        let ids = clients[turn % 2].ids(&pair.path(3)).unwrap();
        assert_eq!(ids, [next, next + 1, next + 2], "turn {turn}");
        next += 3;
        let shown = clients[(turn + 1) % 2].ask("GET", &format!("/v1/sequences/{name}")).unwrap();
        assert_eq!(shown.json()["last"], (next - 1).to_string(), "turn {turn}: {shown:?}");
    }
    assert_eq!(pair.leases(), 100, "an answer is a step");
    servers.into_iter().for_each(Server::stop);
}

/// Many callers at once, each asking both servers in turn: everyone's ids rise, and those who wait
/// together share a step.
pub(crate) fn callers_share_steps(store: &str, name: &str) {
    let pair = Pair::new(store, name);
    let servers = pair.start();
    let together = Barrier::new(CALLERS);
    let caller = |number: usize| {
        let mut clients = servers.each_ref().map(|server| Http::connect(server.http()).unwrap());
        let mut take = |turn: usize| {
            together.wait();
            clients[(number + turn) % 2].ids(&pair.path(1)).unwrap()[0]
        };
        let ids: Vec<u64> = (0..ROUNDS).map(&mut take).collect();
        assert!(ids.is_sorted(), "caller {number}: {ids:?}");
        ids
    };
    let mut all: Vec<u64> = thread::scope(|scope| {
        let start = |number| scope.spawn(move || caller(number));
        let callers: Vec<_> = (0..CALLERS).map(start).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let leases = pair.leases();
    println!("{} ids of {CALLERS} callers in {leases} steps", all.len());
    assert_distinct("callers", &mut all);
    assert_eq!(all.len(), CALLERS * ROUNDS);
    assert!(leases * 4 < (CALLERS * ROUNDS) as u64, "{leases} steps for {} ids", all.len());
    servers.into_iter().for_each(Server::stop);
}
