//! A table that other programs draw integers from by `REPLACE INTO`: the laws its form can hold.

use std::collections::HashSet;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use idgen_store::rqlite::RqliteCounter;
use idgen_store::{Alteration, Created, Definition, Lease, Name, SequenceStore, StoreError};

use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::proxy::{Cut, Proxy};
use crate::network::services::{self, Together};
use crate::network::{self, address, closed_port, through, wait, with_option};
use crate::{http, number_in};

const CEILING: u64 = (1 << 63) - 1;

/// A table of its own on the cluster, removed in the end.
struct Table {
    server: String,
    name: Name,
    _turn: Together,
}

impl Table {
    /// Not yet there.
    fn none() -> Self {
        let turn = services::together();
        let name = Name::new(&format!("integers_{}", network::unique())).unwrap();
        Self { server: network::server("IDGEN_TEST_RQLITE_URL"), name, _turn: turn }
    }

    /// Made by the original's own SQL.
    fn new() -> Self {
        let table = Self::none();
        table.sql("CREATE TABLE NAME (id INTEGER PRIMARY KEY AUTOINCREMENT, stub CHAR(1))");
        table.sql("CREATE UNIQUE INDEX by_NAME ON NAME(stub)");
        table
    }

    /// Runs a statement on the table NAME as the original does, and tells the answer.
    fn sql(&self, sql: &str) -> String {
        let body = format!("[\"{}\"]", sql.replace("NAME", self.name.as_str()));
        let (status, told) = http(&address(&self.server), "POST", "/db/execute", &body);
        assert!(status == 200 && !told.contains("error"), "{status}: {told}");
        told
    }

    /// Draws an integer as the original does.
    fn draw(&self) -> u64 {
        number_in(&self.sql("REPLACE INTO NAME (stub) VALUES ('a')"), "last_insert_id")
    }

    /// Has the next number lie above this one.
    fn set(&self, last: u64) {
        self.sql(&format!("REPLACE INTO NAME (id, stub) VALUES ({last}, 'a')"));
    }

    fn url(&self, options: &str) -> String {
        with_option(&self.server, &format!("key={}{options}", self.name))
    }

    fn store(&self, options: &str) -> RqliteCounter {
        RqliteCounter::new(&self.url(options)).unwrap()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql("DROP TABLE IF EXISTS NAME");
        }
    }
}

fn ids(lease: &Lease) -> Vec<u64> {
    lease.range.into_iter().collect()
}

#[test]
fn the_series_goes_on_where_the_original_left_it() {
    let table = Table::new();
    let store = table.store("");
    assert_eq!([table.draw(), table.draw()], [1, 2]);
    assert_eq!(ids(&wait(store.lease(&table.name, 3, 0)).unwrap()), [3, 4, 5]);
    assert_eq!(table.draw(), 6);
    assert_eq!(ids(&wait(store.lease(&table.name, 1, 0)).unwrap()), [7]);
    assert_eq!(wait(store.last(&table.name)).unwrap(), 7);
    let two = table.store("&increment=5&offset=2");
    assert_eq!(ids(&wait(two.lease(&table.name, 2, 0)).unwrap()), [12, 17]);
    assert_eq!(table.draw(), 18);
}

