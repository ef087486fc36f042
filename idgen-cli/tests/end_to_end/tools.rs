//! The tools beside the server, on the same store.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::clients::Http;
use crate::harness::{Place, assert_distinct};

fn ids(text: &str) -> Vec<u64> {
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn next_leases_exactly_what_it_prints() {
    let place = Place::new();
    assert_eq!(ids(&place.run(&["next"])), [1]);
    assert_eq!(ids(&place.run(&["next", "-n", "5"])), [2, 3, 4, 5, 6]);
    assert_eq!(ids(&place.run(&["next", "default", "-n", "2"])), [7, 8]);
    assert_eq!(place.run(&["next", "--format", "hex"]), "0000000000000009\n");
    assert_eq!(place.run(&["next", "--format", "base32"]), "000000000000A\n");
    assert_eq!(place.run(&["next", "--format", "base62"]), "0000000000B\n");
    assert_eq!(json(&place.run(&["--json", "next", "-n", "2"]))["ids"][1], "13");
    let unknown = place.tool(&["next", "orders"]);
    assert_eq!(unknown.status.code(), Some(1));
    let line = String::from_utf8(unknown.stderr).unwrap();
    assert!(line.contains("'orders'") && line.contains("idgen sequence create"), "{line}");
}

#[test]
fn tools_and_a_server_never_meet() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.http()).unwrap();
    let (mut serial, mut snowflakes) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        serial.extend(ids(&place.run(&["next", "-n", "700"])));
        serial.extend(http.ids("/v1/sequences/default/ids?count=700").unwrap());
        snowflakes.extend(ids(&place.run(&["snowflake", "-n", "5000"])));
        snowflakes.extend(http.ids("/v1/snowflakes?count=5000").unwrap());
    }
    assert_distinct("serial", &mut serial);
    assert_distinct("snowflakes", &mut snowflakes);
}

#[test]
fn short_of_ids_prints_those_it_has() {
    let place = Place::new();
    place.run(&["sequence", "create", "few", "--end", "3"]);
    let output = place.tool(&["next", "few", "-n", "5"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&String::from_utf8(output.stdout).unwrap()), [1, 2, 3]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("only 3 of 5") && line.contains("exhausted"), "{line}");
}

#[test]
fn snowflakes_of_every_layout_decode() {
    let place = Place::new();
    let layouts = json(&place.run(&["--json", "layout", "list"]));
    for layout in layouts["layouts"].as_array().unwrap() {
        let name = layout["name"].as_str().unwrap();
        let last_unix_ms: u128 = layout["last_unix_ms"].as_str().unwrap().parse().unwrap();
        if last_unix_ms < UNIX_EPOCH.elapsed().unwrap().as_millis() {
            refuses_to_issue(&place, name);
            continue;
        }
        let mut some = ids(&place.run(&["snowflake", "-n", "300", "--layout", name]));
        let id = some[0].to_string();
        let decoded = json(&place.run(&["--json", "decode", &id, "--layout", name]));
        assert_eq!((&decoded["id"], &decoded["layout"]), (&Value::from(id), &layout["name"]));
        assert_distinct(name, &mut some);
    }
}

/// A layout whose time has run out still decodes, and issues nothing.
fn refuses_to_issue(place: &Place, name: &str) {
    let output = place.tool(&["snowflake", "--layout", name]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), line.lines().count()), (Some(1), 1), "{line}");
    assert!(output.stdout.is_empty());
    place.run(&["decode", "1", "--layout", name]);
}

#[test]
fn an_id_decodes_in_all_four_forms() {
    let place = Place::new();
    let plain = place.run(&["decode", "1500000000000000000"]);
    for (form, text) in [
        ("base32", "19M8J1NXHC000".to_owned()),
        ("base62", base62(1_500_000_000_000_000_000)),
        ("hex", "14d1120d7b160000".to_owned()),
    ] {
        assert_eq!(place.run(&["decode", &text, "--format", form]), plain, "{form}");
    }
    assert!(plain.contains("standard") && plain.contains("worker"), "{plain}");
}

/// Base62 in the order of ASCII, the dull way.
fn base62(mut id: u64) -> String {
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = Vec::new();
    for _ in 0..11 {
        text.insert(0, alphabet[usize::try_from(id % 62).unwrap()]);
        id /= 62;
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_sequence_is_created_changed_and_deleted() {
    let place = Place::new();
    let create = ["sequence", "create", "odd", "--increment", "2", "--offset", "1"];
    assert!(place.run(&create).starts_with("created odd"));
    assert!(place.run(&create).starts_with("unchanged odd"));
    let conflict = place.tool(&["sequence", "create", "odd"]);
    assert_eq!(conflict.status.code(), Some(1));
    assert_eq!(ids(&place.run(&["next", "odd", "-n", "3"])), [1, 3, 5]);
    place.run(&["sequence", "advance", "odd", "--above", "100"]);
    assert_eq!(ids(&place.run(&["next", "odd"])), [101]);
    let lower = place.tool(&["sequence", "advance", "odd", "--above", "7"]);
    assert_eq!(lower.status.code(), Some(1));
    place.run(&["sequence", "alter", "odd", "--increment", "1", "--above", "200"]);
    assert_eq!(ids(&place.run(&["next", "odd", "-n", "2"])), [201, 202]);
    let shown = json(&place.run(&["--json", "sequence", "show", "odd"]));
    assert_eq!((&shown["bound"], &shown["increment"]), (&Value::from("202"), &Value::from("1")));
    place.run(&["sequence", "thaw", "odd", "--above", "300"]);
    assert_eq!(ids(&place.run(&["next", "odd"])), [301]);
    place.run(&["sequence", "delete", "odd"]);
    assert_eq!(place.run(&["sequence", "list"]).lines().count(), 1, "only the head is left");
    place.run(&["sequence", "create", "odd"]);
    assert!(ids(&place.run(&["next", "odd"]))[0] > 301, "a deleted name began again");
}

#[test]
fn a_store_check_looks_and_makes_nothing() {
    let place = Place::new();
    let url = format!("sqlite:{}", place.store_file().display());
    let missing = place.tool(&["store", "check", &url]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(!place.store_file().exists());
    place.run(&["next"]);
    let checked = json(&place.run(&["--json", "store", "check", &url]));
    assert_eq!(checked["backend"], "sqlite");
    assert_eq!(checked["durability"], "keeps every answer");
    assert_eq!(checked["sequences"], 1);
}

#[test]
fn help_names_examples_and_exit_codes() {
    let place = Place::new();
    let help = place.run(&["help"]);
    for word in ["Examples:", "Exit codes:", "serve", "decode", "layout"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    let failed = place.tool(&["--json", "decode", "1", "--layout", "nobody"]);
    let error = json(&String::from_utf8(failed.stderr).unwrap());
    assert_eq!(error["exit_code"], failed.status.code().unwrap());
}
