//! The tables of idpool, adopted: their ends, their flaws, and originals that run beside.

use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::mysql::{IdpoolStore, MysqlStore};
use idgen_store::{Alteration, Created, Definition, Lease, Name, SequenceStore, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::adopted::a_store_that_went_back_shows_it;
use crate::network::processes::{Job, Until, Worker, as_child};
use crate::network::proxy::{Cut, Proxy};
use crate::network::{
    address, assert_disjoint, closed_port, load_time, through, wait, with_option,
};
use crate::{Place, fresh};

/// As operators of idpool make them: the columns of claims are signed.
const TABLES: &str = "CREATE TABLE id_pool (id BIGINT AUTO_INCREMENT PRIMARY KEY, \
    start_pos BIGINT UNSIGNED NOT NULL, end_pos BIGINT UNSIGNED NOT NULL, \
    current_pos BIGINT UNSIGNED NOT NULL) ENGINE = InnoDB; \
    CREATE TABLE id_pool_claim (id BIGINT AUTO_INCREMENT PRIMARY KEY, start_pos BIGINT NOT NULL, \
    end_pos BIGINT NOT NULL, claimed_at BIGINT NOT NULL) ENGINE = InnoDB";

const TOP: u64 = u64::MAX;

fn pool() -> Name {
    Name::new("default").unwrap()
}

fn url<T>(place: &Place<T>) -> String {
    with_option(&place.url(), "schema=idpool")
}

/// The operator's tables with these rows of `start_pos, end_pos, current_pos`.
fn adopted(rows: &[(u64, u64, u64)]) -> (Place, IdpoolStore) {
    let place = fresh();
    place.sql(TABLES);
    for (start, end, current) in rows {
        place.sql(&format!(
            "INSERT INTO id_pool (start_pos, end_pos, current_pos) \
             VALUES ({start}, {end}, {current})"
        ));
    }
    let store = IdpoolStore::new(&url(&place)).unwrap();
    (place, store)
}

fn lease(store: &IdpoolStore, len: u64, above: u64) -> Result<(u64, u64), StoreError> {
    let range = wait(store.lease(&pool(), len, above))?.range;
    Ok((range.start(), range.last()))
}

fn claims(place: &Place) -> Vec<(u64, u64)> {
    let rows = place.sql("SELECT start_pos, end_pos FROM id_pool_claim ORDER BY id");
    rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
}

#[test]
fn the_operators_tables_work_untouched() {
    let (place, store) = adopted(&[(1, TOP, 1)]);
    // Without the count that a server adds once there are rows.
    let made = |table: &str| -> String {
        let sql: String = place.sql(&format!("SHOW CREATE TABLE {table}"))[0].get(1).unwrap();
        sql.split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT=")).collect()
    };
    let claim_table = made("id_pool_claim");
    let known = wait(store.create(&pool(), &Definition::default())).unwrap();
    assert_eq!(known, Created::Unchanged);
    assert_eq!(lease(&store, 1000, 0).unwrap(), (1, 1000));
    assert_eq!(lease(&store, 7, 0).unwrap(), (1001, 1007));
    assert_eq!(claims(&place), [(1, 1001), (1001, 1008)]);
    assert_eq!(place.number("SELECT current_pos FROM id_pool"), 1008);
    assert_eq!(wait(store.last(&pool())).unwrap(), 1007);
    let age = "SELECT MAX(ABS(claimed_at - UNIX_TIMESTAMP())) FROM id_pool_claim";
    assert!(place.number(age) < 60);
    assert_eq!(claim_table, made("id_pool_claim"));
    assert_eq!(place.sql("SHOW TABLES").len(), 2, "and no table of idgen's own");
    assert_eq!(wait(store.identity()).unwrap().ceiling, TOP);
}

#[test]
fn an_empty_database_gets_unsigned_claims() {
    let place = fresh();
    let store = IdpoolStore::new(&url(&place)).unwrap();
    let unknown = wait(store.lease(&pool(), 1, 0)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    assert_eq!(wait(store.list()).unwrap(), []);
    assert_eq!(wait(store.create(&pool(), &Definition::default())).unwrap(), Created::New);
    wait(store.advance_to(&pool(), TOP - 5)).unwrap();
    assert_eq!(lease(&store, 3, 0).unwrap(), (TOP - 4, TOP - 2));
    assert_eq!(lease(&store, TOP, 0).unwrap(), (TOP - 1, TOP));
    assert_eq!(claims(&place), [(TOP - 4, TOP - 1), (TOP - 1, 0)]);
    for store in [store, IdpoolStore::new(&url(&place)).unwrap()] {
        let ended = lease(&store, 1, 0).unwrap_err();
        assert!(matches!(ended, StoreError::Exhausted { end: TOP, .. }), "{ended}");
        assert_eq!(wait(store.last(&pool())).unwrap(), TOP);
    }
    assert_eq!(place.number("SELECT end_pos FROM id_pool"), TOP - 1, "no room for an original");
}

/// Rows are used by their id, to their last id; a row shorter than an original's step is no error.
#[test]
fn rows_are_issued_to_their_ends() {
    let (place, store) = adopted(&[(1, 10, 1), (500, 507, 503), (1000, 1500, 1000)]);
    assert_eq!(lease(&store, 4, 0).unwrap(), (1, 4));
    assert_eq!(lease(&store, 100, 0).unwrap(), (5, 10));
    assert_eq!(lease(&store, 2, 504).unwrap(), (505, 506), "above what this node has issued");
    assert_eq!(lease(&store, 100, 0).unwrap(), (507, 507));
    assert_eq!(lease(&store, 100, 0).unwrap(), (1000, 1099));
    assert_eq!(lease(&store, 1000, 0).unwrap(), (1100, 1500));
    for above in [0, 1500, TOP] {
        let ended = lease(&store, 1, above).unwrap_err();
        assert!(matches!(ended, StoreError::Exhausted { end: 1500, .. }), "{ended}");
    }
    let lower = wait(store.advance_to(&pool(), 1499)).unwrap_err();
    assert!(matches!(lower, StoreError::WouldLower { bound: 1500, .. }), "{lower}");
    assert_eq!(claims(&place).len(), 6);
}

#[test]
fn rows_that_overlap_are_refused_at_start() {
    let (place, store) = adopted(&[(1, 1000, 1), (900, 2000, 900)]);
    let refused = wait(store.identity()).unwrap_err().to_string();
    assert!(refused.contains("rows 1 (1 to 1000) and 2 (900 to 2000)"), "{refused}");
    place.sql("UPDATE id_pool SET start_pos = 1001, current_pos = 1001 WHERE id = 2");
    wait(store.identity()).unwrap();
    place.sql("INSERT INTO id_pool (start_pos, end_pos, current_pos) VALUES (2000, 3000, 2000)");
    let refused = lease(&store, 1, 0).unwrap_err().to_string();
    assert!(refused.contains("2 (1001 to 2000) and 3 (2000 to 3000)"), "and later: {refused}");
}

#[test]
fn a_row_below_is_left_to_others() {
    let (_place, store) = adopted(&[(500, 510, 511), (1, 100, 1)]);
    let notes = wait(store.notes()).unwrap().concat();
    assert!(notes.contains("do not rise"), "{notes}");
    let refused = lease(&store, 5, 510).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("row 2")), "{refused}");
    assert_eq!(lease(&store, 5, 0).unwrap(), (1, 5), "a node that issued nothing above");
}

