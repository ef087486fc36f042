//! `idgen int` and `idgen intd-server` on the original's key of a real Redis.
//!
//! `IDGEN_TEST_REDIS_URL` names the server; each test has a key of its own. `IDGEN_BIN` names
//! another binary to test.

#[path = "../end_to_end/clients.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod clients;
#[path = "../end_to_end/harness.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod harness;
#[path = "../servers/mod.rs"]
mod servers;

use std::process::Output;

use clients::once;
use harness::{Place, assert_distinct};
use servers::continuous::Continuous;

/// A key of the server, removed in the end.
struct Key {
    server: String,
    name: String,
}

impl Key {
    fn new() -> Self {
        Self { server: servers::server("IDGEN_TEST_REDIS_URL"), name: servers::unique() }
    }

    fn host_port(&self) -> &str {
        self.server.split_once("://").unwrap().1
    }

    /// A command with this key, and the first line of its answer.
    fn ask(&self, before: &str, behind: &str) -> String {
        servers::ask(self.host_port(), &format!("{before} {} {behind}", self.name))
    }

    fn args<'a>(&'a self, dsn: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["-engine", "redis", "-dsn", dsn, "-set-key", &self.name], more].concat()
    }

    /// `idgen int` on this key.
    fn int(&self, place: &Place, more: &[&str]) -> Output {
        place.tool(&[&["int"], &self.args(&self.server, more)[..]].concat())
    }

    fn mint(&self, place: &Place, more: &[&str]) -> String {
        let output = self.int(place, more);
        assert!(output.status.success() && output.stderr.is_empty(), "{more:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ask("DEL", "");
        }
    }
}

#[test]
fn the_series_is_the_originals_and_goes_on_where_it_stopped() {
    let _turn = servers::together();
    let (place, key) = (Place::new(), Key::new());
    for id in [2, 4, 6] {
        assert_eq!(key.mint(&place, &[]), format!("{id}\n"));
        assert_eq!(key.ask("GET", ""), id.to_string(), "one step each, as the original");
    }
    assert_eq!(key.ask("INCRBY", "2"), ":8", "an original beside it");
    let bare = [&["int"], &key.args(key.host_port(), &[])[..]].concat();
    assert_eq!(place.run(&bare), "10\n", "HOST:PORT is a DSN too");
}

#[test]
fn the_last_integer_is_set_on_a_fresh_key_and_never_lowered() {
    let _turn = servers::together();
    let (place, key) = (Place::new(), Key::new());
    assert_eq!(key.mint(&place, &["-set-last-int", "1000"]), "1002\n");
    let refused = key.int(&place, &["-set-last-int=500"]);
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && refused.stdout.is_empty(), "{line}");
    assert!(line.contains("1002") && line.contains("lower"), "{line}");
    assert_eq!(key.mint(&place, &[]), "1004\n");
}

#[test]
fn increment_and_offset_mean_a_residue() {
    let _turn = servers::together();
    let (place, key) = (Place::new(), Key::new());
    assert_eq!(key.mint(&place, &["-set-offset", "1"]), "1\n");
    assert_eq!(key.mint(&place, &["-set-increment", "10", "-set-offset", "3"]), "3\n");
    assert_eq!(key.mint(&place, &["-set-increment", "10"]), "21\n");
}

#[test]
fn a_server_and_the_tool_and_an_original_never_meet() {
    let _turn = servers::together();
    let (place, key) = (Place::new(), Key::new());
    let args = key.args(&key.server, &["-port", "0", "-host", "127.0.0.1"]);
    let server = place.server_of(&[&["intd-server"], &args[..]].concat());
    let mut all: Vec<u64> = Vec::new();
    for _ in 0..20 {
        all.push(once(server.artisanal_http(), "GET", "/").body.parse().unwrap());
        all.push(key.mint(&place, &[]).trim().parse().unwrap());
        all.push(key.ask("INCRBY", "2").trim_start_matches(':').parse().unwrap());
    }
    assert_distinct("a server, the tool and an original", &mut all);
}

#[test]
fn continuous_goes_on_through_an_outage_and_tells_it() {
    let _turn = servers::alone();
    let (place, key) = (Place::new(), Key::new());
    let args = [&["int"], &key.args(&key.server, &["-continuous"])[..]].concat();
    let mut tool = Continuous::start(place.command(&args));
    tool.mints(500);
    servers::order("kill", "redis");
    let told = tool.tells("trying again");
    assert!(told.starts_with("store unavailable: "), "{told}");
    servers::order("start", "redis");
    tool.mints(500);
    let all = tool.end();
    let next: u64 = key.mint(&place, &[]).trim().parse().unwrap();
    assert!(next > all[all.len() - 1]);
}
