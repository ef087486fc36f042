//! What a server looks at before it issues, and what operators see of worker ids.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::{GenId, once};
use crate::harness::{Place, Server};

/// The zone, dc and machine of a GenID id.
fn node(id: u64) -> (u64, u64, u64) {
    (id >> 27 & 31, id >> 24 & 7, id >> 21 & 7)
}

/// A store that several servers share, each with a data directory of its own.
struct Shared {
    place: Place,
    store: String,
}

impl Shared {
    fn new() -> Self {
        let place = Place::new();
        let store = format!("sqlite:{}", place.path().join("shared.db").display());
        Self { place, store }
    }

    fn args<'a>(&'a self, data_dir: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["--store", &self.store, "--data-dir", data_dir], more].concat()
    }

    fn serve(&self, data_dir: &str, more: &[&str]) -> Server {
        self.place.serve_with(&self.args(data_dir, more), &[])
    }

    /// A server that must refuse to start: what it says, and how long that took.
    fn refused(&self, data_dir: &str, more: &[&str]) -> (String, Duration) {
        let begun = Instant::now();
        let output = self.place.serve_command(&self.args(data_dir, more)).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        (String::from_utf8(output.stderr).unwrap(), begun.elapsed())
    }

    fn json(&self, args: &[&str]) -> Value {
        let args = [&["--json"], args, &["--store", &self.store]].concat();
        serde_json::from_str(&self.place.run(&args)).unwrap()
    }
}

#[test]
fn two_nodes_of_one_zone_dc_and_machine_the_second_refuses_and_names_the_first() {
    let shared = Shared::new();
    let node = ["--zone", "3", "--dc", "1", "--machine", "2"];
    let first = shared.serve("first", &node);
    let (said, took) = shared.refused("second", &node);
    assert!(took < Duration::from_secs(8), "{took:?}");
    let holder = format!(", pid {}' on host ", first.pid());
    let held = "held by 'idgen serve on ";
    for words in ["(zone=3 dc=1 machine=2)", held, &holder, "is alive", "other node fields"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(GenId::connect(first.tcp()).unwrap().one().is_ok(), "the first goes on");
    // Another machine is another node.
    let other = shared.serve("second", &["--zone", "3", "--dc", "1", "--machine", "3"]);
    assert_eq!(self::node(GenId::connect(other.tcp()).unwrap().one().unwrap()), (3, 1, 3));
}

#[test]
fn a_machine_is_leased_unless_it_is_given() {
    let shared = Shared::new();
    let data_centre = ["--zone", "3", "--dc", "1"];
    let servers: Vec<Server> =
        ["a", "b", "c"].iter().map(|dir| shared.serve(dir, &data_centre)).collect();
    let mut machines: Vec<_> = servers
        .iter()
        .map(|server| node(GenId::connect(server.tcp()).unwrap().one().unwrap()))
        .collect();
    machines.sort_unstable();
    assert_eq!(machines, [(3, 1, 0), (3, 1, 1), (3, 1, 2)]);
    let listed = shared.json(&["worker", "list", "genid"]);
    let published: Vec<&str> = listed["workers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| worker["published"].as_str().unwrap())
        .collect();
    assert_eq!(published.len(), 3);
    assert!(published.iter().all(|words| words.contains("; node zone=3 dc=1; host ")));
}

#[test]
fn the_end_of_each_layout_is_told() {
    let place = Place::new();
    let server = place.serve();
    let ready = once(server.admin(), "GET", "/readyz").json();
    let genid = &ready["lifetimes"][0];
    assert_eq!(genid["space"], "genid");
    assert_eq!(genid["last"], "2106-02-07T06:28:15.999Z");
    assert_eq!(genid["negative_from"], "2038-01-19T03:14:08.000Z");
    assert_eq!(genid["warning"], Value::Null);
    assert!(ready["lifetimes"][1]["left_days"].as_u64().unwrap() > 10_000);
    let log = server.log();
    for date in ["2038-01-19T03:14:08.000Z", "2106-02-07T06:28:16.000Z"] {
        assert!(log.contains(date), "{log}");
    }
}

#[test]
fn an_operator_lists_shows_and_frees_worker_ids() {
    let shared = Shared::new();
    let mut server = shared.serve("a", &["--worker", "7"]);
    let ids = once(server.http(), "POST", "/v1/snowflakes").json()["ids"][0].clone();
    let listed = shared.place.run(&["worker", "list", "standard", "--store", &shared.store]);
    assert!(
        listed.lines().nth(1).unwrap().starts_with("7       yes   idgen serve on "),
        "{listed}"
    );
    let shown = shared.json(&["worker", "show", "standard", "7"]);
    assert_eq!((&shown["worker"], &shown["held"]), (&json!("7"), &json!(true)));

    let release = ["worker", "release", "standard", "7", "--store", &shared.store];
    let refused = shared.place.tool(&release);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is held by 'idgen serve") && said.contains("--force"), "{said}");

    server.kill();
    let before = shared.json(&["worker", "show", "standard", "7"]);
    let freed = shared.json(&["worker", "release", "standard", "7", "--force"]);
    assert_eq!((&freed["held"], &freed["floor"]), (&json!(false), &before["horizon"]));
    let again = shared.json(&["worker", "release", "standard", "7"]);
    assert_eq!(again["floor"], freed["floor"], "what is free stays as it is");

    // The floor is the horizon of the killed one: the next one begins there.
    let next = shared.serve("b", &["--worker", "7", "--tcp", "off"]);
    let late = once(next.http(), "GET", "/readyz");
    assert_eq!(late.status, 503);
    assert!(late.json()["reasons"][0].as_str().unwrap().contains("ids begin there"), "{late:?}");
    let explained = shared.json(&["explain", ids.as_str().unwrap()]);
    assert_eq!(explained["lease"]["state"], "no_longer_recorded");
    let never = shared.place.tool(&["worker", "show", "standard", "8", "--store", &shared.store]);
    assert_eq!(never.status.code(), Some(1));
}

/// Whoever loses its worker id to an operator claims another one and repeats nothing.
#[test]
fn a_live_server_outlives_a_forced_release() {
    let shared = Shared::new();
    let server = shared.serve("a", &["--tcp", "off"]);
    let take = || -> Vec<u64> {
        let ids = once(server.http(), "POST", "/v1/snowflakes?count=50").json();
        let ids = ids["ids"].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().parse().unwrap()).collect()
    };
    let mut ids = take();
    shared.json(&["worker", "release", "standard", "0", "--force"]);
    ids.extend(take());
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let listed = shared.json(&["worker", "list", "standard"]);
        let workers = listed["workers"].as_array().unwrap();
        if workers.iter().any(|worker| worker["held"] == true) {
            break;
        }
        assert!(Instant::now() < until, "nothing is claimed: {listed}");
        std::thread::sleep(Duration::from_millis(100));
    }
    ids.extend(take());
    crate::harness::assert_distinct("around a forced release", &mut ids);
}

