//! The GenID door, and the defects of the original that it must not have.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::clients::GenId;
use crate::harness::{Place, alone, assert_distinct};

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn bucket(id: u64) -> u64 {
    id >> 16 & 31
}

fn assert_rising(ids: &[u64]) {
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "not rising: {ids:?}");
}

#[test]
fn sixty_four_readme_clients_get_distinct_rising_ids() {
    let _turn = alone();
    let place = Place::new();
    let server = place.serve_with(&["--zone", "3", "--dc", "5", "--machine", "6"], &[]);
    let mut all = Vec::new();
    thread::scope(|scope| {
        let client = || {
            let mut client = GenId::connect(server.tcp()).unwrap();
            let mut ids = Vec::new();
            for _ in 0..20 {
                let batch = client.batch(255).unwrap();
                let now = unix_s();
                assert!(batch.iter().all(|id| (id >> 32).abs_diff(now) <= 2), "{now}: {batch:?}");
                ids.extend(batch);
            }
            assert_rising(&ids);
            assert!(ids.iter().all(|id| bucket(*id) == bucket(ids[0])), "more than one bucket");
            ids
        };
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(client)).collect();
        all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    });
    assert_eq!(all.len(), 64 * 20 * 255);
    let node = 3 << 11 | 5 << 8 | 6 << 5;
    assert!(all.iter().all(|id| id >> 16 & 0xffe0 == node), "another zone, dc or machine");
    assert_distinct("GenID", &mut all);
}

#[test]
fn beats_1_the_bucket_is_part_of_the_id() {
    let place = Place::new();
    let server = place.serve();
    let mut clients: Vec<_> = (0..32).map(|_| GenId::connect(server.tcp()).unwrap()).collect();
    let mut buckets: Vec<_> =
        clients.iter_mut().map(|client| bucket(client.one().unwrap())).collect();
    buckets.sort_unstable();
    assert_eq!(buckets, (0..32).collect::<Vec<_>>(), "32 connections, 32 least used buckets");
}

#[test]
fn beats_2_the_counter_never_wraps_inside_a_second() {
    let _turn = alone();
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    let (mut ids, begun) = (Vec::new(), Instant::now());
    while ids.len() <= 3 * 65_536 {
        ids.extend(client.batch(255).unwrap());
    }
    assert_rising(&ids);
    // Three seconds' worth cannot be had in less than two whole ones.
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let last = *ids.last().unwrap();
    assert!((last >> 32).abs_diff(unix_s()) <= 1, "ids run ahead of the clock");
}

#[test]
fn beats_3_a_restart_within_a_second_repeats_nothing() {
    let place = Place::new();
    let mut ids = Vec::new();
    for kill in [false, true, false] {
        let mut server = place.serve();
        let mut client = GenId::connect(server.tcp()).unwrap();
        ids.extend(client.batch(100).unwrap());
        if kill { server.kill() } else { server.stop() }
    }
    assert_rising(&ids);
    assert_distinct("GenID over restarts", &mut ids);
}

#[test]
fn beats_4_ids_rise_on_a_connection_beside_others_of_its_bucket() {
    let place = Place::new();
    let server = place.serve();
    let others: Vec<_> = (0..31).map(|_| GenId::connect(server.tcp()).unwrap()).collect();
    let (mut a, mut b) = (GenId::connect(server.tcp()).unwrap(), None);
    let mut ids = vec![a.one().unwrap()];
    for round in 0..200_u8 {
        let b = b.get_or_insert_with(|| GenId::connect(server.tcp()).unwrap());
        ids.extend(b.batch(round / 2).unwrap());
        ids.push(a.one().unwrap());
    }
    // Asked in turn, both connections together rise too if they share the bucket.
    let ids: Vec<_> = ids.iter().copied().filter(|id| bucket(*id) == bucket(ids[0])).collect();
    assert_rising(&ids);
    drop(others);
}

#[test]
fn beats_5_a_batch_arrives_in_one_piece() {
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    for _ in 0..50 {
        client.send(&[1, 255]).unwrap();
        assert_eq!(client.recv::<2041>().unwrap()[0], 255);
    }
}

#[test]
fn requests_may_be_split_and_pipelined() {
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    client.send(&[1]).unwrap();
    thread::sleep(Duration::from_millis(30));
    client.send(&[3, 0]).unwrap();
    let mut ids = client.batch_answer(3).unwrap();
    client.send(&[77]).unwrap();
    ids.push(u64::from_be_bytes(client.recv().unwrap()));
    client.send(&[0, 0].repeat(1000)).unwrap();
    let mut bytes = vec![0; 8000];
    client.stream.read_exact(&mut bytes).unwrap();
    ids.extend(bytes.chunks(8).map(|id| u64::from_be_bytes(id.try_into().unwrap())));
    assert_eq!(ids.len(), 1004);
    assert_rising(&ids);
}

#[test]
fn an_empty_batch_leaves_the_connection_open() {
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    assert!(client.batch(0).unwrap().is_empty());
    assert!(client.one().is_ok());
}

#[test]
fn an_unknown_command_closes_after_the_answers_before_it() {
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    client.send(&[0, 0, 2, 1, 0, 0]).unwrap();
    assert!(client.recv::<8>().is_ok());
    assert!(client.ends());
}

#[test]
fn half_a_request_does_not_hold_a_connection() {
    let place = Place::new();
    let server = place.serve();
    let mut client = GenId::connect(server.tcp()).unwrap();
    client.send(&[0, 0, 1]).unwrap();
    assert!(client.recv::<8>().is_ok());
    let begun = Instant::now();
    assert!(client.ends(), "no FIN");
    assert!(begun.elapsed() >= Duration::from_secs(4), "closed at once");
}

#[test]
fn ids_agree_with_decode() {
    let place = Place::new();
    let server = place.serve_with(&["--zone", "31", "--dc", "7", "--machine", "7"], &[]);
    let id = GenId::connect(server.tcp()).unwrap().one().unwrap();
    let decoded = place.run(&["--json", "decode", &id.to_string(), "--layout", "genid"]);
    let decoded: serde_json::Value = serde_json::from_str(&decoded).unwrap();
    let fields = &decoded["fields"];
    assert_eq!(
        (&fields["zone"], &fields["dc"], &fields["machine"]),
        (&"31".into(), &"7".into(), &"7".into())
    );
}
