//! `idgen store migrate` under running servers.

use std::io::{BufRead, BufReader};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use idgen_store::{Definition, Name, SequenceStore, StoreError};

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
    let json = old.run(&[&migrate[..], &["default", "--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&value["left_at"], &value["was_there"]), (&"2000".into(), &true.into()), "{json}");

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
    let forgetful = old.tool(&["store", "migrate", &from, "memory:"]);
    assert!(String::from_utf8_lossy(&forgetful.stderr).contains("name a durable one"));
    assert_eq!(old.run(&["next"]), "5\n", "nothing was moved");
    let nowhere = old.tool(&["store", "migrate", "sqlite:nowhere.db", &url(&new)]);
    assert_eq!(nowhere.status.code(), Some(3), "{nowhere:?}");
    assert!(!old.path().join("nowhere.db").exists());
}

/// A move that is killed when it has told of so many sequences, and a moment has passed.
fn cut_off(place: &Place, args: &[&str], told: usize, moment: Duration) -> ExitStatus {
    let mut child = place.command(args).stdout(Stdio::piped()).spawn().unwrap();
    // Kept to the end, or the move would end by itself for want of a reader.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.by_ref().filter(|line| line.contains(": moved: ")).take(told).for_each(drop);
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap()
}

/// Wherever it is killed, no sequence is leased from both stores or twice; and it may be repeated.
#[test]
fn a_killed_move_is_ended_by_the_next() {
    const MANY: usize = 60;
    let (place, runtime) = (Place::new(), tokio::runtime::Runtime::new().unwrap());
    let [old_url, new_url] =
        ["old.db", "new.db"].map(|file| format!("sqlite:{}", place.path().join(file).display()));
    let [old, new] = [&old_url, &new_url].map(|url| idgen_store::open(url).unwrap().sequences);
    let lease = |store: &dyn SequenceStore, name: &Name| {
        runtime.block_on(store.lease(name, 1, 0)).map(|lease| lease.range.start())
    };
    let mut highest: Vec<(Name, u64)> =
        (0..MANY).map(|at| (Name::new(&format!("s{at}")).unwrap(), 0)).collect();
    for (name, _) in &highest {
        runtime.block_on(old.create(name, &Definition::default())).unwrap();
    }
    let args = ["store", "migrate", &old_url, &new_url];
    let mut half_way = 0;
    for turn in 0.. {
        let moment = Duration::from_micros(turn * 300 % 2000);
        let told = usize::try_from(turn % 3 * 3).unwrap();
        let status = cut_off(&place, &args, told, moment);
        let mut arrived = 0;
        for (name, highest) in &mut highest {
            let (here, there) = (lease(&*old, name), lease(&*new, name));
            assert!(here.is_err() || there.is_err(), "{name}: {here:?} and {there:?}");
            arrived += usize::from(there.is_ok());
            for id in here.into_iter().chain(there) {
                assert!(id > *highest, "{name}: {id} after {highest}");
                *highest = id;
            }
        }
        half_way += u32::from((1..MANY).contains(&arrived));
        if status.success() {
            assert_eq!(arrived, MANY);
            break;
        }
        assert!(turn < 200, "the move does not come to its end: {arrived} of {MANY}, {status}");
    }
    assert!(half_way > 1, "it was not killed half way");
    for (name, _) in &highest {
        assert!(matches!(lease(&*old, name), Err(StoreError::Moved { .. })), "{name}");
    }
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
