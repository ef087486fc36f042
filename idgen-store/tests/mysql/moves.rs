//! Adopted tables that move away or come in: originals beside refuse, and nothing is drawn twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use idgen_store::memory::MemoryStore;
use idgen_store::{
    Definition, Departure, Migrated, Name, Order, SequenceStore, Site, StoreError, migrate,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::network::{wait, with_option};
use crate::{Place, fresh};

/// An adopted table that stands at 41, and what an original does for each id.
struct Form {
    options: &'static str,
    name: &'static str,
    table: &'static str,
    make: &'static [&'static str],
    draw: &'static str,
    /// How far neighbours are apart.
    step: u64,
}

const POT: Form = Form {
    options: "schema=idpot",
    name: "foo",
    table: "pot_foo",
    make: &[
        "CREATE TABLE pot_foo (id BIGINT UNSIGNED NOT NULL) ENGINE = ",
        "INSERT INTO pot_foo VALUES (41)",
    ],
    draw: "UPDATE pot_foo SET id = LAST_INSERT_ID(id + 1)",
    step: 1,
};

const TICKETS: Form = Form {
    options: "schema=flickr&increment=2&offset=1",
    name: "integers",
    table: "integers",
    make: &[
        "CREATE TABLE integers (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         stub CHAR(1) NOT NULL DEFAULT '' UNIQUE) ENGINE = ",
        "INSERT INTO integers VALUES (41, 'a')",
    ],
    draw: "SET auto_increment_increment = 2, auto_increment_offset = 1; \
           REPLACE INTO integers (stub) VALUES ('a')",
    step: 2,
};

struct Stage {
    form: &'static Form,
    place: Place,
    name: Name,
    store: Arc<dyn SequenceStore>,
    elsewhere: MemoryStore,
}

impl Stage {
    fn empty(form: &'static Form) -> Self {
        let (place, name) = (fresh(), Name::new(form.name).unwrap());
        let url = with_option(&place.url(), form.options);
        let store = idgen_store::open(&url).unwrap().sequences;
        Self { form, place, name, store, elsewhere: MemoryStore::new() }
    }

    fn new(form: &'static Form, engine: &str) -> Self {
        let stage = Self::empty(form);
        stage.place.sql(&format!("{}{engine}", form.make[0]));
        stage.place.sql(form.make[1]);
        stage
    }

    fn here(&self) -> Site<'_> {
        Site { store: &*self.store, place: "mysql://here/it's\\" }
    }

    fn there(&self) -> Site<'_> {
        Site { store: &self.elsewhere, place: "memory://it's\\there" }
    }

    fn leave(&self) -> Result<Migrated, StoreError> {
        wait(migrate(self.here(), self.there(), &self.name, Departure::Tombstone))
    }

    fn come(&self) -> Result<Migrated, StoreError> {
        wait(migrate(self.there(), self.here(), &self.name, Departure::Tombstone))
    }

    fn next(&self, store: &dyn SequenceStore) -> Result<u64, StoreError> {
        wait(store.lease(&self.name, 1, 0)).map(|lease| lease.range.start())
    }

    /// An id of an original, on a connection of its own.
    fn draw(&self) -> Result<u64, mysql_async::Error> {
        wait(async {
            let mut conn = Conn::new(Opts::from_url(&self.place.url()).unwrap()).await?;
            draw(&mut conn, self.form).await
        })
    }

    /// What a tombstone names.
    fn address(&self) -> String {
        wait(self.there().address()).unwrap()
    }

    fn assert_moved(&self) {
        let address = self.address();
        for answer in [
            self.next(&*self.store).map(drop),
            wait(self.store.advance_to(&self.name, 1000)),
            wait(self.store.create(&self.name, &Definition::default())).map(drop),
            wait(self.store.move_away(&self.name, "memory://beyond")).map(drop),
        ] {
            let is_it = matches!(&answer, Err(StoreError::Moved { to, .. })
                if *to == address);
            assert!(is_it, "{answer:?}");
        }
        let error = self.draw().unwrap_err();
        assert!(matches!(&error, mysql_async::Error::Server(said) if said.code == 1146), "{error}");
    }

    /// Where the tombstone says that the sequence ended.
    fn buried_at(&self) -> u64 {
        let listed = wait(self.store.list()).unwrap();
        let [info] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!(info.moved_to, Some(self.address()));
        assert_eq!(wait(self.store.describe(&self.name)).unwrap(), *info);
        let rows = format!("SELECT id FROM moved_{}", self.form.table);
        assert_eq!(self.place.number(&rows), info.bound, "it is readable by hand");
        info.bound
    }
}