/// Ids beyond 2^63-1 come, though a signed claim table has no room for their claims.
#[test]
fn signed_claims_are_told_and_end_nothing() {
    let half = 1_u64 << 63;
    let (place, store) = adopted(&[(1, TOP, half - 10)]);
    let notes = wait(store.notes()).unwrap().concat();
    assert!(
        notes.contains("ALTER TABLE id_pool_claim MODIFY start_pos BIGINT UNSIGNED"),
        "{notes}"
    );
    assert_eq!(lease(&store, 9, 0).unwrap(), (half - 10, half - 2));
    assert_eq!(lease(&store, 1, 0).unwrap(), (half - 1, half - 1));
    assert_eq!(lease(&store, 1000, 0).unwrap(), (half, half + 999));
    assert_eq!(claims(&place), [(half - 10, half - 1)]);
    let (_, alter) = notes.split_once("record them: ").unwrap();
    place.sql(alter);
    let store = IdpoolStore::new(&url(&place)).unwrap();
    assert!(!wait(store.notes()).unwrap().concat().contains("ALTER TABLE"));
    assert_eq!(lease(&store, 2, 0).unwrap(), (half + 1000, half + 1001));
    assert_eq!(claims(&place)[1], (half + 1000, half + 1002));
}

#[test]
fn what_the_form_cannot_hold_is_refused() {
    let (place, store) = adopted(&[(1, TOP, 1)]);
    let odd = Definition::new(1, 2, 1, TOP, Default::default()).unwrap();
    let conflict = wait(store.create(&pool(), &odd)).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    let other = Name::new("other").unwrap();
    let unknown = wait(store.lease(&other, 1, 0)).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    let refused = [
        wait(store.create(&other, &Definition::default())).map(|_| ()).unwrap_err(),
        wait(store.alter(&pool(), &Alteration::default())).map(|_| ()).unwrap_err(),
        wait(store.delete(&pool())).unwrap_err(),
        lease(&store, 0, 0).map(|_| ()).unwrap_err(),
        MysqlStore::new(&url(&place)).unwrap_err(),
        IdpoolStore::new(&place.url()).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Refused(_))), "{refused:?}");
    let whole = wait(store.lease(&pool(), 10, 0)).unwrap();
    let tail = Lease { range: whole.range.part(4, 6).unwrap(), serial: whole.serial };
    let kept = wait(store.hand_back(&pool(), &tail)).unwrap_err();
    assert!(matches!(kept, StoreError::NotCurrent { .. }), "{kept}");
    assert_eq!(lease(&store, 1, 0).unwrap(), (11, 11), "what came back is not granted again");
    place.sql("ALTER TABLE id_pool_claim ENGINE = MyISAM");
    let store = IdpoolStore::new(&url(&place)).unwrap();
    let refused = lease(&store, 1, 0).unwrap_err().to_string();
    assert!(refused.contains("ENGINE = InnoDB"), "{refused}");
}

