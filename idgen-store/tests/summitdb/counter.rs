//! A counter that other programs increase by `INCRBY` too: the laws that its form can hold.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use idgen_core::IdRange;
use idgen_store::{Alteration, Created, Definition, Lease, Name, SequenceStore, StoreError};
use redis::Value;

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::proxy::{Cut, Proxy};
use crate::network::{Backend, address, closed_port, load_time, through, wait, with_option};
use crate::{Place, SummitDb, alone, fresh, send};

const CEILING: u64 = (1 << 63) - 1;

/// The counter's key, and the URL of its store with more options.
pub(crate) fn counter<T>(place: &Place<T>, options: &str) -> (Name, String) {
    let key = format!("{}:integers", place.prefix);
    let url = with_option(&place.server, &format!("key={key}&retries=3{options}"));
    (Name::new(&key).unwrap(), url)
}

pub(crate) fn open(url: &str) -> Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

pub(crate) fn stocked<T>(
    place: &Place<T>,
    options: &str,
    value: u64,
) -> (Name, Arc<dyn SequenceStore>) {
    let (name, url) = counter(place, options);
    place.command::<Value>(&["SET", name.as_str(), &value.to_string()]);
    (name, open(&url))
}

fn ids(lease: &Lease) -> Vec<u64> {
    lease.range.into_iter().collect()
}

/// The promised minute, or a slice of it.
fn beside_originals() -> Duration {
    let full = std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1");
    if full { Duration::from_secs(60) } else { load_time() }
}

#[test]
fn the_series_goes_on_where_the_original_left_it() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 6);
    assert_eq!(ids(&wait(store.lease(&name, 3, 0)).unwrap()), [8, 10, 12]);
    assert_eq!(place.command::<u64>(&["INCRBY", name.as_str(), "2"]), 14);
    assert_eq!(ids(&wait(store.lease(&name, 1, 0)).unwrap()), [16]);
    assert_eq!(wait(store.last(&name)).unwrap(), 16);
    let found: Vec<String> = place.command(&["KEYS", &format!("{}*", place.prefix)]);
    assert_eq!(found, [name.as_str()], "nothing else was written");
}

/// What each original draws until all is done, by its own statement on its own connection.
fn originals<T>(
    place: &Place<T>,
    name: &Name,
    meanwhile: impl FnOnce() -> Vec<IdRange>,
) -> (Vec<i64>, Vec<IdRange>) {
    let (at, done) = (address(&place.server), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let original = |step: u64| {
            let (at, done) = (&at, &done);
            scope.spawn(move || {
                let client = redis::Client::open(format!("redis://{at}")).unwrap();
                let (mut issued, mut connection) = (Vec::new(), client.get_connection().unwrap());
                let mut draw = redis::cmd("INCRBY");
                draw.arg(name.as_str()).arg(step);
                // SeqCst: tests have the time.
                while !done.load(Ordering::SeqCst) {
                    issued.push(draw.query(&mut connection).unwrap());
                }
                assert!(issued.len() > 5, "every original issued");
                issued
            })
        };
        let threads: Vec<_> = [2, 2, 2, 2, 1, 3, 10, 2].into_iter().map(original).collect();
        let leased = meanwhile();
        done.store(true, Ordering::SeqCst);
        let issued = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        (issued.collect(), leased)
    })
}

