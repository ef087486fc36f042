//! What the tests of adopted tables share: the laws that such a form can hold, and originals that
//! run beside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use idgen_core::IdRange;
use idgen_store::conformance::{SequenceSubject, Subject, Task, Violation, sequence};
use idgen_store::{
    Alteration, Created, Definition, Lease, Name, SequenceInfo, SequenceStore, StoreError,
    StoreIdentity,
};
use mysql_async::{Conn, Opts};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::services::order;
use crate::network::{self, assert_disjoint, load_time, original_time, wait};
use crate::{flickr, idpot};

/// An adopted sequence: the address of its store, its name, and what its form says of it.
pub(crate) struct Form {
    pub(crate) url: String,
    pub(crate) name: Name,
    pub(crate) definition: Definition,
    /// The test that is run again as another process.
    pub(crate) test: &'static str,
}

/// A store that creates the form's own sequence, whatever a law asks for.
struct AsIs {
    store: Arc<dyn SequenceStore>,
    definition: Definition,
}

#[async_trait]
impl SequenceStore for AsIs {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.store.identity().await
    }

    async fn create(&self, name: &Name, _: &Definition) -> Result<Created, StoreError> {
        self.store.create(name, &self.definition).await
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        self.store.lease(name, len, above).await
    }

    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.store.hand_back(name, tail).await
    }

    async fn last(&self, name: &Name) -> Result<u64, StoreError> {
        self.store.last(name).await
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        self.store.advance_to(name, above).await
    }

    async fn alter(&self, name: &Name, change: &Alteration) -> Result<Definition, StoreError> {
        self.store.alter(name, change).await
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        self.store.list().await
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        self.store.describe(name).await
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.store.delete(name).await
    }
}

impl Subject for Form {
    fn run(&self, task: Task<'_>) {
        network::run(task);
    }
}

impl SequenceSubject for Form {
    fn open(&self) -> Result<Arc<dyn SequenceStore>, StoreError> {
        let store = idgen_store::open(&self.url)?.sequences;
        Ok(Arc::new(AsIs { store, definition: self.definition }))
    }

    fn lease_elsewhere(
        &self,
        name: &Name,
        times: u64,
        len: u64,
    ) -> Result<Vec<IdRange>, Violation> {
        let job = Job { url: &self.url, name, len, until: Until::Leases(times) };
        Ok(Worker::start(self.test, &job).finish())
    }
}

impl Form {
    pub(crate) fn store(&self) -> Arc<dyn SequenceStore> {
        idgen_store::open(&self.url).unwrap().sequences
    }

    pub(crate) fn lease(&self, len: u64, above: u64) -> Result<IdRange, StoreError> {
        Ok(wait(self.store().lease(&self.name, len, above))?.range)
    }

    /// The laws that a form without a memory of leases can hold: S1 to S6, S9 and S11.
    ///
    /// Those that hand back, or ask for settings, are stated here without that.
    pub(crate) fn hold_the_laws(&self) {
        assert_eq!(self.name.as_str(), "orders", "the laws lease from that");
        sequence::s01_leases_are_disjoint(self).unwrap();
        sequence::s02_two_connections_and_processes(self).unwrap();
        sequence::s04_a_lost_reply_is_a_gap(self).unwrap();
        sequence::s05_unknown_is_not_unavailable(self).unwrap();
        let away = idgen_store::open(&network::through(&self.url, network::closed_port()));
        let outage = wait(away.unwrap().sequences.lease(&self.name, 1, 0));
        assert!(matches!(outage, Err(StoreError::Unavailable(_))), "{outage:?}");
        self.s03_survives_a_reopen();
        self.s09_ids_are_members();
        self.s11_a_lease_starts_above();
        self.s06_ends_exhausted();
    }

    fn s03_survives_a_reopen(&self) {
        let store = self.store();
        let lease = wait(store.lease(&self.name, 20, 0)).unwrap();
        let before = wait(store.describe(&self.name)).unwrap();
        drop(store);
        let store = self.store();
        assert_eq!(wait(store.describe(&self.name)).unwrap(), before);
        let next = wait(store.lease(&self.name, 5, 0)).unwrap();
        assert!(next.range.start() > lease.range.last() && next.serial > lease.serial);
    }

