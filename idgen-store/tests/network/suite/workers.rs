//! Worker ids: many that claim at once, names of id spaces, all ids of a layout, `kill -9`.

use std::collections::BTreeSet;
use std::sync::Arc;

use idgen_core::Floor;
use idgen_store::conformance::worker::LAWS;
use idgen_store::{Definition, Name, RegistryError, Wish};

use super::super::backend::open_registry;
use super::super::desk::Desk;
use super::super::processes::{Process, tell_line};
use super::super::{Backend, Place, alone, fresh, wait};
use super::{all, names};

/// The test in whose name other processes claim.
const CLAIMANT: &str = "processes_get_different_worker_ids";
/// Tells such a process what to open.
const JOB: &str = "IDGEN_TEST_CLAIM_JOB";
/// How many worker ids it claims.
const CLAIMS: u64 = 4;

impl Desk {
    /// What `url` names, with an id space of 64 worker ids.
    pub(crate) fn open<B: Backend>(url: &str) -> Self {
        Self::of(open_registry(&B::patient(url)))
    }
}

/// Claims if this is a process of its own for it, and ends it then.
fn as_claimant<B: Backend>() {
    let Ok(url) = std::env::var(JOB) else { return };
    let desk = Desk::open::<B>(&url);
    for _ in 0..CLAIMS {
        let claimed = wait(desk.claim(Wish::Any)).unwrap();
        tell_line(&format!("worker {} .", claimed.lease.worker()));
    }
    std::process::exit(0);
}

fn worker_in(line: &str) -> Option<u64> {
    line.strip_prefix("worker ")?.strip_suffix(" .")?.parse().ok()
}

