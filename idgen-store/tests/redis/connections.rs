//! What a lease costs on the wire, and what becomes of connections that are cut.

use std::time::Duration;

use idgen_store::redis::RedisStore;
use idgen_store::{Lease, SequenceStore, StoreError};
use redis::Value;

use crate::network::proxy::{Cut, Proxy};
use crate::network::{address, assert_disjoint, closed_port, through, wait, with_option};
use crate::{Place, alone, fresh, orders, stocked};

fn proxied(place: &Place) -> (Proxy, RedisStore) {
    let proxy = Proxy::to(&address(&place.server));
    let store = RedisStore::new(&through(&place.url(), proxy.port())).unwrap();
    (proxy, store)
}

fn lease(store: &RedisStore, len: u64) -> Result<Lease, StoreError> {
    wait(store.lease(&orders(), len, 0))
}

#[test]
fn a_lease_is_one_round_trip() {
    let place = fresh();
    stocked(&place);
    let (proxy, store) = proxied(&place);
    lease(&store, 10).unwrap();
    let before = proxy.round_trips();
    for _ in 0..50 {
        lease(&store, 10).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
    assert_eq!(proxy.connections(), 1, "one connection serves them all");
}

#[test]
fn a_cut_costs_one_lease_at_most() {
    let place = fresh();
    stocked(&place);
    let (proxy, store) = proxied(&place);
    let mut end = lease(&store, 10).unwrap().range.last();
    let cuts = [Cut::Before, Cut::After, Cut::AllBut(20), Cut::AllBut(1)];
    for (cut, gap) in cuts.into_iter().zip([0, 10, 10, 10]) {
        proxy.cut(cut);
        let lost = lease(&store, 10).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{cut:?}: {lost}");
        let next = lease(&store, 10).unwrap().range;
        assert_eq!(next.start(), end + gap + 1, "{cut:?}");
        end = next.last();
    }
    assert_eq!((proxy.cuts(), proxy.connections()), (4, 5));
}

#[test]
fn a_cut_hand_back_is_granted_once_or_never() {
    let place = fresh();
    stocked(&place);
    let (proxy, store) = proxied(&place);
    let mut issued = Vec::new();
    for cut in [Cut::Before, Cut::After] {
        let granted = lease(&store, 10).unwrap();
        let tail = granted.range.part(4, 6).unwrap();
        proxy.cut(cut);
        let sent = Lease { range: tail, serial: granted.serial };
        let lost = wait(store.hand_back(&orders(), &sent)).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
        issued.push(granted.range.part(0, 4).unwrap());
        issued.push(lease(&store, 10).unwrap().range);
        issued.push(lease(&store, 10).unwrap().range);
    }
    assert_disjoint(issued);
}

/// A caller that goes away leaves nothing half done for the next.
#[test]
fn a_caller_that_gives_up_harms_nobody() {
    let place = fresh();
    let store = stocked(&place);
    let (name, mut told, mut given_up) = (orders(), Vec::new(), 0);
    // Up and down around the time that a lease takes.
    let mut limit = Duration::from_micros(200);
    wait(async {
        while told.len() < 20 || given_up < 20 {
            let lease = store.lease(&name, 5, 0);
            let Ok(granted) = tokio::time::timeout(limit, lease).await else {
                given_up += 1;
                limit = limit * 5 / 4;
                continue;
            };
            told.push(granted.unwrap().range);
            limit /= 2;
        }
        for _ in 0..50 {
            told.push(store.lease(&name, 5, 0).await.unwrap().range);
        }
    });
    assert_disjoint(told);
}

/// A server that does not answer is waited for, not for ever.
#[test]
fn a_silent_server_is_unavailable_in_time() {
    let place = alone();
    stocked(&place);
    let store = RedisStore::new(&with_option(&place.url(), "answer_timeout_ms=300")).unwrap();
    wait(store.last(&orders())).unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| place.command::<Value>(&["DEBUG", "SLEEP", "1"]));
        std::thread::sleep(Duration::from_millis(200));
        let late = lease(&store, 1).unwrap_err();
        assert!(matches!(&late, StoreError::Unavailable(_)), "{late}");
        assert!(late.to_string().contains("overloaded"), "{late}");
        holder.join().unwrap();
    });
    assert!(lease(&store, 1).unwrap().range.start() <= 2, "at most the one lease is lost");
}

#[test]
fn callers_share_the_failure_to_connect() {
    let place = fresh();
    let url = through(&place.url(), closed_port());
    let store = std::sync::Arc::new(RedisStore::new(&url).unwrap());
    let errors = wait(async {
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.lease(&orders(), 1, 0).await.unwrap_err() })
            })
            .collect();
        let mut errors = Vec::new();
        for caller in callers {
            errors.push(caller.await.unwrap());
        }
        errors
    });
    assert!(errors.iter().all(|error| matches!(error, StoreError::Unavailable(_))));
    assert!(errors[0].to_string().contains("can be reached"), "{}", errors[0]);
}

#[test]
fn outside_tokio_the_store_says_so() {
    let store = RedisStore::new("redis://host").unwrap();
    let refused = idgen_store::conformance::block_on(store.identity()).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("tokio runtime")));
}

#[test]
fn scripts_that_the_server_forgot_are_sent_again() {
    let place = alone();
    let store = stocked(&place);
    assert_eq!(lease(&store, 5).unwrap().range.last(), 5);
    place.command::<Value>(&["SCRIPT", "FLUSH"]);
    assert_eq!(lease(&store, 5).unwrap().range.start(), 6);
}