    fn s09_ids_are_members(&self) {
        let step = self.definition.increment();
        for len in [1, 3, 1000] {
            let before = wait(self.store().last(&self.name)).unwrap();
            let range = self.lease(len, 0).unwrap();
            assert_eq!(Some(range), self.definition.range_after(before, len), "after {before}");
            assert!(range.len() == len && (len == 1 || range.step() == step));
        }
        assert!(matches!(self.lease(0, 0), Err(StoreError::Refused(_))));
    }

    fn s11_a_lease_starts_above(&self) {
        let above = wait(self.store().last(&self.name)).unwrap() + 12_345;
        let range = self.lease(10, above).unwrap();
        assert_eq!(Some(range), self.definition.range_after(above, 10));
        let next = self.lease(10, 3).unwrap();
        assert!(next.start() > range.last(), "{next:?} after {range:?}");
        for above in [self.definition.end(), u64::MAX] {
            let ended = self.lease(1, above).unwrap_err();
            assert!(matches!(ended, StoreError::Exhausted { .. }), "above {above}: {ended}");
        }
        let far = next.last() + 99_999;
        wait(self.store().advance_to(&self.name, far)).unwrap();
        wait(self.store().advance_to(&self.name, far)).unwrap();
        let lower = wait(self.store().advance_to(&self.name, far - 1)).unwrap_err();
        assert!(matches!(lower, StoreError::WouldLower { asked, .. } if asked == far - 1));
        assert_eq!(self.lease(1, 0).unwrap().start(), self.definition.next_after(far).unwrap());
    }

    fn s06_ends_exhausted(&self) {
        let (end, step) = (self.definition.end(), self.definition.increment());
        wait(self.store().advance_to(&self.name, end - 10 * step)).unwrap();
        assert_eq!(self.lease(7, 0).unwrap().len(), 7);
        let rest = self.lease(7, 0).unwrap();
        assert!(rest.len() == 3 && rest.last() > end - step, "{rest:?} before {end}");
        for store in [self.store(), self.store()] {
            for len in [1, 7, u64::MAX] {
                let ended = wait(store.lease(&self.name, len, 0)).unwrap_err();
                let due = matches!(ended, StoreError::Exhausted { end: told, .. } if told == end);
                assert!(due, "{ended}");
            }
            assert!(wait(store.last(&self.name)).unwrap() >= rest.last());
        }
    }

    /// Eight clients that step as originals do beside four processes that lease; returns how many
    /// ids each side had.
    pub(crate) fn beside_originals<S, F>(&self, server: &str, step: S) -> (u64, u64)
    where
        S: Fn(Conn) -> F + Copy + Send + 'static,
        F: Future<Output = (Conn, u64)> + Send + 'static,
    {
        let time = original_time();
        let job = Job { url: &self.url, name: &self.name, len: 37, until: Until::Elapsed(time) };
        let workers: Vec<Worker> = (0..4).map(|_| Worker::start(self.test, &job)).collect();
        let issued = wait(async {
            let tasks: Vec<_> =
                (0..8).map(|_| tokio::spawn(original(server.to_owned(), time, step))).collect();
            let mut issued = Vec::new();
            for task in tasks {
                issued.push(task.await.unwrap());
            }
            issued
        });
        let leased: Vec<_> = workers.into_iter().map(Worker::finish).collect();
        let turns: Vec<usize> = issued.iter().chain(&leased).map(Vec::len).collect();
        assert!(turns.iter().all(|turns| *turns > 5), "all took part: {turns:?}");
        let count =
            |ranges: &[Vec<IdRange>]| ranges.iter().flatten().map(IdRange::len).sum::<u64>();
        let (by_originals, by_idgen) = (count(&issued), count(&leased));
        assert_no_id_twice([issued.concat(), leased.concat()].concat());
        eprintln!("{}: {by_originals} by originals, {by_idgen} leased, 0 twice", self.name);
        (by_originals, by_idgen)
    }
}

