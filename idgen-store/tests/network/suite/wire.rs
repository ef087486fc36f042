//! What a lease costs on the wire, and what becomes of connections that are cut or fall silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_store::{SequenceStore, StoreError};

use super::super::backend::open;
use super::super::proxy::{Cut, Proxy};
use super::super::{Backend, Place, assert_disjoint, fresh, orders, wait};
use super::crash::first_lease;
use super::{lease, split};

/// A place with a sequence, and a store behind a proxy.
struct Wire<B: Backend> {
    proxy: Proxy,
    store: Arc<dyn SequenceStore>,
    _place: Place<B>,
}

impl<B: Backend> Wire<B> {
    fn new(open: impl Fn(&str) -> Arc<dyn SequenceStore>) -> Self {
        let place = fresh::<B>();
        place.stocked();
        let (proxy, url) = place.proxied();
        Self { proxy, store: open(&url), _place: place }
    }
}

pub(crate) fn a_lease_is_one_round_trip<B: Backend>() {
    let Wire { proxy, store, .. } = &Wire::<B>::new(open);
    lease(&**store, 10).unwrap();
    let before = proxy.round_trips();
    for _ in 0..50 {
        lease(&**store, 10).unwrap();
    }
    let made = proxy.round_trips() - before;
    assert!(B::TURNS_OF_50_LEASES.contains(&made), "{made} for 50 leases");
    assert_eq!(proxy.connections(), 1, "one connection serves them all");
}

/// A store that tries again by itself may do so, on ground above what it may have been granted.
pub(crate) fn a_cut_costs_one_lease_at_most<B: Backend>() {
    let Wire { proxy, store, .. } = &Wire::<B>::new(open);
    let mut end = lease(&**store, 10).unwrap().range.last();
    let cuts = [Cut::Before, Cut::After, Cut::AllBut(B::LAST_MESSAGE_BYTES), Cut::AllBut(1)];
    for (cut, gap) in cuts.into_iter().zip([0, 10, 10, 10]) {
        proxy.cut(cut);
        let next = match lease(&**store, 10) {
            Ok(lease) => lease.range,
            Err(StoreError::Unavailable(_)) => lease(&**store, 10).unwrap().range,
            Err(other) => panic!("{cut:?}: {other}"),
        };
        assert!(next.start() > end && next.start() <= end + gap + 1, "{cut:?}: {next:?} on {end}");
        end = next.last();
    }
    assert_eq!((proxy.cuts(), proxy.connections()), (4, 5));
}

pub(crate) fn a_cut_hand_back_is_granted_once_or_never<B: Backend>() {
    let Wire { proxy, store, .. } = &Wire::<B>::new(open);
    let mut issued = Vec::new();
    for cut in [Cut::Before, Cut::After] {
        let (kept, tail) = split(&lease(&**store, 10).unwrap(), 4);
        proxy.cut(cut);
        match wait(store.hand_back(&orders(), &tail.unwrap())) {
            // A store that can tell whether it took effect may try again by itself.
            Ok(()) | Err(StoreError::Unavailable(_) | StoreError::NotCurrent { .. }) => {}
            Err(other) => panic!("{cut:?}: {other}"),
        }
        issued.extend(kept);
        issued.push(lease(&**store, 10).unwrap().range);
        issued.push(lease(&**store, 10).unwrap().range);
    }
    assert_eq!(proxy.cuts(), 2);
    assert_disjoint(issued);
}

/// A server that went away while nobody asked, and one that is away for a while.
pub(crate) fn lost_connections_are_made_anew<B: Backend>() {
    let Wire { proxy, store, .. } = &Wire::<B>::new(open);
    let mut told = vec![lease(&**store, 10).unwrap().range];
    for _ in 0..3 {
        proxy.lose_all();
        // Not seen yet by a store that did not look, so the first request may meet it.
        let next = lease(&**store, 10).or_else(|_lost| lease(&**store, 10));
        told.push(next.unwrap().range);
    }
    proxy.set_down(true);
    for _ in 0..3 {
        let lost = lease(&**store, 10).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    }
    proxy.set_down(false);
    told.push(first_lease(&**store, B::RECOVERY));
    assert_disjoint(told);
}

/// It neither answers nor ends; its late answers are nobody's.
pub(crate) fn a_silent_connection_is_unavailable_in_time<B: Backend>() {
    let limited = |url: &str| open(&Place::<B>::limited(url, 500));
    let Wire { proxy, store, .. } = &Wire::<B>::new(limited);
    let mut told = vec![lease(&**store, 10).unwrap().range];
    proxy.set_silent(true);
    let began = Instant::now();
    let late = lease(&**store, 10).unwrap_err();
    assert!(matches!(late, StoreError::Unavailable(_)), "{late}");
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());
    proxy.set_silent(false);
    // What connected while it was silent may be late, too.
    let next = lease(&**store, 3).or_else(|_late| lease(&**store, 3)).unwrap().range;
    assert_eq!(next.len(), 3, "the answer to this request");
    told.push(next);
    for len in 4..10 {
        let next = lease(&**store, len).unwrap().range;
        assert_eq!(next.len(), len, "the answer to this request");
        told.push(next);
    }
    assert_disjoint(told);
}
