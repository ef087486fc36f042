//! A table of tickets in the manner of Flickr, adopted: its series, its ends, its rights, and
//! originals that run beside.

use idgen_store::mysql::{FlickrStore, IdpotStore, MysqlStore};
use idgen_store::{
    Alteration, Created, Definition, Durability, Lease, Name, SequenceStore, StoreError,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use crate::adopted::{Form, a_store_that_went_back_shows_it};
use crate::network::processes::as_child;
use crate::network::proxy::{Cut, Proxy};
use crate::network::{self, address, through, wait, with_option};
use crate::{Mysql, Place, fresh};

const TOP: u64 = u64::MAX;

/// `ER_LOCK_DEADLOCK`.
const DEADLOCK: u16 = 1213;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn integers() -> Name {
    name("integers")
}

fn series(increment: u64, offset: u64, end: u64) -> Definition {
    Definition::new(1, increment, offset, end, Default::default()).unwrap()
}

/// As operators of the original make it, and as Flickr did.
fn table(place: &Mysql, name: &str, kind: &str, engine: &str) {
    place.sql(&format!(
        "CREATE TABLE `{name}` (`id` {kind} NOT NULL auto_increment, \
         `stub` char(1) NOT NULL default '', PRIMARY KEY (`id`), UNIQUE KEY `stub` (`stub`)) \
         ENGINE={engine}"
    ));
}

fn store(place: &Place, options: &str) -> FlickrStore {
    FlickrStore::new(&with_option(&place.url(), &format!("key=integers{options}"))).unwrap()
}

fn adopted(kind: &str, engine: &str, options: &str) -> (Place, FlickrStore) {
    let place = fresh();
    table(&place, "integers", kind, engine);
    let store = store(&place, options);
    (place, store)
}

fn lease(store: &FlickrStore, len: u64, above: u64) -> Result<Vec<u64>, StoreError> {
    Ok(wait(store.lease(&integers(), len, above))?.range.into_iter().collect())
}

pub(crate) fn orders<T>(
    place: &network::Place<Mysql, T>,
    (kind, engine): (&str, &str),
    (increment, offset): (u64, u64),
    test: &'static str,
) -> Form {
    table(place, "orders", kind, engine);
    let end = if kind == "BIGINT" { TOP >> 1 } else { TOP - 1 };
    let options = format!("schema=flickr&key=orders&increment={increment}&offset={offset}");
    let url = with_option(&place.url(), &options);
    Form { url, name: name("orders"), definition: series(increment, offset, end), test }
}

#[test]
fn the_laws_hold_on_every_engine() {
    as_child();
    let test = "flickr::the_laws_hold_on_every_engine";
    for (kind, engine, progression) in [
        ("BIGINT UNSIGNED", "InnoDB", (2, 1)),
        ("BIGINT UNSIGNED", "MyISAM", (2, 2)),
        ("BIGINT UNSIGNED", "InnoDB", (1, 1)),
        ("BIGINT", "InnoDB", (5, 3)),
        ("BIGINT", "MyISAM", (7, 0)),
    ] {
        orders(&fresh(), (kind, engine), progression, test).hold_the_laws();
    }
}

/// What an original does for each id, save that it connects anew for each.
async fn step(mut conn: Conn) -> (Conn, u64) {
    conn.query_drop("SET @@auto_increment_increment=2").await.unwrap();
    conn.query_drop("SET @@auto_increment_offset=1").await.unwrap();
    loop {
        match conn.query_drop("REPLACE INTO orders (stub) VALUES('a')").await {
            Ok(()) => break,
            // Originals meet InnoDB's deadlocks among themselves, without any other program: the
            // server has taken the statement back, and its number is a gap.
            Err(Error::Server(told)) if told.code == DEADLOCK => {}
            Err(error) => panic!("{error}"),
        }
    }
    let id = conn.last_insert_id().unwrap();
    (conn, id)
}

fn beside_originals(engine: &str, test: &'static str) {
    as_child();
    let place = fresh();
    let form = orders(&place, ("BIGINT UNSIGNED", engine), (2, 1), test);
    form.beside_originals(&place.url(), step);
}

#[test]
fn originals_and_idgen_never_meet_in_innodb() {
    beside_originals("InnoDB", "flickr::originals_and_idgen_never_meet_in_innodb");
}

#[test]
fn originals_and_idgen_never_meet_in_myisam() {
    beside_originals("MyISAM", "flickr::originals_and_idgen_never_meet_in_myisam");
}

#[test]
fn an_originals_table_works_untouched() {
    for engine in ["InnoDB", "MyISAM"] {
        let (place, store) = adopted("bigint(20) unsigned", engine, "");
        let made = || {
            let sql: String = place.sql("SHOW CREATE TABLE integers")[0].get(1).unwrap();
            sql.split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT=")).collect::<String>()
        };
        let before = made();
        place.sql("SET auto_increment_increment = 2; REPLACE INTO integers (stub) VALUES ('a')");
        assert_eq!(wait(store.last(&integers())).unwrap(), 1);
        assert_eq!(lease(&store, 3, 0).unwrap(), [3, 5, 7]);
        assert_eq!(place.number("SELECT MAX(id) FROM integers"), 7, "what an original shows");
        assert_eq!(wait(store.last(&integers())).unwrap(), 7);
        place.sql("SET auto_increment_increment = 2; REPLACE INTO integers (stub) VALUES ('a')");
        assert_eq!(lease(&store, 1, 0).unwrap(), [11]);
        assert_eq!((before, place.number("SELECT COUNT(*) FROM integers")), (made(), 1));
        assert_eq!(place.sql("SHOW TABLES").len(), 1, "and no table of idgen's own");
        let keeps = wait(store.identity()).unwrap().durability == Durability::Keeps;
        let notes = wait(store.notes()).unwrap().join("\n");
        let is_safe = engine == "InnoDB";
        assert_eq!((keeps, !notes.contains("kept by MyISAM")), (is_safe, is_safe), "{notes}");
    }
}

#[test]
fn a_fresh_database_gets_the_table() {
    let place = fresh();
    let store = store(&place, "");
    let unknown = lease(&store, 1, 0).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    assert_eq!(wait(store.list()).unwrap(), []);
    let existing = series(2, 1, TOP - 1);
    let conflict = wait(store.create(&integers(), &Definition::default())).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { existing: told, .. } if told == existing));
    assert_eq!(wait(store.create(&integers(), &existing)).unwrap(), Created::New);
    assert_eq!(wait(store.create(&integers(), &existing)).unwrap(), Created::Unchanged);
    assert_eq!(wait(store.last(&integers())).unwrap(), 0);
    wait(store.advance_to(&integers(), 1000)).unwrap();
    assert_eq!(wait(store.last(&integers())).unwrap(), 1000);
    let lower = wait(store.advance_to(&integers(), 999)).unwrap_err();
    assert!(matches!(lower, StoreError::WouldLower { bound: 1000, asked: 999, .. }), "{lower}");
    assert_eq!(lease(&store, 1, 0).unwrap(), [1001]);
    let made: String = place.sql("SHOW CREATE TABLE integers")[0].get(1).unwrap();
    assert!(made.contains("ENGINE=InnoDB") && made.contains("UNIQUE KEY `stub`"), "{made}");
}

