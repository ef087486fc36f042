//! A counter that other programs increase by `INCRBY` too: the laws that its form can hold.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use idgen_store::memory::MemoryStore;
use idgen_store::redis::RedisCounter;
use idgen_store::{
    Alteration, Created, Definition, Departure, Lease, Name, SequenceStore, Site, StoreError,
    migrate,
};
use redis::Value;

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::proxy::{Cut, Proxy};
use crate::network::{address, closed_port, original_time, through, wait, with_option};
use crate::{Place, fresh};

const CEILING: u64 = (1 << 63) - 1;

/// The counter's key, and its store with more options.
fn counter(place: &Place, options: &str) -> (Name, String) {
    let key = format!("{}:integers", place.prefix);
    let url = with_option(&place.server, &format!("key={key}{options}"));
    (Name::new(&key).unwrap(), url)
}

fn stocked(place: &Place, options: &str, value: u64) -> (Name, RedisCounter) {
    let (name, url) = counter(place, options);
    place.command::<Value>(&["SET", name.as_str(), &value.to_string()]);
    (name, RedisCounter::new(&url).unwrap())
}

fn ids(lease: &Lease) -> Vec<u64> {
    lease.range.into_iter().collect()
}

#[test]
fn the_series_goes_on_where_the_original_left_it() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 6);
    assert_eq!(ids(&wait(store.lease(&name, 3, 0)).unwrap()), [8, 10, 12]);
    assert_eq!(place.command::<u64>(&["INCRBY", name.as_str(), "2"]), 14);
    assert_eq!(ids(&wait(store.lease(&name, 1, 0)).unwrap()), [16]);
    assert_eq!(wait(store.last(&name)).unwrap(), 16);
    let found: Vec<String> = place.command(&["KEYS", &format!("{}:*", place.prefix)]);
    assert_eq!(found, [name.as_str()], "nothing else was written");
}

/// Eight originals, increments that differ, beside four processes of idgen.
#[test]
fn originals_and_lessees_never_meet() {
    as_child();
    let place = fresh();
    let (name, url) = counter(&place, "");
    place.command::<Value>(&["SET", name.as_str(), "100"]);
    let job = Job { url: &url, name: &name, len: 7, until: Until::Elapsed(original_time()) };
    let test = "counter::originals_and_lessees_never_meet";
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let done = AtomicBool::new(false);
    let (issued, leased) = std::thread::scope(|scope| {
        let original = |step: u64| {
            let (name, server, done) = (name.as_str(), place.server.as_str(), &done);
            scope.spawn(move || {
                let mut issued = Vec::new();
                let client = redis::Client::open(server).unwrap();
                let mut connection = client.get_connection().unwrap();
                while !done.load(Ordering::SeqCst) {
                    let id = redis::cmd("INCRBY").arg(name).arg(step).query(&mut connection);
                    issued.push(id.unwrap());
                }
                issued
            })
        };
        let originals: Vec<_> = [2, 2, 2, 2, 1, 3, 10, 2].into_iter().map(original).collect();
        let leased: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
        done.store(true, Ordering::SeqCst);
        let issued: Vec<Vec<u64>> =
            originals.into_iter().map(|original| original.join().unwrap()).collect();
        (issued, leased)
    });
    assert!(leased.iter().all(|leases| leases.len() > 5), "every process leased");
    assert!(issued.iter().all(|ids| ids.len() > 5), "every original issued");
    let leased = leased.concat();
    assert!(leased.iter().all(|range| range.step() == 2 && range.start() % 2 == 0));
    let leased = leased.into_iter().flat_map(|range| range.into_iter().collect::<Vec<u64>>());
    let mut seen = HashSet::new();
    for id in issued.concat().into_iter().chain(leased) {
        assert!(seen.insert(id), "{id} was issued twice");
    }
}

#[test]
fn ids_are_members_wherever_the_counter_stands() {
    let place = fresh();
    for value in [0, 1, 2, 3, 4, 5, (1 << 53) - 1, (1 << 53) + 2, 1 << 62] {
        let (name, store) = stocked(&place, "&increment=5&offset=2", value);
        let lease = wait(store.lease(&name, 4, 0)).unwrap();
        assert!(lease.range.start() > value && lease.range.start() <= value + 5, "{value}");
        assert_eq!((lease.range.start() % 5, lease.range.step(), lease.range.len()), (2, 5, 4));
        assert_eq!(wait(store.last(&name)).unwrap(), value + 20, "exactly what it takes");
    }
}

