//! Names, identity, many callers, many processes.

use std::collections::HashSet;

use idgen_store::{Created, Definition, Durability, Name, SequenceStore, StoreError};
use tokio_postgres::SimpleQueryMessage;

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{assert_disjoint, load_time, wait};
use crate::{Place, fresh, orders, stocked};

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
        assert_eq!((identities[0].backend, identities[0].id.len()), ("postgres", 32));
        assert!(identities.iter().all(|identity| *identity == identities[0]));
    }
}

fn only(said: &[SimpleQueryMessage]) -> String {
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
    let store = idgen_store::postgres::PostgresStore::new(&url).unwrap();
    assert_eq!(wait(store.identity()).unwrap().durability, Durability::Keeps);
    wait(store.create(&orders(), &Definition::default())).unwrap();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
}

#[test]
fn a_read_only_server_is_refused() {
    let place = fresh();
    stocked(&place);
    let option = "options=-c%20default_transaction_read_only%3Don%20";
    let url = place.url().replace("options=", option);
    let store = idgen_store::postgres::PostgresStore::new(&url).unwrap();
    let refused = wait(store.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("read-only")));
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
    let store = idgen_store::postgres::PostgresStore::new(&url).unwrap();
    let refused = wait(store.identity()).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let said = format!("{refused} {refused:?} {store:?}");
    assert!(said.contains(&address) && !said.contains("hunter2"), "{said}");
}
