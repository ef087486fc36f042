//! Leases of worker ids over connections that are cut or fall silent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use idgen_core::{Floor, LeaseToken};
use idgen_store::{RegistryError, Wish};

use super::super::desk::Desk;
use super::super::proxy::{Cut, Proxy};
use super::super::{Backend, Place, fresh, wait};

/// A registry behind a proxy, and one beside it.
struct Wire<B: Backend> {
    proxy: Proxy,
    desk: Desk,
    beside: Desk,
    _place: Place<B>,
}

impl<B: Backend> Wire<B> {
    fn new(limit_ms: Option<u64>) -> Self {
        let place = fresh::<B>();
        let (proxy, url) = place.proxied();
        let url = limit_ms.map_or(url.clone(), |ms| Place::<B>::limited(&url, ms));
        let desk = Desk::open::<B>(&url);
        let beside = Desk::open::<B>(&place.url());
        Self { proxy, desk, beside, _place: place }
    }

    /// The ways a connection can be cut at one of the first requests.
    fn cuts() -> impl Iterator<Item = (u64, Cut)> {
        let cuts = [Cut::Before, Cut::After, Cut::AllBut(B::LAST_MESSAGE_BYTES), Cut::AllBut(1)];
        (0..4).flat_map(move |behind| cuts.map(|cut| (behind, cut)))
    }
}

/// Whether it was done; an outage may have done it or not.
fn is_done<T>(answer: Result<T, RegistryError>) -> Option<T> {
    match answer {
        Ok(told) => Some(told),
        Err(RegistryError::Unavailable(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

/// No id has two holders, and no claim takes more than one.
pub(crate) fn a_cut_claim_costs_one_lease_at_most<B: Backend>() {
    let Wire { proxy, desk, beside, .. } = &Wire::<B>::new(None);
    let (mut holders, mut sent) = (BTreeMap::<u64, LeaseToken>::new(), 0);
    let mut hold = |lease: &idgen_core::WorkerLease| {
        let before = holders.insert(lease.worker(), lease.token());
        assert_eq!(before, None, "worker id {} has two holders", lease.worker());
    };
    for (behind, cut) in Wire::<B>::cuts() {
        proxy.cut_behind(behind, cut);
        sent += 2;
        is_done(wait(desk.claim(Wish::Any))).inspect(|claimed| hold(&claimed.lease));
        hold(&wait(beside.claim(Wish::Any)).unwrap().lease);
        proxy.spare();
    }
    assert!(proxy.cuts() >= 8, "{} cuts", proxy.cuts());
    let listed = wait(beside.list()).unwrap();
    assert!(listed.len() <= sent, "{} ids for {sent} claims", listed.len());
    for (worker, token) in holders {
        let info = listed.iter().find(|info| info.worker == worker);
        assert_eq!(info.map(|info| info.token), Some(token), "what was told stands");
    }
}

pub(crate) fn a_cut_renewal_is_renewed_again<B: Backend>() {
    let Wire { proxy, desk, beside, .. } = &Wire::<B>::new(None);
    let lease = wait(desk.claim(Wish::Any)).unwrap().lease;
    for (behind, cut) in Wire::<B>::cuts() {
        proxy.cut_behind(behind, cut);
        let renewed = (0..3).find_map(|_| is_done(wait(desk.renew(&lease))));
        proxy.spare();
        let told = renewed.expect("one cut fails one renewal").renewal.horizon_unix_ms();
        let listed = wait(beside.list()).unwrap();
        assert_eq!((listed.len(), listed[0].token), (1, lease.token()));
        assert_eq!(listed[0].horizon_unix_ms, told, "{cut:?} behind {behind}");
        assert!(matches!(wait(beside.claim(Wish::Exactly(0))), Err(RegistryError::Held { .. })));
    }
    assert!(proxy.cuts() >= 4, "{} cuts", proxy.cuts());
}

/// The next lease begins at the receipt, whether the answer was lost or the request.
pub(crate) fn a_cut_release_is_done_once<B: Backend>() {
    let Wire { proxy, desk, beside, .. } = &Wire::<B>::new(None);
    for (behind, cut) in Wire::<B>::cuts() {
        let lease = wait(desk.claim(Wish::Exactly(0)));
        let lease = lease.or_else(|_cut| wait(desk.claim(Wish::Exactly(0)))).unwrap().lease;
        let receipt = Floor { unix_ms: lease.floor().unix_ms + 1, sequence: behind + 1 };
        proxy.cut_behind(behind, cut);
        let released = (0..3).find_map(|_| match wait(desk.release(0, lease.token(), receipt)) {
            // It was done, and its answer was lost.
            Err(RegistryError::Lost { .. }) => Some(()),
            other => is_done(other),
        });
        proxy.spare();
        released.expect("one cut fails one release");
        let next = wait(beside.claim(Wish::Exactly(0))).unwrap().lease;
        assert_eq!(next.floor(), receipt, "{cut:?} behind {behind}");
        wait(beside.release(0, next.token(), next.floor())).unwrap();
    }
    assert!(proxy.cuts() >= 4, "{} cuts", proxy.cuts());
}

/// It costs a renewal, in time for another.
pub(crate) fn a_silent_connection_keeps_the_lease<B: Backend>() {
    let Wire { proxy, desk, beside, .. } = &Wire::<B>::new(Some(1000));
    let claimed = (0..20).find_map(|_| is_done(wait(desk.claim(Wish::Any))));
    let lease = claimed.expect("claimed while it speaks").lease;
    proxy.set_silent(true);
    let began = Instant::now();
    let late = wait(desk.renew(&lease)).unwrap_err();
    assert!(matches!(late, RegistryError::Unavailable(_)), "{late}");
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());
    let held = wait(beside.claim(Wish::Exactly(lease.worker()))).unwrap_err();
    assert!(matches!(held, RegistryError::Held { .. }), "{held}");
    proxy.set_silent(false);
    let renewed = (0..20).find_map(|_| is_done(wait(desk.renew(&lease))));
    let told = renewed.expect("renewed once it speaks again").renewal.horizon_unix_ms();
    let listed = wait(beside.list()).unwrap();
    let info = listed.iter().find(|info| info.worker == lease.worker()).unwrap();
    assert_eq!((info.token, info.horizon_unix_ms), (lease.token(), told));
}
