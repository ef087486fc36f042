//! The idpool door, byte for byte, and the defects of the original that it must not have.

use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{Http, once};
use crate::harness::{Place, alone, assert_distinct, full};

#[test]
fn the_answer_is_the_originals_byte_for_byte() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.http()).unwrap();
    for id in 1..=3 {
        // Body and query are ignored.
        let path = if id == 2 { "/api/v1/newID?x=%zz" } else { "/api/v1/newID" };
        let answer = http.ask_json("POST", path, "{broken").unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
        assert_eq!(answer.header("Content-Length"), Some("21"));
        assert_eq!(answer.body, format!("{{\"id\":{id},\"status\":200}}"));
    }
}

#[test]
fn its_own_paths_are_answered_in_its_own_manner() {
    let place = Place::new();
    let server = place.serve();
    for path in ["/api/v1/newID", "/api/v1/newID/"] {
        let answer = once(server.http(), "GET", path);
        assert_eq!((answer.status, &*answer.body), (404, "404 page not found"));
        assert_eq!(answer.header("Content-Type"), Some("text/plain"));
        assert_eq!(answer.header("Content-Length"), Some("18"));
    }
    let answer = once(server.http(), "POST", "/api/v1/newID/");
    assert_eq!((answer.status, answer.header("Location")), (307, Some("/api/v1/newID")));
    assert_eq!(once(server.http(), "POST", "/api/v1/newid").cause(), (404, "unknown".to_owned()));
}

#[test]
fn beats_1_sixty_four_connections_never_hang() {
    let _turn = alone();
    let seconds = if full() { 10 } else { 2 };
    let place = Place::new();
    let server = place.serve();
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut all = Vec::new();
    thread::scope(|scope| {
        let client = || {
            let mut http = Http::connect(server.http()).unwrap();
            let mut ids = Vec::new();
            while Instant::now() < until {
                ids.push(http.pool_id().unwrap());
            }
            assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "not rising on a connection");
            ids
        };
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(client)).collect();
        all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    });
    assert_distinct("idpool", &mut all);
    assert_eq!(*all.last().unwrap(), all.len() as u64, "serial ids have a gap");
    println!("idpool: {} ids in {seconds} s over 64 connections", all.len());
}

#[test]
fn beats_2_ids_above_the_signed_half_come_as_numbers() {
    let place = Place::new();
    place.run(&["sequence", "create", "high", "--first", "9223372036854775807"]);
    let server = place.serve_with(&["--pool", "high"], &[]);
    let mut http = Http::connect(server.http()).unwrap();
    for id in [9_223_372_036_854_775_807, 9_223_372_036_854_775_808_u64] {
        assert_eq!(http.pool_id().unwrap(), id);
    }
}

#[test]
fn beats_3_and_4_a_short_pool_is_issued_to_its_very_end() {
    let place = Place::new();
    let end = u64::MAX.to_string();
    let first = (u64::MAX - 4).to_string();
    place.run(&["sequence", "create", "short", "--end", "5"]);
    place.run(&["sequence", "create", "last", "--first", &first, "--end", &end]);
    for (pool, expected) in [("short", 1..=5), ("last", u64::MAX - 4..=u64::MAX)] {
        let server = place.serve_with(&["--pool", pool], &[]);
        let mut http = Http::connect(server.http()).unwrap();
        let ids: Vec<_> = (0..5).map(|_| http.pool_id().unwrap()).collect();
        assert_eq!(ids, expected.collect::<Vec<_>>());
        for _ in 0..2 {
            let answer = http.ask("POST", "/api/v1/newID").unwrap();
            assert_eq!(answer.status, 500);
            assert_eq!(answer.body, r#"{"msg":"NoIDAvailable","status":500}"#);
        }
        server.stop();
    }
}

#[test]
fn beats_7_a_clean_restart_loses_no_id() {
    let place = Place::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let server = place.serve();
        let mut http = Http::connect(server.http()).unwrap();
        ids.extend((0..10).map(|_| http.pool_id().unwrap()));
        server.stop();
    }
    assert_eq!(ids, (1..=30).collect::<Vec<_>>());
}
