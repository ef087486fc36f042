//! Leaders that change, go, and come back; nodes that name each other; answers that are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::{Definition, Lease, Name, SequenceStore, StoreError};

use crate::http;
use crate::network::{self, assert_disjoint, load_time, orders, wait};
use crate::stage::Stage;

fn lease(store: &dyn SequenceStore) -> Result<Lease, StoreError> {
    wait(store.lease(&orders(), 10, 0))
}

/// Leases until told to stop; every request has to succeed.
fn lessee(store: &dyn SequenceStore, done: &AtomicBool) -> Vec<IdRange> {
    let mut told = Vec::new();
    // SeqCst: a flag alone, and tests have the time.
    while !done.load(Ordering::SeqCst) {
        told.push(lease(store).unwrap().range);
    }
    told
}

/// Runs `acts` while eight lessees lease, and tells what they got.
fn under_load(stores: &[Arc<dyn SequenceStore>], acts: impl FnOnce()) -> Vec<Vec<IdRange>> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let work = |store: &Arc<dyn SequenceStore>| {
            let (store, done) = (store.clone(), &done);
            scope.spawn(move || lessee(&*store, done))
        };
        let lessees: Vec<_> = stores.iter().cycle().take(8).map(work).collect();
        acts();
        // SeqCst: a flag alone, and tests have the time.
        done.store(true, Ordering::SeqCst);
        lessees.into_iter().map(|lessee| lessee.join().unwrap()).collect()
    })
}

#[test]
fn leaders_that_change_under_load_repeat_nothing() {
    let stage = Stage::new();
    let stores = [stage.stocked(), stage.store(&[2], ""), stage.store(&[3, 1], "")];
    let told = under_load(&stores, || {
        let began = Instant::now();
        let mut leader = 1;
        while began.elapsed() < load_time() {
            sleep(Duration::from_millis(100));
            leader = leader % 3 + 1;
            stage.order(&format!("leader?node={leader}"));
        }
    });
    assert!(told.iter().all(|leases| leases.len() > 5), "every lessee leased");
    let (ids, last) = (assert_disjoint(told.concat()), wait(stores[0].last(&orders())).unwrap());
    assert_eq!(ids, last, "a change of leaders that loses nothing costs nothing");
}

#[test]
fn a_leader_that_dies_under_load_is_replaced() {
    let stage = Stage::new();
    let stores = [stage.stocked(), stage.store(&[1, 3], "")];
    let told = under_load(&stores, || {
        for (dies, leads) in [(1, 2), (2, 3), (1, 2)] {
            sleep(load_time() / 6);
            stage.order(&format!("node?node={dies}&up=false"));
            sleep(Duration::from_millis(150));
            stage.order(&format!("leader?node={leads}"));
            sleep(load_time() / 6);
            stage.order(&format!("node?node={dies}&up=true"));
        }
    });
    assert!(told.iter().all(|leases| leases.len() > 5), "every lessee leased");
    assert_disjoint(told.concat());
}

/// A counter that was never asked for its identity has met the other nodes too.
#[test]
fn a_counter_of_one_host_survives_it() {
    let stage = Stage::new();
    let name = Name::new(&format!("integers_{}", network::unique())).unwrap();
    let url = format!("http://{}?key={name}", stage.address(1));
    let store = idgen_store::open(&url).unwrap().sequences;
    let all = Definition::new(1, 1, 0, (1 << 63) - 1, Default::default()).unwrap();
    wait(store.create(&name, &all)).unwrap();
    assert_eq!(wait(store.lease(&name, 5, 0)).unwrap().range.last(), 5);
    stage.order("node?node=1&up=false");
    stage.order("leader?node=2");
    assert_eq!(wait(store.lease(&name, 5, 0)).unwrap().range.last(), 10);
    stage.order("calm");
    let drop = format!("[\"DROP TABLE {name}\"]");
    assert_eq!(http(&stage.address(1), "POST", "/db/execute", &drop).0, 200);
}

#[test]
fn an_election_is_waited_for() {
    let stage = Stage::new();
    let store = stage.stocked();
    let first = lease(&*store).unwrap().range;
    stage.order("leader?node=none");
    let next = std::thread::scope(|scope| {
        let waits = scope.spawn(|| lease(&*store));
        sleep(Duration::from_millis(700));
        assert!(!waits.is_finished(), "without a leader nothing is leased");
        stage.order("leader?node=2");
        waits.join().unwrap().unwrap().range
    });
    assert_eq!(next.start(), first.last() + 1, "nothing was lost on the way");
}

