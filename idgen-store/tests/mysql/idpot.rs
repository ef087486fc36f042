//! The pots of idpot, adopted: names, ends, flaws, and originals that run beside.

use std::collections::HashSet;

use idgen_store::mysql::{IdpotStore, MysqlStore};
use idgen_store::{
    Alteration, Created, Definition, Durability, Lease, Name, SequenceStore, StoreError,
};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::adopted::{Form, a_store_that_went_back_shows_it};
use crate::network::processes::as_child;
use crate::network::proxy::{Cut, Proxy};
use crate::network::{address, through, wait, with_option};
use crate::{Mysql, Place, fresh, network};

const TOP: u64 = u64::MAX;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn url<T>(place: &network::Place<Mysql, T>) -> String {
    with_option(&place.url(), "schema=idpot")
}

fn store(place: &Place) -> IdpotStore {
    IdpotStore::new(&url(place)).unwrap()
}

/// A pot as its operator or an original made it.
fn pot(place: &Place, pot: &str, engine: &str, id: u64) {
    let table = format!("pot_{pot}");
    place.sql(&format!("CREATE TABLE {table} (id BIGINT UNSIGNED NOT NULL) ENGINE = {engine}"));
    place.sql(&format!("INSERT INTO {table} VALUES ({id})"));
}

fn lease(store: &IdpotStore, pot: &str, len: u64, above: u64) -> Result<(u64, u64), StoreError> {
    let range = wait(store.lease(&name(pot), len, above))?.range;
    Ok((range.start(), range.last()))
}

fn first(first: u64) -> Definition {
    Definition::new(first, 1, 0, TOP, Default::default()).unwrap()
}

pub(crate) fn orders<T>(
    place: &network::Place<Mysql, T>,
    (kind, engine): (&str, &str),
    test: &'static str,
) -> Form {
    place.sql(&format!("CREATE TABLE pot_orders (id {kind} NOT NULL) ENGINE = {engine}"));
    place.sql("INSERT INTO pot_orders VALUES (0)");
    let end = if kind == "BIGINT" { TOP >> 1 } else { TOP };
    let definition = Definition::new(1, 1, 0, end, Default::default()).unwrap();
    Form { url: url(place), name: name("orders"), definition, test }
}

#[test]
fn the_laws_hold_on_every_engine() {
    as_child();
    let test = "idpot::the_laws_hold_on_every_engine";
    for columns in
        [("BIGINT UNSIGNED", "InnoDB"), ("BIGINT UNSIGNED", "MyISAM"), ("BIGINT", "InnoDB")]
    {
        orders(&fresh(), columns, test).hold_the_laws();
    }
}

/// What an original does for each id.
async fn step(mut conn: Conn) -> (Conn, u64) {
    conn.query_drop("UPDATE pot_orders SET id = LAST_INSERT_ID(id + 1)").await.unwrap();
    let id = conn.query_first("SELECT LAST_INSERT_ID()").await.unwrap().unwrap();
    (conn, id)
}

fn beside_originals(engine: &str, test: &'static str) {
    as_child();
    let place = fresh();
    let form = orders(&place, ("BIGINT UNSIGNED", engine), test);
    let (by_originals, by_idgen) = form.beside_originals(&place.url(), step);
    let last = wait(form.store().last(&form.name)).unwrap();
    assert_eq!(last, by_originals + by_idgen, "and nothing was skipped");
}

#[test]
fn originals_and_idgen_never_meet_in_innodb() {
    beside_originals("InnoDB", "idpot::originals_and_idgen_never_meet_in_innodb");
}

#[test]
fn originals_and_idgen_never_meet_in_myisam() {
    beside_originals("MyISAM", "idpot::originals_and_idgen_never_meet_in_myisam");
}

#[test]
fn an_originals_table_works_untouched() {
    let place = fresh();
    pot(&place, "foo", "MyISAM", 100);
    let made = place.sql("SHOW CREATE TABLE pot_foo")[0].get::<String, _>(1);
    let store = store(&place);
    assert_eq!(wait(store.last(&name("foo"))).unwrap(), 100);
    assert_eq!(lease(&store, "foo", 10, 0).unwrap(), (101, 110));
    assert_eq!(place.number("SELECT id FROM pot_foo"), 110);
    assert_eq!(place.sql("SHOW CREATE TABLE pot_foo")[0].get::<String, _>(1), made);
    assert_eq!(place.sql("SHOW TABLES").len(), 1, "and no table of idgen's own");
    let Durability::MayLose(why) = wait(store.identity()).unwrap().durability else {
        panic!("MyISAM is not safe");
    };
    assert!(why.contains("pot_foo is kept by MyISAM"), "{why}");
    let notes = wait(store.notes()).unwrap().join("\n");
    assert!(notes.contains("ALTER TABLE `pot_foo` ENGINE = InnoDB"), "{notes}");
    place.sql("ALTER TABLE `pot_foo` ENGINE = InnoDB");
    assert_eq!(wait(store.identity()).unwrap().durability, Durability::Keeps);
    assert_eq!(wait(store.notes()).unwrap().len(), 1);
}

