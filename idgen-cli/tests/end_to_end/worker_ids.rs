//! Worker ids in the files of a directory, from the ordinal of a host's name, and recorded nowhere.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::clients::{GenId, Http};
use crate::disk::{confined_server, fill_up};
use crate::harness::{Place, Server, alone, assert_distinct};

const IDS: &str = "/v1/snowflakes?count=100";

/// What ids wait for that are recorded nowhere.
const LEASE: Duration = Duration::from_secs(10);

fn file_url(directory: &Path) -> String {
    format!("file:{}", directory.join("workers").display())
}

/// A server on that registry, without the GenID door.
fn serve(place: &Place, registry: &str, args: &[&str], host: &str) -> Server {
    let args = [&["--tcp", "off", "--registry", registry], args].concat();
    place.serve_with(&args, &[("HOSTNAME", host)])
}

/// Ids as soon as there are any, within a time.
fn first_ids(server: &Server, limit: Duration) -> Vec<u64> {
    let mut http = Http::connect(server.http()).unwrap();
    let until = Instant::now() + limit;
    loop {
        let answer = http.ask("POST", IDS).unwrap();
        if answer.status == 200 {
            return answer.ids();
        }
        assert!(Instant::now() < until, "no ids: {answer:?}\n{}", server.log());
        thread::sleep(Duration::from_millis(50));
    }
}

fn decoded(place: &Place, id: u64) -> Value {
    serde_json::from_str(&place.run(&["--json", "decode", &id.to_string()])).unwrap()
}

