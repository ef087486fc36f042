//! SIGTERM: what has been read is answered, connections end with FIN, nobody can hold it.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{GenId, Http};
use crate::harness::Place;

#[test]
fn idle_connections_end_with_fin() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.http()).unwrap();
    let mut genid = GenId::connect(server.tcp()).unwrap();
    http.pool_id().unwrap();
    genid.one().unwrap();
    server.terminate();
    assert!(http.ends() && genid.ends());
    assert!(server.wait(Duration::from_secs(5)).success());
}

#[test]
fn what_has_been_sent_before_is_answered() {
    let place = Place::new();
    for _ in 0..5 {
        let server = place.serve();
        let mut genid = GenId::connect(server.tcp()).unwrap();
        genid.one().unwrap();
        genid.send(&[1, 200]).unwrap();
        server.terminate();
        assert_eq!(genid.batch_answer(200).unwrap().len(), 200);
        assert!(genid.ends());
        assert!(server.wait(Duration::from_secs(5)).success());
    }
}

#[test]
fn a_waiting_genid_request_is_answered_or_its_connection_ends() {
    let place = Place::new();
    let server = place.serve();
    let mut genid = GenId::connect(server.tcp()).unwrap();
    // More than a second has: the last of these wait for the next one.
    for _ in 0..257 {
        genid.batch(255).unwrap();
    }
    genid.send(&[1, 255, 1, 255]).unwrap();
    thread::sleep(Duration::from_millis(20));
    let begun = Instant::now();
    server.terminate();
    let answered = genid.batch_answer(255).is_ok();
    assert!(server.wait(Duration::from_secs(6)).success());
    println!("answered: {answered}, drained in {:?}", begun.elapsed());
}

#[test]
fn stuck_clients_cannot_hold_it() {
    let place = Place::new();
    let server = place.serve();
    let mut half_a_head = Http::connect(server.http()).unwrap();
    half_a_head.send("POST /v1/snow").unwrap();
    let mut half_a_body = Http::connect(server.http()).unwrap();
    half_a_body
        .send("POST /v1/snowflakes HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        .unwrap();
    let mut half_a_request = GenId::connect(server.tcp()).unwrap();
    half_a_request.send(&[1]).unwrap();
    let mut never_reads = GenId::connect(server.tcp()).unwrap();
    never_reads.stream.set_nonblocking(true).unwrap();
    // Until both sides' buffers are full of requests and answers nobody takes.
    while never_reads.send(&[1, 255].repeat(500)).is_ok() {}
    let _silent = TcpStream::connect(server.admin()).unwrap();
    thread::sleep(Duration::from_millis(100));
    server.terminate();
    assert!(server.wait(Duration::from_secs(8)).success());
}

#[test]
fn ctrl_c_drains_too() {
    let place = Place::new();
    let server = place.serve();
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(server.wait(Duration::from_secs(5)).success());
}