/// Eight originals beside four processes of idgen, for a slice or the promised minute.
#[test]
fn adopted_beside_originals_never_meets_them() {
    as_child();
    let table = Table::new();
    let full = std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1");
    let time = Duration::from_secs(if full { 60 } else { 2 });
    let url = table.url("");
    let job = Job { url: &url, name: &table.name, len: 7, until: Until::Elapsed(time) };
    let test = "adopted::adopted_beside_originals_never_meets_them";
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(test, &job)).collect();
    let done = AtomicBool::new(false);
    let (issued, leased) = std::thread::scope(|scope| {
        let original = |_| {
            scope.spawn(|| {
                let mut issued = Vec::new();
                // SeqCst: a flag alone, and tests have the time.
                while !done.load(Ordering::SeqCst) {
                    issued.push(table.draw());
                }
                issued
            })
        };
        let originals: Vec<_> = (0..8).map(original).collect();
        let leased: Vec<Vec<_>> = workers.into_iter().map(Worker::finish).collect();
        // SeqCst: a flag alone, and tests have the time.
        done.store(true, Ordering::SeqCst);
        let issued: Vec<Vec<u64>> =
            originals.into_iter().map(|original| original.join().unwrap()).collect();
        (issued, leased)
    });
    assert!(leased.iter().all(|leases| leases.len() > 5), "every process leased");
    assert!(issued.iter().all(|ids| ids.len() > 5), "every original drew");
    let (drawn, leases) = (issued.concat().len(), leased.concat().len());
    let leased = leased.concat();
    let leased = leased.iter().flat_map(|range| range.into_iter().collect::<Vec<u64>>());
    let mut seen = HashSet::new();
    for id in issued.concat().into_iter().chain(leased) {
        assert!(seen.insert(id), "{id} was issued twice");
    }
    eprintln!("{drawn} drawn by originals, {leases} leases, {} ids, none twice", seen.len());
}

#[test]
fn ids_are_members_wherever_the_table_stands() {
    let table = Table::new();
    let store = table.store("&increment=5&offset=2");
    for value in [1, 2, 3, 4, 5, (1 << 53) + 2, 1 << 62] {
        // The table's own note only rises.
        table.set(wait(store.last(&table.name)).unwrap().max(value));
        let before = wait(store.last(&table.name)).unwrap();
        let lease = wait(store.lease(&table.name, 4, 0)).unwrap();
        assert!(lease.range.start() > before && lease.range.start() <= before + 5, "{value}");
        assert_eq!((lease.range.start() % 5, lease.range.step(), lease.range.len()), (2, 5, 4));
        assert_eq!(wait(store.last(&table.name)).unwrap(), before + 20, "exactly what it takes");
    }
}

#[test]
fn it_ends_exhausted_and_is_never_driven_past_its_ceiling() {
    let table = Table::new();
    let store = table.store("");
    table.set(CEILING - 9);
    assert_eq!(wait(store.lease(&table.name, 7, 0)).unwrap().range.len(), 7);
    let rest = wait(store.lease(&table.name, 7, 0)).unwrap().range;
    assert_eq!((rest.len(), rest.last()), (2, CEILING));
    for len in [1, 7, u64::MAX] {
        let ended = wait(store.lease(&table.name, len, 0)).unwrap_err();
        assert!(matches!(ended, StoreError::Exhausted { end: CEILING, .. }), "{ended}");
    }
    assert_eq!(wait(store.last(&table.name)).unwrap(), CEILING);
    assert_eq!(wait(store.identity()).unwrap().ceiling, CEILING);
    let table = Table::new();
    let all = wait(table.store("").lease(&table.name, u64::MAX, 0)).unwrap().range;
    assert_eq!((all.start(), all.last()), (1, CEILING));
}

#[test]
fn a_lease_starts_above() {
    let table = Table::new();
    let store = table.store("");
    assert_eq!(ids(&wait(store.lease(&table.name, 2, 101)).unwrap()), [102, 103]);
    let next = ids(&wait(store.lease(&table.name, 2, 3)).unwrap());
    assert!(next[0] > 103, "{next:?}");
    let ended = wait(store.lease(&table.name, 1, u64::MAX)).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { .. }), "{ended}");
}