#[test]
fn it_ends_exhausted_and_is_never_driven_past_its_ceiling() {
    let place = fresh();
    let (name, store) = stocked(&place, "&increment=1&offset=0", CEILING - 9);
    assert_eq!(wait(store.lease(&name, 7, 0)).unwrap().range.len(), 7);
    let rest = wait(store.lease(&name, 7, 0)).unwrap().range;
    assert_eq!((rest.len(), rest.last()), (2, CEILING));
    for len in [1, 7, u64::MAX] {
        let ended = wait(store.lease(&name, len, 0)).unwrap_err();
        assert!(matches!(ended, StoreError::Exhausted { end: CEILING, .. }), "{ended}");
    }
    assert_eq!(wait(store.last(&name)).unwrap(), CEILING);
    // No even number is left, although the counter has room for one.
    let (name, store) = stocked(&place, "", CEILING - 1);
    let ended = wait(store.lease(&name, 1, 0)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
    assert_eq!(wait(store.last(&name)).unwrap(), CEILING - 1, "nothing was sent");
    let (name, store) = stocked(&place, "", 0);
    let all = wait(store.lease(&name, u64::MAX, 0)).unwrap().range;
    assert_eq!((all.start(), all.last()), (2, CEILING - 1));
    assert_eq!(wait(store.identity()).unwrap().ceiling, CEILING);
}

#[test]
fn a_lease_starts_above() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 10);
    assert_eq!(ids(&wait(store.lease(&name, 2, 101)).unwrap()), [102, 104]);
    assert!(wait(store.last(&name)).unwrap() >= 104);
    let next = ids(&wait(store.lease(&name, 2, 3)).unwrap());
    assert!(next[0] > 104, "{next:?}");
    let ended = wait(store.lease(&name, 1, u64::MAX)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
}

/// By its serial, since the lease itself lies above all that its caller has.
#[test]
fn a_counter_that_was_set_back_shows_it() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 100);
    let mut seen = wait(store.lease(&name, 5, 0)).unwrap();
    for _ in 0..3 {
        let next = wait(store.lease(&name, 5, seen.range.last())).unwrap();
        assert!(next.serial > seen.serial, "{next:?} after {seen:?}");
        seen = next;
    }
    let ahead = wait(store.lease(&name, 5, seen.range.last() + 1_000)).unwrap();
    assert!(ahead.serial > seen.serial, "{ahead:?} after {seen:?}");
    for value in ["100", "0", &(ahead.range.last() - 2).to_string()] {
        place.command::<Value>(&["SET", name.as_str(), value]);
        let back = wait(store.lease(&name, 5, ahead.range.last())).unwrap();
        assert!(back.serial <= ahead.range.last(), "{back:?} after {ahead:?}");
        assert!(back.range.start() > ahead.range.last());
    }
}

#[test]
fn a_lost_reply_is_a_gap_and_a_lease_one_round_trip() {
    let place = fresh();
    let (name, _) = stocked(&place, "", 0);
    let proxy = Proxy::to(&address(&place.server));
    let store = RedisCounter::new(&through(&counter(&place, "").1, proxy.port())).unwrap();
    wait(store.lease(&name, 5, 0)).unwrap();
    for (cut, gap) in [(Cut::Before, 0), (Cut::After, 10), (Cut::AllBut(1), 10)] {
        let before = wait(store.last(&name)).unwrap();
        proxy.cut(cut);
        let lost = wait(store.lease(&name, 5, 0)).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{cut:?}: {lost}");
        let next = wait(store.lease(&name, 5, 0)).unwrap().range;
        assert_eq!(next.start(), before + gap + 2, "{cut:?}");
    }
    let before = proxy.round_trips();
    // Another test may have the server forget the scripts meanwhile, which takes two more.
    for _ in 0..50 {
        wait(store.lease(&name, 5, 0)).unwrap();
    }
    assert!((50..=52).contains(&(proxy.round_trips() - before)));
}

#[test]
fn unknown_is_not_unavailable_and_not_zero() {
    let place = fresh();
    let (name, url) = counter(&place, "");
    let store = RedisCounter::new(&url).unwrap();
    let other = Name::new("other").unwrap();
    for name in [&name, &other] {
        let unknown = wait(store.lease(name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        assert!(matches!(wait(store.last(name)), Err(StoreError::Unknown { .. })));
    }
    assert_eq!(wait(store.list()).unwrap(), []);
    let away = RedisCounter::new(&through(&url, closed_port())).unwrap();
    assert!(matches!(wait(away.lease(&name, 1, 0)), Err(StoreError::Unavailable(_))));
    let due = Definition::new(1, 2, 0, CEILING, Default::default()).unwrap();
    let conflict = wait(store.create(&name, &Definition::default())).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { existing, .. } if existing == due));
    assert_eq!(wait(store.create(&name, &due)).unwrap(), Created::New);
    assert_eq!(wait(store.create(&name, &due)).unwrap(), Created::Unchanged);
    assert!(matches!(wait(store.create(&other, &due)), Err(StoreError::Refused(_))));
    assert_eq!(ids(&wait(store.lease(&name, 1, 0)).unwrap()), [2]);
    assert_eq!(wait(store.list()).unwrap()[0].bound, 2);
}

