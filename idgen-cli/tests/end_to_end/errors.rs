//! What goes wrong in the world: one clear line, the right exit code or status, nothing lost.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use crate::clients::{Http, once};
use crate::disk::{confined, confined_server, fill_up};
use crate::harness::{Place, assert_distinct};

/// The one line on standard error, and the exit code.
fn failure(output: &Output) -> (i32, String) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<_> = stderr.lines().filter(|line| !line.contains(" WARN ")).collect();
    assert_eq!(lines.len(), 1, "not one line: {stderr}");
    let line = lines[0].strip_prefix("idgen: ").unwrap_or_else(|| panic!("{stderr}"));
    (output.status.code().unwrap(), line.to_owned())
}

/// `idgen serve` must fail with this code, in a line that has these words.
fn refuses(place: &Place, args: &[&str], code: i32, words: &[&str]) {
    let output = place.serve_command(args).output().unwrap();
    says(&failure(&output), code, words);
}

fn says((code, line): &(i32, String), expected: i32, words: &[&str]) {
    assert_eq!(*code, expected, "{line}");
    for word in words {
        assert!(line.contains(word), "no '{word}' in: {line}");
    }
}

#[test]
fn an_unwritable_data_dir() {
    let place = Place::new();
    refuses(&place, &["--data-dir", "/proc/idgen"], 3, &["/proc/idgen", "--data-dir"]);
    fs::write(place.path().join("file"), "").unwrap();
    refuses(&place, &["--data-dir", "file/data"], 3, &["file/data", "Not a directory"]);
}

#[test]
fn a_corrupt_database() {
    let place = Place::new();
    place.serve().stop();
    let file = place.store_file();
    let mut bytes = fs::read(&file).unwrap();
    bytes.iter_mut().skip(100).for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7));
    fs::write(&file, &bytes).unwrap();
    refuses(&place, &[], 3, &["idgen.db"]);
    let url = format!("sqlite:{}", file.display());
    says(&failure(&place.tool(&["store", "check", &url])), 3, &["idgen.db"]);
    fs::write(&file, "this is no database, and never was one; do not touch it").unwrap();
    refuses(&place, &[], 3, &["idgen.db"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("this is no database"));
}

/// Told before anything is connected to: nobody listens there.
#[cfg(feature = "rqlite")]
#[test]
fn a_store_without_worker_ids() {
    let place = Place::new();
    let url = "rqlite://me:secret@127.0.0.1:1";
    let words =
        ["rqlite://***@127.0.0.1:1", "--registry file:", "--worker-unrecorded", "--layout off"];
    refuses(&place, &["--store", url], 1, &words);
    refuses(&place, &["--store", url, "--layout", "off"], 1, &words);
    says(&failure(&place.tool(&["snowflake", "--store", url])), 1, &words);
    let lent = place.tool(&["snowflake", "--store", url, "--registry", "sqlite:lent.db"]);
    assert!(lent.status.success(), "worker ids come from the registry: {lent:?}");
    let forgets = ["snowflake", "--store", url, "--registry", "memory:"];
    says(&failure(&place.tool(&forgets)), 1, &["memory:", "--volatile"]);
}

#[cfg(feature = "postgres")]
#[test]
fn a_database_out_of_reach() {
    let place = Place::new();
    let url = "postgres://me:secret@127.0.0.1:1/ids";
    let off = ["--store", url, "--layout", "off", "--tcp", "off"];
    refuses(&place, &off, 3, &["postgres://127.0.0.1:1/ids", "can be reached"]);
    let option = format!("{url}?pool=9");
    let line = failure(&place.tool(&["store", "check", &option]));
    says(&line, 1, &["option 'pool'", "connections"]);
    assert!(!line.1.contains("secret"), "{}", line.1);
}

#[test]
fn a_port_in_use() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for flag in ["--http", "--tcp", "--native", "--admin", "--artisanal-http", "--artisanal-tcp"] {
        refuses(&place, &[flag, &addr], 4, &[&addr, "in use", flag]);
    }
    assert!(!place.data_dir().exists(), "a server that cannot listen made a store");
}

