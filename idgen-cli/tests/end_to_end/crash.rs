//! kill -9 under load, clocks that go back, and stops under load: no id is ever answered twice.

use std::sync::Mutex;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::clients::{GenId, Http};
use crate::faketime::{clock_off, library};
use crate::harness::{Place, Server, alone, assert_distinct, full};

/// Until the first snowflake after kill -9.
const FIRST_SNOWFLAKE: Duration = Duration::from_millis(2500);

/// Every id that was ever answered.
#[derive(Default)]
struct Answered {
    serial: Mutex<Vec<u64>>,
    snowflakes: Mutex<Vec<u64>>,
    genid: Mutex<Vec<u64>>,
}

impl Answered {
    fn assert_distinct(&self) {
        for (what, ids) in
            [("serial", &self.serial), ("snowflakes", &self.snowflakes), ("GenID", &self.genid)]
        {
            let mut ids = ids.lock().unwrap();
            assert_distinct(what, &mut ids);
            assert!(ids.len() > 100, "{what}: only {} ids", ids.len());
            println!("{what}: {} ids, all distinct", ids.len());
        }
    }
}

/// Runs `ask` until the server is gone, and keeps what it answered.
fn until_gone<C>(
    kept: &Mutex<Vec<u64>>,
    client: Option<C>,
    ask: impl Fn(&mut C) -> Option<Vec<u64>>,
) {
    let Some(mut client) = client else { return };
    let mut ids = Vec::new();
    while let Some(more) = ask(&mut client) {
        ids.extend(more);
    }
    kept.lock().unwrap().extend(ids);
}

/// Eight clients of four kinds that ask until the server is gone.
fn load<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    server: &Server,
    answered: &'scope Answered,
) -> Vec<ScopedJoinHandle<'scope, ()>> {
    let (http, tcp) = (server.http(), server.tcp());
    let connect = move || Http::connect(http).ok();
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(scope.spawn(move || {
            until_gone(&answered.serial, connect(), |it| it.pool_id().ok().map(|id| vec![id]));
        }));
        clients.push(scope.spawn(move || {
            let path = "/v1/sequences/default/ids?count=100";
            until_gone(&answered.serial, connect(), |it| it.ids(path).ok());
        }));
        clients.push(scope.spawn(move || {
            let path = "/v1/snowflakes?count=50";
            until_gone(&answered.snowflakes, connect(), |it| it.ids(path).ok());
        }));
        clients.push(scope.spawn(move || {
            let client = GenId::connect(tcp).ok();
            until_gone(&answered.genid, client, |it| it.batch(100).ok());
        }));
    }
    clients
}

fn first_snowflake(server: &Server) -> u64 {
    Http::connect(server.http()).unwrap().ids("/v1/snowflakes").unwrap()[0]
}

/// Kills and restarts a server under load, each time with the next of these environments.
fn kill_rounds(rounds: usize, envs: &[&[(&str, &str)]], in_time: bool) {
    let _turn = alone();
    let (place, answered) = (Place::new(), Answered::default());
    let mut server = place.serve_with(&[], envs[0]);
    let mut slowest = Duration::ZERO;
    for round in 1..=rounds {
        thread::scope(|scope| {
            let clients = load(scope, &server, &answered);
            // A GenID node waits for whole seconds after each start, so most rounds are long.
            thread::sleep(Duration::from_millis([1500, 90, 2600, 300, 2900][round % 5]));
            let killed = Instant::now();
            server.kill();
            server = place.serve_with(&[], envs[round % envs.len()]);
            let id = first_snowflake(&server);
            let took = killed.elapsed();
            assert!(!in_time || took <= FIRST_SNOWFLAKE, "round {round}: {took:?}");
            slowest = slowest.max(took);
            answered.snowflakes.lock().unwrap().push(id);
            for client in clients {
                client.join().unwrap();
            }
        });
    }
    server.stop();
    answered.assert_distinct();
    println!("{rounds} rounds; first snowflake after kill -9 within {slowest:?}");
}

#[test]
fn kill_9_under_load_repeats_nothing() {
    kill_rounds(if full() { 50 } else { 5 }, &[&[]], true);
}

#[test]
fn genid_ids_come_soon_after_kill_9() {
    let _turn = alone();
    let place = Place::new();
    let mut server = place.serve();
    let mut ids = GenId::connect(server.tcp()).unwrap().batch(255).unwrap();
    for round in 1..=3 {
        let killed = Instant::now();
        server.kill();
        server = place.serve();
        ids.extend(GenId::connect(server.tcp()).unwrap().batch(255).unwrap());
        let took = killed.elapsed();
        assert!(took <= FIRST_SNOWFLAKE, "round {round}: {took:?}");
    }
    assert_distinct("GenID", &mut ids);
}

#[test]
fn kill_9_with_a_clock_that_went_back_repeats_nothing() {
    let library = library();
    let offsets = ["+0", "-1s", "-0.4s", "-2s", "+1s"];
    let envs: Vec<_> = offsets.iter().map(|offset| clock_off(&library, offset)).collect();
    let envs: Vec<&[(&str, &str)]> = envs.iter().map(Vec::as_slice).collect();
    kill_rounds(if full() { 50 } else { 5 }, &envs, false);
}

#[test]
fn a_clock_set_back_by_an_hour_takes_another_worker_id() {
    let _turn = alone();
    let (place, library) = (Place::new(), library());
    let mut ids = Vec::new();
    let mut times = Vec::new();
    for offset in ["+0", "-3600s"] {
        let mut server = place.serve_with(&["--tcp", "off"], &clock_off(&library, offset));
        let mut http = Http::connect(server.http()).unwrap();
        let some = http.ids("/v1/snowflakes?count=1000").unwrap();
        let id = some[0];
        let decoded = http.ask("GET", &format!("/v1/ids/{id}")).unwrap().json();
        times.push(decoded["unix_ms"].as_str().unwrap().parse::<u64>().unwrap());
        ids.extend(some);
        server.kill();
    }
    assert_distinct("snowflakes", &mut ids);
    assert!(times[0] > times[1] + 3_500_000, "the clock was not set back: {times:?}");
}

#[test]
fn a_clean_stop_under_load_loses_no_serial_id() {
    let _turn = alone();
    let (place, answered) = (Place::new(), Answered::default());
    for _ in 0..3 {
        let server = place.serve();
        thread::scope(|scope| {
            let clients = load(scope, &server, &answered);
            thread::sleep(Duration::from_millis(1500));
            server.stop();
            for client in clients {
                client.join().unwrap();
            }
        });
    }
    answered.assert_distinct();
    let mut serial = answered.serial.into_inner().unwrap();
    let next = place.run(&["next"]).trim().parse().unwrap();
    serial.push(next);
    let lost: Vec<u64> = missing(&mut serial).collect();
    assert!(lost.is_empty(), "{} ids never answered: {:?}", lost.len(), &lost[..lost.len().min(9)]);
}

/// The numbers from 1 up that are not there.
fn missing(ids: &mut [u64]) -> impl Iterator<Item = u64> {
    ids.sort_unstable();
    let mut expected = 1;
    ids.iter().flat_map(move |&id| {
        let gap = expected..id;
        expected = id + 1;
        gap
    })
}
