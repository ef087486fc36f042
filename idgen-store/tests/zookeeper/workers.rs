//! Worker ids as others see them: their nodes, sessions that end, leases that sessions bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::{Ended, Floor, WorkerLease};
use idgen_store::{Claim, Name, RegistryError, Wish, WorkerRegistry};
use zookeeper_client::Stat;

use crate::network::proxy::Proxy;
use crate::network::{address, now_unix_ms, through, wait, with_option};
use crate::{Place, fresh};

const LEASE_MS: u64 = 2_000;

fn space() -> Name {
    Name::new("sequences").unwrap()
}

fn open(url: &str) -> Arc<dyn WorkerRegistry> {
    idgen_store::open(url).unwrap().workers.unwrap()
}

fn claim(registry: &dyn WorkerRegistry, lease_ms: u64) -> Result<WorkerLease, RegistryError> {
    let claim = Claim {
        ids: 0..=7,
        wish: Wish::Any,
        nonce: u128::from(now_unix_ms()),
        holder: "node 1/a".to_owned(),
        published: "layout 41/10/12".to_owned(),
        lease_ms,
        now_unix_ms: now_unix_ms(),
        proof: None,
    };
    wait(registry.claim(&space(), &claim)).map(|claimed| claimed.lease)
}

fn renew(registry: &dyn WorkerRegistry, lease: &WorkerLease) -> Result<u64, RegistryError> {
    let (worker, token) = (lease.worker(), lease.token());
    let renewed = wait(registry.renew(&space(), worker, token, now_unix_ms()))?;
    Ok(renewed.renewal.horizon_unix_ms())
}

/// A node of the id space, if it is there.
fn node(place: &Place, below: &str) -> Option<(String, Stat)> {
    let path = place.path(&format!("/%73equences/{below}"));
    let found = wait(async { place.client().await.get_data(&path).await }).ok();
    found.map(|(data, stat)| (String::from_utf8(data).unwrap(), stat))
}

/// What is only shown is shown a little later.
fn soon<T>(look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "never seen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_lease_is_one_readable_node_and_its_holder_is_shown() {
    let place = fresh();
    let registry = open(&place.url());
    let lease = claim(&*registry, LEASE_MS).unwrap();
    wait(registry.put_layout(&space(), 0, "41/10/12")).unwrap();
    let (text, stat) = node(&place, "workers/0").unwrap();
    let due = format!("idgen worker 1\nserial {}\nnonce ", lease.token().serial);
    assert!(text.starts_with(&due) && text.contains("\nholder node%201%2Fa\n"), "{text}");
    assert_eq!((stat.version, stat.ephemeral_owner), (0, 0));
    assert_eq!(node(&place, "layout").unwrap().0, "1\n41/10/12");
    let (holder, shown) = soon(|| node(&place, "live/0"));
    assert_eq!(holder, "node 1/a");
    assert_ne!(shown.ephemeral_owner, 0);
    renew(&*registry, &lease).unwrap();
    assert_eq!(node(&place, "live/0").unwrap().1, shown, "a renewal leaves it alone");
    let ended = Ended::receipt(0, lease.token(), lease.floor());
    wait(registry.release(&space(), ended)).unwrap();
    soon(|| node(&place, "live/0").is_none().then_some(()));
    assert!(node(&place, "workers/0").unwrap().0.contains("\ngranted no\n"));
    // The sequence store's own node is where it was.
    let path = place.path("/sequences");
    let stat = wait(async { place.client().await.check_stat(&path).await }).unwrap();
    assert_eq!(stat.map(|stat| stat.num_children), Some(0));
}

