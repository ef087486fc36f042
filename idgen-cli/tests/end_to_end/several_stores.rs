//! Two servers on the same two stores: no id twice, whatever dies.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::clients::Http;
use crate::harness::{Place, alone, assert_distinct};

const IDS: &str = "/v1/sequences/default/ids?count=100";

fn urls(place: &Place) -> [String; 2] {
    ["1.db", "2.db"].map(|name| format!("sqlite:{}", place.path().join(name).display()))
}

/// The other node names the stores in the other order.
#[test]
fn two_servers_on_two_stores_repeat_nothing_after_kill_9() {
    let _turn = alone();
    let (one, other) = (Place::new(), Place::new());
    let [first, second] = &urls(&one);
    let with = |order: [&str; 2]| {
        ["--store", order[0], "--store", order[1], "--tcp", "off", "--layout", "off"]
            .map(str::to_owned)
    };
    let (here, there) = (with([first, second]), with([second, first]));
    let here: Vec<&str> = here.iter().map(String::as_str).collect();
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    let mut killed = one.serve_with(&here, &[]);
    let stays = other.serve_with(&there, &[]);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let until_gone = |addr| {
            let mut http = Http::connect(addr).unwrap();
            let mut ids = Vec::new();
            while let Ok(more) = http.ids(IDS) {
                assert!(more.is_sorted(), "{more:?}");
                ids.extend(more);
                if ids.len() >= 400_000 {
                    break;
                }
            }
            assert!(ids.is_sorted(), "ids of one server rise for one client");
            all.lock().unwrap().extend(ids);
        };
        for addr in [killed.http(), killed.http(), stays.http(), stays.http()] {
            scope.spawn(move || until_gone(addr));
        }
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(400));
            killed.kill();
            killed = one.serve_with(&here, &[]);
            let addr = killed.http();
            scope.spawn(move || until_gone(addr));
        }
        thread::sleep(Duration::from_millis(400));
        killed.kill();
    });
    stays.stop();
    let mut all = all.into_inner().unwrap();
    let both = [0, 1].map(|residue| all.iter().any(|id| id % 2 == residue));
    assert_eq!(both, [true, true], "one of the stores leased nothing");
    println!("{} ids over two stores", all.len());
    assert_distinct("serial", &mut all);
}

#[test]
fn stores_that_could_meet_are_refused_at_start() {
    let place = Place::new();
    let [first, second] = &urls(&place);
    for store in [first, second] {
        let increment = ["--increment", "2", "--offset", "1", "--store", store];
        place.run(&[&["sequence", "create", "orders"], &increment[..]].concat());
    }
    let both = ["--store", first, "--store", second];
    let serve =
        ["serve", "--http", "127.0.0.1:0", "--tcp", "off", "--native", "off", "--layout", "off"];
    let refused = place.tool(&[&serve, &both[..]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("'orders' would meet itself"), "{said}");
    assert!(said.contains(first.as_str()) && said.contains(second.as_str()), "{said}");
    let twice = place.tool(&["sequence", "list", "--store", first, "--store", first]);
    let said = String::from_utf8_lossy(&twice.stderr);
    assert!(!twice.status.success() && said.contains("would meet itself"), "{said}");
}
