//! Clients that ask servers for snowflakes until they are told to stop.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::clients::Http;

/// How many clients ask one server.
const CLIENTS: usize = 4;
const PATH: &str = "/v1/snowflakes?count=20";
/// How many ids that asks for.
const IDS: usize = 20;
/// After an answer and after a refusal: enough for ids in every tick, not for the whole machine.
const PAUSE: Duration = Duration::from_millis(1);
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(5);

/// Ids by the process that answered them.
#[derive(Clone, Default)]
pub(crate) struct Answered(Arc<Mutex<HashMap<u32, Vec<u64>>>>);

impl Answered {
    pub(crate) fn keep(&self, pid: u32, ids: &[u64]) {
        self.0.lock().unwrap().entry(pid).or_default().extend(ids);
    }

    /// How many ids a process has answered.
    pub(crate) fn count(&self, pid: u32) -> usize {
        self.0.lock().unwrap().get(&pid).map_or(0, Vec::len)
    }

    /// Waits until a process has answered more ids than can have been under way; `false` if it does
    /// not in time.
    pub(crate) fn grows(&self, pid: u32, limit: Duration) -> bool {
        let (had, until) = (self.count(pid), Instant::now() + limit);
        while self.count(pid) <= had + CLIENTS * IDS {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    pub(crate) fn all(&self) -> Vec<(u32, u64)> {
        let kept = self.0.lock().unwrap();
        kept.iter().flat_map(|(pid, ids)| ids.iter().map(|id| (*pid, *id))).collect()
    }
}

/// Clients of one server; they stop when this is dropped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn on(pid: u32, addr: SocketAddr, answered: &Answered) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = || {
            let (stop, answered) = (Arc::clone(&stop), answered.clone());
            thread::spawn(move || {
                let mut http = None;
                while !stop.load(Ordering::Relaxed) {
                    http = ask(pid, addr, http, &answered);
                    thread::sleep(if http.is_some() { PAUSE } else { PAUSE_AFTER_REFUSAL });
                }
            })
        };
        let clients = (0..CLIENTS).map(|_| client()).collect();
        Self { stop, clients }
    }
}

/// Asks once; a connection that brought no ids is not used again.
fn ask(pid: u32, addr: SocketAddr, http: Option<Http>, answered: &Answered) -> Option<Http> {
    let mut http = http.or_else(|| Http::connect(addr).ok())?;
    let ids = http.ids(PATH).ok()?;
    answered.keep(pid, &ids);
    Some(http)
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.join().unwrap();
        }
    }
}

/// An address at which nobody listens.
pub(crate) fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
