//! An adopted key in a cluster, beside programs that move it by `INCRBY`.

use std::collections::HashSet;
use std::time::Instant;

use idgen_store::Name;

use crate::Place;
use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::{fresh, original_time, unique, wait, with_option};

#[test]
fn originals_and_lessees_never_meet() {
    as_child();
    let place: Place = fresh();
    let name = Name::new(&format!("integers{}", unique())).unwrap();
    let url = with_option(&place.server, &format!("key={name}"));
    let (_, owner, _) = place.owner(name.as_str());
    owner.command::<()>(&["SET", name.as_str(), "100"]);
    let job = Job { url: &url, name: &name, len: 7, until: Until::Elapsed(original_time()) };
    let test = "counter::originals_and_lessees_never_meet";
    let workers: Vec<Worker> = (0..3).map(|_| Worker::start(test, &job)).collect();
    let mut seen = HashSet::new();
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", owner.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let until = Instant::now() + original_time();
    while Instant::now() < until {
        for step in [2, 1, 3, 10] {
            let id = redis::cmd("INCRBY").arg(name.as_str()).arg(step).query(&mut connection);
            assert!(seen.insert(id.unwrap()));
        }
    }
    let leased: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(leased.iter().all(|leases| leases.len() > 5), "every process leased");
    for range in leased.concat() {
        assert_eq!((range.step(), range.start() % 2), (2, 0));
        for id in &range {
            assert!(seen.insert(id), "{id} was issued twice");
        }
    }
    let store = idgen_store::open(&url).unwrap().sequences;
    let next = wait(store.lease(&name, 1, 0)).unwrap().range.start();
    assert!(seen.insert(next));
}
