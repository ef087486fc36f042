//! What is PostgreSQL's own: settings, damage, locks.

use std::time::Duration;

use idgen_store::postgres::PostgresStore;
use idgen_store::{Definition, Durability, SequenceStore, StoreError};
use tokio_postgres::SimpleQueryMessage;

use crate::fresh;
use crate::network::{orders, wait, with_option};

/// The first column of the first row.
pub(crate) fn only(said: &[SimpleQueryMessage]) -> String {
    let row = said.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    row.unwrap().to_owned()
}

#[test]
fn identity_names_system_and_timeline() {
    let place = fresh();
    let identity = wait(place.store().identity()).unwrap();
    let system = only(&place.sql("SELECT system_identifier FROM pg_control_system()"));
    assert_eq!(identity.incarnation, format!("{system}-00000001"));
    assert_eq!((identity.durability, identity.ceiling), (Durability::Keeps, u64::MAX));
    place.sql("ALTER TABLE idgen_tail SET UNLOGGED");
    let loses = wait(place.store().identity()).unwrap();
    assert_eq!(loses.id, identity.id);
    let Durability::MayLose(why) = loses.durability else { panic!("it keeps unlogged tables") };
    assert!(why.contains("idgen_tail") && why.contains("SET LOGGED"), "{why}");
}

/// Settings of the role or the database must not weaken what a lease promises.
#[test]
fn a_lease_is_synchronous_whatever_the_settings() {
    let place = fresh();
    let url = place.url().replace("options=", "options=-c%20synchronous_commit%3Doff%20");
    let store = PostgresStore::new(&url).unwrap();
    assert_eq!(wait(store.identity()).unwrap().durability, Durability::Keeps);
    wait(store.create(&orders(), &Definition::default())).unwrap();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
}

#[test]
fn a_read_only_server_is_refused() {
    let place = fresh();
    place.stocked();
    let option = "options=-c%20default_transaction_read_only%3Don%20";
    let url = place.url().replace("options=", option);
    let store = PostgresStore::new(&url).unwrap();
    let refused = wait(store.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("read-only")));
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
    let address = crate::network::address(&place.server);
    let url = format!("postgres://nobody-here:hunter2@{address}/nowhere-here");
    let store = PostgresStore::new(&url).unwrap();
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
    let store = PostgresStore::new(&url).unwrap();
    wait(store.last(&orders())).unwrap();
    let sql = "BEGIN; LOCK TABLE idgen_sequence; SELECT pg_sleep(1); COMMIT";
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| place.sql(sql));
        std::thread::sleep(Duration::from_millis(200));
        let late = wait(store.lease(&orders(), 1, 0)).unwrap_err().to_string();
        assert!(late.contains("pg_stat_activity"), "{late}");
        holder.join().unwrap();
    });
    assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1, "it had no effect");
}
