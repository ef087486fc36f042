//! Servers that list one another: a store that went back is thawed without an operator.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{Http, once};
use crate::harness::{Place, Server, assert_distinct};

const IDS: &str = "/v1/sequences/default/ids?count=1500";
const MARK: &str = "/admin/v1/sequences/default/mark";

/// A server whose administration listens where the others look for it.
fn start(place: &Place, store: &str, admin: SocketAddr, peer: SocketAddr) -> Server {
    let (admin, peer) = (admin.to_string(), format!("http://{peer}"));
    let args = ["--store", store, "--admin", &admin, "--peer", &peer];
    place.serve_with(&[&args[..], &["--tcp", "off", "--layout", "off"]].concat(), &[])
}

fn mark(server: &Server) -> u64 {
    let told = once(server.admin(), "GET", MARK);
    assert_eq!(told.status, 200, "{told:?}");
    told.json()["mark"].as_str().unwrap().parse().unwrap()
}

/// Ids as soon as the sequence is thawed.
fn thawed(server: &Server) -> Vec<u64> {
    let mut http = Http::connect(server.http()).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = http.ask("POST", IDS).unwrap();
        if answer.status == 200 {
            return answer.ids();
        }
        assert_eq!(answer.cause(), (503, "frozen".to_owned()));
        assert!(Instant::now() < until, "still frozen: {answer:?}\n{}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_store_that_went_back_is_thawed_when_all_peers_answer() {
    let (shared, places) = (Place::new(), [Place::new(), Place::new()]);
    let file = shared.path().join("shared.db");
    let store = format!("sqlite:{}", file.display());
    let kept = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let admins = kept.each_ref().map(|listener| listener.local_addr().unwrap());
    drop(kept);
    shared.run(&["next", "-n", "3", "--store", &store]);
    let old = fs::read(&file).unwrap();

    let start = |at: usize| start(&places[at], &store, admins[at], admins[1 - at]);
    let servers = [start(0), start(1)];
    let mut all = vec![1, 2, 3];
    for server in &servers {
        all.extend(Http::connect(server.http()).unwrap().ids(IDS).unwrap());
    }
    let marks = servers.each_ref().map(mark);
    let (low, high) = if marks[0] < marks[1] { (0, 1) } else { (1, 0) };
    assert!(all.iter().all(|id| *id <= marks[high]), "an id above {marks:?}");
    servers.into_iter().for_each(Server::stop);
    fs::write(&file, old).unwrap();

    // The one that was granted less would repeat what the other issued.
    let one = start(low);
    let mut http = Http::connect(one.http()).unwrap();
    let until = Instant::now() + Duration::from_secs(2);
    let mut said = String::new();
    while Instant::now() < until {
        let answer = http.ask("POST", IDS).unwrap();
        assert_eq!(answer.cause(), (503, "frozen".to_owned()));
        said = answer.json()["detail"].as_str().unwrap().to_owned();
        thread::sleep(Duration::from_millis(100));
    }
    assert!(said.contains("once these nodes tell their marks"), "{said}");
    assert!(said.contains(&format!("http://{}", admins[high])), "{said}");

    let other = start(high);
    for server in [&one, &other] {
        let ids = thawed(server);
        assert!(ids[0] > marks[high], "{} lies above every mark, {marks:?}", ids[0]);
        all.extend(ids);
    }
    assert_distinct("before and after", &mut all);
}

#[test]
fn an_address_of_a_peer_is_checked_at_start() {
    let place = Place::new();
    let refused = place.serve_command(&["--peer", "localhost"]).output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{line}");
    assert!(line.contains("'localhost'") && line.contains("http://HOST:PORT"), "{line}");
}
