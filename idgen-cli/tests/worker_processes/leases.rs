//! What the registry recorded, and whether the ids that were answered agree with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use idgen_snowflake::Preset;
use idgen_store::{Name, WorkerInfo};

use crate::harness::Place;

/// The layout of all servers here, and the id space that is named after it.
const LAYOUT: &str = "standard";
/// Far below three tenths of the shortest lease: between two looks nobody renews twice.
const LOOK: Duration = Duration::from_millis(10);

/// The registry that servers in several directories share.
pub(crate) fn shared(place: &Place) -> String {
    format!("sqlite:{}", place.path().join("shared.db").display())
}

/// One grant, its horizon as it was renewed last.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pid: u32,
    worker: u64,
    floor_ms: u64,
    horizon_ms: u64,
}

impl Lease {
    fn of(info: &WorkerInfo) -> Self {
        let pid = info.holder.rsplit("pid ").next().and_then(|pid| pid.parse().ok());
        Self {
            pid: pid.unwrap_or_else(|| panic!("{info:?}")),
            worker: info.worker,
            floor_ms: info.floor_unix_ms,
            horizon_ms: info.horizon_unix_ms,
        }
    }

    fn covers(&self, pid: u32, worker: u64, unix_ms: u64) -> bool {
        (self.pid, self.worker) == (pid, worker)
            && (self.floor_ms..self.horizon_ms).contains(&unix_ms)
    }
}

/// All grants that were seen, by their serials.
pub(crate) type Leases = BTreeMap<u64, Lease>;

fn note(leases: &mut Leases, seen: &[WorkerInfo]) {
    for info in seen {
        // A release cuts the horizon to the receipt and moves the floor there: what was leased
        // before is what counts.
        if info.floor_unix_ms == info.horizon_unix_ms {
            continue;
        }
        let lease = leases.entry(info.token.serial).or_insert_with(|| Lease::of(info));
        lease.horizon_ms = lease.horizon_ms.max(info.horizon_unix_ms);
    }
}

/// Looks at a registry until it is asked what it saw.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    leases: Arc<Mutex<Leases>>,
    looking: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(url: &str) -> Self {
        let (stop, url) = (Arc::new(AtomicBool::new(false)), url.to_owned());
        let leases = Arc::new(Mutex::new(Leases::new()));
        let (stopped, noted) = (Arc::clone(&stop), Arc::clone(&leases));
        let looking = thread::spawn(move || {
            let registry = idgen_store::open(&url).unwrap().workers.unwrap();
            let space = Name::new(LAYOUT).unwrap();
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            loop {
                let last = stopped.load(Ordering::Relaxed);
                let seen = runtime.block_on(registry.list(&space)).unwrap();
                note(&mut noted.lock().unwrap(), &seen);
                if last {
                    return;
                }
                thread::sleep(LOOK);
            }
        });
        Self { stop, leases, looking }
    }

    /// Waits until it has seen a lease of this process.
    pub(crate) fn sees(&self, pid: u32) {
        let until = Instant::now() + Duration::from_secs(5);
        while !self.leases.lock().unwrap().values().any(|lease| lease.pid == pid) {
            assert!(Instant::now() < until, "no lease of {pid}");
            thread::sleep(LOOK);
        }
    }

    /// Every lease up to now.
    pub(crate) fn leases(self) -> Leases {
        self.stop.store(true, Ordering::Relaxed);
        self.looking.join().unwrap();
        std::mem::take(&mut *self.leases.lock().unwrap())
    }
}

/// Worker id and time of an id.
pub(crate) fn worker_and_time(id: u64) -> (u64, u64) {
    let decoded = Preset::named(LAYOUT).unwrap().layout.decode(id).unwrap();
    (decoded.worker(), decoded.unix_ms())
}

/// Fails on an id that was answered twice or lies in no lease of the process that answered it.
pub(crate) fn check(ids: &[(u32, u64)], leases: &Leases) -> Result<(), String> {
    let mut sorted: Vec<(u64, u32)> = ids.iter().map(|&(pid, id)| (id, pid)).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("{} was answered by {} and by {}", pair[0].0, pair[0].1, pair[1].1));
    }
    for &(pid, id) in ids {
        let (worker, unix_ms) = worker_and_time(id);
        if !leases.values().any(|lease| lease.covers(pid, worker, unix_ms)) {
            let of_worker: Vec<_> = leases.values().filter(|it| it.worker == worker).collect();
            return Err(format!(
                "{pid} answered {id} (worker {worker}, {unix_ms} ms), which was not leased to it: \
                 {of_worker:?}"
            ));
        }
    }
    Ok(())
}

#[test]
fn what_was_not_leased_or_occurs_twice_is_found() {
    let layout = &Preset::named(LAYOUT).unwrap().layout;
    let id = |tick: u64| (tick << layout.time_shift()) | (5 << 12);
    let (worker, begin) = worker_and_time(id(1_000_000_000));
    let (floor_ms, horizon_ms) = (begin, begin + 10);
    let leases = Leases::from([(1, Lease { pid: 7, worker, floor_ms, horizon_ms })]);
    let of = |pid: u32, tick: u64| (pid, id(1_000_000_000 + tick));
    assert_eq!(check(&[of(7, 0), of(7, 9)], &leases), Ok(()));
    for wrong in [[of(7, 0), of(7, 0)], [of(7, 0), of(8, 1)], [of(7, 0), of(7, 10)]] {
        check(&wrong, &leases).unwrap_err();
    }
    let (pid, id) = of(7, 1);
    check(&[(pid, id - (1 << layout.time_shift()) * 2)], &leases).unwrap_err();
}