async fn draw(conn: &mut Conn, form: &Form) -> Result<u64, mysql_async::Error> {
    conn.query_drop(form.draw).await?;
    Ok(conn.query_first("SELECT LAST_INSERT_ID()").await?.unwrap())
}

fn every_form(test: impl Fn(Stage)) {
    for form in [&POT, &TICKETS] {
        for engine in ["InnoDB", "MyISAM"] {
            test(Stage::new(form, engine));
        }
    }
}

#[test]
fn a_moved_table_refuses_everyone_and_comes_back() {
    every_form(|stage| {
        let step = stage.form.step;
        assert_eq!(stage.next(&*stage.store).unwrap(), 41 + step);
        let moved = stage.leave().unwrap();
        assert_eq!((moved.left_at, moved.bound, moved.was_there), (41 + step, 41 + step, false));
        stage.assert_moved();
        assert_eq!(stage.buried_at(), 41 + step);
        assert!(stage.leave().unwrap().was_there);
        assert_eq!(stage.next(&stage.elsewhere).unwrap(), 41 + 2 * step);
        stage.come().unwrap();
        assert_eq!(stage.draw().unwrap(), 41 + 3 * step);
        assert_eq!(stage.next(&*stage.store).unwrap(), 41 + 4 * step);
        let left = stage.next(&stage.elsewhere).unwrap_err();
        assert!(matches!(left, StoreError::Moved { .. }), "{left}");
        assert_eq!(stage.leave().unwrap().bound, 41 + 4 * step);
        stage.assert_moved();
    });
}

/// What a death leaves between the steps, on either way.
#[test]
fn a_move_goes_on_where_another_died() {
    every_form(|stage| {
        let (table, step) = (stage.form.table, stage.form.step);
        stage.place.sql(&format!("ALTER TABLE {table} COMMENT = 'idgen: moved to nowhere'"));
        assert_eq!(stage.draw().unwrap(), 41 + step, "nothing has moved");
        assert_eq!(wait(stage.store.describe(&stage.name)).unwrap().moved_to, None);
        wait(stage.store.move_away(&stage.name, &stage.address())).unwrap();
        stage.assert_moved();
        let unknown = stage.next(&stage.elsewhere).unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
        assert_eq!(stage.leave().unwrap().left_at, 41 + step);
        assert_eq!(stage.next(&stage.elsewhere).unwrap(), 41 + 2 * step);

        let home = wait(stage.here().address()).unwrap();
        wait(stage.elsewhere.move_away(&stage.name, &home)).unwrap();
        stage.place.sql(&format!("UPDATE moved_{table} SET id = {}", 41 + 2 * step));
        stage.assert_moved();
        assert_eq!(stage.come().unwrap().bound, 41 + 2 * step);
        assert_eq!(stage.next(&*stage.store).unwrap(), 41 + 3 * step);
        let comment = format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
             AND table_name = '{table}' AND table_comment = ''"
        );
        assert_eq!(stage.place.number(&comment), 1);
    });
}