#[test]
fn what_the_form_cannot_hold_is_refused() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 4);
    let lease = wait(store.lease(&name, 4, 0)).unwrap();
    let tail = Lease { range: lease.range.part(2, 2).unwrap(), serial: lease.serial };
    let kept = wait(store.hand_back(&name, &tail)).unwrap_err();
    assert!(matches!(kept, StoreError::NotCurrent { .. }), "{kept}");
    let refused = [
        wait(store.alter(&name, &Alteration::default())).unwrap_err(),
        wait(store.delete(&name)).unwrap_err(),
        wait(store.lease(&name, 0, 0)).unwrap_err(),
        wait(store.advance_to(&name, CEILING + 1)).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Refused(_))), "{refused:?}");
    let lower = wait(store.advance_to(&name, 11)).unwrap_err();
    assert!(matches!(lower, StoreError::WouldLower { bound: 12, asked: 11, .. }), "{lower}");
    wait(store.advance_to(&name, 12)).unwrap();
    wait(store.advance_to(&name, 99)).unwrap();
    assert_eq!(ids(&wait(store.lease(&name, 1, 0)).unwrap()), [100]);
}

#[test]
fn a_key_that_is_no_counter_is_told() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 4);
    for text in ["-1", "1.5", "9223372036854775808", "", "many"] {
        place.command::<Value>(&["SET", name.as_str(), text]);
        let damaged = wait(store.lease(&name, 1, 0)).unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged(_)), "'{text}': {damaged}");
    }
    place.command::<Value>(&["SET", name.as_str(), "4", "EX", "1000"]);
    let refused = wait(store.lease(&name, 1, 0)).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("PERSIST")), "{refused}");
}

#[test]
fn what_it_cannot_hold_is_told_at_start() {
    let place = fresh();
    let (_, store) = stocked(&place, "", 4);
    let notes = wait(store.notes()).unwrap();
    assert!(notes.len() == 2 && notes[0].contains("takes nothing back"), "{notes:?}");
    let volatile = crate::network::server("IDGEN_TEST_REDIS_VOLATILE_URL");
    let store = RedisCounter::new(&with_option(&volatile, "key=integers")).unwrap();
    let notes = wait(store.notes()).unwrap();
    assert!(notes.len() == 3 && notes[2].contains("appendonly is no"), "{notes:?}");
}

/// Originals cannot increase a counter that was moved away, and its position stays to be read.
#[test]
fn a_moved_counter_is_no_number_for_originals() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 40);
    let (target, key) = (MemoryStore::new(), name.as_str());
    let (here, there) =
        (Site { store: &store, place: "redis" }, Site { store: &target, place: "new" });
    let moved = wait(migrate(here, there, &name, Departure::Tombstone)).unwrap();
    assert_eq!((moved.left_at, moved.bound), (40, 40));
    let original = wait(async {
        let client = redis::Client::open(place.server.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("INCRBY").arg(key).arg(2).query_async::<i64>(&mut connection).await
    });
    assert!(original.unwrap_err().to_string().contains("not an integer"));
    let address = wait(there.address()).unwrap();
    let tombstone = format!("idgen: at 40 moved to {address}");
    assert_eq!(place.command::<String>(&["GET", key]), tombstone);
    for answer in [
        wait(store.lease(&name, 1, 0)).map(|_| ()),
        wait(store.advance_to(&name, 99)),
        wait(store.move_away(&name, "elsewhere")).map(|_| ()),
    ] {
        assert!(
            matches!(&answer, Err(StoreError::Moved { to, .. }) if *to == address),
            "{answer:?}"
        );
    }
    assert!(wait(migrate(here, there, &name, Departure::Tombstone)).unwrap().was_there);
    assert_eq!(ids(&wait(target.lease(&name, 2, 0)).unwrap()), [42, 44]);
    wait(migrate(there, here, &name, Departure::Tombstone)).unwrap();
    assert_eq!(place.command::<u64>(&["INCRBY", key, "2"]), 46);
    assert_eq!(ids(&wait(store.lease(&name, 1, 0)).unwrap()), [48]);
}

/// A sequence that comes in begins above its bound in one step, where no counter was.
#[test]
fn a_counter_takes_in_what_counts_alike() {
    let place = fresh();
    let (name, url) = counter(&place, "");
    let (store, source) = (RedisCounter::new(&url).unwrap(), MemoryStore::new());
    let (from, to) =
        (Site { store: &source, place: "old" }, Site { store: &store, place: "redis" });
    wait(source.create(&name, &Definition::default())).unwrap();
    let conflict = wait(migrate(from, to, &name, Departure::Tombstone)).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    wait(source.lease(&name, 5, 0)).unwrap();
    let even =
        Alteration { increment: Some(2), offset: Some(0), above: 5, ..Alteration::default() };
    wait(source.alter(&name, &even)).unwrap();
    wait(migrate(from, to, &name, Departure::Tombstone)).unwrap();
    assert_eq!(place.command::<u64>(&["GET", name.as_str()]), 5);
    assert_eq!(ids(&wait(store.lease(&name, 2, 0)).unwrap()), [6, 8]);
}