/// The server hears nothing of the session until it is over; the lease is as it was.
#[test]
fn a_session_that_ends_takes_no_lease_with_it() {
    let place = fresh();
    let proxy = Proxy::to(&address(&place.url()));
    let url = with_option(&through(&place.url(), proxy.port()), "session_timeout_ms=2000");
    let registry = open(&with_option(&url, "answer_timeout_ms=500"));
    let lease = claim(&*registry, LEASE_MS).unwrap();
    let (_, shown) = soon(|| node(&place, "live/0"));
    proxy.set_silent(true);
    let gone = || node(&place, "live/0").is_none().then_some(());
    soon(gone);
    let lost = renew(&*registry, &lease).unwrap_err();
    assert!(matches!(lost, RegistryError::Unavailable(_)), "{lost}");
    let horizon = wait(open(&place.url()).list(&space())).unwrap()[0].horizon_unix_ms;
    assert_eq!(horizon, lease.horizon_unix_ms(), "recorded as granted");
    proxy.set_silent(false);
    let renewed = soon(|| match renew(&*registry, &lease) {
        Ok(horizon) => Some(horizon),
        Err(RegistryError::Unavailable(_)) => None,
        Err(other) => panic!("{other}"),
    });
    assert!(renewed > horizon);
    let (_, again) = soon(|| node(&place, "live/0"));
    assert_ne!(again.ephemeral_owner, shown.ephemeral_owner, "shown by the session after it");
    let floor = Floor { unix_ms: lease.floor().unix_ms + 3, sequence: 9 };
    wait(registry.release(&space(), Ended::receipt(0, lease.token(), floor))).unwrap();
    assert_eq!(claim(&*open(&place.url()), LEASE_MS).unwrap().floor(), floor);
}

/// An original's ephemeral node of the same name, or one of a session that is not over yet.
#[test]
fn a_foreign_live_node_is_no_hindrance() {
    let place = fresh();
    let registry = open(&place.url());
    let first = claim(&*registry, LEASE_MS).unwrap();
    let (_, shown) = soon(|| node(&place, "live/0"));
    wait(registry.release(&space(), Ended::receipt(0, first.token(), first.floor()))).unwrap();
    soon(|| node(&place, "live/0").is_none().then_some(()));
    let client = wait(place.client());
    let options =
        zookeeper_client::CreateMode::Ephemeral.with_acls(zookeeper_client::Acls::anyone_all());
    let path = place.path("/%73equences/live/0");
    wait(client.create(&path, b"another", &options)).unwrap();
    let again = claim(&*registry, LEASE_MS).unwrap();
    assert_eq!(again.worker(), 0);
    let own = || node(&place, "live/0").filter(|(holder, _)| holder == "node 1/a");
    let (_, now) = soon(own);
    assert_eq!(now.ephemeral_owner, shown.ephemeral_owner, "of the registry's one session");
}

#[test]
fn a_lease_longer_than_its_session_is_refused() {
    let place = fresh();
    let registry = open(&with_option(&place.url(), "session_timeout_ms=1500"));
    let refused = claim(&*registry, LEASE_MS).unwrap_err();
    assert!(matches!(refused, RegistryError::Refused(_)), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("1500 ms") && said.contains("session_timeout_ms=2000"), "{said}");
    assert_eq!(wait(registry.list(&space())).unwrap(), []);
    claim(&*registry, 1500).unwrap();
    // More than the servers of the tests allow.
    let registry = open(&with_option(&place.url(), "session_timeout_ms=90000"));
    let said = claim(&*registry, 90_000).unwrap_err().to_string();
    assert!(said.contains("raise maxSessionTimeout"), "{said}");
    claim(&*open(&place.url()), 10_000).expect("the default lease fits the default session");
}

/// A node that is none of a worker id is told, not passed over.
#[test]
fn what_is_no_worker_id_is_damage() {
    let place = fresh();
    let registry = open(&place.url());
    claim(&*registry, LEASE_MS).unwrap();
    let options =
        zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
    for name in ["01", "x"] {
        let path = place.path(&format!("/%73equences/workers/{name}"));
        wait(async { place.client().await.create(&path, b"", &options).await.map(drop) }).unwrap();
        let damaged = claim(&*registry, LEASE_MS).unwrap_err();
        assert!(matches!(damaged, RegistryError::Damaged(_)), "{damaged}");
        assert!(damaged.to_string().contains(&format!("workers/{name}")), "{damaged}");
        wait(async { place.client().await.delete(&path, None).await }).unwrap();
    }
}
