//! One suite for every store behind a network: the laws, the twin in memory, names, numbers,
//! processes, what a lease costs on the wire, cut and silent connections, and `kill -9`.
//!
//! # A new backend in one file
//!
//! Say in `tests/NAME/main.rs` how a test gets a place of its own on the server, and call
//! [`network_suite!`]:
//!
//! ```text
//! #[path = "../network/mod.rs"]
//! mod network;
//!
//! use network::{Backend, network_suite};
//!
//! struct Dovecote {
//!     url: String,
//! }
//!
//! impl Backend for Dovecote {
//!     const SERVICE: &'static str = "dovecote";
//!     const TIME_LIMITS: &'static [&'static str] = &["connect_timeout_ms", "answer_timeout_ms"];
//!
//!     fn make() -> Self {
//!         let server = network::server("IDGEN_TEST_DOVECOTE_URL");
//!         let prefix = format!("prefix={}", network::unique());
//!         Self { url: network::with_option(&server, &prefix) }
//!     }
//!
//!     fn url(&self) -> String {
//!         self.url.clone()
//!     }
//! }
//!
//! network_suite!(Dovecote);
//! ```
//!
//! `mod network` stands at the root of the test program, under this name. The manifest names the
//! target with `required-features = ["conformance", "NAME"]`; CONTRIBUTING tells how it is run.
//! What the place holds on the server is removed by its `Drop`, where that is possible.
//!
//! # What differs between backends
//!
//! [`Backend`] has a default for everything else, right for one server that speaks TCP, and the
//! doc of each item says who has to say something else. A store that finds its servers by itself
//! (a cluster whose nodes point at one another) says in [`Backend::proxied`] how the proxy comes
//! between, or leaves out the group `wire`:
//!
//! ```text
//! network_suite!(Dovecote: laws, sharing, outage, crash);
//! ```
//!
//! | group | what is shown |
//! |---|---|
//! | `laws` | S1 to S12 of `idgen_store::conformance` |
//! | `sharing` | names, numbers up to 2^64-1, many callers, 8 processes, the twin in memory |
//! | `wire` | one lease is one round trip; cut, lost and silent connections |
//! | `outage` | a wrong port, a server that never answers, and no password in any error |
//! | `crash` | `kill -9` of the server under load, which is then started again |
//! | `workers` | W1 to W11, processes, cuts, `kill -9`, names and all ids of an id space |
//!
//! The last is for stores that keep worker ids too, and is asked for beside the others:
//! `network_suite!(Dovecote: workers);`.
//!
//! # Tests of a backend's own
//!
//! They stand in modules beside `main.rs`, take a place with [`fresh`], or with [`alone`] if they
//! do something to the server that others would feel, and run futures with [`wait`]. Tests with
//! load last for [`load_time`]: a slice by default, the promised 10 s with `IDGEN_FULL=1`.
#![allow(dead_code, reason = "each backend's tests use their part")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use idgen_core::IdRange;
use idgen_store::conformance::Task;
use tokio::runtime::Runtime;

mod backend;
#[path = "../desk/mod.rs"]
pub(crate) mod desk;
pub(crate) mod processes;
pub(crate) mod proxy;
pub(crate) mod services;
pub(crate) mod suite;
#[path = "../twin/mod.rs"]
pub(crate) mod twin;

pub(crate) use backend::{Backend, Place, alone, fresh, orders};
pub(crate) use desk::{is_full, now_unix_ms};

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

/// A word that no other test and no other run has: letters, digits and underscores.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // SeqCst: one counter alone, and tests have the time.
    let (count, pid) = (COUNT.fetch_add(1, Ordering::SeqCst), std::process::id());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    format!("t{pid}_{count}_{now}")
}

/// A URL with one more option.
pub(crate) fn with_option(url: &str, option: &str) -> String {
    format!("{url}{}{option}", if url.contains('?') { '&' } else { '?' })
}