#[test]
fn an_outage_is_unavailable_and_a_cut_costs_one_lease() {
    let (place, store) = adopted(&[(1, TOP, 1)]);
    let nowhere = IdpoolStore::new(&through(&url(&place), closed_port())).unwrap();
    let outage = lease(&nowhere, 1, 0).unwrap_err();
    assert!(matches!(outage, StoreError::Unavailable(_)), "{outage}");
    let proxy = Proxy::to(&address(&place.server));
    let proxied = IdpoolStore::new(&through(&url(&place), proxy.port())).unwrap();
    assert_eq!(lease(&proxied, 10, 0).unwrap(), (1, 10));
    for cut in [Cut::Before, Cut::After, Cut::AllBut(1)] {
        let end = wait(store.last(&pool())).unwrap();
        proxy.cut(cut);
        let lost = lease(&proxied, 10, 0).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{cut:?}: {lost}");
        let next = lease(&proxied, 10, 0).unwrap();
        assert!(next.0 == end + 1 || next.0 == end + 11, "{cut:?}: {next:?} after {end}");
    }
}

/// What an original does for each of its segments.
async fn original(url: String, row: u64) -> Vec<IdRange> {
    let mut conn = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
    let (began, mut claimed) = (Instant::now(), Vec::new());
    while began.elapsed() < load_time() {
        conn.query_drop("START TRANSACTION").await.unwrap();
        conn.query_drop(format!(
            "UPDATE id_pool SET current_pos = current_pos + 1000 \
             WHERE id = {row} AND current_pos <= end_pos - 1000"
        ))
        .await
        .unwrap();
        assert_eq!(conn.affected_rows(), 1);
        let read = format!("SELECT current_pos FROM id_pool WHERE id = {row}");
        let end: u64 = conn.query_first(read).await.unwrap().unwrap();
        let start = end - 1000;
        conn.query_drop(format!(
            "INSERT INTO id_pool_claim (start_pos, end_pos, claimed_at) VALUES ({start}, {end}, 0)"
        ))
        .await
        .unwrap();
        conn.query_drop("COMMIT").await.unwrap();
        claimed.push(IdRange::new(start, 1, 1000).unwrap());
    }
    conn.disconnect().await.unwrap();
    claimed
}

