//! Many callers and many processes, and callers that go away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::{SequenceStore, StoreError};
use proptest::prelude::*;

use super::super::processes::{Job, Until, Worker, as_child};
use super::super::twin::{compare, step};
use super::super::{Backend, assert_disjoint, fresh, load_time, orders, wait};
use super::{CHILD, all, split};

pub(crate) fn processes_lease_disjoint_ground<B: Backend>() {
    as_child();
    let place = fresh::<B>();
    let store = place.stocked();
    let (url, name) = (place.url(), orders());
    let job = Job { url: &url, name: &name, len: 7, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> = (0..8).map(|_| Worker::start(CHILD, &job)).collect();
    let told: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
    assert!(told.iter().all(|leases| leases.len() > 5), "every process leased");
    let ids = assert_disjoint(told.concat());
    assert_eq!(wait(store.last(&name)).unwrap(), ids, "and nothing was skipped");
}

pub(crate) fn a_thousand_callers_wait_their_turn<B: Backend>() {
    let place = fresh::<B>();
    let store = place.stocked();
    let leases = wait(async {
        let caller = |store: Arc<dyn SequenceStore>| async move {
            store.lease(&orders(), 10, 0).await.unwrap().range
        };
        all((0..1000).map(|_| tokio::spawn(caller(store.clone()))).collect()).await
    });
    assert_eq!(assert_disjoint(leases), 10_000);
}

/// Whoever changes a sequence by hand, or hands back, gets through a stream of leases.
pub(crate) fn changes_get_through_a_stream_of_leases<B: Backend>() {
    let place = fresh::<B>();
    let store = place.stocked();
    let told = wait(async {
        let lessees = (0..8).map(|_| tokio::spawn(lessee(store.clone()))).collect();
        let mut told = Vec::new();
        for turn in 1..=20 {
            let granted = store.lease(&orders(), 10, 0).await.unwrap();
            let (kept, tail) = split(&granted, 1);
            told.extend(kept);
            if let Some(tail) = tail {
                match store.hand_back(&orders(), &tail).await {
                    // An advance came between.
                    Ok(()) | Err(StoreError::NotCurrent { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            store.advance_to(&orders(), turn * 1_000_000).await.unwrap();
        }
        told.extend(all(lessees).await.concat());
        told
    });
    assert_disjoint(told);
}

async fn lessee(store: Arc<dyn SequenceStore>) -> Vec<IdRange> {
    let mut told = Vec::new();
    for _ in 0..50 {
        told.push(store.lease(&orders(), 10, 0).await.unwrap().range);
    }
    told
}

pub(crate) fn many_that_start_at_once_are_one_store<B: Backend>() {
    for _ in 0..5 {
        let place = fresh::<B>();
        let identities = wait(async {
            let asked = |store: Arc<dyn SequenceStore>| async move { store.identity().await };
            all((0..8).map(|_| tokio::spawn(asked(place.store()))).collect()).await
        });
        let identities: Vec<_> = identities.into_iter().map(Result::unwrap).collect();
        assert_eq!(Some(identities[0].backend), B::SERVICE.split('-').next());
        assert!(!identities[0].id.is_empty() && !identities[0].incarnation.is_empty());
        assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
        assert_eq!(wait(place.store().identity()).unwrap(), identities[0], "and stays it");
    }
}

/// A caller that goes away leaves nothing half done for the next.
pub(crate) fn a_caller_that_gives_up_harms_nobody<B: Backend>() {
    let place = fresh::<B>();
    let store = place.stocked();
    let (name, began) = (orders(), Instant::now());
    let (mut told, mut given_up) = (Vec::new(), 0);
    // Up and down around the time that a lease takes.
    let mut limit = Duration::from_micros(500);
    wait(async {
        while told.len() < 20 || given_up < 20 {
            assert!(began.elapsed() < Duration::from_secs(30), "{} of {given_up}", told.len());
            let lease = store.lease(&name, 5, 0);
            let Ok(granted) = tokio::time::timeout(limit, lease).await else {
                given_up += 1;
                limit = limit * 5 / 4;
                continue;
            };
            let granted = granted.unwrap();
            // Fewer ids come from a tail.
            let (kept, tail) = split(&granted, granted.range.len() - 1);
            told.extend(kept);
            let tail = tail.expect("one id is left");
            let back = tokio::time::timeout(limit, store.hand_back(&name, &tail)).await;
            back.map_or(Ok(()), |back| back).unwrap();
            limit /= 2;
        }
        for _ in 0..50 {
            told.push(store.lease(&name, 5, 0).await.unwrap().range);
        }
    });
    assert_disjoint(told);
}

pub(crate) fn outside_tokio_the_store_says_so<B: Backend>() {
    let place = fresh::<B>();
    let refused = idgen_store::conformance::block_on(place.store().identity()).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("tokio runtime")));
}

/// Memory and a store whose rules are written in another language, or that tries again, say the
/// same.
pub(crate) fn twins_say_the_same<B: Backend>() {
    let config = ProptestConfig::with_cases(B::TWIN_CASES);
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60))| {
        let place = fresh::<B>();
        wait(compare(&*place.store(), &steps))?;
    });
}
