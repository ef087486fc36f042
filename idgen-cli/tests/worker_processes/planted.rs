//! A registry that forgot what it granted: the checks of the other tests must notice.

use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::faketime::{clock_off, library};
use crate::harness::{Place, alone};
use crate::leases::{Watch, check, shared};
use crate::load::{Answered, Load};

const IDS_COME: Duration = Duration::from_secs(5);

/// Lowers by hand where the next lease of every worker id begins, as no release would.
fn lower_floors(registry: &str) {
    let file = registry.strip_prefix("sqlite:").unwrap();
    let conn = Connection::open(file).unwrap();
    let sql = "UPDATE worker SET granted = 0, floor_unix_ms = floor_unix_ms - 60000";
    assert_eq!(conn.execute(sql, []).unwrap(), 1);
}

#[test]
fn a_floor_that_was_lowered_by_hand_is_found() {
    let _turn = alone();
    let (places, answered, library) =
        ([Place::new(), Place::new()], Answered::default(), library());
    let registry = shared(&places[0]);
    let args = ["--registry", &registry, "--worker", "5", "--tcp", "off"];
    let watch = Watch::start(&registry);
    for (place, offset) in places.iter().zip(["+0", "-1s"]) {
        let mut server = place.serve_with(&args, &clock_off(&library, offset));
        let load = Load::on(server.pid(), server.http(), &answered);
        assert!(answered.grows(server.pid(), IDS_COME), "{}", server.log());
        // The second server's clock comes by where the first one's was.
        thread::sleep(Duration::from_millis(1200));
        server.kill();
        drop(load);
        lower_floors(&registry);
    }
    let found = check(&answered.all(), &watch.leases()).unwrap_err();
    assert!(found.contains("was answered by"), "{found}");
}
