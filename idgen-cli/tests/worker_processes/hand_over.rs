//! A restart with one fixed worker id: the new server waits, the old one is told to end.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{GenId, Http};
use crate::harness::{Place, Server, Starting, alone, assert_distinct, full};
use crate::load::free_addr;
use crate::registry::Registry;

const PATH: &str = "/v1/snowflakes?count=20";
/// Between the last id of the old server and the first of the new one.
const PAUSE: Duration = Duration::from_millis(100);

/// Until a server has found its worker id held.
const TOLD: Duration = Duration::from_secs(8);

/// Starts a server that finds its worker id held, and waits until it has been told so.
fn waiting(place: &Place, registry: &str, pinned: &[&str], doors: [SocketAddr; 2]) -> Starting {
    let [http, tcp] = doors.map(|addr| addr.to_string());
    let common = ["--registry", registry, "--http", &http, "--tcp", &tcp];
    let command = place.serve_command(&[&common[..], pinned].concat());
    let log = place.path().join("log");
    let starting = Starting::new(command, &log);
    let until = Instant::now() + TOLD;
    while !fs::read_to_string(&log).unwrap().contains("no worker id yet") {
        assert!(Instant::now() < until, "{}", fs::read_to_string(log).unwrap());
        thread::sleep(Duration::from_millis(5));
    }
    starting
}

/// Asks until the connection ends; when the last ids came, and all of them.
fn until_gone(mut ask: impl FnMut() -> Option<Vec<u64>>) -> (Instant, Vec<u64>) {
    let (mut last, mut all) = (Instant::now(), Vec::new());
    while let Some(ids) = ask() {
        last = Instant::now();
        all.extend(ids);
        // So that no tick is used up: the next would be waited for.
        thread::sleep(Duration::from_millis(2));
    }
    (last, all)
}

/// How the ids of a door are asked for on one connection.
pub(crate) type Ask = fn(SocketAddr) -> Asking;
pub(crate) type Asking = Box<dyn FnMut() -> Option<Vec<u64>>>;

pub(crate) fn by_http(addr: SocketAddr) -> Asking {
    let mut http = Http::connect(addr).unwrap();
    Box::new(move || http.ids(PATH).ok())
}

pub(crate) fn by_genid(addr: SocketAddr) -> Asking {
    let mut genid = GenId::connect(addr).unwrap();
    Box::new(move || genid.batch(20).ok())
}

/// Connections whose clients do not look whether the server still lives, or are slow to ask.
fn idlers(old: &Server) -> (Http, Vec<TcpStream>) {
    let mut half = Http::connect(old.http()).unwrap();
    half.send("POST /v1/snow").unwrap();
    let idle = ["http", "tcp"].iter().filter_map(|door| old.has(door));
    (half, idle.map(|addr| TcpStream::connect(addr).unwrap()).collect())
}

/// Hands over from `old`; how long no ids came, and who has the worker id now.
fn hand_over(old: Server, new: Starting, doors: [SocketAddr; 2], ask: Ask) -> (Duration, Server) {
    let [old_door, new_door] = doors;
    let idle = idlers(&old);
    let asking = thread::spawn(move || until_gone(ask(old_door)));
    // This request reaches the new server while it waits.
    let waiting = thread::spawn(move || (ask(new_door)(), Instant::now()));
    thread::sleep(Duration::from_millis(150));
    old.terminate();
    let (last, mut ids) = asking.join().unwrap();
    let (after, first) = waiting.join().unwrap();
    ids.extend(after.unwrap());
    assert_distinct("old and new", &mut ids);
    drop(idle);
    assert!(old.wait(Duration::from_secs(8)).success());
    (first.saturating_duration_since(last), new.ready())
}

/// Restarts of servers with one worker id.
pub(crate) struct Case<'a> {
    /// Leases are long: a server that sees the holder renew its lease would not wait for it.
    pub(crate) pinned: &'a [&'a str],
    pub(crate) ask: Ask,
    pub(crate) door: fn(&Server) -> SocketAddr,
    /// How often, where not the promised lengths are run.
    pub(crate) slice: usize,
}

pub(crate) fn hand_over_again_and_again(registry: &Registry, case: &Case) {
    let _turn = alone();
    let (first, url, pinned) = (registry.place(), registry.url(), case.pinned);
    let mut server = first.serve_with(&[&["--registry", url], pinned].concat(), &[]);
    let (mut places, mut took) = (vec![first], Vec::new());
    for _ in 0..if full() { 50 } else { case.slice } {
        let (place, doors) = (registry.place(), [free_addr(), free_addr()]);
        let new = waiting(&place, url, pinned, doors);
        let old_door = (case.door)(&server);
        let new_door = if old_door == server.http() { doors[0] } else { doors[1] };
        let (pause, next) = hand_over(server, new, [old_door, new_door], case.ask);
        took.push(pause);
        places.push(place);
        server = next;
    }
    server.stop();
    took.sort_unstable();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{}: hand-over of {pinned:?}: {median:?}, at most {longest:?}", registry.name());
    // Other work on the machine may draw them out, as far as a slice can say; tries a second apart
    // would show all the same.
    let limit = if full() { PAUSE } else { PAUSE * 5 };
    assert!(median <= limit, "{took:?}");
}