/// Two servers of Flickr's scheme, odd and even, and any other series, wherever the count stands.
#[test]
fn ids_are_members_wherever_the_count_stands() {
    for engine in ["InnoDB", "MyISAM"] {
        for (increment, offset) in [(2, 1), (2, 2), (1, 1), (1, 0), (10, 7), (65_535, 65_535)] {
            let options = format!("&increment={increment}&offset={offset}");
            let (place, store) = adopted("BIGINT UNSIGNED", engine, &options);
            let definition = series(increment, offset, TOP - 1);
            for at in [1, 2, 3, 99, 100, 1 << 53, (1 << 63) - 1, 1 << 63] {
                place.sql(&format!(
                    "TRUNCATE integers; REPLACE INTO integers (id, stub) VALUES ({at}, 'a')"
                ));
                let range = wait(store.lease(&integers(), 4, 0)).unwrap().range;
                assert_eq!(Some(range), definition.range_after(at, 4), "{engine} {definition}");
            }
        }
    }
}

/// At the end a server in another mode would answer its last id for ever.
#[test]
fn it_ends_exhausted_at_the_end_of_its_column() {
    for engine in ["InnoDB", "MyISAM"] {
        for (kind, end) in [
            ("BIGINT UNSIGNED", TOP - 1),
            ("BIGINT", TOP >> 1),
            ("INT UNSIGNED", u64::from(u32::MAX)),
            ("INT", u64::from(u32::MAX >> 1)),
        ] {
            for (increment, offset) in [(2, 1), (2, 2), (1, 1), (5, 3)] {
                let options = format!("&increment={increment}&offset={offset}");
                let (place, store) = adopted(kind, engine, &options);
                let definition = series(increment, offset, end);
                assert_eq!(wait(store.identity()).unwrap().ceiling, end);
                place.sql(&format!(
                    "REPLACE INTO integers (id, stub) VALUES ({}, 'a')",
                    end - 6 * increment
                ));
                let mut ids = lease(&store, 2, 0).unwrap();
                ids.extend(lease(&store, 1, 0).unwrap());
                ids.extend(lease(&store, 1000, 0).unwrap());
                let due = definition.range_after(end - 6 * increment, 6).unwrap();
                assert_eq!(ids, due.into_iter().collect::<Vec<u64>>(), "{engine} {kind}");
                for len in [1, 2, TOP, 1] {
                    let ended = lease(&store, len, 0).unwrap_err();
                    let told = matches!(ended, StoreError::Exhausted { end: at, .. } if at == end);
                    assert!(told, "{engine} {kind} {definition}: {ended}");
                }
            }
        }
    }
}

