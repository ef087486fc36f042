//! Keys as others see them, identity, several servers, damage.

use idgen_store::{Durability, Lease, Name, SequenceStore, StoreError};

use crate::fresh;
use crate::network::{closed_port, orders, wait};

fn open(url: &str) -> std::sync::Arc<dyn SequenceStore> {
    idgen_store::open(url).unwrap().sequences
}

#[test]
fn a_sequence_is_one_readable_key() {
    let place = fresh();
    let store = place.stocked();
    let lease = wait(store.lease(&orders(), 10, 0)).unwrap();
    let tail = Lease { range: lease.range.part(7, 3).unwrap(), serial: lease.serial };
    wait(store.hand_back(&orders(), &tail)).unwrap();
    let key = format!("{}/sequences/orders", place.prefix);
    let text = wait(async {
        let mut client = place.client().await;
        let got = client.get(key, None).await.unwrap();
        got.kvs()[0].value_str().unwrap().to_owned()
    });
    let due = "idgen sequence 1\nfirst 1\nincrement 1\noffset 0\nend 18446744073709551615\n\
               order leased\nbound 10\nserial 2\ndeleted no\nmoved\nleases\ntails 8+3\n";
    assert_eq!(text, due);
}

#[test]
fn another_store_has_another_identity() {
    let (one, other) = (fresh(), fresh());
    let of = |url: &str| wait(open(url).identity()).unwrap();
    let (first, again, second) = (of(&one.url()), of(&one.url()), of(&other.url()));
    assert_eq!(first, again);
    assert_eq!((first.backend, &first.durability), ("etcd", &Durability::Keeps));
    assert_eq!((first.id.len(), first.incarnation.len()), (32, 16));
    assert_ne!(first.id, second.id);
    assert_eq!(first.incarnation, second.incarnation, "the cluster is the same");
}

#[test]
fn one_of_two_servers_is_enough() {
    let place = fresh();
    place.stocked();
    let server = crate::network::address(&place.server);
    for hosts in [format!("{server},127.0.0.1:{}", closed_port()), {
        format!("127.0.0.1:{},{server}", closed_port())
    }] {
        let store = open(&format!("etcd://{hosts}/{}", place.prefix));
        for _ in 0..50 {
            wait(store.lease(&orders(), 1, 0)).unwrap();
        }
    }
}

#[test]
fn more_keys_than_one_answer_holds_are_listed() {
    let place = fresh();
    let store = place.stocked();
    let text = wait(async {
        let mut client = place.client().await;
        let got = client.get(format!("{}/sequences/orders", place.prefix), None).await.unwrap();
        let text = got.kvs()[0].value().to_vec();
        for count in 0..600 {
            let key = format!("{}/sequences/x{count:03}", place.prefix);
            client.put(key, text.clone(), None).await.unwrap();
        }
        // Beside the sequences, not among them.
        client.put(format!("{}/sequences0", place.prefix), "other", None).await.unwrap();
        client.put(format!("{}/sequencer", place.prefix), "other", None).await.unwrap();
        text
    });
    assert!(!text.is_empty());
    let listed = wait(store.list()).unwrap();
    assert_eq!(listed.len(), 601);
    assert!(listed.windows(2).all(|pair| pair[0].name < pair[1].name));
}

#[test]
fn what_others_wrote_is_damaged_and_left_alone() {
    let place = fresh();
    let store = place.stocked();
    let key = format!("{}/sequences/orders", place.prefix);
    for broken in [&b"idgen sequence 2\n"[..], b"\xff", b""] {
        wait(async {
            place.client().await.put(key.as_str(), broken, None).await.unwrap();
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
