//! `idgen store migrate` under running servers.

use std::time::{Duration, Instant};

use crate::clients::Http;
use crate::harness::{Place, assert_distinct};

const IDS: &str = "/v1/sequences/default/ids?count=500";

#[test]
fn servers_follow_a_sequence_to_another_store() {
    let (old, new) = (Place::new(), Place::new());
    let server = old.serve();
    let mut http = Http::connect(server.http()).unwrap();
    let mut all = http.ids(IDS).unwrap();
    old.run(&["sequence", "create", "ended", "--end", "3"]);
    old.run(&["next", "ended", "-n", "3"]);
    std::fs::create_dir(new.data_dir()).unwrap();
    let url = |place: &Place| format!("sqlite:{}", place.store_file().display());
    let migrate = ["store", "migrate", &url(&old), &url(&new)];
    let said = old.run(&migrate);
    assert!(said.contains("default: moved: left at 2000, goes on above 2000"), "{said}");
    assert!(said.contains("ended: moved") && said.contains("exhausted"), "{said}");
    let again = old.run(&migrate);
    assert!(again.contains("default: is there already"), "{again}");

    let until = Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let answer = http.ask("POST", IDS).unwrap();
        if answer.status != 200 {
            break answer;
        }
        all.extend(answer.ids());
        assert!(Instant::now() < until, "a server goes on with a sequence that has left");
    };
    assert_eq!(refused.cause(), (503, "clash".to_owned()));
    let line = String::from_utf8(old.tool(&["next"]).stderr).unwrap();
    assert!(line.contains(&format!("was moved to {}", url(&new))), "{line}");

    let follower = new.serve();
    all.extend(Http::connect(follower.http()).unwrap().ids(IDS).unwrap());
    assert!(*all.last().unwrap() > 2000);
    assert_distinct("serial", &mut all);
}

#[test]
fn a_copy_says_that_ids_will_meet() {
    let (old, new) = (Place::new(), Place::new());
    old.run(&["next", "-n", "3"]);
    let url = |place: &Place| format!("sqlite:{}", place.path().join("copy.db").display());
    let from = format!("sqlite:{}", old.store_file().display());
    let copied = old.tool(&["store", "migrate", &from, &url(&new), "--copy-only"]);
    let (out, err) =
        (String::from_utf8_lossy(&copied.stdout), String::from_utf8_lossy(&copied.stderr));
    assert!(copied.status.success() && out.contains("copied; its ids will meet"), "{out} {err}");
    assert!(err.contains("let nothing do so"), "{err}");
    assert_eq!(old.run(&["next"]), "4\n");
    let nowhere = old.tool(&["store", "migrate", "sqlite:nowhere.db", &url(&new)]);
    assert_eq!(nowhere.status.code(), Some(3), "{nowhere:?}");
    assert!(!old.path().join("nowhere.db").exists());
}

/// Two servers on one store: as one client sees it, ids of a strict sequence rise over both.
#[test]
fn strict_ids_rise_over_two_servers() {
    let (one, other) = (Place::new(), Place::new());
    one.run(&["sequence", "create", "orders", "--order", "strict"]);
    let store = format!("sqlite:{}", one.store_file().display());
    let args = ["--store", &store, "--tcp", "off", "--layout", "off"];
    let servers = [one.serve_with(&args, &[]), other.serve_with(&args, &[])];
    let mut clients = servers.each_ref().map(|it| Http::connect(it.http()).unwrap());
    let mut last = 0;
    for turn in 0..100 {
        let ids = clients[turn % 2].ids("/v1/sequences/orders/ids?count=3").unwrap();
        assert!(ids.is_sorted() && ids[0] > last, "{ids:?} after {last}, turn {turn}");
        last = ids[2];
    }
    assert_eq!(last, 300, "each answer is exactly one step");
}