#[test]
fn without_the_right_to_lock_a_lease_is_one_id() {
    let (place, store) = adopted("BIGINT UNSIGNED", "InnoDB", "");
    assert!(!wait(store.notes()).unwrap().join("\n").contains("LOCK"));
    let user = network::unique();
    let database: String = place.sql("SELECT DATABASE()")[0].get(0).unwrap();
    place.sql(&format!(
        "CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO '{user}'@'%'"
    ));
    let url = network::as_user(&place.url(), &format!("{user}:pw"));
    let limited = FlickrStore::new(&with_option(&url, "schema=flickr")).unwrap();
    for due in [1, 3, 5] {
        assert_eq!(lease(&limited, 10, 0).unwrap(), [due]);
    }
    assert_eq!(lease(&limited, 10, 100).unwrap(), [101]);
    wait(limited.advance_to(&integers(), 200)).unwrap();
    assert_eq!(lease(&store, 2, 0).unwrap(), [201, 203]);
    assert_eq!(lease(&limited, 2, 0).unwrap(), [205]);
    let notes = wait(limited.notes()).unwrap().join("\n");
    assert!(notes.contains("each lease is one id; GRANT LOCK TABLES"), "{notes}");
    place.sql(&format!("DROP USER '{user}'@'%'"));
}

/// What a statement in the middle of the packet refuses leaves no lock behind.
#[test]
fn a_refused_packet_unlocks_the_table() {
    let (place, store) = adopted("BIGINT UNSIGNED", "InnoDB", "");
    assert_eq!(lease(&store, 2, 0).unwrap(), [1, 3]);
    place.sql(
        "CREATE TRIGGER few BEFORE INSERT ON integers FOR EACH ROW \
         IF NEW.id > 10 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more'; END IF",
    );
    let refused = lease(&store, 10, 0).unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("no more")));
    let began = std::time::Instant::now();
    place.sql("DROP TRIGGER few");
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "nobody holds the table");
    assert_eq!(lease(&store, 2, 0).unwrap().len(), 2);
}

