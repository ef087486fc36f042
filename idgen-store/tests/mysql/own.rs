//! What is MySQL's own: settings, engines, damage, locks.

use std::time::Duration;

use idgen_store::mysql::MysqlStore;
use idgen_store::{Durability, SequenceStore, StoreError};
use mysql_async::Row;

use crate::network::{address, orders, wait, with_option};
use crate::{alone, fresh};

#[test]
fn identity_names_server_and_durability() {
    let place = alone();
    let identity = wait(place.store().identity()).unwrap();
    let text = |row: &Row| row.get::<String, _>(1).unwrap();
    let named =
        place.sql("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid')");
    if let Some(named) = named.first() {
        assert_eq!(identity.incarnation, text(named));
    }
    assert_eq!((identity.durability, identity.ceiling), (Durability::Keeps, u64::MAX));
    place.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    let loses = wait(place.store().identity());
    place.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    let loses = loses.unwrap();
    assert_eq!(loses.id, identity.id);
    let Durability::MayLose(why) = loses.durability else { panic!("it keeps without a flush") };
    assert!(why.contains("innodb_flush_log_at_trx_commit is 2"), "{why}");
}

#[test]
fn a_read_only_server_is_refused() {
    let place = alone();
    place.stocked();
    place.sql("SET GLOBAL read_only = 1");
    let refused = wait(place.store().lease(&orders(), 1, 0));
    place.sql("SET GLOBAL read_only = 0");
    let refused = refused.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("read-only")));
    assert_eq!(wait(place.store().lease(&orders(), 1, 0)).unwrap().range.start(), 1);
}

#[test]
fn another_engine_is_refused() {
    let place = fresh();
    place.stocked();
    place.sql("ALTER TABLE idgen_tail ENGINE = MyISAM");
    let refused = wait(place.store().last(&orders())).unwrap_err().to_string();
    assert!(refused.contains("idgen_tail") && refused.contains("ENGINE = InnoDB"), "{refused}");
}

/// A store that begins while another makes the tables, or after one was cut off doing so.
#[test]
fn half_made_tables_are_completed() {
    let place = fresh();
    place.stocked();
    place.sql("DROP TABLE idgen_tail; DELETE FROM idgen_meta");
    assert_eq!(wait(place.store().lease(&orders(), 3, 0)).unwrap().range.last(), 3);
    assert_eq!(place.number("SELECT COUNT(*) FROM idgen_meta"), 1);
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let place = fresh();
    place.stocked();
    place.sql("UPDATE idgen_meta SET version = 2");
    let refused = wait(place.store().last(&orders())).unwrap_err().to_string();
    assert!(refused.contains("version 2") && refused.contains("newer idgen"), "{refused}");
}

#[test]
fn what_idgen_never_wrote_is_damage() {
    let place = fresh();
    let store = place.stocked();
    place.sql("ALTER TABLE idgen_sequence MODIFY end_id DECIMAL(20, 0)");
    place.sql("UPDATE idgen_sequence SET end_id = 18446744073709551616");
    let damaged = wait(store.last(&orders())).unwrap_err();
    assert!(matches!(&damaged, StoreError::Damaged(why) if why.contains("end_id")), "{damaged}");
    place.sql("DROP TABLE idgen_sequence");
    let damaged = wait(store.last(&orders())).unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged(_)), "{damaged}");
}

#[test]
fn wrong_passwords_and_databases_are_told_without_the_password() {
    let place = fresh();
    let address = address(&place.server);
    let url = format!("mysql://nobody-here:hunter2@{address}/nowhere-here");
    let store = MysqlStore::new(&url).unwrap();
    let refused = wait(store.identity()).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let said = format!("{refused} {refused:?} {store:?}");
    assert!(said.contains(&address) && !said.contains("hunter2"), "{said}");
}

/// The lock of another is waited for, not for ever, and names what to look at.
#[test]
fn a_locked_sequence_is_unavailable_in_time() {
    let place = fresh();
    place.stocked();
    let url = with_option(&place.url(), "statement_timeout_ms=300");
    let store = MysqlStore::new(&url).unwrap();
    wait(store.last(&orders())).unwrap();
    let sql = "START TRANSACTION; SELECT * FROM idgen_sequence FOR UPDATE; DO SLEEP(1); COMMIT";
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| place.sql(sql));
        std::thread::sleep(Duration::from_millis(200));
        let late = wait(store.lease(&orders(), 1, 0)).unwrap_err().to_string();
        assert!(late.contains("SHOW PROCESSLIST"), "{late}");
        holder.join().unwrap();
    });
    assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1, "it had no effect");
}
