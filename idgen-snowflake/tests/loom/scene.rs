//! What the models are made of: generators, threads that record, judgements on the record.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use idgen_core::{At, Clock, Ended, Floor, IdRange, WorkerLease};
use idgen_snowflake::{Layout, Rule, Snowflake};
use loom::sync::Arc;
use loom::thread;

/// How often a thread may be interrupted where it need not wait.
const PREEMPTIONS: usize = 3;
pub(crate) const T: u64 = 1_000_000;
pub(crate) const LAYOUT: Layout =
    Layout::builder(20).epoch_unix_ms(T - 100).node("worker", 2).sequence(2).build();
pub(crate) const WIDE: Layout =
    Layout::builder(20).epoch_unix_ms(T - 100).node("worker", 2).sequence(4).build();

/// A hint that may differ from the exact time.
pub(crate) struct Clocks {
    pub(crate) hint: u64,
    pub(crate) exact: u64,
}

impl Clock for Clocks {
    fn unix_ms(&self) -> u64 {
        self.exact
    }

    fn hint_unix_ms(&self) -> u64 {
        self.hint
    }
}

/// Time in ticks from the lease's floor on.
pub(crate) fn at(tick: u64) -> At {
    At(T + tick)
}

pub(crate) fn lease(floor: Floor, ticks: u64) -> WorkerLease {
    WorkerLease::assume(1, floor, T + ticks).unwrap()
}

/// A generator with `used` numbers of its first tick gone.
pub(crate) fn snowflake(
    rule: Option<Rule>,
    used: u64,
    ticks: u64,
    borrow_ms: u64,
) -> Arc<Snowflake> {
    let floor = Floor { unix_ms: T, sequence: used };
    Arc::new(Snowflake::without(rule, &LAYOUT, lease(floor, ticks), borrow_ms).unwrap())
}

fn check(rule: Option<Rule>, scene: fn(Option<Rule>)) -> bool {
    let mut model = loom::model::Builder::new();
    let full = std::env::var("IDGEN_LOOM_FULL").is_ok_and(|value| value == "1");
    model.preemption_bound = Some(PREEMPTIONS + usize::from(full));
    catch_unwind(AssertUnwindSafe(|| model.check(move || scene(rule)))).is_ok()
}

std::thread_local! {
    /// Whether this thread's panics are expected and not worth a line.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

fn silence_twins() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.with(Cell::get) {
                loud(panic);
            }
        }));
    });
}

/// The scene holds, and without any of the rules it does not.
pub(crate) fn holds(scene: fn(Option<Rule>), needed: &[Rule]) {
    silence_twins();
    assert!(check(None, scene), "the scene fails with all rules kept");
    QUIET.with(|quiet| quiet.set(true));
    let harmless: Vec<_> = needed.iter().filter(|&&rule| check(Some(rule), scene)).collect();
    QUIET.with(|quiet| quiet.set(false));
    assert!(harmless.is_empty(), "no harm was found without {harmless:?}");
}

/// Tick from the floor and sequence number of an id of `layout`, whose worker must be 1.
pub(crate) fn number_in(layout: &Layout, id: u64) -> (u64, u64) {
    let decoded = layout.decode(id).unwrap();
    assert_eq!(decoded.worker(), 1, "a number has run into the worker");
    (decoded.unix_ms() - T, decoded.sequence())
}

pub(crate) fn number(id: u64) -> (u64, u64) {
    number_in(&LAYOUT, id)
}

pub(crate) fn unique(ids: &[u64]) {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "a duplicate among {ids:?}");
}

pub(crate) fn within(ids: &[u64], ticks: u64) {
    for &id in ids {
        assert!(number(id).0 < ticks, "an id past the horizon");
    }
}

pub(crate) fn below(ids: &[u64], ended: &Ended) {
    for &id in ids {
        let (tick, sequence) = number(id);
        let floor = Floor { unix_ms: T + tick, sequence };
        assert!(floor < ended.floor(), "an id at or above the receipt");
    }
}

pub(crate) type Join<X> = thread::JoinHandle<X>;

pub(crate) fn ids(
    snowflake: &Arc<Snowflake>,
    clock: impl Clock + Send + 'static,
    calls: usize,
) -> Join<Vec<u64>> {
    let snowflake = Arc::clone(snowflake);
    thread::spawn(move || (0..calls).filter_map(|_| snowflake.next_id(&clock).ok()).collect())
}

pub(crate) fn block(snowflake: &Snowflake, clock: &impl Clock, max: u64) -> Vec<u64> {
    let range = snowflake.take(clock, NonZeroU64::new(max).unwrap());
    range.iter().flat_map(IdRange::iter).collect()
}

pub(crate) fn join(parts: impl IntoIterator<Item = Join<Vec<u64>>>) -> Vec<u64> {
    parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
}