/// The same URL to another port of this host, and to no other server.
pub(crate) fn through(url: &str, port: u16) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (login, place) = rest.rsplit_once('@').map_or(("", rest), |(login, place)| (login, place));
    let at = if login.is_empty() { "" } else { "@" };
    let path = place.find(['/', '?']).map_or("", |at| &place[at..]);
    format!("{scheme}://{login}{at}127.0.0.1:{port}{path}")
}

/// The same URL as another user.
pub(crate) fn as_user(url: &str, login: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{login}@{place}")
}

/// `HOST:PORT` of a URL; of several servers that of the first.
pub(crate) fn address(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    place.split(['/', '?', ',']).next().unwrap().to_owned()
}

/// A port of this host that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// How long a test with load lasts: a slice of the promised 10 s, unless `IDGEN_FULL=1`.
pub(crate) fn load_time() -> Duration {
    Duration::from_secs(if is_full() { 10 } else { 2 })
}

/// How long an adopted form is leased from beside its originals: the promised 60 s in full.
pub(crate) fn original_time() -> Duration {
    let slice = load_time();
    if slice < Duration::from_secs(10) { slice } else { Duration::from_secs(60) }
}

/// Fails if an id lies in two of the ranges; returns how many ids lie in them.
pub(crate) fn assert_disjoint(mut ranges: Vec<IdRange>) -> u64 {
    ranges.sort_by_key(IdRange::start);
    for pair in ranges.windows(2) {
        assert!(pair[0].last() < pair[1].start(), "{:?} and {:?}", pair[0], pair[1]);
    }
    ranges.iter().map(IdRange::len).sum()
}

/// One test for each promise of a store behind a network; see the head of this module.
macro_rules! network_suite {
    ($backend:ty) => {
        $crate::network::network_suite!($backend: laws, sharing, wire, outage, crash);
    };
    ($backend:ty: $($group:ident),+) => {
        $($crate::network::network_suite!(@ $group $backend);)+
    };
    (@ laws $backend:ty) => {
        idgen_store::sequence_laws!($crate::network::fresh::<$backend>);
    };
    (@ sharing $backend:ty) => {
        $crate::network::network_suite!(@@ names $backend:
            every_name_is_a_name, the_top_of_u64_is_reached, numbers_are_exact_over_all_64_bits,
            exhausted_stays_exhausted);
        $crate::network::network_suite!(@@ callers $backend:
            processes_lease_disjoint_ground, a_thousand_callers_wait_their_turn,
            changes_get_through_a_stream_of_leases, many_that_start_at_once_are_one_store,
            a_caller_that_gives_up_harms_nobody, outside_tokio_the_store_says_so,
            twins_say_the_same);
    };
    (@ wire $backend:ty) => {
        $crate::network::network_suite!(@@ wire $backend:
            a_lease_is_one_round_trip, a_cut_costs_one_lease_at_most,
            a_cut_hand_back_is_granted_once_or_never, lost_connections_are_made_anew,
            a_silent_connection_is_unavailable_in_time);
    };
    (@ outage $backend:ty) => {
        $crate::network::network_suite!(@@ outage $backend:
            callers_share_the_failure_to_connect, a_black_hole_is_unavailable_in_time,
            passwords_are_never_shown);
    };
    (@ crash $backend:ty) => {
        $crate::network::network_suite!(@@ crash $backend: a_killed_server_repeats_nothing);
    };
    (@ workers $backend:ty) => {
        $crate::network::network_suite!(@@ workers $backend:
            every_law_of_worker_ids_holds, processes_get_different_worker_ids,
            id_spaces_do_not_touch, every_worker_id_is_granted_once,
            a_killed_server_keeps_every_lease, outside_tokio_the_registry_says_so);
        $crate::network::network_suite!(@@ tenures $backend:
            a_cut_claim_costs_one_lease_at_most, a_cut_renewal_is_renewed_again,
            a_cut_release_is_done_once, a_silent_connection_keeps_the_lease);
    };
    (@@ $module:ident $backend:ty: $($test:ident),+) => {
        $(#[test]
        fn $test() {
            $crate::network::suite::$module::$test::<$backend>();
        })+
    };
}
pub(crate) use network_suite;