#[test]
fn a_lost_reply_is_a_gap_and_a_lease_one_round_trip() {
    let table = Table::new();
    let proxy = Proxy::to(&address(&table.server));
    let store = RqliteCounter::new(&through(&table.url("&peers=listed"), proxy.port())).unwrap();
    wait(store.lease(&table.name, 5, 0)).unwrap();
    for (cut, gap) in [(Cut::Before, 0), (Cut::After, 5), (Cut::AllBut(1), 5)] {
        let before = wait(store.last(&table.name)).unwrap();
        proxy.cut(cut);
        let next = wait(store.lease(&table.name, 5, 0)).unwrap().range;
        assert_eq!(next.start(), before + gap + 1, "{cut:?}");
    }
    let before = proxy.round_trips();
    for _ in 0..50 {
        wait(store.lease(&table.name, 5, 0)).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
}

#[test]
fn unknown_is_not_unavailable_and_a_fresh_store_can_be_begun() {
    let table = Table::none();
    let (store, other) = (table.store(""), Name::new("other").unwrap());
    for name in [&table.name, &other] {
        let unknown = wait(store.lease(name, 1, 0)).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        assert!(matches!(wait(store.last(name)), Err(StoreError::Unknown { .. })));
    }
    assert_eq!(wait(store.list()).unwrap(), []);
    let away = through(&table.url("&retries=1"), closed_port());
    let away = RqliteCounter::new(&away).unwrap();
    assert!(matches!(wait(away.lease(&table.name, 1, 0)), Err(StoreError::Unavailable(_))));
    let due = Definition::new(1, 1, 0, CEILING, Default::default()).unwrap();
    let conflict = wait(store.create(&table.name, &Definition::default())).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { existing, .. } if existing == due));
    assert_eq!(wait(store.create(&table.name, &due)).unwrap(), Created::New);
    assert_eq!(wait(store.create(&table.name, &due)).unwrap(), Created::Unchanged);
    wait(store.advance_to(&table.name, 30)).unwrap();
    assert_eq!(ids(&wait(store.lease(&table.name, 1, 0)).unwrap()), [31]);
    assert_eq!(table.draw(), 32);
    assert_eq!(wait(store.list()).unwrap()[0].bound, 32);
}

#[test]
fn what_the_form_cannot_hold_is_refused() {
    let table = Table::new();
    let store = table.store("");
    let lease = wait(store.lease(&table.name, 4, 0)).unwrap();
    let tail = Lease { range: lease.range.part(2, 2).unwrap(), serial: lease.serial };
    let kept = wait(store.hand_back(&table.name, &tail)).unwrap_err();
    assert!(matches!(kept, StoreError::NotCurrent { .. }), "{kept}");
    let refused = [
        wait(store.alter(&table.name, &Alteration::default())).unwrap_err(),
        wait(store.delete(&table.name)).unwrap_err(),
        wait(store.lease(&table.name, 0, 0)).unwrap_err(),
        wait(store.advance_to(&table.name, CEILING + 1)).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Refused(_))), "{refused:?}");
    let lower = wait(store.advance_to(&table.name, 3)).unwrap_err();
    assert!(matches!(lower, StoreError::WouldLower { bound: 4, asked: 3, .. }), "{lower}");
}

/// Without its row, and without SQLite's note of it, a table must not begin anew.
#[test]
fn what_was_issued_is_remembered_by_note_and_by_row() {
    let table = Table::new();
    let store = table.store("");
    table.set(100);
    table.sql("DELETE FROM NAME");
    assert_eq!(wait(store.lease(&table.name, 1, 0)).unwrap().range.start(), 101, "by its note");
    table.sql("DELETE FROM sqlite_sequence WHERE name = 'NAME'");
    assert_eq!(wait(store.lease(&table.name, 1, 0)).unwrap().range.start(), 102, "by its row");
}

#[test]
fn a_table_that_may_repeat_is_refused_at_start() {
    let table = Table::none();
    table.sql("CREATE TABLE NAME (id INTEGER PRIMARY KEY, stub CHAR(1))");
    let refused = wait(table.store("").identity()).unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, StoreError::Refused(_)) && said.contains("AUTOINCREMENT"), "{said}");
    let notes = wait(Table::new().store("").notes()).unwrap();
    assert!(notes.len() == 2 && notes[0].contains("takes nothing back"), "{notes:?}");
}