/// All at once, since most of their time is spent asleep.
pub(crate) fn every_law_of_worker_ids_holds<B: Backend>() {
    let broken: Vec<String> = std::thread::scope(|scope| {
        let laws = LAWS.map(|(number, law)| {
            let judged = move || law(&fresh::<B>()).map_err(|seen| format!("{number}: {seen}"));
            scope.spawn(judged)
        });
        laws.into_iter().filter_map(|law| law.join().unwrap().err()).collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

pub(crate) fn processes_get_different_worker_ids<B: Backend>() {
    as_claimant::<B>();
    let place = fresh::<B>();
    let url = place.url();
    let processes: Vec<_> = (0..8).map(|_| Process::start(CLAIMANT, JOB, &url)).collect();
    let desks = [Desk::open::<B>(&url), Desk::open::<B>(&url)];
    let claimed = wait(async {
        let claim = |desk: Desk| async move { desk.claim(Wish::Any).await.unwrap() };
        all((0..8).map(|turn| tokio::spawn(claim(desks[turn % 2].clone()))).collect()).await
    });
    let mut told: Vec<u64> = claimed.iter().map(|claimed| claimed.lease.worker()).collect();
    for process in processes {
        told.extend(process.finish().iter().filter_map(|line| worker_in(line)));
    }
    told.sort_unstable();
    assert_eq!(told, (0..40).collect::<Vec<_>>(), "each once, and the lowest");
    let listed = wait(desks[0].list()).unwrap();
    assert!(listed.len() == 40 && listed.iter().all(|worker| worker.held), "{listed:?}");
}

/// Whatever the name of an id space could mean to the server, or to the backend's own keys.
pub(crate) fn id_spaces_do_not_touch<B: Backend>() {
    let place = fresh::<B>();
    let store = place.store();
    let Desk { registry, ids, .. } = &Desk::open::<B>(&place.url());
    let mut texts = names::texts();
    let own = ["sequences", "%73equences", "workers", "layout", "live", "turn", "identity", "0"];
    texts.extend(own.map(str::to_owned));
    for text in own {
        wait(store.create(&Name::new(text).unwrap(), &Definition::default())).unwrap();
    }
    let desk = |text: &str| {
        let space = Name::new(text).unwrap();
        Desk { registry: Arc::clone(registry), space, ids: *ids }
    };
    let mut claimed = Vec::new();
    for text in &texts {
        let desk = desk(text);
        assert_eq!(wait(desk.list()).unwrap(), [], "{text:?}");
        let granted = wait(desk.claim(Wish::Any)).unwrap().lease;
        assert_eq!(granted.worker(), 0, "{text:?}");
        let layout = format!("layout of {text}");
        wait(registry.put_layout(&desk.space, 0, &layout)).unwrap();
        claimed.push((desk, granted, layout));
    }
    for (desk, granted, layout) in claimed {
        let listed = wait(desk.list()).unwrap();
        let tokens: Vec<_> = listed.iter().map(|worker| (worker.worker, worker.token)).collect();
        assert_eq!(tokens, [(0, granted.token())], "{:?}", desk.space);
        let record = wait(registry.layout(&desk.space)).unwrap().unwrap();
        assert_eq!((record.version, record.text), (1, layout));
    }
    let listed = wait(store.list()).unwrap();
    let listed: BTreeSet<&str> = listed.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(listed, own.into_iter().collect());
}

pub(crate) fn every_worker_id_is_granted_once<B: Backend>() {
    let place = fresh::<B>();
    // Disks of a busy machine make whoever writes so much wait, which is no matter here.
    let url = Place::<B>::limited(&place.url(), 30_000);
    wait(Desk::open::<B>(&url).grant_every_id());
}

pub(crate) fn a_killed_server_keeps_every_lease<B: Backend>() {
    let place = alone::<B>();
    let desk = Desk::open::<B>(&place.url());
    let leases: Vec<_> = (0..4).map(|_| wait(desk.claim(Wish::Any)).unwrap().lease).collect();
    let receipt = Floor { unix_ms: leases[1].floor().unix_ms + 7, sequence: 77 };
    wait(desk.release(1, leases[1].token(), receipt)).unwrap();
    let before = wait(desk.list()).unwrap();
    B::kill();
    let lost = wait(desk.renew(&leases[0])).unwrap_err();
    assert!(matches!(lost, RegistryError::Unavailable(_)), "{lost}");
    B::start();
    let again = Desk::open::<B>(&place.url());
    assert_eq!(patiently::<B, _>(|| wait(again.list())), before);
    let renewed = patiently::<B, _>(|| wait(desk.renew(&leases[0])));
    assert!(renewed.renewal.horizon_unix_ms() > leases[0].horizon_unix_ms());
    let next = wait(again.claim(Wish::Any)).unwrap().lease;
    assert_eq!((next.worker(), next.floor()), (1, receipt), "the free one, where it ended");
    let fresh = wait(again.claim(Wish::Any)).unwrap().lease;
    assert_eq!(fresh.worker(), 4);
    assert!(fresh.token().serial > next.token().serial);
}

/// Asks until the server is back, which it has to be in time.
pub(super) fn patiently<B: Backend, T>(ask: impl Fn() -> Result<T, RegistryError>) -> T {
    let began = std::time::Instant::now();
    loop {
        match ask() {
            Ok(told) => return told,
            Err(RegistryError::Unavailable(_)) if began.elapsed() < B::RECOVERY => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(other) => panic!("after it came back: {other}"),
        }
    }
}

/// A holder whose record is gone does not take another's for its own, however alike they came to
/// be; for backends that can be made to `forget` the records of the id space `parcels`.
pub(crate) fn a_forgotten_holder_is_told_so<B: Backend>(url: &str, forget: impl FnOnce()) {
    let (one, other) = (Desk::open::<B>(url), Desk::open::<B>(url));
    let forgotten = wait(one.claim(Wish::Any)).unwrap().lease;
    forget();
    let current = wait(other.claim(Wish::Any)).unwrap().lease;
    assert_eq!((forgotten.worker(), current.worker()), (0, 0));
    let before = wait(other.list()).unwrap();
    let lost = wait(one.renew(&forgotten)).unwrap_err();
    assert!(matches!(lost, RegistryError::Lost { worker: 0, .. }), "{lost}");
    let token = forgotten.token();
    let lost = wait(one.release(0, token, forgotten.floor())).unwrap_err();
    assert!(matches!(lost, RegistryError::Lost { worker: 0, .. }), "{lost}");
    assert_eq!(wait(other.list()).unwrap(), before);
    wait(other.renew(&current)).unwrap();
}

pub(crate) fn outside_tokio_the_registry_says_so<B: Backend>() {
    let place = fresh::<B>();
    let refused = idgen_store::conformance::block_on(place.registry().identity()).unwrap_err();
    assert!(matches!(&refused, RegistryError::Refused(why) if why.contains("tokio runtime")));
}
