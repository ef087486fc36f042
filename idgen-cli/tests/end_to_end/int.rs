//! `idgen int` with the engines that need no server, and what it says of the others.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use crate::harness::Place;

/// Those that are on another host.
const ENGINES: [&str; 7] =
    ["mysql", "postgres", "redis", "rqlite", "summitdb", "etcd", "zookeeper"];

fn sqlite<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["int", "-engine", "sqlite", "-dsn", "a.db"], more].concat()
}

fn mints(place: &Place, more: &[&str]) -> String {
    place.run(&sqlite(more))
}

/// Exit code, and the one line on standard error; nothing is printed.
fn refuses(output: &Output) -> (i32, String) {
    assert!(output.stdout.is_empty(), "{output:?}");
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    (output.status.code().unwrap(), line)
}

#[test]
fn the_series_is_the_originals_in_both_spellings() {
    let place = Place::new();
    for (dash, id) in [("-", 2), ("--", 4), ("-", 6)] {
        let (engine, dsn) = (format!("{dash}engine=sqlite"), format!("{dash}dsn"));
        let printed = place.run(&["int", &engine, &dsn, "a.db"]);
        assert_eq!(printed, format!("{id}\n"));
    }
    assert_eq!(mints(&place, &["-set-key", "other"]), "2\n");
    assert_eq!(mints(&place, &["-continuous=false", "-set-last-int", "0"]), "8\n");
    assert_eq!(place.run(&["int", "-engine", "memory"]), "2\n");
}

#[test]
fn linked_under_its_name_it_is_the_tool() {
    let place = Place::new();
    let output = place.linked("int").args(["-engine", "memory"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2\n");
    let help = place.linked("intd-server").arg("-help").output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("intd-server of go-artisanal-integers"), "{help}");
    assert!(help.contains("--protocol") && help.contains("What differs"), "{help}");
}

#[test]
fn the_last_integer_is_set_and_never_lowered() {
    let place = Place::new();
    assert_eq!(mints(&place, &["-set-last-int", "100"]), "102\n", "on a fresh store");
    assert_eq!(mints(&place, &["-set-last-int=103"]), "104\n");
    for (last, said) in [("50", "104"), ("103", "104")] {
        let (code, line) = refuses(&place.tool(&sqlite(&["-set-last-int", last])));
        assert!(code == 1 && line.contains("lower") && line.contains(said), "{line}");
    }
    assert_eq!(mints(&place, &[]), "106\n", "a refusal takes no number");
    let memory = ["int", "-engine", "memory", "-set-last-int", "7", "-set-increment", "5"];
    assert_eq!(place.run(&memory), "11\n", "the original hangs for ever");
}

#[test]
fn increment_and_offset_mean_a_residue() {
    let place = Place::new();
    assert_eq!(mints(&place, &["-set-offset", "1"]), "1\n");
    assert_eq!(mints(&place, &["-set-increment", "10", "-set-offset", "3"]), "3\n");
    assert_eq!(mints(&place, &["-set-increment", "10", "-set-offset", "3"]), "13\n");
    assert_eq!(mints(&place, &[]), "23\n", "the store keeps them");
    assert_eq!(mints(&place, &["-set-increment", "10"]), "31\n", "the offset is 1 then");
}

#[test]
fn two_stores_of_the_odd_and_even_scheme_never_meet() {
    let place = Place::new();
    let mut all = Vec::new();
    for (dsn, offset) in [("odd.db", "1"), ("even.db", "2")] {
        for _ in 0..4 {
            let set = ["-dsn", dsn, "-set-increment", "2", "-set-offset", offset];
            let printed = place.run(&[&["int", "-engine", "sqlite"], &set[..]].concat());
            all.push(printed.trim().parse::<u64>().unwrap());
        }
    }
    assert_eq!(all, [1, 3, 5, 7, 2, 4, 6, 8]);
}

#[test]
fn one_connection_mints_thousands_and_the_counter_is_the_last_one_printed() {
    let place = Place::new();
    let mut command = place.command(&sqlite(&["-continuous"]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let minted: Vec<u64> =
        lines.by_ref().take(2000).map(|line| line.unwrap().parse().unwrap()).collect();
    assert!(minted.iter().zip((2..).step_by(2)).all(|(id, expected)| *id == expected));
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.map_while(Result::ok).last().map_or(4000, |line| line.parse().unwrap());
    let next: u64 = mints(&place, &[]).trim().parse().unwrap();
    // Killed between a lease and its print, it costs that one.
    assert!(next == last + 2 || next == last + 4, "{next} after {last}");
}

#[test]
fn an_engine_that_cannot_be_had_is_told_with_exit_code_1() {
    let place = Place::new();
    for engine in ENGINES {
        let dsn = match engine {
            "mysql" => "me:hush@tcp(127.0.0.1:1)/db",
            "postgres" => "postgres://me:hush@127.0.0.1:1/db",
            "etcd" | "zookeeper" => "127.0.0.1:1",
            "rqlite" => "http://me:hush@127.0.0.1:1?answer_timeout_ms=300",
            "summitdb" => "redis://127.0.0.1:1?answer_timeout_ms=300",
            _ => "redis://:hush@127.0.0.1:1",
        };
        let output = place.tool(&["int", "-engine", engine, "-dsn", dsn]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() && output.status.code() == Some(1), "{engine}: {error}");
        assert!(error.contains(&format!("engine {engine}")), "{error}");
        assert!(error.contains("unavailable") || error.contains("built in"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn what_is_not_known_is_wrong_usage() {
    let place = Place::new();
    for (args, said) in [
        (&["int", "-engine", "oracle"][..], "possible values: memory, sqlite, mysql"),
        (&["int"], "--engine"),
        (&["int", "-engine", "memory", "-speed", "9"], "--speed"),
        (&["int", "-engine", "memory", "-set-offset", "-3"], "-3"),
        (&["int", "-engine", "memory", "-set-increment", "x"], "invalid"),
        (&["int", "-engine", "memory", "-dsn", "h:1"], "no -dsn"),
        (&["int", "-engine", "memory", "-set-key", ""], "--set-key"),
        (&["int", "-engine", "mysql"], "-dsn, for example 'me:secret@/db'"),
        (&["int", "-engine", "memory", "-continuous=perhaps"], "perhaps"),
    ] {
        let (code, line) = refuses(&place.tool(args));
        assert!(code == 2 && line.contains(said), "{args:?}: {line}");
    }
}
