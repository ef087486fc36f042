//! Names, identity, many callers, many processes.

use std::collections::HashSet;

use idgen_core::IdRange;
use idgen_store::mysql::MysqlStore;
use idgen_store::{Created, Definition, Durability, Lease, Name, SequenceStore, StoreError};
use mysql_async::Row;

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{assert_disjoint, load_time, wait};
use crate::{Place, alone, fresh, orders, stocked};

#[test]
fn processes_lease_disjoint_ground() {
    as_child();
    let place = fresh();
    let store = stocked(&place);
    let (url, name) = (place.url(), orders());
    let job = Job { url: &url, name: &name, len: 7, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> =
        (0..8).map(|_| Worker::start("own::processes_lease_disjoint_ground", &job)).collect();
    let told: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    let ids = assert_disjoint(told.concat());
    assert_eq!(wait(store.last(&name)).unwrap(), ids, "and nothing was skipped");
}

#[test]
fn every_name_is_a_name() {
    let place = fresh();
    let store = place.store();
    let long = "\u{1f980}".repeat(32);
    let texts = [
        "'",
        "\"",
        "';DROP TABLE idgen_sequence;--",
        " ",
        "  ",
        "a\0b",
        "a",
        "A",
        "%",
        "_",
        "\\",
        "\\x41",
        "$1",
        "\r\n\t",
        "\u{e9}",
        "e\u{301}",
        &long,
    ];
    for (turn, text) in (1..).zip(texts) {
        let name = Name::new(text).unwrap();
        let unknown = wait(store.lease(&name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        let definition = Definition::new(turn * 1000, 1, 0, u64::MAX, Default::default()).unwrap();
        assert_eq!(wait(store.create(&name, &definition)).unwrap(), Created::New);
        assert_eq!(wait(store.lease(&name, 2, 0)).unwrap().range.start(), turn * 1000, "{name}");
    }
    let listed = wait(store.list()).unwrap();
    let listed: HashSet<&str> = listed.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(listed, HashSet::from(texts));
}

#[test]
fn a_thousand_callers_wait_their_turn() {
    let place = fresh();
    let store = std::sync::Arc::new(stocked(&place));
    let leases = wait(async {
        let callers: Vec<_> = (0..1000)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.lease(&orders(), 10, 0).await })
            })
            .collect();
        let mut leases = Vec::new();
        for caller in callers {
            leases.push(caller.await.unwrap().unwrap().range);
        }
        leases
    });
    assert_eq!(assert_disjoint(leases), 10_000);
}

#[test]
fn many_that_start_at_once_make_the_tables_once() {
    for _ in 0..5 {
        let place = fresh();
        let identities = wait(async {
            let asked: Vec<_> = (0..8)
                .map(|_| {
                    let store = place.store();
                    tokio::spawn(async move { store.identity().await })
                })
                .collect();
            let mut identities = Vec::new();
            for asked in asked {
                identities.push(asked.await.unwrap().unwrap());
            }
            identities
        });
        assert_eq!((identities[0].backend, identities[0].id.len()), ("mysql", 32));
        assert!(identities.iter().all(|identity| *identity == identities[0]));
    }
}

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
    stocked(&place);
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
    stocked(&place);
    place.sql("ALTER TABLE idgen_tail ENGINE = MyISAM");
    let refused = wait(place.store().last(&orders())).unwrap_err().to_string();
    assert!(refused.contains("idgen_tail") && refused.contains("ENGINE = InnoDB"), "{refused}");
}

/// A store that begins while another makes the tables, or after one was cut off doing so.
#[test]
fn half_made_tables_are_completed() {
    let place = fresh();
    stocked(&place);
    place.sql("DROP TABLE idgen_tail; DELETE FROM idgen_meta");
    assert_eq!(wait(place.store().lease(&orders(), 3, 0)).unwrap().range.last(), 3);
    assert_eq!(place.number("SELECT COUNT(*) FROM idgen_meta"), 1);
}

/// All of 64 bits are ids, and the arithmetic near the end neither wraps nor fails.
#[test]
fn the_top_of_u64_is_reached() {
    let place = fresh();
    let store = place.store();
    let (top, name) = (u64::MAX, orders());
    let steps = Definition::new(top - 100, 7, top % 7, top, Default::default()).unwrap();
    wait(store.create(&name, &steps)).unwrap();
    let first = wait(store.lease(&name, 10, 0)).unwrap().range;
    assert_eq!((first.start(), first.len(), first.step()), (top - 98, 10, 7));
    let rest = wait(store.lease(&name, u64::MAX, 0)).unwrap().range;
    assert_eq!((rest.start(), rest.last()), (top - 28, top));
    let ended = wait(store.lease(&name, 1, u64::MAX)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
}

/// A wait for the row that the server cuts is no error as long as there is time.
#[test]
fn a_lock_wait_is_tried_again() {
    for isolation in ["read-committed", "repeatable-read"] {
        let place = fresh();
        stocked(&place);
        let option = format!("isolation={isolation}");
        let url = crate::network::with_option(&place.url(), &option);
        let store = MysqlStore::new(&url).unwrap();
        wait(store.last(&orders())).unwrap();
        let sql = "START TRANSACTION; SELECT * FROM idgen_sequence FOR UPDATE; DO SLEEP(2); COMMIT";
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| place.sql(sql));
            std::thread::sleep(std::time::Duration::from_millis(200));
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
        let url = crate::network::with_option(&place.url(), &option);
        let store = std::sync::Arc::new(MysqlStore::new(&url).unwrap());
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
async fn churn(store: std::sync::Arc<MysqlStore>, caller: u64) -> Vec<(u64, IdRange)> {
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
    stocked(&place);
    place.sql("UPDATE idgen_meta SET version = 2");
    let refused = wait(place.store().last(&orders())).unwrap_err().to_string();
    assert!(refused.contains("version 2") && refused.contains("newer idgen"), "{refused}");
}

#[test]
fn what_idgen_never_wrote_is_damage() {
    let place: Place = fresh();
    let store = stocked(&place);
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
    let address = crate::network::address(&place.server);
    let url = format!("mysql://nobody-here:hunter2@{address}/nowhere-here");
    let store = MysqlStore::new(&url).unwrap();
    let refused = wait(store.identity()).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let said = format!("{refused} {refused:?} {store:?}");
    assert!(said.contains(&address) && !said.contains("hunter2"), "{said}");
}
