//! Servers and keys that may not serve a store.

use std::time::Duration;

use idgen_store::redis::RedisStore;
use idgen_store::{Definition, Durability, SequenceStore, StoreError};
use redis::Value;

use crate::network::{address, orders, server, wait, with_option};
use crate::{alone, command, fresh};

const VOLATILE: &str = "IDGEN_TEST_REDIS_VOLATILE_URL";

fn refusal(store: &dyn SequenceStore) -> String {
    match wait(store.lease(&orders(), 1, 0)).unwrap_err() {
        StoreError::Refused(why) => why,
        other => panic!("{other}"),
    }
}

#[test]
fn identity_names_run_and_history() {
    let place = fresh();
    let identity = wait(place.store().identity()).unwrap();
    let info: String = place.command(&["INFO"]);
    let of = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.to_owned()
    };
    assert_eq!(identity.incarnation, format!("{}-{}", of("run_id:"), of("master_replid:")));
    assert_eq!((identity.backend, identity.id.len()), ("redis", 32));
    assert_eq!((identity.durability, identity.ceiling), (Durability::Keeps, u64::MAX));
}

#[test]
fn a_server_that_may_forget_takes_a_word() {
    let server = server(VOLATILE);
    let prefix = format!("prefix=t{}:volatile", std::process::id());
    let url = with_option(&server, &prefix);
    let why = refusal(&RedisStore::new(&url).unwrap());
    assert!(why.contains("appendonly is no") && why.contains("?durability=lossy"), "{why}");
    let store = RedisStore::new(&with_option(&url, "durability=lossy")).unwrap();
    wait(store.create(&orders(), &Definition::default())).unwrap();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
    let Durability::MayLose(why) = wait(store.identity()).unwrap().durability else {
        panic!("it keeps what is only in memory")
    };
    assert!(why.contains("appendonly is no"), "{why}");
    // Restarted empty, it knows nothing, and says so.
    let before = wait(store.identity()).unwrap();
    command::<Value>(&server, &["FLUSHALL"]);
    let unknown = wait(store.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    let anew = RedisStore::new(&with_option(&url, "durability=lossy")).unwrap();
    assert_ne!(wait(anew.identity()).unwrap().id, before.id, "it is another store");
}

#[test]
fn a_server_that_evicts_is_refused() {
    let place = alone();
    place.command::<Value>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let why = refusal(&*place.store());
    place.command::<Value>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert!(why.contains("allkeys-lru") && why.contains("noeviction"), "{why}");
}

#[test]
fn a_server_that_stops_to_sync_is_told_by_its_identity() {
    let place = alone();
    let store = place.stocked();
    place.command::<Value>(&["CONFIG", "SET", "appendfsync", "everysec"]);
    let refused = wait(store.identity()).unwrap_err().to_string();
    place.command::<Value>(&["CONFIG", "SET", "appendfsync", "always"]);
    assert!(refused.contains("appendfsync is everysec"), "{refused}");
    assert_eq!(wait(store.identity()).unwrap().durability, Durability::Keeps);
}

#[test]
fn a_replica_is_not_used() {
    let place = alone();
    let store = place.stocked();
    let at = address(&crate::network::server(VOLATILE));
    let (host, port) = at.split_once(':').unwrap();
    place.command::<Value>(&["REPLICAOF", host, port]);
    // The data of its own is gone soon.
    std::thread::sleep(Duration::from_millis(500));
    let linked = [
        wait(store.lease(&orders(), 1, 0)).unwrap_err().to_string(),
        wait(place.store().lease(&orders(), 1, 0)).unwrap_err().to_string(),
        wait(store.last(&orders())).unwrap_err().to_string(),
    ];
    place.command::<Value>(&["REPLICAOF", "NO", "ONE"]);
    assert!(linked.iter().all(|said| said.contains("name the primary")), "{linked:?}");
    assert!(linked[0].contains("READONLY"), "{}", linked[0]);
}

#[test]
fn where_settings_are_hidden_it_may_lose() {
    let place = fresh();
    let user = format!("hidden{}", std::process::id());
    let rule = ["ACL", "SETUSER", &user, "on", ">hunter2", "~*", "+@all", "-config"];
    place.command::<Value>(&rule);
    let login = format!("redis://{user}:hunter2@{}", address(&place.server));
    let url = with_option(&login, &format!("prefix={}", place.prefix));
    let why = refusal(&RedisStore::new(&url).unwrap());
    assert!(why.contains("CONFIG is forbidden") && !why.contains("hunter2"), "{why}");
    let store = RedisStore::new(&with_option(&url, "durability=lossy")).unwrap();
    assert!(matches!(wait(store.identity()).unwrap().durability, Durability::MayLose(_)));
    let wrong = url.replace("hunter2", "hunter3");
    let refused = wait(RedisStore::new(&wrong).unwrap().identity()).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("password in the URL") && !said.contains("hunter3"), "{said}");
    place.command::<Value>(&["ACL", "DELUSER", &user]);
}

#[test]
fn a_key_that_expires_is_refused() {
    let place = fresh();
    let store = place.stocked();
    place.command::<Value>(&["EXPIRE", &place.key("mark"), "1000"]);
    let why = refusal(&*store);
    assert!(why.contains("PERSIST") && why.contains(&place.key("mark")), "{why}");
    assert!(wait(store.last(&orders())).is_err());
    place.command::<Value>(&["PERSIST", &place.key("mark")]);
    assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1);
}

#[test]
fn what_idgen_never_wrote_is_damage() {
    let place = fresh();
    let store = place.stocked();
    let damaged = |why: &str| {
        let error = wait(store.last(&orders())).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{why}: {error}");
    };
    let mark = place.key("mark");
    place.command::<Value>(&["HSET", &mark, "end", "18446744073709551616"]);
    damaged("an end above 2^64-1");
    place.command::<Value>(&["HDEL", &mark, "end"]);
    damaged("no end");
    place.command::<Value>(&["SET", &mark, "7"]);
    damaged("no hash");
}

/// A server that does not answer is waited for, not for ever.
#[test]
fn a_silent_server_is_unavailable_in_time() {
    let place = alone();
    place.stocked();
    let store = RedisStore::new(&with_option(&place.url(), "answer_timeout_ms=300")).unwrap();
    wait(store.last(&orders())).unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| place.command::<Value>(&["DEBUG", "SLEEP", "1"]));
        std::thread::sleep(Duration::from_millis(200));
        let late = wait(store.lease(&orders(), 1, 0)).unwrap_err();
        assert!(matches!(&late, StoreError::Unavailable(_)), "{late}");
        assert!(late.to_string().contains("overloaded"), "{late}");
        holder.join().unwrap();
    });
    assert!(
        wait(store.lease(&orders(), 1, 0)).unwrap().range.start() <= 2,
        "at most the one lease is lost"
    );
}

#[test]
fn scripts_that_the_server_forgot_are_sent_again() {
    let place = alone();
    let store = place.stocked();
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.last(), 5);
    place.command::<Value>(&["SCRIPT", "FLUSH"]);
    assert_eq!(wait(store.lease(&orders(), 5, 0)).unwrap().range.start(), 6);
}
