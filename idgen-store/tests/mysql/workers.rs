//! Worker ids in MySQL: tables, clocks, damage.

use idgen_store::{RegistryError, Wish};

use crate::network::desk::Desk;
use crate::network::suite::workers::a_forgotten_holder_is_told_so;
use crate::network::wait;
use crate::{Mysql, alone, fresh};

#[test]
fn a_forgotten_lease_is_lost() {
    let place = fresh();
    a_forgotten_holder_is_told_so::<Mysql>(&place.url(), || {
        place.sql("DELETE FROM idgen_worker");
    });
}

#[test]
fn tables_are_made_at_their_first_use() {
    let place = fresh();
    place.stocked();
    let count = || place.sql("SHOW TABLES LIKE 'idgen_%'").len();
    assert_eq!(count(), 4);
    wait(Desk::open::<Mysql>(&place.url()).claim(Wish::Any)).unwrap();
    assert_eq!(count(), 7);
    // Begun and not ended.
    place.sql("DROP TABLE idgen_layout");
    place.sql("DELETE FROM idgen_turn");
    wait(Desk::open::<Mysql>(&place.url()).list()).unwrap();
    assert_eq!(count(), 7);
}

/// Also where a session's time of day comes twice a year.
#[test]
fn the_clock_knows_no_time_zone() {
    let place = alone();
    let before: String = place.sql("SELECT @@GLOBAL.time_zone")[0].get(0).unwrap();
    place.sql("SET GLOBAL time_zone = '+09:30'");
    let desk = Desk::open::<Mysql>(&place.url());
    let listed = wait(async {
        desk.claim(Wish::Any).await?;
        desk.list().await
    });
    place.sql(&format!("SET GLOBAL time_zone = '{before}'"));
    let listed = listed.unwrap();
    assert!(listed[0].clock_ahead_ms.abs() < 60_000, "{listed:?}");
    assert!(listed[0].held);
}

#[test]
fn serials_go_on_over_all_64_bits() {
    let place = fresh();
    let desk = Desk::open::<Mysql>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    place.sql("UPDATE idgen_turn SET serial = 18446744073709551613");
    assert_eq!(wait(desk.claim(Wish::Any)).unwrap().lease.token().serial, u64::MAX - 1);
}

#[test]
fn worker_ids_in_another_engine_are_refused() {
    let place = fresh();
    wait(Desk::open::<Mysql>(&place.url()).claim(Wish::Any)).unwrap();
    place.sql("ALTER TABLE idgen_worker ENGINE = MyISAM");
    let refused = wait(Desk::open::<Mysql>(&place.url()).claim(Wish::Any)).unwrap_err();
    let named = matches!(&refused, RegistryError::Unavailable(why) if why.contains("idgen_worker"));
    assert!(named, "{refused}");
}

#[test]
fn what_idgen_never_wrote_is_a_damaged_record() {
    let place = fresh();
    let desk = Desk::open::<Mysql>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    place.sql("UPDATE idgen_worker SET record = 'mine'");
    let damaged = wait(desk.claim(Wish::Any)).unwrap_err();
    let named = matches!(&damaged, RegistryError::Damaged(why) if why.contains("worker id 0"));
    assert!(named, "{damaged}");
}

#[test]
fn adopted_tables_hold_no_worker_ids() {
    let options = ["", "?schema=idpool", "?schema=idpot", "?key=tickets"];
    let has_workers = options.map(|option| {
        let store = idgen_store::open(&format!("mysql://127.0.0.1/ids{option}")).unwrap();
        store.workers.is_some()
    });
    assert_eq!(has_workers, [true, false, false, false]);
}