/// What a hypervisor tells a machine that was put back from a snapshot, or copied: whoever else
/// runs from there has the old lease too, so nothing more may come from it.
#[test]
fn a_new_generation_of_the_machine_ends_the_lease() {
    let shared = Shared::new();
    let generation = shared.place.file("generation", "1\n");
    let server = shared.serve("a", &["--tcp", "off", "--vm-generation", &generation]);
    let take = || -> Vec<u64> {
        let ids = once(server.http(), "POST", "/v1/snowflakes?count=50").json();
        let ids = ids["ids"].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().parse().unwrap()).collect()
    };
    let worker = |id: &u64| id >> 12 & 1023;
    let until = |limit: Duration| Instant::now() + limit;
    let (mut ids, same) = (take(), until(Duration::from_millis(1500)));
    while Instant::now() < same {
        ids.extend(take());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(ids.iter().all(|id| worker(id) == 0), "leased anew without a sign: {}", server.log());
    shared.place.file("generation", "2\n");
    let noticed = until(Duration::from_secs(8));
    let first = loop {
        let next = take();
        if worker(&next[0]) != 0 {
            break next;
        }
        assert!(Instant::now() < noticed, "the copy was not noticed: {}", server.log());
        ids.extend(next);
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut after = first;
    (0..50).for_each(|_| after.extend(take()));
    assert!(after.iter().all(|id| worker(id) == 1), "ids of the old lease came again");
    ids.extend(after);
    crate::harness::assert_distinct("around a new generation", &mut ids);
    let log = server.log();
    assert!(log.contains("the generation of the machine was '1' and is '2'"), "{log}");
    let held = shared.json(&["worker", "show", "standard", "0"]);
    assert_eq!(held["held"], true, "it is not given back: the original may hold it");
    let missing = shared.place.serve_command(&["--vm-generation", "nowhere"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}

#[test]
fn an_id_is_explained_down_to_its_lease() {
    let shared = Shared::new();
    let server = shared.serve("a", &["--zone", "1", "--dc", "2", "--machine", "3"]);
    let id = GenId::connect(server.tcp()).unwrap().one().unwrap();
    let explained = shared.json(&["explain", &id.to_string(), "--layout", "genid"]);
    let worker = (1 << 6 | 2 << 3 | 3).to_string();
    assert_eq!(explained["worker"], worker.as_str());
    assert_eq!(explained["lease"]["state"], "recorded");
    let holder = explained["lease"]["last"]["holder"].as_str().unwrap();
    assert!(holder.starts_with("idgen serve on "), "{holder}");
    assert!(holder.ends_with(&format!(", pid {}", server.pid())), "{holder}");
    let form = explained["text"]["base62"].as_str().unwrap();
    let args =
        ["explain", form, "--format", "base62", "--layout", "genid", "--store", &shared.store];
    let text = shared.place.run(&args);
    for line in [format!("id        {id}"), "machine   3".to_owned(), format!("'{holder}'")] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("worker ")).count(), 1, "{text}");
    let one_field = shared.place.run(&["explain", &id.to_string(), "--layout", "standard"]);
    let workers = one_field.lines().filter(|line| line.starts_with("worker "));
    assert_eq!(workers.count(), 1, "its node field is called so: {one_field}");
    // An hour on: no lease reaches there.
    let later = (id + (3600 << 32)).to_string();
    let later = shared.json(&["explain", &later, "--layout", "genid"]);
    assert_eq!(later["lease"]["state"], "above_the_horizon");
    let alone = Place::new().run(&["--json", "explain", &id.to_string(), "--layout", "genid"]);
    assert!(alone.contains("no_registry"), "{alone}");
}
