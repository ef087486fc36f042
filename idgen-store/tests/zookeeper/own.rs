//! Nodes as others see them, identity, logins, several servers, sessions that end, damage.

use std::sync::Arc;

use idgen_store::{Durability, Lease, Name, SequenceStore, StoreError};
use zookeeper_client::{Acls, Client, CreateMode};

use crate::network::{address, as_user, closed_port, orders, wait, with_option};
use crate::{fresh, remove};

fn open(url: &str) -> Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

#[test]
fn a_sequence_is_one_readable_node() {
    let place = fresh();
    let store = place.stocked();
    let lease = wait(store.lease(&orders(), 10, 0)).unwrap();
    let tail = Lease { range: lease.range.part(7, 3).unwrap(), serial: lease.serial };
    wait(store.hand_back(&orders(), &tail)).unwrap();
    let (data, stat) = wait(async {
        place.client().await.get_data(&place.path("/sequences/orders")).await.unwrap()
    });
    let due = "idgen sequence 1\nfirst 1\nincrement 1\noffset 0\nend 18446744073709551615\n\
               order leased\nbound 10\nserial 2\ndeleted no\nmoved\nleases\ntails 8+3\n";
    assert_eq!(String::from_utf8(data).unwrap(), due);
    assert_eq!((stat.version, stat.ephemeral_owner), (2, 0));
}

#[test]
fn another_store_has_another_identity() {
    let (one, other) = (fresh(), fresh());
    let of = |url: &str| wait(open(url).identity()).unwrap();
    let (first, again, second) = (of(&one.url()), of(&one.url()), of(&other.url()));
    assert_eq!(first, again);
    assert_eq!((first.backend, &first.durability), ("zookeeper", &Durability::Keeps));
    assert_eq!(first.id.len(), 32);
    assert_ne!((&first.id, &first.incarnation), (&second.id, &second.incarnation));
}

#[test]
fn one_of_two_servers_is_enough() {
    let place = fresh();
    place.stocked();
    let (server, away) = (address(&place.server), closed_port());
    for hosts in [format!("{server},127.0.0.1:{away}"), format!("127.0.0.1:{away},{server}")] {
        let store = open(&format!("zookeeper://{hosts}/{}", place.node));
        for _ in 0..10 {
            wait(store.lease(&orders(), 1, 0)).unwrap();
        }
    }
}

#[test]
fn what_a_user_makes_is_for_that_user() {
    let place = fresh();
    let url = as_user(&place.url(), "me:secret");
    let own = open(&url);
    wait(own.create(&orders(), &Default::default())).unwrap();
    wait(own.lease(&orders(), 1, 0)).unwrap();
    for other in [place.url(), as_user(&place.url(), "me:wrong")] {
        let refused = wait(open(&other).lease(&orders(), 1, 0)).unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        assert!(refused.to_string().contains("not authorized; give this user"), "{refused}");
    }
    assert_eq!(wait(open(&url).lease(&orders(), 1, 0)).unwrap().range.start(), 2);
}

#[test]
fn an_expired_session_is_replaced() {
    let place = fresh();
    place.stocked();
    let proxy = crate::network::proxy::Proxy::to(&address(&place.server));
    let url = crate::network::through(&place.url(), proxy.port());
    let url = with_option(&with_option(&url, "session_timeout_ms=400"), "answer_timeout_ms=500");
    let store = open(&url);
    let before = wait(store.lease(&orders(), 10, 0)).unwrap().range;
    proxy.set_down(true);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let lost = wait(store.lease(&orders(), 10, 0)).unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    proxy.set_down(false);
    let after = wait(store.lease(&orders(), 10, 0)).unwrap().range;
    assert!(after.start() > before.last() && after.start() <= before.last() + 11, "{after:?}");
}

#[test]
fn nodes_removed_under_a_session_are_an_outage_then_unknown() {
    let place = fresh();
    let store = place.stocked();
    wait(store.lease(&orders(), 1, 0)).unwrap();
    wait(async { remove(&place.client().await, &place.path("")).await });
    let unknown = wait(store.lease(&orders(), 1, 0)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    let lost = wait(store.create(&orders(), &Default::default())).unwrap_err();
    assert!(lost.to_string().contains("were removed while it was in use"), "{lost}");
    wait(store.create(&orders(), &Default::default())).unwrap();
    wait(store.lease(&orders(), 1, 0)).unwrap();
}

#[test]
fn what_others_wrote_is_damaged_and_left_alone() {
    let place = fresh();
    let store = place.stocked();
    let path = place.path("/sequences/orders");
    for broken in [&b"idgen sequence 2\n"[..], b"\xff", b""] {
        wait(async {
            place.client().await.set_data(&path, broken, None).await.unwrap();
        });
        let damaged = wait(store.lease(&orders(), 1, 0)).unwrap_err();
        assert!(matches!(damaged, StoreError::Damaged(_)), "{damaged}");
        assert!(damaged.to_string().contains("orders"), "{damaged}");
        assert!(matches!(wait(store.list()), Err(StoreError::Damaged(_))));
        let other = Name::new("other").unwrap();
        wait(store.create(&other, &Default::default())).unwrap();
        wait(store.lease(&other, 1, 0)).unwrap();
    }
}

/// Writes what the sequence `orders` holds under other names too.
async fn copy(client: &Client, place: &crate::Place, names: &[String]) {
    let (text, _) = client.get_data(&place.path("/sequences/orders")).await.unwrap();
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let path = |name| place.path(&format!("/sequences/{name}"));
    for path in names.iter().map(path) {
        client.create(&path, &text, &options).await.unwrap();
    }
}

#[test]
fn many_nodes_are_listed_while_others_come_and_go() {
    let place = fresh();
    let store = place.stocked();
    let client = wait(place.client());
    let stay: Vec<String> = (0..300).map(|number| format!("stays-{number}")).collect();
    let pass: Vec<String> = (0..20).map(|number| format!("passes-{number}")).collect();
    wait(copy(&client, &place, &stay));
    let churn = async {
        for _ in 0..10 {
            copy(&client, &place, &pass).await;
            for name in &pass {
                client.delete(&place.path(&format!("/sequences/{name}")), None).await.unwrap();
            }
        }
    };
    let look = async {
        let mut most = 0;
        for _ in 0..100 {
            let listed = store.list().await.unwrap();
            let stays = listed.iter().filter(|info| info.name.as_str().starts_with("stays-"));
            assert_eq!(stays.count(), 300);
            most = most.max(listed.len());
        }
        most
    };
    let (most, ()) = wait(async { tokio::join!(look, churn) });
    assert!(most > 301, "none of those that pass was ever seen");
}

#[test]
fn a_node_that_is_anothers_is_no_gap_in_the_list() {
    let place = fresh();
    let store = place.stocked();
    let own = open(&as_user(&place.url(), "me:secret"));
    wait(own.create(&Name::new("own").unwrap(), &Default::default())).unwrap();
    let refused = wait(store.list()).unwrap_err();
    assert!(refused.to_string().contains("not authorized; give this user"), "{refused}");
    assert_eq!(wait(own.list()).unwrap().len(), 2);
}