#[test]
fn a_lease_is_one_round_trip_and_a_cut_costs_one() {
    let (place, direct) = adopted("BIGINT UNSIGNED", "InnoDB", "");
    let proxy = Proxy::to(&address(&place.url()));
    let url = through(&with_option(&place.url(), "schema=flickr"), proxy.port());
    let store = FlickrStore::new(&url).unwrap();
    lease(&store, 10, 0).unwrap();
    let before = proxy.round_trips();
    for len in 1..=50 {
        lease(&store, len, 0).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
    for (cut, gap) in [(Cut::Before, 0), (Cut::After, 10), (Cut::AllBut(1), 10)] {
        let end = *lease(&store, 1, 0).unwrap().last().unwrap();
        proxy.cut(cut);
        let lost = lease(&store, 10, 0).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{cut:?}: {lost}");
        assert_eq!(lease(&direct, 10, 0).unwrap()[0], end + 2 * gap + 2, "{cut:?}");
    }
}

#[test]
fn names_of_tables_inject_nothing() {
    let place = fresh();
    table(&place, "integers", "BIGINT UNSIGNED", "InnoDB");
    for key in ["a`b", "x; DROP TABLE integers", "a'b", "a b", "\u{e9}"] {
        let escaped: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let url = with_option(&place.url(), &format!("key={escaped}"));
        let store = FlickrStore::new(&url).unwrap();
        let made = wait(store.create(&name(key), &series(2, 1, TOP - 1))).unwrap();
        assert_eq!(made, Created::New, "{key}");
        assert_eq!(wait(store.lease(&name(key), 2, 0)).unwrap().range.last(), 3, "{key}");
        wait(store.advance_to(&name(key), 9)).unwrap();
        assert_eq!(wait(store.last(&name(key))).unwrap(), 9, "{key}");
    }
    assert_eq!(place.number("SELECT COUNT(*) FROM integers"), 0);
    assert_eq!(place.sql("SHOW TABLES").len(), 6);
}

#[test]
fn what_the_form_cannot_hold_is_refused() {
    let (place, store) = adopted("BIGINT UNSIGNED", "InnoDB", "");
    let whole = wait(store.lease(&integers(), 10, 0)).unwrap();
    let tail = Lease { range: whole.range.part(4, 6).unwrap(), serial: whole.serial };
    let kept = wait(store.hand_back(&integers(), &tail)).unwrap_err();
    assert!(matches!(kept, StoreError::NotCurrent { .. }), "{kept}");
    assert_eq!(lease(&store, 1, 0).unwrap(), [21], "what came back is not granted again");
    place.sql("CREATE TABLE plants (id INT PRIMARY KEY, stub CHAR(1))");
    let plants = FlickrStore::new(&with_option(&place.url(), "key=plants")).unwrap();
    let url = with_option(&place.url(), "key=integers");
    let refused = [
        wait(store.alter(&integers(), &Alteration::default())).map(|_| ()).unwrap_err(),
        wait(store.delete(&integers())).unwrap_err(),
        wait(store.create(&name("other"), &series(2, 1, TOP - 1))).map(|_| ()).unwrap_err(),
        wait(store.advance_to(&integers(), TOP)).unwrap_err(),
        wait(plants.lease(&name("plants"), 1, 0)).map(|_| ()).unwrap_err(),
        MysqlStore::new(&url).map(|_| ()).unwrap_err(),
        IdpotStore::new(&url).map(|_| ()).unwrap_err(),
        FlickrStore::new(&place.url()).map(|_| ()).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Refused(_))), "{refused:?}");
    place.sql("DROP TABLE integers");
    assert!(matches!(lease(&store, 3, 0), Err(StoreError::Unknown { .. })));
}

#[test]
fn a_table_that_went_back_shows_it() {
    for engine in ["InnoDB", "MyISAM"] {
        let (place, store) = adopted("BIGINT UNSIGNED", engine, "");
        a_store_that_went_back_shows_it(&store, &integers(), |back| {
            place.sql(&format!(
                "DELETE FROM integers; ALTER TABLE integers AUTO_INCREMENT = {back}"
            ));
        });
    }
}
