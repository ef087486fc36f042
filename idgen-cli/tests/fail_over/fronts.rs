//! What clients see of the nodes: both, or a balancer before them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Doors;
use crate::balancer::Balancer;
use crate::harness::Place;

/// Where one group of clients connects.
pub(crate) struct Front {
    pub(crate) name: &'static str,
    pub(crate) genid: Vec<SocketAddr>,
    pub(crate) native: Vec<SocketAddr>,
}

/// All ways to the nodes, while it lives.
pub(crate) struct Fronts {
    all: [Front; 3],
    _balancers: [Balancer; 2],
    _places: [Place; 2],
}

/// An address for a server that is killed and brought back: below those that the system gives to
/// connections, so that none of them takes it meanwhile.
pub(crate) fn free_addr() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id();
    for _ in 0..10_000 {
        // Each caller draws another number; nothing else is shared.
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port =
            15_000 + u16::try_from(first.wrapping_mul(31).wrapping_add(step) % 15_000).unwrap();
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
    panic!("no free port from 15000 to 29999");
}

fn front(name: &'static str) -> Front {
    Front { name, genid: vec![free_addr()], native: vec![free_addr()] }
}

impl Fronts {
    pub(crate) fn new(nodes: [Doors; 2]) -> Self {
        let genid = nodes.map(|doors| doors.genid);
        let native = nodes.map(|doors| doors.native);
        let places = [Place::new(), Place::new()];
        let (behind_haproxy, behind_nginx) = (front("haproxy"), front("nginx"));
        let balancers = [
            haproxy(
                &places[0],
                &[(&behind_haproxy.genid, genid), (&behind_haproxy.native, native)],
            ),
            nginx(&places[1], &[(&behind_nginx.genid, genid), (&behind_nginx.native, native)]),
        ];
        let direct = Front { name: "direct", genid: genid.to_vec(), native: native.to_vec() };
        let all = [direct, behind_haproxy, behind_nginx];
        Self { all, _balancers: balancers, _places: places }
    }

    pub(crate) fn all(&self) -> &[Front] {
        &self.all
    }
}

/// A listener and the servers behind it.
type Way<'a> = (&'a Vec<SocketAddr>, [SocketAddr; 2]);

fn haproxy(place: &Place, ways: &[Way<'_>]) -> Balancer {
    let mut text = "defaults\n mode tcp\n timeout connect 500ms\n timeout client 60s\n \
                    timeout server 60s\n retries 1\n option redispatch 1\n"
        .to_owned();
    for (number, (listen, servers)) in ways.iter().enumerate() {
        let [one, two] = servers;
        let check = "check inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions";
        text += &format!(
            "listen way{number}\n bind {}\n balance roundrobin\n server one {one} {check}\n \
             server two {two} {check}\n",
            listen[0]
        );
    }
    Balancer::haproxy(place.path(), &text, &listens(ways))
}

fn nginx(place: &Place, ways: &[Way<'_>]) -> Balancer {
    let mut parts = "stream { proxy_connect_timeout 500ms; proxy_timeout 60s;\n".to_owned();
    for (number, (listen, [one, two])) in ways.iter().enumerate() {
        let limits = "max_fails=1 fail_timeout=1s";
        parts += &format!(
            "upstream way{number} {{ server {one} {limits}; server {two} {limits}; }}\n\
             server {{ listen {}; proxy_pass way{number}; }}\n",
            listen[0]
        );
    }
    parts += "}\n";
    let module = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n";
    Balancer::nginx(place.path(), module, &parts, &listens(ways))
}

fn listens(ways: &[Way<'_>]) -> Vec<SocketAddr> {
    ways.iter().map(|(listen, _)| listen[0]).collect()
}
