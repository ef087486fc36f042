//! What the tests of every store on a network share: the address of a real server, a runtime, other
//! processes, a proxy that counts and cuts, and the judgement over what was leased.
#![allow(dead_code, reason = "each backend's tests use their part")]

use std::sync::LazyLock;
use std::time::Duration;

use idgen_core::IdRange;
use idgen_store::conformance::Task;
use tokio::runtime::Runtime;

pub(crate) mod processes;
pub(crate) mod proxy;
pub(crate) mod services;

/// Drivers leave a task for each connection behind; it lives as long as this.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

/// Runs a future to its end inside the one runtime of this process.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// What a subject's `run` does.
pub(crate) fn run(task: Task<'_>) {
    wait(task);
}

/// The server that the tests of a backend go to.
pub(crate) fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{variable} is not set: run `cargo xtask services up` and set what it prints"),
    }
}

/// A URL with one more option.
pub(crate) fn with_option(url: &str, option: &str) -> String {
    format!("{url}{}{option}", if url.contains('?') { '&' } else { '?' })
}

/// The same URL to another port of this host.
pub(crate) fn through(url: &str, port: u16) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (login, place) = rest.rsplit_once('@').map_or(("", rest), |(login, place)| (login, place));
    let at = if login.is_empty() { "" } else { "@" };
    let path = place.find(['/', '?']).map_or("", |at| &place[at..]);
    format!("{scheme}://{login}{at}127.0.0.1:{port}{path}")
}

/// `HOST:PORT` of a URL that names one server.
pub(crate) fn address(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    place.split(['/', '?']).next().unwrap().to_owned()
}

/// A port of this host that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// How long a test with load lasts: a slice of the promised 10 s, unless `IDGEN_FULL=1`.
pub(crate) fn load_time() -> Duration {
    let full = std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1");
    Duration::from_secs(if full { 10 } else { 2 })
}

/// Fails if an id lies in two of the ranges; returns how many ids lie in them.
pub(crate) fn assert_disjoint(mut ranges: Vec<IdRange>) -> u64 {
    ranges.sort_by_key(IdRange::start);
    for pair in ranges.windows(2) {
        assert!(pair[0].last() < pair[1].start(), "{:?} and {:?}", pair[0], pair[1]);
    }
    ranges.iter().map(IdRange::len).sum()
}