#[test]
fn the_first_id_lies_above_min() {
    let place = fresh();
    let store = store(&place);
    for (text, min) in [("none", 0), ("hundred", 100), ("last", TOP - 1)] {
        let asked = first(min + 1);
        assert_eq!(wait(store.create(&name(text), &asked)).unwrap(), Created::New);
        assert_eq!(wait(store.last(&name(text))).unwrap(), min, "before the first lease");
        assert_eq!(lease(&store, text, 1, 0).unwrap().0, min + 1);
        assert_eq!(wait(store.create(&name(text), &asked)).unwrap(), Created::Unchanged);
    }
    let made: String = place.sql("SHOW CREATE TABLE pot_hundred")[0].get(1).unwrap();
    assert!(made.contains("ENGINE=InnoDB") && made.contains("unsigned NOT NULL"), "{made}");
    let ended = lease(&store, "last", 1, 0).unwrap_err();
    assert!(matches!(ended, StoreError::Exhausted { end: TOP, .. }), "{ended}");
    // Below the pot's id there may have been such a pot, above it there was none.
    let conflict = wait(store.create(&name("hundred"), &first(102 + 1))).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    let odd = Definition::new(1, 2, 1, TOP, Default::default()).unwrap();
    let conflict = wait(store.create(&name("none"), &odd)).unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    assert!(matches!(wait(store.create(&name("odd"), &odd)), Err(StoreError::Refused(_))));
}

#[test]
fn many_that_create_one_pot_make_it_once() {
    for _ in 0..5 {
        let place = fresh();
        let made = wait(async {
            let asked: Vec<_> = (0..8)
                .map(|_| {
                    let store = store(&place);
                    tokio::spawn(async move { store.create(&name("foo"), &first(8)).await })
                })
                .collect();
            let mut made = Vec::new();
            for asked in asked {
                made.push(asked.await.unwrap().unwrap());
            }
            made
        });
        assert_eq!(made.iter().filter(|made| **made == Created::New).count(), 1, "{made:?}");
        assert_eq!(lease(&store(&place), "foo", 1, 0).unwrap().0, 8);
    }
}

/// Nothing in a name is SQL, and names that differ are pots that differ.
#[test]
fn names_inject_nothing_and_meet_nobody() {
    let place = fresh();
    pot(&place, "foo", "InnoDB", 5000);
    let longest = "x".repeat(60);
    let texts = [
        "foo set id=0--",
        "foo` set id=0-- -",
        "`; DROP TABLE pot_foo; -- -",
        "``",
        "a'b",
        "a\"b",
        "a\\",
        "a/b",
        "../a",
        "a.b",
        "%",
        "a_",
        "A",
        "a",
        " a",
        "#sql",
        "\u{e9}",
        "e\u{301}",
        "\u{4e00}",
        &longest,
    ];
    let store = store(&place);
    for (text, turn) in texts.iter().zip(1_u64..) {
        let made = wait(store.create(&name(text), &first(turn * 1000))).unwrap();
        assert_eq!(made, Created::New, "{text}");
    }
    for (text, turn) in texts.iter().zip(1_u64..) {
        assert_eq!(lease(&store, text, 10, 0).unwrap().0, turn * 1000, "{text}");
        assert_eq!(wait(store.last(&name(text))).unwrap(), turn * 1000 + 9, "{text}");
    }
    assert_eq!(place.number("SELECT id FROM pot_foo"), 5000);
    let listed: HashSet<String> =
        wait(store.list()).unwrap().iter().map(|info| info.name.as_str().to_owned()).collect();
    let due = texts.iter().copied().chain(["foo"]).map(str::to_owned);
    assert_eq!(listed, due.collect());
}

#[test]
fn names_that_are_none_are_refused() {
    let place = fresh();
    let store = store(&place);
    let wide = "\u{4e00}".repeat(42);
    for bad in ["a ", "a\0", "\u{1f600}", &"x".repeat(61)] {
        for refused in [
            wait(store.create(&name(bad), &Definition::default())).map(|_| ()).unwrap_err(),
            lease(&store, bad, 1, 0).map(|_| ()).unwrap_err(),
            wait(store.last(&name(bad))).map(|_| ()).unwrap_err(),
        ] {
            assert!(matches!(refused, StoreError::Refused(_)), "{bad:?}: {refused}");
        }
    }
    // A file's name has 255 bytes, of which such a character takes five.
    let unknown = lease(&store, &wide, 1, 0);
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    let made = wait(store.create(&name(&wide), &Definition::default()));
    assert!(matches!(made, Ok(Created::New)), "{made:?}");
    let slashes = "/".repeat(60);
    let refused = wait(store.create(&name(&slashes), &Definition::default())).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("shorter")), "{refused}");
}

