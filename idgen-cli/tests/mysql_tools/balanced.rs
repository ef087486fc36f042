//! nginx before three servers of one pot: every client sees distinct ids.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::Database;
use crate::clients::{Http, post_form};
use crate::harness::{Place, assert_distinct, full};
use crate::idpot;
use crate::servers::balancer::Balancer;

/// nginx before these servers, and where it listens.
fn nginx(dir: &Path, servers: &[SocketAddr]) -> (Balancer, SocketAddr) {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream: String = servers.iter().map(|addr| format!("server {addr};")).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|of| format!("{of}_temp_path {}/{of};", dir.display()))
        .concat();
    let parts = format!(
        "http {{ access_log off; keepalive_requests 1000000; {temporary}\n\
         upstream pots {{ {upstream} keepalive 32; keepalive_requests 1000000; }}\n\
         server {{ listen {addr}; location / {{ proxy_pass http://pots; \
         proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n"
    );
    (Balancer::nginx(dir, "", &parts, &[addr]), addr)
}

#[test]
fn three_servers_behind_nginx_never_repeat_an_id() {
    let database = Database::new();
    let places = [Place::new(), Place::new(), Place::new()];
    let servers = places.each_ref().map(|place| idpot::start(place, &database));
    let front = Place::new();
    let (_nginx, addr) =
        nginx(front.path(), &servers.each_ref().map(|server| server.addr("idpot")));
    assert_eq!(post_form(addr, "/pot/create", "name=foo", "").status, 201);
    let until = Instant::now() + Duration::from_secs(if full() { 10 } else { 2 });
    let mut all = Vec::new();
    thread::scope(|scope| {
        let client = || {
            let mut http = Http::connect(addr).unwrap();
            let mut ids: Vec<u64> = Vec::new();
            while Instant::now() < until {
                let answer = http.ask("POST", "/id/foo").unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                ids.push(answer.body.parse().unwrap());
            }
            ids
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(client)).collect();
        all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    });
    println!("{} ids of three servers behind nginx", all.len());
    assert!(all.len() > 1000, "{}", all.len());
    assert_distinct("three servers behind nginx", &mut all);
    let answered = |place: &Place| {
        let names = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = names.filter(|path| path.to_string_lossy().contains("access-"));
        logs.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum::<usize>()
    };
    for server in servers {
        server.stop();
    }
    let answered = places.each_ref().map(answered);
    assert!(answered.iter().all(|count| *count > 100), "each had its share: {answered:?}");
    assert_eq!(answered.iter().sum::<usize>(), all.len() + 1, "one line for each request");
}
