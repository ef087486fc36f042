//! Locks of others in the way, under either isolation: waited for, tried again, never an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::mysql::MysqlStore;
use idgen_store::{Definition, Name, SequenceStore};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::network::suite::{all, split};
use crate::network::{self, assert_disjoint, load_time, orders, wait, with_option};
use crate::{Mysql, alone, fresh};

const ISOLATIONS: [&str; 2] = ["read-committed", "repeatable-read"];

/// How many sequences the callers share.
const NAMES: u64 = 4;

const DEADLOCKS: &str = "SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM \
    information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'";

fn store<T>(place: &network::Place<Mysql, T>, option: &str) -> Arc<MysqlStore> {
    Arc::new(MysqlStore::new(&with_option(&place.url(), option)).unwrap())
}

/// A wait for the row that the server cuts is no error as long as there is time.
#[test]
fn a_lock_wait_is_tried_again() {
    for isolation in ISOLATIONS {
        let place = fresh();
        place.stocked();
        let store = store(&place, &format!("isolation={isolation}"));
        wait(store.last(&orders())).unwrap();
        let sql = "START TRANSACTION; SELECT * FROM idgen_sequence FOR UPDATE; DO SLEEP(2); COMMIT";
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| place.sql(sql));
            sleep(Duration::from_millis(200));
            assert_eq!(wait(store.lease(&orders(), 1, 0)).unwrap().range.start(), 1);
            holder.join().unwrap();
        });
    }
}

/// Callers that make, lease from and hand back to many sequences get in each other's way, and in
/// that of somebody who locks the same rows in the other order; none of them is told so.
#[test]
fn provoked_deadlocks_are_tried_again_under_either_isolation() {
    for isolation in ISOLATIONS {
        let place = alone();
        let store = store(&place, &format!("isolation={isolation}&connections=8"));
        wait(store.last(&orders())).unwrap_err();
        let met = place.number(DEADLOCKS);
        let url = place.url();
        let (leases, own_losses) = wait(async {
            let stop = Arc::new(AtomicBool::new(false));
            let trouble = tokio::spawn(make_trouble(url, isolation, stop.clone()));
            let callers = (0..8).map(|caller| tokio::spawn(churn(store.clone(), caller)));
            let leases = all(callers.collect()).await.concat();
            stop.store(true, Ordering::SeqCst);
            (leases, trouble.await.unwrap())
        });
        for turn in 0..NAMES {
            let of = leases.iter().filter(|(name, _)| *name == turn).map(|(_, range)| *range);
            assert!(assert_disjoint(of.collect()) > 0);
        }
        let lost = place.number(DEADLOCKS) - met - own_losses;
        assert!(lost >= 5, "{isolation}: the store lost {lost} deadlocks, too few to tell");
    }
}

/// Locks the leases and then the sequences, where the store locks its sequence first. It has
/// written more, so that the server lets it live and ends the store's transaction. Returns how
/// often the server chose otherwise.
async fn make_trouble(url: String, isolation: &str, stop: Arc<AtomicBool>) -> u64 {
    let mut conn = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
    let isolation = isolation.to_uppercase().replace('-', " ");
    conn.query_drop(format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")).await.unwrap();
    conn.query_drop("CREATE TABLE weight (n INT) ENGINE = InnoDB").await.unwrap();
    let mut losses = 0;
    while !stop.load(Ordering::SeqCst) {
        let said = conn
            .query_drop(
                "START TRANSACTION; INSERT INTO weight SELECT seq FROM seq_1_to_500; \
                 SELECT COUNT(*) FROM idgen_lease FOR UPDATE; DO SLEEP(0.02); \
                 SELECT COUNT(*) FROM idgen_sequence FOR UPDATE",
            )
            .await;
        losses += u64::from(said.is_err());
        conn.query_drop("ROLLBACK").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    conn.disconnect().await.unwrap();
    losses
}

/// Hands back the last 4 of every 10 ids, for the time of a test with load.
async fn churn(store: Arc<MysqlStore>, caller: u64) -> Vec<(u64, IdRange)> {
    let (began, mut kept) = (Instant::now(), Vec::new());
    for turn in 0.. {
        if began.elapsed() >= load_time() {
            break;
        }
        let which = (caller + turn) % NAMES;
        let name = Name::new(&format!("s{which}")).unwrap();
        store.create(&name, &Definition::default()).await.unwrap();
        let lease = store.lease(&name, 10, 0).await.unwrap();
        let (ids, tail) = split(&lease, 6);
        kept.extend(ids.map(|range| (which, range)));
        if let Some(tail) = tail {
            store.hand_back(&name, &tail).await.unwrap();
        }
    }
    kept
}
