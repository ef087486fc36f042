//! Worker ids in Redis: keys and servers that may not keep them.

use idgen_store::{RegistryError, Wish};
use redis::Value;

use crate::network::desk::Desk;
use crate::network::suite::workers::a_forgotten_holder_is_told_so;
use crate::network::{server, wait, with_option};
use crate::{Redis, fresh};

const KEY: &str = "{parcels}:workers";

#[test]
fn a_forgotten_lease_is_lost() {
    let place = fresh();
    a_forgotten_holder_is_told_so::<Redis>(&place.url(), || {
        place.command::<Value>(&["DEL", &format!("{}:{KEY}", place.prefix)]);
    });
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, RegistryError>) -> String {
    match answer.unwrap_err() {
        RegistryError::Refused(why) => why,
        other => panic!("{other}"),
    }
}

#[test]
fn a_key_that_is_to_expire_is_refused() {
    let place = fresh();
    let desk = Desk::open::<Redis>(&place.url());
    let lease = wait(desk.claim(Wish::Any)).unwrap().lease;
    for key in [KEY, "turn"] {
        let key = format!("{}:{key}", place.prefix);
        place.command::<Value>(&["PEXPIRE", &key, "600000"]);
        let why = refusal(wait(desk.claim(Wish::Any)));
        assert!(why.contains(&key) && why.contains("PERSIST"), "{why}");
        if key.ends_with(KEY) {
            let why = refusal(wait(desk.renew(&lease)));
            assert!(why.contains(&key) && why.contains("PERSIST"), "{why}");
        }
        place.command::<Value>(&["PERSIST", &key]);
    }
    wait(desk.renew(&lease)).unwrap();
    wait(desk.claim(Wish::Any)).unwrap();
}

/// Beyond what a number of Lua holds.
#[test]
fn serials_are_exact() {
    let place = fresh();
    let desk = Desk::open::<Redis>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    place.command::<Value>(&["SET", &format!("{}:turn", place.prefix), "9007199254740992"]);
    let serial = wait(desk.claim(Wish::Any)).unwrap().lease.token().serial;
    assert_eq!(serial, 9_007_199_254_740_993);
}

#[test]
fn what_idgen_never_wrote_is_a_damaged_record() {
    let place = fresh();
    let desk = Desk::open::<Redis>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    let key = format!("{}:{KEY}", place.prefix);
    for (field, what) in [("0", "worker id 0"), ("01", "field '01'")] {
        place.command::<Value>(&["HSET", &key, field, "mine"]);
        let damaged = wait(desk.claim(Wish::Any)).unwrap_err();
        let named = matches!(&damaged, RegistryError::Damaged(why) if why.contains(what));
        assert!(named, "{damaged}");
    }
}

#[test]
fn a_server_that_may_forget_takes_a_word_for_worker_ids_too() {
    let prefix = format!("prefix=t{}:forgetful", std::process::id());
    let url = with_option(&server("IDGEN_TEST_REDIS_VOLATILE_URL"), &prefix);
    let why = refusal(wait(Desk::open::<Redis>(&url).claim(Wish::Any)));
    assert!(why.contains("appendonly is no") && why.contains("?durability=lossy"), "{why}");
    wait(Desk::open::<Redis>(&with_option(&url, "durability=lossy")).claim(Wish::Any)).unwrap();
}

#[test]
fn a_counter_holds_no_worker_ids() {
    let has_workers = |url: &str| idgen_store::open(url).unwrap().workers.is_some();
    assert!(has_workers("redis://127.0.0.1") && !has_workers("redis://127.0.0.1?key=integers"));
}
