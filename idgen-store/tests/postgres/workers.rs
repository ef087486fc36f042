//! Worker ids in PostgreSQL: tables, settings, damage.

use idgen_store::{Definition, Durability, RegistryError, Wish};

use crate::network::desk::Desk;
use crate::network::suite::workers::a_forgotten_holder_is_told_so;
use crate::network::{orders, wait};
use crate::own::only;
use crate::{Postgres, fresh};

#[test]
fn a_forgotten_lease_is_lost() {
    let place = fresh();
    a_forgotten_holder_is_told_so::<Postgres>(&place.url(), || {
        place.sql("DELETE FROM idgen_worker");
    });
}

/// Whoever uses sequences alone needs no right to make more tables; and all who share sequences
/// share worker ids, whatever else their search paths name.
#[test]
fn tables_are_made_at_their_first_use_beside_the_others() {
    let place = fresh();
    place.stocked();
    let count = |schema: &str| -> u32 {
        let sql = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'");
        only(&place.sql(&format!("{sql} AND tablename LIKE 'idgen_%'"))).parse().unwrap()
    };
    assert_eq!(count(&place.schema), 4);
    let first = format!("{}_first", place.schema);
    place.sql(&format!("CREATE SCHEMA {first}"));
    let path = format!("search_path%3D{first},{}", place.schema);
    let url = place.url().replace(&format!("search_path%3D{}", place.schema), &path);
    let claimed = wait(Desk::open::<Postgres>(&url).claim(Wish::Any)).unwrap();
    let made = (count(&first), count(&place.schema));
    place.sql(&format!("DROP SCHEMA {first} CASCADE"));
    assert_eq!(made, (0, 7));
    let listed = wait(Desk::open::<Postgres>(&place.url()).list()).unwrap();
    assert_eq!(listed[0].token, claimed.lease.token());
}

#[test]
fn a_claim_is_synchronous_whatever_the_settings() {
    let place = fresh();
    let url = place.url().replace("options=", "options=-c%20synchronous_commit%3Doff%20");
    let desk = Desk::open::<Postgres>(&url);
    wait(desk.claim(Wish::Any)).unwrap();
    assert_eq!(wait(desk.registry.identity()).unwrap().durability, Durability::Keeps);
    place.sql("ALTER TABLE idgen_worker SET UNLOGGED");
    let identity = wait(desk.registry.identity()).unwrap();
    let Durability::MayLose(why) = identity.durability else { panic!("{identity:?}") };
    assert!(why.contains("idgen_worker"), "{why}");
}

#[test]
fn serials_go_on_over_all_64_bits() {
    let place = fresh();
    let desk = Desk::open::<Postgres>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    place.sql("UPDATE idgen_turn SET serial = 18446744073709551613");
    assert_eq!(wait(desk.claim(Wish::Any)).unwrap().lease.token().serial, u64::MAX - 1);
}

#[test]
fn what_idgen_never_wrote_is_a_damaged_record() {
    let place = fresh();
    let desk = Desk::open::<Postgres>(&place.url());
    wait(desk.claim(Wish::Any)).unwrap();
    place.sql("UPDATE idgen_worker SET record = 'mine'");
    let damaged = wait(desk.claim(Wish::Any)).unwrap_err();
    let named = matches!(&damaged, RegistryError::Damaged(why) if why.contains("worker id 0"));
    assert!(named, "{damaged}");
    place.sql("DELETE FROM idgen_turn");
    let damaged = wait(desk.claim(Wish::Any)).unwrap_err();
    let named = matches!(&damaged, RegistryError::Damaged(why) if why.contains("idgen_turn"));
    assert!(named, "{damaged}");
    // What it holds beside is none the worse.
    wait(place.store().create(&orders(), &Definition::default())).unwrap();
}