#[test]
fn without_a_leader_there_is_one_error_in_time() {
    let stage = Stage::new();
    stage.stocked();
    stage.order("leader?node=none");
    let limited = stage.store(&[1, 2, 3], "&answer_timeout_ms=700");
    let began = Instant::now();
    let error = lease(&*limited).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!((700..3000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let said = error.to_string();
    assert!(said.contains("of 3 nodes 3 answered") && said.contains("2 are needed"), "{said}");
    let counted = stage.store(&[1, 2, 3], "&retries=2");
    let began = Instant::now();
    lease(&*counted).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_lone_node_without_quorum_names_the_others() {
    let stage = Stage::new();
    let store = stage.store(&[1], "&retries=2");
    wait(store.create(&orders(), &Default::default())).unwrap();
    stage.order("node?node=1&up=false");
    stage.order("node?node=2&up=false");
    let error = lease(&*store).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let said = error.to_string();
    assert!(said.contains("of 3 nodes 1 answered"), "{said}");
    for (node, due) in [(1, true), (2, true), (3, false)] {
        let named = format!("{} (", stage.address(node));
        assert_eq!(said.contains(&named), due, "{said}");
    }
    assert!(said.contains("start the missing ones"), "{said}");
    // One that has never met the others learns of them from the one that is left.
    let said = lease(&*stage.store(&[3], "&retries=1")).unwrap_err().to_string();
    assert!(said.contains("of 3 nodes 1 answered") && said.contains("2 are needed"), "{said}");
}

#[test]
fn nodes_that_name_each_other_are_not_followed_for_ever() {
    let stage = Stage::new();
    stage.stocked();
    let store = stage.store(&[1], "&retries=3");
    let before = requests(&stage.order("loop?on=true"));
    let error = lease(&*store).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let asked = requests(&stage.order("loop?on=false")) - before;
    assert!(asked <= 4 * 3, "{asked} requests in 4 rounds over 3 nodes");
    lease(&*store).unwrap();
}

/// How many requests all nodes have counted, in what the stand-in tells of itself.
fn requests(told: &str) -> u64 {
    let counts = told.split_once("\"requests\":[").unwrap().1.split_once(']').unwrap().0;
    counts.split(',').map(|count| count.parse::<u64>().unwrap()).sum()
}

#[test]
fn followers_are_left_for_the_leader_and_asked_once() {
    let stage = Stage::new();
    let first = stage.stocked();
    stage.order("redirect?always=true");
    let store = stage.store(&[3], "&peers=listed");
    lease(&*store).unwrap();
    let before = requests(&stage.order("redirect?always=true"));
    for _ in 0..20 {
        lease(&*store).unwrap();
    }
    assert_eq!(requests(&stage.order("redirect?always=false")) - before, 20);
    assert_eq!(wait(first.last(&orders())).unwrap(), 210);
}

#[test]
fn a_lost_answer_is_a_gap_of_one_lease() {
    let stage = Stage::new();
    let store = stage.stocked();
    let first = lease(&*store).unwrap();
    stage.order("lose?replies=1");
    let next = lease(&*store).unwrap();
    assert_eq!(next.range.start(), first.range.last() + 11, "what was lost is never granted");
    stage.order("lose?replies=1");
    let tail = Lease { range: next.range.part(4, 6).unwrap(), serial: next.serial };
    let lost = wait(store.hand_back(&orders(), &tail)).unwrap_err();
    assert!(matches!(&lost, StoreError::Unavailable(why) if why.contains("unknown")), "{lost}");
    let again = wait(store.hand_back(&orders(), &tail)).unwrap_err();
    assert!(matches!(again, StoreError::NotCurrent { .. }), "it had taken effect: {again}");
}

#[test]
fn a_slow_cluster_is_told_in_time_and_may_grant_a_gap() {
    let stage = Stage::new();
    let store = stage.stocked();
    let end = lease(&*store).unwrap().range.last();
    let hasty = stage.store(&[1, 2, 3], "&answer_timeout_ms=300");
    assert_eq!(wait(hasty.last(&orders())).unwrap(), end);
    stage.order("delay?ms=800");
    let late = lease(&*hasty).unwrap_err();
    assert!(matches!(&late, StoreError::Unavailable(why) if why.contains("300 ms")), "{late}");
    stage.order("delay?ms=0");
    sleep(Duration::from_millis(1000));
    let next = lease(&*store).unwrap().range.start();
    assert!([end + 1, end + 11].contains(&next), "{next} on {end}");
}

#[test]
fn a_login_is_shown_to_the_nodes_and_to_nobody_else() {
    let stage = Stage::new();
    stage.stocked();
    stage.order("login?user=me&password=hunter2");
    let url = stage.url(&[1], "");
    let open = |login: &str| {
        let url = url.replace("rqlite://", &format!("rqlite://{login}"));
        idgen_store::open(&url).unwrap().sequences
    };
    lease(&*open("me:hunter2@")).unwrap();
    for login in ["", "me@", "me:hunter3@", "you:hunter2@"] {
        let refused = lease(&*open(login)).unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        let said = format!("{refused} {refused:?}");
        assert!(said.contains("user and password") && !said.contains("hunter"), "{said}");
    }
    stage.order("login");
}