/// Everything that was drawn lies at or below the position that the tombstone tells.
#[test]
fn originals_draw_until_the_table_is_gone() {
    every_form(|stage| {
        let highest = AtomicU64::new(0);
        let left = std::thread::scope(|scope| {
            let original = || {
                let url = stage.place.url();
                wait(async {
                    let mut conn = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
                    let until = Instant::now() + Duration::from_secs(20);
                    while let Ok(id) = draw(&mut conn, stage.form).await {
                        assert!(Instant::now() < until, "the table is still there");
                        // SeqCst: tests have the time.
                        highest.fetch_max(id, Ordering::SeqCst);
                    }
                });
            };
            for _ in 0..3 {
                scope.spawn(original);
            }
            let until = Instant::now() + Duration::from_secs(20);
            while highest.load(Ordering::SeqCst) < 100 {
                assert!(Instant::now() < until, "originals do not draw");
                std::thread::sleep(Duration::from_millis(5));
            }
            stage.leave().unwrap()
        });
        let highest = highest.load(Ordering::SeqCst);
        assert!(highest <= left.left_at, "{highest} was drawn, and left at {}", left.left_at);
        assert_eq!(stage.next(&stage.elsewhere).unwrap(), left.left_at + stage.form.step);
    });
}

/// Of many that move a table at once, to two places, all tell the same place.
#[test]
fn movers_agree_on_one_place() {
    every_form(|stage| {
        let moved = wait(async {
            let movers = (0..6).map(|turn| {
                let (store, name) = (Arc::clone(&stage.store), stage.name.clone());
                let to = ["memory://one", "memory://other"][turn % 2];
                tokio::spawn(async move { (to, store.move_away(&name, to).await) })
            });
            let movers: Vec<_> = movers.collect();
            let mut moved = Vec::new();
            for mover in movers {
                moved.push(mover.await.unwrap());
            }
            moved
        });
        let place = wait(stage.store.describe(&stage.name)).unwrap().moved_to.unwrap();
        for (to, outcome) in moved {
            match outcome {
                Ok(info) => assert_eq!((info.moved_to.as_deref(), &*place), (Some(to), to)),
                Err(StoreError::Moved { to: other, .. }) => {
                    assert_eq!((&*other, to == place), (&*place, false));
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_sequence_comes_in_where_no_table_was() {
    for form in [&POT, &TICKETS] {
        let stage = Stage::empty(form);
        let end = if form.step == 2 { u64::MAX - 1 } else { u64::MAX };
        let definition = Definition::new(1, form.step, 1, end, Order::Leased).unwrap();
        wait(stage.elsewhere.create(&stage.name, &definition)).unwrap();
        let last = wait(stage.elsewhere.lease(&stage.name, 500, 0)).unwrap().range.last();
        assert_eq!(stage.come().unwrap().left_at, last);
        assert_eq!(stage.draw().unwrap(), last + form.step);
        assert_eq!(stage.next(&*stage.store).unwrap(), last + 2 * form.step);
    }
}

#[test]
fn what_a_table_cannot_hold_stays_where_it_was() {
    for form in [&POT, &TICKETS] {
        let stage = Stage::empty(form);
        let thirds = Definition::new(1, 3, 1, u64::MAX, Order::Leased).unwrap();
        wait(stage.elsewhere.create(&stage.name, &thirds)).unwrap();
        let conflict = stage.come().unwrap_err();
        assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
        assert_eq!(stage.next(&stage.elsewhere).unwrap(), 1);
        assert_eq!(stage.place.sql("SHOW TABLES").len(), 0);
    }
}

/// A table that was made anew under the name of one that has left is not served.
#[test]
fn a_namesake_of_a_moved_table_is_not_leased_from() {
    every_form(|stage| {
        stage.leave().unwrap();
        stage.place.sql(&format!("{}InnoDB", stage.form.make[0]));
        stage.place.sql(stage.form.make[1]);
        let moved = stage.next(&*stage.store).unwrap_err();
        assert!(matches!(moved, StoreError::Moved { .. }), "{moved}");
        assert_eq!(stage.buried_at(), 41);
        let refused = stage.come().unwrap_err().to_string();
        assert!(refused.contains("has a namesake in the way"), "{refused}");
        stage.place.sql(&format!("DROP TABLE {}", stage.form.table));
        stage.come().unwrap();
        assert_eq!(stage.next(&*stage.store).unwrap(), 41 + stage.form.step);
    });
}
