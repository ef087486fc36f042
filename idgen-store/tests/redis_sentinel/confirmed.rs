//! What a set of servers is taken for, and what replicas have to confirm.

use idgen_store::{Durability, SequenceStore, StoreError};

use crate::network::proxy::Proxy;
use crate::network::{
    address, alone, as_user, closed_port, fresh, orders, unique, wait, with_option,
};
use crate::{Place, Sentinel};

fn open(url: &str) -> std::sync::Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

#[test]
fn a_set_may_lose_and_takes_a_word() {
    let place: Place = fresh();
    let kept = open(&with_option(&place.server, &format!("prefix={}", place.prefix)));
    let refused = wait(kept.lease(&orders(), 1, 0)).unwrap_err();
    let StoreError::Refused(why) = &refused else { panic!("{refused}") };
    assert!(why.contains("may promote") && why.contains("?durability=lossy"), "{why}");
    let unconfirmed = open(&place.waiting_for(0));
    let identity = wait(unconfirmed.identity()).unwrap();
    let info: String = place.master().command(&["INFO", "server"]);
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap();
    assert!(identity.incarnation.starts_with(run.trim()), "{identity:?}");
    assert!(matches!(identity.durability, Durability::MayLose(_)));
    let notes = wait(unconfirmed.notes()).unwrap();
    assert!(notes.len() == 1 && notes[0].contains("wait=N"), "{notes:?}");
    let notes = wait(place.store().notes()).unwrap();
    assert!(notes.len() == 1 && !notes[0].contains("wait=N"), "{notes:?}");
}

#[test]
fn an_adopted_key_is_told_at_start() {
    let place: Place = fresh();
    let counter = open(&with_option(&place.server, &format!("key={}", place.prefix)));
    let notes = wait(counter.notes()).unwrap();
    assert!(notes.iter().any(|note| note.contains("may promote")), "{notes:?}");
}

/// Both in one packet; seen on the master itself, which a proxy can stand before.
#[test]
fn lease_and_confirmation_are_one_round_trip() {
    let place: Place = fresh();
    place.stocked();
    let proxy = Proxy::to(&format!("127.0.0.1:{}", place.master().port));
    let (_, options) =
        place.url().split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let store = open(&format!("redis://127.0.0.1:{}?{options}", proxy.port()));
    wait(store.lease(&orders(), 10, 0)).unwrap();
    let before = proxy.round_trips();
    for _ in 0..50 {
        wait(store.lease(&orders(), 10, 0)).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
}

#[test]
fn a_lease_that_too_few_replicas_have_is_given_up() {
    let place = alone::<Sentinel>();
    let store = place.stocked();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
    let all = wait(open(&place.waiting_for(2)).lease(&orders(), 5, 0)).unwrap();
    assert_eq!(all.range.start(), 6, "both replicas confirm");
    let store = open(&with_option(&place.waiting_for(3), "answer_timeout_ms=400"));
    let short = wait(store.lease(&orders(), 5, 0)).unwrap_err();
    assert!(matches!(short, StoreError::Unavailable(_)), "{short}");
    assert!(short.to_string().contains("2 of 3 replicas had the change after 200 ms"), "{short}");
    let next = wait(place.store().lease(&orders(), 5, 0)).unwrap().range;
    assert!(next.start() > 10, "{next:?}");
}

/// The login is for the servers; these sentinels ask for none, and would refuse this one.
#[test]
fn a_login_holds_for_the_master() {
    let place: Place = fresh();
    let (user, master) = (unique(), place.master());
    master.command::<()>(&["ACL", "SETUSER", &user, "on", ">sesame", "~*", "+@all"]);
    let url = as_user(&place.url(), &format!("{user}:sesame"));
    wait(open(&url).create(&orders(), &Default::default())).unwrap();
    let wrong = wait(open(&with_option(&url, "sentinel_password=none")).last(&orders()));
    master.command::<u64>(&["ACL", "DELUSER", &user]);
    let said = wrong.unwrap_err().to_string();
    assert!(said.contains("leads to no master") && !said.contains("sesame"), "{said}");
}

#[test]
fn sentinels_that_are_away_or_watch_others_are_named() {
    let place: Place = fresh();
    let first = address(&place.server);
    let away = place.url().replacen(&first, &format!("127.0.0.1:{}", closed_port()), 1);
    wait(open(&away).create(&orders(), &Default::default())).unwrap();
    let strange = place.url().replace("/idgen", "/strange");
    let told = wait(open(&strange).last(&orders())).unwrap_err();
    assert!(matches!(told, StoreError::Unavailable(_)), "{told}");
    let told = told.to_string();
    assert!(told.contains("'strange'") && told.contains("watches no master"), "{told}");
    let port = place.master().port;
    let direct = format!("redis-sentinel://127.0.0.1:{port}/idgen?durability=lossy");
    let told = wait(open(&direct).last(&orders())).unwrap_err();
    assert!(matches!(told, StoreError::Unavailable(_)), "{told}");
}
