//! Worker ids as others see them: their keys, and the leases of etcd's that they live by.

use idgen_core::{Ended, WorkerLease};
use idgen_store::{Claim, Name, RegistryError, Wish, WorkerRegistry};

use crate::network::{now_unix_ms, wait};
use crate::{Place, fresh};

fn space() -> Name {
    Name::new("parcels 1").unwrap()
}

fn claim(registry: &dyn WorkerRegistry, lease_ms: u64) -> Result<WorkerLease, RegistryError> {
    let claim = Claim {
        ids: 0..=7,
        wish: Wish::Any,
        nonce: u128::from(now_unix_ms()),
        holder: "node 1/a".to_owned(),
        published: String::new(),
        lease_ms,
        now_unix_ms: now_unix_ms(),
        proof: None,
    };
    wait(registry.claim(&space(), &claim)).map(|claimed| claimed.lease)
}

/// A key of the id space: its text, the lease of etcd's it is attached to, its revision.
fn key(place: &Place, below: &str) -> Option<(String, i64, i64)> {
    let key = format!("{}/workers/parcels%201/{below}", place.prefix);
    let got = wait(async { place.client().await.get(key, None).await }).unwrap();
    let found = got.kvs().first()?;
    Some((found.value_str().unwrap().to_owned(), found.lease(), found.mod_revision()))
}

#[test]
fn a_lease_is_one_readable_key_and_lives_by_another() {
    let place = fresh();
    let registry = place.registry();
    let lease = claim(&*registry, 9_100).unwrap();
    let (text, none, record_at) = key(&place, "0").unwrap();
    let due = format!("idgen worker 1\nserial {}\nnonce ", lease.token().serial);
    assert!(text.starts_with(&due) && none == 0, "{text}");
    let (holder, live, live_at) = key(&place, "live/0").unwrap();
    assert_eq!((holder.as_str(), live_at), ("node 1/a", record_at), "one transaction");
    let ttl = |live| {
        let told = wait(async { place.client().await.lease_time_to_live(live, None).await });
        told.unwrap().granted_ttl()
    };
    assert_eq!(ttl(live), 10, "whole seconds, upwards");
    wait(registry.renew(&space(), 0, lease.token(), now_unix_ms())).unwrap();
    let (_, renewed, _) = key(&place, "live/0").unwrap();
    assert_ne!(renewed, live);
    let ended = Ended::receipt(0, lease.token(), lease.floor());
    wait(registry.release(&space(), ended)).unwrap();
    assert_eq!(key(&place, "live/0"), None);
    assert!(key(&place, "0").unwrap().0.contains("\ngranted no\n"));
}

/// The server's minimum is longer than the lease, so the id is held that long, and no shorter.
#[test]
fn a_lease_below_the_minimum_is_held_longer() {
    let place = fresh();
    let registry = place.registry();
    claim(&*registry, 1000).unwrap();
    let (_, live, _) = key(&place, "live/0").unwrap();
    let told = wait(async { place.client().await.lease_time_to_live(live, None).await }).unwrap();
    assert!(told.granted_ttl() >= 2, "{} s", told.granted_ttl());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let listed = wait(registry.list(&space())).unwrap();
    assert!(listed[0].held, "one lease later");
    assert_eq!(claim(&*registry, 1000).unwrap().worker(), 1);
}

/// A live key that somebody removed lets another have the id, above the horizon; the holder is
/// told with its next renewal.
#[test]
fn whoever_is_not_alive_does_not_hold() {
    let place = fresh();
    let registry = place.registry();
    let first = claim(&*registry, 3000).unwrap();
    assert!(!wait(registry.is_released(&space(), 0)).unwrap());
    let live = format!("{}/workers/parcels%201/live/0", place.prefix);
    wait(async { place.client().await.delete(live, None).await }).unwrap();
    assert!(wait(registry.is_released(&space(), 0)).unwrap(), "whoever waits for it may claim it");
    let mut wished = Claim {
        ids: 0..=7,
        wish: Wish::Exactly(0),
        nonce: 1,
        holder: "node 2".to_owned(),
        published: String::new(),
        lease_ms: 3000,
        now_unix_ms: now_unix_ms(),
        proof: None,
    };
    wished.now_unix_ms += 2500;
    let second = wait(place.registry().claim(&space(), &wished)).unwrap().lease;
    assert!(second.floor().unix_ms >= first.horizon_unix_ms());
    let lost = wait(registry.renew(&space(), 0, first.token(), now_unix_ms())).unwrap_err();
    assert!(matches!(lost, RegistryError::Lost { .. }), "{lost}");
}
