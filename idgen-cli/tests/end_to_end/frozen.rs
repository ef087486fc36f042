//! A store that went back: issuing stops, says why, and goes on where an operator says.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::Http;
use crate::harness::{Place, assert_distinct};

#[test]
fn an_old_store_file_put_back_freezes_until_thawed() {
    let place = Place::new();
    let ids = "/v1/sequences/default/ids?count=5000";
    let mut all = place.run(&["next", "-n", "3"]).lines().map(|id| id.parse().unwrap()).collect();
    let old = fs::read(place.store_file()).unwrap();
    let server = place.serve();
    let mint = |http: &mut Http, all: &mut Vec<u64>| all.extend(http.ids(ids).unwrap());
    mint(&mut Http::connect(server.http()).unwrap(), &mut all);
    server.stop();
    fs::write(place.store_file(), old).unwrap();

    // The leases of worker ids went back too: each start is refused until that is thawed.
    let [_, _, above] = [(); 3].map(|()| refused_start(&place));
    place.run(&["worker", "thaw", "genid", "--above", &above]);
    // Until the first lease the time can be named anew.
    place.run(&["worker", "thaw", "genid", "--above", &above]);
    let other = place.tool(&["worker", "thaw", "others", "--above", &above]);
    assert_eq!(other.status.code(), Some(1), "{other:?}");
    assert!(String::from_utf8_lossy(&other.stderr).contains("is not frozen"), "{other:?}");

    let serial_only = ["--tcp", "off", "--layout", "off"];
    let server = place.serve_with(&serial_only, &[]);
    let mut http = Http::connect(server.http()).unwrap();
    assert_eq!(http.ask("POST", ids).unwrap().cause(), (503, "frozen".to_owned()));
    let too_low = place.tool(&["sequence", "thaw", "default", "--above", "3"]);
    assert_eq!(too_low.status.code(), Some(1), "{too_low:?}");
    place.run(&["sequence", "thaw", "default", "--above", "1000000"]);
    let until = Instant::now() + Duration::from_secs(5);
    while http.ask("POST", "/v1/sequences/default/ids").unwrap().status != 200 {
        assert!(Instant::now() < until, "a running server does not follow the thaw");
        thread::sleep(Duration::from_millis(50));
    }
    mint(&mut http, &mut all);
    assert!(*all.last().unwrap() > 1_000_000);
    assert_distinct("serial", &mut all);
}

/// The time above which a server says to thaw its worker ids, which it finds frozen.
fn refused_start(place: &Place) -> String {
    let refused = place.serve_command(&["--layout", "off"]).output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{line}");
    assert!(line.contains("id space 'genid' is frozen"), "{line}");
    let (_, above) = line.trim_end().rsplit_once("--above ").expect("the way out");
    above.to_owned()
}
