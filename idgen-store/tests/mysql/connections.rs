//! What a lease costs on the wire, and what becomes of connections that are cut.

use std::time::Duration;

use idgen_store::mysql::MysqlStore;
use idgen_store::{Lease, SequenceStore, StoreError};

use crate::network::proxy::{Cut, Proxy};
use crate::network::{address, closed_port, through, wait, with_option};
use crate::{Place, fresh, orders, stocked};

/// The server's word that a commit is through, the last message of each answer.
const OK_BYTES: usize = 11;

fn proxied(place: &Place) -> (Proxy, MysqlStore) {
    let proxy = Proxy::to(&address(&place.server));
    let store = MysqlStore::new(&through(&place.url(), proxy.port())).unwrap();
    (proxy, store)
}

fn lease(store: &MysqlStore, len: u64) -> Result<Lease, StoreError> {
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
    let cuts = [Cut::Before, Cut::After, Cut::AllBut(OK_BYTES), Cut::AllBut(1)];
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
    crate::network::assert_disjoint(issued);
}

/// A caller that goes away leaves nothing half done for the next.
#[test]
fn a_caller_that_gives_up_harms_nobody() {
    let place = fresh();
    let store = stocked(&place);
    let (name, mut told, mut given_up) = (orders(), Vec::new(), 0);
    // Up and down around the time that a lease takes.
    let mut limit = Duration::from_millis(1);
    wait(async {
        while told.len() < 20 {
            let lease = store.lease(&name, 5, 0);
            let Ok(granted) = tokio::time::timeout(limit, lease).await else {
                given_up += 1;
                limit = limit * 5 / 4;
                continue;
            };
            let granted = granted.unwrap();
            // Fewer ids come from a tail.
            let kept = granted.range.len() - 1;
            told.extend(granted.range.part(0, kept));
            let tail = granted.range.part(kept, 1).unwrap();
            let sent = Lease { range: tail, serial: granted.serial };
            let back = tokio::time::timeout(limit, store.hand_back(&name, &sent)).await;
            back.map_or(Ok(()), |back| back).unwrap();
            limit /= 2;
        }
        for _ in 0..50 {
            told.push(store.lease(&name, 5, 0).await.unwrap().range);
        }
    });
    assert!(given_up > 20, "some callers gave up: {given_up}");
    crate::network::assert_disjoint(told);
}

/// The lock of another is waited for, not for ever, and names what to look at.
#[test]
fn a_locked_sequence_is_unavailable_in_time() {
    let place = fresh();
    stocked(&place);
    let url = with_option(&place.url(), "statement_timeout_ms=300");
    let store = MysqlStore::new(&url).unwrap();
    wait(store.last(&orders())).unwrap();
    let sql = "START TRANSACTION; SELECT * FROM idgen_sequence FOR UPDATE; DO SLEEP(1); COMMIT";
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| place.sql(sql));
        std::thread::sleep(Duration::from_millis(200));
        let late = lease(&store, 1).unwrap_err().to_string();
        assert!(late.contains("SHOW PROCESSLIST"), "{late}");
        holder.join().unwrap();
    });
    assert_eq!(lease(&store, 1).unwrap().range.start(), 1, "it had no effect");
}

#[test]
fn callers_share_the_failure_to_connect() {
    let place = fresh();
    let url = through(&place.url(), closed_port());
    let store = std::sync::Arc::new(MysqlStore::new(&url).unwrap());
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
    let store = MysqlStore::new("mysql://host/db").unwrap();
    let refused = idgen_store::conformance::block_on(store.identity()).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("tokio runtime")));
}
