//! What is MySQL's own: settings, engines, damage, locks and deadlocks.

use std::sync::Arc;
use std::time::Duration;

use idgen_core::IdRange;
use idgen_store::mysql::MysqlStore;
use idgen_store::{Definition, Durability, Lease, Name, SequenceStore, StoreError};
use mysql_async::Row;

use crate::network::{address, assert_disjoint, orders, wait, with_option};
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

/// A wait for the row that the server cuts is no error as long as there is time.
#[test]
fn a_lock_wait_is_tried_again() {
    for isolation in ["read-committed", "repeatable-read"] {
        let place = fresh();
        place.stocked();
        let option = format!("isolation={isolation}");
        let url = with_option(&place.url(), &option);
        let store = MysqlStore::new(&url).unwrap();
        wait(store.last(&orders())).unwrap();
        let sql = "START TRANSACTION; SELECT * FROM idgen_sequence FOR UPDATE; DO SLEEP(2); COMMIT";
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| place.sql(sql));
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1);
            holder.join().unwrap();
        });
    }
}

/// Callers that make, lease from and hand back to many sequences at once get in each other's way,
/// and none of them is told so.
#[test]
fn deadlocks_are_tried_again_under_either_isolation() {
    for isolation in ["read-committed", "repeatable-read"] {
        let place = fresh();
        let option = format!("isolation={isolation}&connections=16");
        let url = with_option(&place.url(), &option);
        let store = Arc::new(MysqlStore::new(&url).unwrap());
        let met = place.number(DEADLOCKS);
        let leases = wait(async {
            let callers: Vec<_> = (0..16_u64).map(|caller| churn(store.clone(), caller)).collect();
            let tasks: Vec<_> = callers.into_iter().map(tokio::spawn).collect();
            let mut leases = Vec::new();
            for task in tasks {
                leases.push(task.await.unwrap());
            }
            leases.concat()
        });
        for turn in 0..NAMES {
            let of = leases.iter().filter(|(name, _)| *name == turn).map(|(_, range)| *range);
            assert_disjoint(of.collect());
        }
        eprintln!("{isolation}: {} deadlocks", place.number(DEADLOCKS) - met);
    }
}

const NAMES: u64 = 4;
const DEADLOCKS: &str = "SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM \
    information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'";

/// Hands back the last 4 of every 10 ids.
async fn churn(store: Arc<MysqlStore>, caller: u64) -> Vec<(u64, IdRange)> {
    let mut kept = Vec::new();
    for turn in 0..20 {
        let which = (caller + turn) % NAMES;
        let name = Name::new(&format!("s{which}")).unwrap();
        store.create(&name, &Definition::default()).await.unwrap();
        let lease = store.lease(&name, 10, 0).await.unwrap();
        let keep = lease.range.len().min(6);
        kept.extend(lease.range.part(0, keep).map(|range| (which, range)));
        if let Some(tail) = lease.range.part(keep, lease.range.len() - keep) {
            let back = store.hand_back(&name, &Lease { range: tail, serial: lease.serial }).await;
            back.unwrap();
        }
    }
    kept
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