fn line(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The text of the id space that native snowflakes have.
fn text(directory: &Path) -> String {
    fs::read_to_string(directory.join("workers/standard.workers")).unwrap()
}

#[test]
fn an_ordinal_is_recorded_and_has_one_holder() {
    let (shared, places) = (Place::new(), [Place::new(), Place::new()]);
    let registry = file_url(shared.path());
    let ordinal = ["--worker-from", "ordinal"];
    let server = serve(&places[0], &registry, &ordinal, "web-7");
    let id = first_ids(&server, Duration::from_secs(5))[0];
    assert_eq!(decoded(&shared, id)["fields"]["worker"], "7");
    assert!(text(shared.path()).contains("\nworker 7\n"), "{}", text(shared.path()));

    let args = [&["--tcp", "off", "--registry", &registry], &ordinal[..]].concat();
    let second = places[1].serve_command(&args).env("HOSTNAME", "web-7").output().unwrap();
    let said = line(&second);
    assert_eq!(second.status.code(), Some(1), "{said}");
    let holder = format!("idgen serve on web-7, pid {}", server.pid());
    assert!(said.contains("worker id 7") && said.contains(&holder), "{said}");
    server.stop();
    let after = serve(&places[1], &registry, &ordinal, "web-7");
    let next = first_ids(&after, Duration::from_secs(2))[0];
    assert!(next > id, "{next} after {id}");
    after.stop();
}

#[test]
fn a_name_without_a_fitting_ordinal_is_refused_and_shown() {
    let place = Place::new();
    for (name, words) in [
        ("laptop", ["'laptop'", "ordinal", "--worker-from"]),
        ("web-1024", ["'web-1024'", "too large", "0 to 1023"]),
    ] {
        let mut command = place.serve_command(&["--worker-from", "ordinal"]);
        let refused = command.env("HOSTNAME", name).output().unwrap();
        let said = line(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    assert!(!place.data_dir().exists(), "refused before anything is made");
}

#[test]
fn a_registry_in_files_survives_kill_9_and_costs_no_lease() {
    let _turn = alone();
    let place = Place::new();
    let registry = file_url(place.path());
    let start = || serve(&place, &registry, &["--worker", "5"], "host");
    let mut server = start();
    let mut ids = first_ids(&server, Duration::from_secs(5));
    for round in 1..=4 {
        let killed = Instant::now();
        server.kill();
        // What a crash in the middle of a write leaves.
        fs::write(place.path().join("workers/standard.workers.new"), "idgen id").unwrap();
        server = start();
        ids.extend(first_ids(&server, Duration::from_secs(5)));
        let took = killed.elapsed();
        assert!(took <= Duration::from_millis(2500), "round {round}: {took:?}");
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "not rising");
    assert_distinct("snowflakes", &mut ids);
    server.stop();
    let text = text(place.path());
    assert!(text.contains("\nworker 5\n") && text.contains("\ngranted no\n"), "{text}");
    assert!(text.ends_with("\nend 1\n"), "{text}");
}

#[test]
fn a_full_disk_under_a_registry_loses_nothing() {
    let place = Place::new();
    let registry = file_url(&place.data_dir());
    let args = ["--store", "memory:", "--volatile", "--registry", &registry, "--tcp", "off"];
    let server = confined_server(&place, "64k", &args);
    let mut ids = first_ids(&server, Duration::from_secs(5));
    let inside = format!("/proc/{}/root{}", server.pid(), place.data_dir().display());
    let filler = fill_up(&server, &place);
    let until = Instant::now() + Duration::from_secs(8);
    while !server.log().contains("is full") {
        assert!(Instant::now() < until, "no renewal failed: {}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
    ids.extend(first_ids(&server, Duration::from_secs(2)));
    let full = text(Path::new(&inside));
    assert!(full.contains("\ngranted yes\n") && full.ends_with("\nend 1\n"), "{full}");
    fs::remove_file(&filler).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while text(Path::new(&inside)) == full {
        assert!(Instant::now() < until, "not renewed: {}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
    ids.extend(first_ids(&server, Duration::from_secs(2)));
    assert_distinct("snowflakes", &mut ids);
    server.stop();
}

#[test]
fn a_registry_is_no_store_and_a_file_no_directory() {
    let place = Place::new();
    let file = place.file("file", "x");
    let store = place.serve_command(&["--store", "file:workers"]).output().unwrap();
    let said = line(&store);
    assert!(said.contains("worker ids only") && said.contains("--registry"), "{said}");
    let url = format!("file:{file}");
    let registry = place.serve_command(&["--registry", &url]).output().unwrap();
    assert_eq!(registry.status.code(), Some(3), "{}", line(&registry));
    assert!(line(&registry).contains("name a directory"), "{}", line(&registry));
}

#[test]
fn unrecorded_worker_ids_wait_one_lease_and_say_what_they_cost() {
    let _turn = alone();
    let (native, node) = (Place::new(), Place::new());
    let config = node.file("config.json", r#"{"port": 0, "machine_id": 2}"#);
    let begun = (Instant::now(), SystemTime::now());
    let begun_ms = begun.1.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let args = ["--store", "memory:", "--volatile", "--worker", "3", "--worker-unrecorded"];
    let args = [&args[..], &["--tcp", "off"]].concat();
    let tool = ["snowflake", "--worker", "9", "--worker-unrecorded"];
    let (server, genid, tool) = thread::scope(|scope| {
        let server = scope.spawn(|| native.serve_with(&args, &[]));
        let tool = scope.spawn(|| native.command(&tool).output().unwrap());
        let genid = node.server_of(&["genid", "--config", &config, "--worker-unrecorded"]);
        (server.join().unwrap(), genid, tool.join().unwrap())
    });
    assert!(tool.status.success() && begun.0.elapsed() >= LEASE, "{tool:?}");
    for log in [server.log(), genid.log(), line(&tool)] {
        let first = log.lines().next().unwrap();
        assert!(first.contains("promise P1") && first.contains("withdrawn"), "{log}");
    }
    let of_tool = String::from_utf8(tool.stdout).unwrap().trim().parse().unwrap();
    let first = first_ids(&server, Duration::from_secs(2))[0];
    for (id, worker) in [(first, "3"), (of_tool, "9")] {
        let told = decoded(&native, id);
        assert_eq!(told["fields"]["worker"], worker);
        let unix_ms: u128 = told["unix_ms"].as_str().unwrap().parse().unwrap();
        assert!(unix_ms >= begun_ms + LEASE.as_millis(), "{unix_ms} is before {begun_ms} + 10 s");
    }
    let second = u128::from(GenId::connect(genid.tcp()).unwrap().one().unwrap() >> 32);
    assert!(second * 1000 >= begun_ms + LEASE.as_millis(), "{second} s: {begun_ms} ms");
    assert!(!node.data_dir().join("idgen.db").exists(), "nothing is recorded");
    server.stop();
    genid.stop();
}

#[test]
fn unrecorded_beside_a_registry_is_a_contradiction() {
    let place = Place::new();
    for (args, words) in [
        (&["--worker", "3"][..], &["--worker-unrecorded", "records worker ids", "leave"][..]),
        (&["--worker", "3", "--store", "sqlite:a.db"], &["sqlite:a.db", "records worker ids"]),
        (&["--worker", "3", "--registry", "file:x"], &["--registry", "--worker-unrecorded"]),
        (&["--store", "memory:", "--volatile"], &["must be named", "--worker N"]),
        (&["--worker", "3", "--worker-from", "ordinal"], &["--worker-from", "cannot be used"]),
    ] {
        let args = [args, &["--worker-unrecorded"]].concat();
        let refused = place.serve_command(&args).output().unwrap();
        let said = line(&refused);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
    assert!(!place.path().join("x").exists());
}