#[test]
fn other_tables_are_no_pots() {
    let place = fresh();
    pot(&place, "mine", "InnoDB", 7);
    place
        .sql("CREATE TABLE pot_plants (id INT NOT NULL, name CHAR(9)); CREATE TABLE pots (id INT)");
    place.sql("INSERT INTO pot_plants VALUES (1, 'fern'); CREATE VIEW pot_v AS SELECT 1 AS id");
    place.sql("CREATE TABLE pot_none (id BIGINT UNSIGNED NOT NULL)");
    let store = store(&place);
    for pot in ["plants", "v"] {
        let refused = lease(&store, pot, 1, 0).unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(why) if why.contains("is no pot")));
    }
    assert_eq!(place.number("SELECT id FROM pot_plants"), 1);
    let notes = wait(store.notes()).unwrap().join("\n");
    assert!(notes.contains("pot_plants is no pot") && notes.contains("pot_v is no"), "{notes}");
    let damaged = lease(&store, "none", 1, 0).unwrap_err();
    assert!(matches!(&damaged, StoreError::Damaged(why) if why.contains("0 rows")), "{damaged}");
    assert!(matches!(wait(store.list()), Err(StoreError::Damaged(_))), "it is not left out");
    place.sql("DROP TABLE pot_none");
    assert_eq!(wait(store.list()).unwrap().len(), 1);
    place.sql("INSERT INTO pot_mine VALUES (9)");
    let damaged = lease(&store, "mine", 1, 0).unwrap_err();
    assert!(matches!(&damaged, StoreError::Damaged(why) if why.contains("2 rows")), "{damaged}");
}

#[test]
fn what_the_form_cannot_hold_is_refused() {
    let place = fresh();
    pot(&place, "foo", "InnoDB", 0);
    let store = store(&place);
    let whole = wait(store.lease(&name("foo"), 10, 0)).unwrap();
    let tail = Lease { range: whole.range.part(4, 6).unwrap(), serial: whole.serial };
    let kept = wait(store.hand_back(&name("foo"), &tail)).unwrap_err();
    assert!(matches!(kept, StoreError::NotCurrent { .. }), "{kept}");
    assert_eq!(
        lease(&store, "foo", 1, 0).unwrap(),
        (11, 11),
        "what came back is not granted again"
    );
    let refused = [
        wait(store.alter(&name("foo"), &Alteration::default())).map(|_| ()).unwrap_err(),
        wait(store.delete(&name("foo"))).unwrap_err(),
        MysqlStore::new(&url(&place)).map(|_| ()).unwrap_err(),
        IdpotStore::new(&place.url()).map(|_| ()).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Refused(_))), "{refused:?}");
}

#[test]
fn a_lease_is_one_round_trip_and_a_cut_costs_one() {
    let place = fresh();
    pot(&place, "foo", "InnoDB", 0);
    let proxy = Proxy::to(&address(&place.server));
    let store = IdpotStore::new(&through(&url(&place), proxy.port())).unwrap();
    lease(&store, "foo", 10, 0).unwrap();
    let before = proxy.round_trips();
    for _ in 0..50 {
        lease(&store, "foo", 10, 0).unwrap();
    }
    assert_eq!(proxy.round_trips() - before, 50);
    for (cut, gap) in [(Cut::Before, 0), (Cut::After, 10), (Cut::AllBut(1), 10)] {
        let end = lease(&store, "foo", 1, 0).unwrap().1;
        proxy.cut(cut);
        let lost = lease(&store, "foo", 10, 0).unwrap_err();
        assert!(matches!(lost, StoreError::Unavailable(_)), "{cut:?}: {lost}");
        let next = lease(&store, "foo", 10, 0).unwrap().0;
        assert_eq!(next, end + gap + 1, "{cut:?}");
    }
}

/// A pot that goes away is unknown, and so is one that comes back until it is there.
#[test]
fn a_dropped_pot_is_unknown() {
    let place = fresh();
    pot(&place, "foo", "InnoDB", 41);
    let store = store(&place);
    assert_eq!(lease(&store, "foo", 1, 0).unwrap().0, 42);
    place.sql("DROP TABLE pot_foo");
    assert!(matches!(lease(&store, "foo", 1, 0), Err(StoreError::Unknown { .. })));
    place.sql("CREATE TABLE pot_foo (id INT UNSIGNED NOT NULL)");
    place.sql("INSERT INTO pot_foo VALUES (4294967290)");
    assert_eq!(lease(&store, "foo", 9, 0).unwrap(), (4_294_967_291, 4_294_967_295));
    assert!(matches!(lease(&store, "foo", 1, 0), Err(StoreError::Exhausted { .. })));
}

#[test]
fn a_pot_that_went_back_shows_it() {
    let place = fresh();
    for engine in ["InnoDB", "MyISAM"] {
        pot(&place, engine, engine, 900);
        a_store_that_went_back_shows_it(&store(&place), &name(engine), |back| {
            place.sql(&format!("UPDATE pot_{engine} SET id = {back}"));
        });
    }
    // The rest before the end of the column, too.
    pot(&place, "small", "InnoDB", TOP - 100);
    let rest = wait(store(&place).lease(&name("small"), 10, TOP - 5)).unwrap();
    assert_eq!((rest.range.start(), rest.range.last()), (TOP - 4, TOP));
    assert_eq!(rest.serial, TOP - 99);
}