/// Two nodes lease in turn; then `set` puts the position of the form's table back. Who was granted
/// more than that gets a serial that is no higher than those it has seen, as the guard of a node
/// wants it; and no lease before does so.
pub(crate) fn a_store_that_went_back_shows_it(
    store: &dyn SequenceStore,
    name: &Name,
    set: impl Fn(u64),
) {
    let mut seen =
        [wait(store.lease(name, 100, 0)).unwrap(), wait(store.lease(name, 7, 0)).unwrap()];
    for turn in 0..8 {
        let node = turn % 2;
        let next = wait(store.lease(name, 50, seen[node].range.last())).unwrap();
        assert!(next.serial > seen[node].serial, "{next:?} after {:?}", seen[node]);
        seen[node] = next;
    }
    let [first, _] = seen;
    for back in [first.range.start() - 100, first.range.last() - 10, 1] {
        set(back);
        for len in [1_000, 1] {
            let next = wait(store.lease(name, len, first.range.last())).unwrap();
            assert!(next.range.start() > first.range.last());
            assert!(next.serial <= first.serial, "{next:?} after {first:?} shows nothing");
            set(back);
        }
    }
    // Whoever knows of nothing above has nothing to compare with, and goes on.
    let [one, other] = [(); 2].map(|()| wait(store.lease(name, 5, 0)).unwrap());
    let next = wait(store.lease(name, 5, one.range.last())).unwrap();
    assert!(one.serial < other.serial && other.serial < next.serial);
}

/// `kill -9` of the server while processes lease from every form: what was told is never granted
/// again.
#[test]
fn a_killed_server_repeats_nothing() {
    const ROUNDS: u32 = 3;
    as_child();
    let (place, innodb) = (crate::alone(), ("BIGINT UNSIGNED", "InnoDB"));
    let test = "adopted::a_killed_server_repeats_nothing";
    let forms = [idpot::orders(&place, innodb, test), flickr::orders(&place, innodb, (1, 1), test)];
    let until = Until::Elapsed(load_time() + Duration::from_secs(2) * ROUNDS);
    let start = |form: &Form| {
        let job = Job { url: &form.url, name: &form.name, len: 5, until };
        [Worker::start(test, &job), Worker::start(test, &job)]
    };
    let workers: Vec<_> = forms.iter().map(start).collect();
    let mut told: Vec<Vec<IdRange>> = vec![Vec::new(); forms.len()];
    for _ in 0..ROUNDS {
        std::thread::sleep(load_time() / ROUNDS);
        let mut lease = || {
            for (form, told) in forms.iter().zip(&mut told) {
                told.push(form.lease(5, 0).unwrap());
            }
        };
        lease();
        order("kill", "mysql");
        let lost = forms[0].lease(5, 0).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
        order("start", "mysql");
        lease();
    }
    for (workers, mut told) in workers.into_iter().zip(told) {
        for leases in workers.map(Worker::finish) {
            assert!(leases.len() > 5, "every process leased");
            told.extend(leases);
        }
        assert_disjoint(told);
    }
}

/// Lines of different series may cross and still not meet.
fn assert_no_id_twice(ranges: Vec<IdRange>) {
    if ranges.iter().all(|range| range.step() == 1) {
        assert_disjoint(ranges);
        return;
    }
    let mut ids: Vec<u64> = ranges.into_iter().flat_map(|range| range.into_iter()).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "an id was issued twice");
}

async fn original<S, F>(server: String, time: Duration, step: S) -> Vec<IdRange>
where
    S: Fn(Conn) -> F,
    F: Future<Output = (Conn, u64)>,
{
    let mut conn = Conn::new(Opts::from_url(&server).unwrap()).await.unwrap();
    let (began, mut issued, mut id) = (Instant::now(), Vec::new(), 0);
    while began.elapsed() < time {
        (conn, id) = step(conn).await;
        issued.push(IdRange::one(id));
    }
    conn.disconnect().await.unwrap();
    assert!(id > 0);
    issued
}