#[test]
fn originals_and_idgen_never_meet() {
    as_child();
    let (place, store) = adopted(&[(1, TOP, 1)]);
    let (url, name) = (url(&place), pool());
    let job = Job { url: &url, name: &name, len: 37, until: Until::Elapsed(load_time()) };
    let workers: Vec<Worker> =
        (0..4).map(|_| Worker::start("idpool::originals_and_idgen_never_meet", &job)).collect();
    let originals = wait(async {
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(original(place.url(), 1))).collect();
        let mut claimed = Vec::new();
        for task in tasks {
            claimed.push(task.await.unwrap());
        }
        claimed
    });
    let leased: Vec<_> = workers.into_iter().map(Worker::finish).collect();
    assert!(originals.iter().chain(&leased).all(|ranges| ranges.len() > 5), "all took part");
    let ids = assert_disjoint([originals.concat(), leased.concat()].concat());
    assert_eq!(wait(store.last(&name)).unwrap(), ids, "and nothing was skipped");
    let counted =
        place.number("SELECT CAST(SUM(end_pos - start_pos) AS UNSIGNED) FROM id_pool_claim");
    assert_eq!(counted, ids, "each claim has its row");
}

#[test]
fn a_pool_that_went_back_shows_it() {
    let (place, store) = adopted(&[(1, 5_000, 1), (10_000, TOP, 10_000)]);
    a_store_that_went_back_shows_it(&store, &pool(), |back| {
        place.sql(&format!("UPDATE id_pool SET current_pos = {back} WHERE id = 1"));
    });
    // Ids of another row do not show it, but where that row itself stands below them.
    place.sql("UPDATE id_pool SET current_pos = 5001 WHERE id = 1");
    let [one, other] = [(); 2].map(|()| wait(store.lease(&pool(), 100, 5_000)).unwrap());
    assert_eq!((one.serial, other.serial), (10_099, 10_199));
    place.sql("UPDATE id_pool SET current_pos = 4900 WHERE id = 1");
    let back = wait(store.lease(&pool(), 100, 5_000)).unwrap();
    assert_eq!((back.range.start(), back.serial), (10_200, 4_900));
}

/// One that dies in a transaction without a word keeps the rows no longer than a statement takes.
#[test]
fn a_node_that_falls_silent_frees_the_rows() {
    let (place, direct) = adopted(&[(1, TOP, 1)]);
    let limited = with_option(&url(&place), "statement_timeout_ms=900");
    let (store, name) = (IdpoolStore::new(&limited).unwrap(), pool());
    wait(store.identity()).unwrap();
    let mut dying = store.lease(&name, 10, 0);
    std::thread::scope(|scope| {
        let hold = "START TRANSACTION; SELECT * FROM id_pool FOR UPDATE; DO SLEEP(0.6); COMMIT";
        let holder = scope.spawn(|| place.sql(hold));
        std::thread::sleep(Duration::from_millis(200));
        // It waits for the rows, and nobody goes on with it when the server has locked them.
        let waits = async { tokio::time::timeout(Duration::from_millis(200), &mut dying).await };
        assert!(wait(waits).is_err());
        holder.join().unwrap();
    });
    assert_eq!(lease(&direct, 1, 0).unwrap(), (1, 1));
    drop(dying);
}