#[test]
fn two_servers_on_one_data_dir() {
    let place = Place::new();
    let server = place.serve();
    let before = Http::connect(server.http()).unwrap().pool_id().unwrap();
    refuses(&place, &[], 5, &["in use", &server.pid().to_string()]);
    let after = Http::connect(server.http()).unwrap().pool_id().unwrap();
    assert_eq!((before, after), (1, 2), "the first server was disturbed");
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    for (args, words) in [
        (&["--nonsense"][..], &["--nonsense"][..]),
        (&["--layout", "nobody"], &["nobody", "standard", "genid"]),
        (&["--zone", "-1"], &["-1", "0..=31"]),
        (&["--zone", "32"], &["32", "0..=31"]),
        (&["--dc", "8"], &["8", "0..=7"]),
        (&["--machine", "-3"], &["-3", "0..=7"]),
        (&["--worker", "1024"], &["1024", "1023"]),
        (&["--http", "8080"], &["8080", "HOST:PORT"]),
        (
            &["--http", "off", "--tcp", "off", "--native", "off", "--admin", "off"],
            &["every door is off"],
        ),
        (&["--pool", ""], &["1 to 128 bytes"]),
        (&["--artisanal-sequence", ""], &["1 to 128 bytes"]),
        (&["--artisanal-tcp", "8080"], &["8080", "HOST:PORT"]),
        (&["--sequence-http", "127.0.0.1:0"], &["--sequence-zookeeper", "Zookeeper__Connection"]),
        (&["--sequence-zookeeper", "zoo"], &["--sequence-http HOST:PORT"]),
        (&["--pot-create", "here"], &["here", "data, admin, off"]),
        (&["--admin-token-file", "nowhere"], &["nowhere", "No such file"]),
    ] {
        refuses(&place, args, 2, words);
    }
    assert!(!place.data_dir().exists(), "wrong usage made a store");
    says(&failure(&place.tool(&["snowflake", "--layout", "nobody"])), 2, &["nobody", "standard"]);
    says(&failure(&place.tool(&["next", "-n", "1000001"])), 2, &["1000001", "1000000"]);
    says(&failure(&place.tool(&["next", "-n", "0"])), 2, &["0"]);
    says(&failure(&place.tool(&["decode", "12x"])), 2, &["12x", "--format"]);
}

#[test]
fn a_store_that_forgets_needs_leave() {
    let place = Place::new();
    refuses(&place, &["--store", "memory:"], 1, &["memory:", "--volatile"]);
    says(&failure(&place.tool(&["next", "--store", "memory:"])), 1, &["--volatile"]);
    refuses(&place, &["--store", "pigeon:loft"], 1, &["pigeon", "sqlite:PATH"]);
    place.serve_with(&["--store", "memory:", "--volatile"], &[]).stop();
}

#[test]
fn an_oversized_batch() {
    let place = Place::new();
    let server = place.serve();
    let answer = once(server.http(), "POST", "/v1/sequences/default/ids?count=10001");
    assert_eq!(answer.cause(), (413, "bad_request".to_owned()));
    assert!(answer.body.contains("10000"), "{answer:?}");
    assert_eq!(Http::connect(server.http()).unwrap().pool_id().unwrap(), 1, "ids were lost");
}

#[test]
fn a_full_disk_at_the_start() {
    let place = Place::new();
    let output = confined(&place, "64k", true, &[]).output().unwrap();
    says(&failure(&output), 3, &["full"]);
}

#[test]
fn a_disk_that_fills_up_under_a_server() {
    let place = Place::new();
    let server = confined_server(&place, "1m", &[]);
    let mut http = Http::connect(server.http()).unwrap();
    let mut ids = vec![http.pool_id().unwrap()];
    let filler = fill_up(&server, &place);
    let refused = loop {
        let answer = http.ask("POST", "/v1/sequences/default/ids?count=10000").unwrap();
        if answer.status != 200 {
            break answer;
        }
        ids.extend(answer.ids());
    };
    assert_eq!(refused.cause(), (503, "store_down".to_owned()), "{refused:?}");
    assert!(refused.header("Retry-After").is_some());
    fs::remove_file(&filler).unwrap();
    let again = (0..10).find_map(|_| http.pool_id().ok());
    ids.push(again.expect("ids go on when there is room again"));
    ids.push(http.pool_id().unwrap());
    assert_distinct("serial", &mut ids);
    server.stop();
}
