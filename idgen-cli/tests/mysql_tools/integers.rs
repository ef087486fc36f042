//! `idgen int` and `idgen intd-server` on the original's table of tickets.

use std::process::Output;

use crate::Database;
use crate::clients::once;
use crate::harness::{Place, assert_distinct};

/// The table as the original's README has it made.
fn make(database: &Database, engine: &str) {
    database.sql(&format!(
        "CREATE TABLE `integers` (`id` BIGINT(20) UNSIGNED NOT NULL AUTO_INCREMENT, `stub` char(1) \
         NOT NULL DEFAULT '', PRIMARY KEY (`id`), UNIQUE KEY `stub` (`stub`)) ENGINE={engine}"
    ));
}

/// What an original does for one integer.
fn original(database: &Database) -> u64 {
    let sql = [
        &format!("USE {}", database.name),
        "SET @@auto_increment_increment=2, @@auto_increment_offset=1",
        "REPLACE INTO integers (stub) VALUES('a')",
        "SELECT LAST_INSERT_ID()",
    ];
    database.run(&sql).unwrap()
}

fn int(place: &Place, database: &Database, more: &[&str]) -> Output {
    let dsn = database.dsn();
    place.tool(&[&["int", "-engine", "mysql", "-dsn", &dsn], more].concat())
}

fn mint(place: &Place, database: &Database, more: &[&str]) -> u64 {
    let output = int(place, database, more);
    assert!(output.status.success() && output.stderr.is_empty(), "{more:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().strip_suffix('\n').unwrap().parse().unwrap()
}

#[test]
fn the_series_is_the_originals_beside_it() {
    for engine in ["InnoDB", "MyISAM"] {
        let (place, database) = (Place::new(), Database::new());
        make(&database, engine);
        let mut all: Vec<u64> = (0..3).map(|_| mint(&place, &database, &[])).collect();
        assert_eq!(all, [1, 3, 5], "{engine}");
        assert_eq!(original(&database), 7, "{engine}: one step for each integer");
        assert_eq!(mint(&place, &database, &["--set-last-int=1000"]), 1001, "{engine}");
        all.extend([original(&database), mint(&place, &database, &[])]);
        assert_distinct(engine, &mut all);
        assert_eq!(all[3..], [1003, 1005], "{engine}");
    }
}

#[test]
fn a_fresh_database_gets_its_table() {
    let (place, database) = (Place::new(), Database::new());
    assert_eq!(mint(&place, &database, &["-set-last-int", "41"]), 43);
    assert_eq!(mint(&place, &database, &["-set-key", "others"]), 1, "another table");
    let refused = int(&place, &database, &["-set-last-int", "40"]);
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && refused.stdout.is_empty(), "{line}");
    assert!(line.contains("lower"), "{line}");
    assert_eq!(original(&database), 45);
}

#[test]
fn two_servers_of_the_odd_and_even_scheme_never_meet() {
    let (place, odd, even) = (Place::new(), Database::new(), Database::new());
    let mut all = Vec::new();
    for (database, offset) in [(&odd, "1"), (&even, "2")] {
        let set = ["-set-increment", "2", "-set-offset", offset];
        all.extend((0..3).map(|_| mint(&place, database, &set)));
    }
    assert_eq!(all, [1, 3, 5, 2, 4, 6]);
    let refused = int(&place, &odd, &["-set-increment", "2", "-set-offset", "3"]);
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && line.contains("offset 3"), "{line}");
}

#[test]
fn a_server_and_the_tool_and_an_original_never_meet() {
    let (place, database) = (Place::new(), Database::new());
    make(&database, "InnoDB");
    let dsn = database.dsn();
    let server = place.server_of(&["intd-server", "-engine", "mysql", "-dsn", &dsn, "-port", "0"]);
    let mut all: Vec<u64> = Vec::new();
    for _ in 0..10 {
        all.push(once(server.artisanal_http(), "GET", "/").body.parse().unwrap());
        all.push(mint(&place, &database, &[]));
        all.push(original(&database));
    }
    assert_distinct("a server, the tool and an original", &mut all);
    assert!(all.iter().all(|id| id % 2 == 1));
}

#[test]
fn with_nodes_said_integers_rise_over_all_servers() {
    let (place, database) = (Place::new(), Database::new());
    make(&database, "InnoDB");
    let dsn = database.dsn();
    let args = ["intd-server", "-engine", "mysql", "-dsn", &dsn, "-port", "0", "-nodes", "2"];
    let servers = [place.server_of(&args), place.server_of(&args)];
    for turn in 0..40_usize {
        let minted = once(servers[turn % 2].artisanal_http(), "GET", "/").body;
        assert_eq!(minted, (2 * turn + 1).to_string(), "turn {turn}");
    }
}
