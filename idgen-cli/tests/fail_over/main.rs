//! Two nodes of which one is always being killed and brought back, and clients that carry on: with
//! both addresses in hand, behind haproxy, behind nginx.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

#[path = "../servers/balancer.rs"]
mod balancer;
mod callers;
#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
mod fronts;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use callers::{Kept, Kind};
use fronts::{Fronts, free_addr};
use harness::{Place, Server, assert_distinct, full};

/// How long callers ask.
const SLICE: Duration = Duration::from_secs(11);
const WHOLE: Duration = Duration::from_secs(120);
/// A node that was brought back serves for so long before the other is killed: a GenID node waits
/// for its next whole second.
const SETTLED: Duration = Duration::from_millis(1600);
/// How long a killed node stays away.
const AWAY: Duration = Duration::from_millis(300);
/// The longest that a caller may be without ids while one node is well.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// One node's doors, the same over all its lives.
#[derive(Clone, Copy)]
struct Doors {
    genid: SocketAddr,
    native: SocketAddr,
}

struct Node {
    place: Place,
    machine: String,
    store: String,
    doors: Doors,
}

impl Node {
    fn start(&self) -> Server {
        let (genid, native) = (self.doors.genid.to_string(), self.doors.native.to_string());
        let args = ["--machine", &self.machine, "--store", &self.store, "--http", "off"];
        let doors = ["--tcp", &genid, "--native", &native, "--admin", "off"];
        self.place.serve_with(&[&args[..], &doors].concat(), &[])
    }
}

/// Kills one node after the other and brings it back; tells how often.
fn kill_in_turn(nodes: &[Node; 2], until: Instant) -> usize {
    let mut servers = nodes.each_ref().map(Node::start);
    let mut kills = 0;
    loop {
        thread::sleep(SETTLED);
        if Instant::now() + AWAY + SETTLED >= until {
            break;
        }
        let at = kills % 2;
        servers[at].kill();
        thread::sleep(AWAY);
        servers[at] = nodes[at].start();
        kills += 1;
    }
    thread::sleep(until.saturating_duration_since(Instant::now()));
    // Callers that began before the end still get their answers.
    thread::sleep(Duration::from_millis(500));
    servers.into_iter().for_each(Server::stop);
    kills
}

#[test]
fn clients_carry_on_while_nodes_are_killed() {
    let shared = Place::new();
    let store = format!("sqlite:{}", shared.path().join("shared.db").display());
    shared.run(&["sequence", "create", "orders", "--store", &store]);
    let nodes = ["1", "2"].map(|machine| Node {
        place: Place::new(),
        machine: machine.to_owned(),
        store: store.clone(),
        doors: Doors { genid: free_addr(), native: free_addr() },
    });
    let fronts = Fronts::new(nodes.each_ref().map(|node| node.doors));
    let begun = Instant::now();
    let until = begun + if full() { WHOLE } else { SLICE };
    let mut kills = 0;
    let mut all: Vec<Kept> = Vec::new();
    thread::scope(|scope| {
        let mut callers = Vec::new();
        for front in fronts.all() {
            for kind in Kind::ALL {
                callers
                    .extend((0..2).map(|_| scope.spawn(move || callers::run(front, kind, until))));
            }
            if let [addr] = front.genid[..] {
                callers.push(scope.spawn(move || callers::run_original(front.name, addr, until)));
            }
        }
        kills = kill_in_turn(&nodes, until);
        all.extend(callers.into_iter().map(|caller| caller.join().unwrap()));
    });
    assert!(kills >= 2, "only {kills} kills in {:?}", begun.elapsed());
    for kept in &all {
        println!("{kept}");
        assert!(kept.ids.len() > 200, "{kept}");
        assert!(kept.connections > 1, "never over another connection: {kept}");
        assert!(kept.pause < LONGEST_PAUSE, "{kept}");
    }
    for kind in Kind::ALL {
        let own = all.iter().filter(|kept| kept.kind == kind);
        let mut ids: Vec<u64> = own.flat_map(|kept| kept.ids.iter().copied()).collect();
        println!("{kind:?}: {} ids over {kills} kills, all distinct", ids.len());
        assert_distinct(&format!("{kind:?}"), &mut ids);
    }
}