/// Eight originals, increments that differ, beside four processes of idgen.
#[test]
fn originals_and_lessees_never_meet() {
    as_child();
    let place = fresh();
    let (name, url) = counter(&place, "");
    place.command::<Value>(&["SET", name.as_str(), "100"]);
    let (issued, leased) = originals(&place, &name, || {
        let until = Until::Elapsed(beside_originals());
        let job = Job { url: &url, name: &name, len: 7, until };
        let test = "counter::originals_and_lessees_never_meet";
        let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
        let leased: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
        assert!(leased.iter().all(|leases| leases.len() > 5), "every process leased");
        leased.concat()
    });
    assert!(leased.iter().all(|range| range.step() == 2 && range.start() % 2 == 0));
    eprintln!("{} ids of originals, {} leases beside them", issued.len(), leased.len());
    let leased = leased.iter().flat_map(|range| range.into_iter().map(u64::cast_signed));
    let mut seen = HashSet::new();
    for id in issued.into_iter().chain(leased) {
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

/// One handle knows the counter far from its end, where another has driven it meanwhile; and eight
/// race for the last ids. The counter itself would go on at -2^63 without a word.
#[test]
fn the_wrap_is_never_seen() {
    let place = fresh();
    let (name, store) = stocked(&place, "&increment=1&offset=0", 0);
    wait(store.lease(&name, 5, 0)).unwrap();
    let (_, url) = counter(&place, "&increment=1&offset=0");
    wait(open(&url).advance_to(&name, CEILING - 1000)).unwrap();
    let leased: Vec<Vec<IdRange>> = std::thread::scope(|scope| {
        let lessee = || {
            let (store, mut leased) = (open(&url), Vec::new());
            loop {
                match wait(store.lease(&name, 17, 0)) {
                    Ok(lease) => leased.push(lease.range),
                    Err(StoreError::Exhausted { .. }) => return leased,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let lessees: Vec<_> = (0..8).map(|_| scope.spawn(lessee)).collect();
        lessees.into_iter().map(|lessee| lessee.join().unwrap()).collect()
    });
    assert_eq!(crate::network::assert_disjoint(leased.concat()), 1000, "to the last one");
    let ended = wait(store.lease(&name, 5, 0)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
    assert_eq!(place.command::<String>(&["GET", name.as_str()]), CEILING.to_string());
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

#[test]
fn a_lost_reply_is_a_gap_and_a_lease_one_round_trip() {
    let place = fresh();
    let (name, _) = stocked(&place, "", 0);
    let proxy = Proxy::to(&address(&place.server));
    let store = open(&through(&counter(&place, "&peers=listed").1, proxy.port()));
    wait(store.lease(&name, 5, 0)).unwrap();
    for (cut, gap) in [(Cut::Before, 0), (Cut::After, 10), (Cut::AllBut(1), 10)] {
        let before = wait(store.last(&name)).unwrap();
        proxy.cut(cut);
        // It was asked for again by itself.
        let next = wait(store.lease(&name, 5, 0)).unwrap().range;
        assert_eq!(next.start(), before + gap + 2, "{cut:?}");
    }
    assert_eq!(proxy.cuts(), 3);
    let before = proxy.round_trips();
    for _ in 0..50 {
        wait(store.lease(&name, 5, 0)).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
}

#[test]
fn unknown_is_not_unavailable_and_not_zero() {
    let place = fresh();
    let (name, url) = counter(&place, "");
    let store = open(&url);
    let other = Name::new("other").unwrap();
    for name in [&name, &other] {
        let unknown = wait(store.lease(name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        assert!(matches!(wait(store.last(name)), Err(StoreError::Unknown { .. })));
    }
    assert_eq!(wait(store.list()).unwrap(), []);
    let away = open(&through(&counter(&place, "&peers=listed").1, closed_port()));
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
fn a_key_that_is_no_counter_is_told_and_left_alone() {
    let place = fresh();
    let (name, store) = stocked(&place, "", 4);
    for text in ["-1", "1.5", "9223372036854775808", "99999999999999999999", "", "007", "many"] {
        place.command::<Value>(&["SET", name.as_str(), text]);
        for damaged in
            [wait(store.lease(&name, 1, 0)).unwrap_err(), wait(store.last(&name)).unwrap_err()]
        {
            assert!(matches!(damaged, StoreError::Damaged(_)), "'{text}': {damaged}");
        }
        assert_eq!(place.command::<String>(&["GET", name.as_str()]), text);
    }
}

#[test]
fn what_it_cannot_hold_is_told_at_start() {
    let place = fresh();
    let (_, store) = stocked(&place, "", 4);
    let notes = wait(store.notes()).unwrap();
    assert!(notes.len() == 3 && notes[0].contains("takes nothing back"), "{notes:?}");
    assert!(notes[1].contains("9223372036854775807") && notes[2].contains("durability"));
    let notes = wait(place.store().notes()).unwrap();
    assert!(notes.len() == 1 && notes[0].contains("durability"), "{notes:?}");
}

/// Through a kill of the cluster, beside an original that goes on after it.
#[test]
fn a_killed_cluster_repeats_nothing() {
    as_child();
    let place = alone();
    let (name, url) = counter(&place, "");
    place.command::<Value>(&["SET", name.as_str(), "0"]);
    let until = Until::Elapsed(load_time() + Duration::from_secs(1));
    let job = Job { url: &url, name: &name, len: 5, until };
    let test = "counter::a_killed_cluster_repeats_nothing";
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let at = address(&place.server);
    let draw = || send::<u64>(&at, &["INCRBY", name.as_str(), "2"]);
    let mut drawn = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(load_time() / 4);
        drawn.push(draw().unwrap());
        SummitDb::kill();
        assert!(draw().is_err(), "it is down");
        SummitDb::start();
        drawn.push(draw().unwrap());
    }
    let told: Vec<Vec<IdRange>> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    let told = told.concat();
    crate::network::assert_disjoint(told.clone());
    let leased: HashSet<u64> = told.iter().flat_map(|range| range.into_iter()).collect();
    assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]), "{drawn:?}");
    assert!(drawn.iter().all(|id| !leased.contains(id)), "an original's id was leased");
}
