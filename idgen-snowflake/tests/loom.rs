//! Every interleaving of small scenes, checked by loom; each with the real code less one rule, in
//! which loom must find the harm.
//!
//! `RUSTFLAGS="--cfg idgen_loom" cargo test --release -p idgen-snowflake --test loom`; with
//! `IDGEN_LOOM_FULL=1` without a bound on pre-emptions.
//!
//! A scene runs threads that record what they were issued, and then judges the record: no number
//! twice, none outside the lease, all below the receipt. A twin is the same scene with a
//! [`Rule`] taken away; the test fails if no execution does.
#![cfg(idgen_loom)]

use std::cell::Cell;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use idgen_core::{At, Clock, Ended, Floor, IdRange, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{Buckets, Layout, Rule, Snowflake, SnowflakeHandle};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

const T: u64 = 1_000_000;
const LAYOUT: Layout =
    Layout::builder(20).epoch_unix_ms(T - 100).node("worker", 2).sequence(2).build();
const WIDE: Layout =
    Layout::builder(20).epoch_unix_ms(T - 100).node("worker", 2).sequence(4).build();
const BUCKETED: Layout = Layout::builder(20)
    .epoch_unix_ms(T - 100)
    .node("worker", 2)
    .bucket("bucket", 1)
    .sequence(2)
    .build();

/// A hint that may differ from the exact time.
struct Clocks {
    hint: u64,
    exact: u64,
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
fn at(tick: u64) -> At {
    At(T + tick)
}

fn lease(floor: Floor, ticks: u64) -> WorkerLease {
    WorkerLease::assume(1, floor, T + ticks).unwrap()
}

/// A generator with `used` numbers of its first tick gone.
fn snowflake(rule: Option<Rule>, used: u64, ticks: u64, borrow_ms: u64) -> Arc<Snowflake> {
    let floor = Floor { unix_ms: T, sequence: used };
    Arc::new(Snowflake::without(rule, &LAYOUT, lease(floor, ticks), borrow_ms).unwrap())
}

fn check(rule: Option<Rule>, scene: fn(Option<Rule>)) -> bool {
    let mut model = loom::model::Builder::new();
    if std::env::var_os("IDGEN_LOOM_FULL").is_none() {
        model.preemption_bound = Some(3);
    }
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
fn holds(scene: fn(Option<Rule>), needed: &[Rule]) {
    silence_twins();
    assert!(check(None, scene), "the scene fails with all rules kept");
    QUIET.with(|quiet| quiet.set(true));
    let harmless: Vec<_> = needed.iter().filter(|&&rule| check(Some(rule), scene)).collect();
    QUIET.with(|quiet| quiet.set(false));
    assert!(harmless.is_empty(), "no harm was found without {harmless:?}");
}

/// Tick from the floor and sequence number of an id of `layout`, whose worker must be 1.
fn number_in(layout: &Layout, id: u64) -> (u64, u64) {
    let decoded = layout.decode(id).unwrap();
    assert_eq!(decoded.worker(), 1, "a number has run into the worker");
    (decoded.unix_ms() - T, decoded.sequence())
}

fn number(id: u64) -> (u64, u64) {
    number_in(&LAYOUT, id)
}

fn unique(ids: &[u64]) {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "a duplicate among {ids:?}");
}

fn within(ids: &[u64], ticks: u64) {
    for &id in ids {
        assert!(number(id).0 < ticks, "an id past the horizon");
    }
}

fn below(ids: &[u64], ended: &Ended) {
    for &id in ids {
        let (tick, sequence) = number(id);
        let floor = Floor { unix_ms: T + tick, sequence };
        assert!(floor < ended.floor(), "an id at or above the receipt");
    }
}

type Join<X> = thread::JoinHandle<X>;

fn ids(
    snowflake: &Arc<Snowflake>,
    clock: impl Clock + Send + 'static,
    calls: usize,
) -> Join<Vec<u64>> {
    let snowflake = Arc::clone(snowflake);
    thread::spawn(move || (0..calls).filter_map(|_| snowflake.next_id(&clock).ok()).collect())
}

fn block(snowflake: &Snowflake, clock: &impl Clock, max: u64) -> Vec<u64> {
    let range = snowflake.take(clock, NonZeroU64::new(max).unwrap());
    range.iter().flat_map(IdRange::iter).collect()
}

fn join(parts: impl IntoIterator<Item = Join<Vec<u64>>>) -> Vec<u64> {
    parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
}

#[test]
fn claims_are_disjoint() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 10);
        let parts = [ids(&snowflake, at(0), 2), ids(&snowflake, at(0), 1)];
        let all = join(parts);
        unique(&all);
        assert_eq!(all.len(), 3);
    }
    holds(scene, &[Rule::ClaimIsOneAdd]);
}

#[test]
fn claims_of_a_layout_that_is_not_plain_are_disjoint() {
    const TWOS: Layout =
        Layout::builder(20).epoch_unix_ms(T - 100).tick_ms(2).sequence(2).node("worker", 2).build();
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &TWOS, lease(Floor::at(T), 6), 2).unwrap();
        let snowflake = Arc::new(made);
        let parts = [ids(&snowflake, at(3), 3), ids(&snowflake, at(5), 1)];
        let ended = snowflake.end();
        let all = join(parts);
        unique(&all);
        let floor = ended.unwrap().floor();
        for &id in &all {
            let (ms, sequence) = number_in(&TWOS, id);
            assert!((2..6).contains(&ms), "outside window or lease");
            assert!(Floor { unix_ms: T + ms, sequence } < floor, "at or above the receipt");
        }
    }
    holds(scene, &[Rule::ClaimIsOneAdd, Rule::SlowIsOneExchange, Rule::EndIsOneOr]);
}

#[test]
fn raises_agree() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        let parts = [ids(&snowflake, at(3), 2), ids(&snowflake, at(3), 1)];
        let all = join(parts);
        unique(&all);
        // A raise to the same tick by both starts it once.
        assert!(all.iter().all(|&id| number(id).0 == 3));
    }
    holds(scene, &[Rule::SlowIsOneExchange, Rule::ClaimIsOneAdd, Rule::LowerBound]);
}

#[test]
fn a_raise_meets_claims_of_the_tick_before() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 1);
        let parts = [ids(&snowflake, at(1), 2), ids(&snowflake, at(2), 2)];
        let all = join(parts);
        unique(&all);
        assert!(all.iter().all(|&id| (1..=3).contains(&number(id).0)), "outside both windows");
    }
    holds(scene, &[Rule::SlowIsOneExchange, Rule::LowerBound]);
}

#[test]
fn claims_stop_at_the_horizon() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        drop(block(&snowflake, &at(2), 3));
        let parts = [ids(&snowflake, at(2), 2), ids(&snowflake, at(1), 2)];
        let all = join(parts);
        unique(&all);
        within(&all, 3);
        assert_eq!(snowflake.next_id(&at(2)), Err(Refusal::Exhausted));
    }
    holds(scene, &[Rule::HorizonTest, Rule::WindowTest]);
}

#[test]
fn an_extension_opens_ground_once() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        drop(block(&snowflake, &at(2), 4));
        let recorded = Arc::new(AtomicBool::new(false));
        let extender = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                recorded.store(true, Ordering::Relaxed);
                snowflake.extend(&Renewal::assume(1, T + 6)).unwrap();
                Vec::new()
            }
        });
        let claimer = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                let all: Vec<u64> = (0..2).filter_map(|_| snowflake.next_id(&at(2)).ok()).collect();
                let seen = recorded.load(Ordering::Relaxed);
                assert!(all.is_empty() || seen, "issued before the lease was on record");
                all
            }
        });
        let mut all = join([extender, claimer]);
        within(&all, 6);
        all.extend(snowflake.next_id(&at(2)));
        unique(&all);
        assert!(!all.is_empty(), "the extended ground is not issued");
    }
    holds(scene, &[Rule::HorizonOrdered]);
}

#[test]
fn horizons_only_rise() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let extend = |to: u64| {
            let snowflake = Arc::clone(&snowflake);
            thread::spawn(move || {
                snowflake.extend(&Renewal::assume(1, T + to)).unwrap();
                assert!(snowflake.horizon_unix_ms() >= T + to, "the horizon fell back");
                Vec::new()
            })
        };
        join([extend(5), extend(8)]);
        assert_eq!(snowflake.horizon_unix_ms(), T + 8);
    }
    holds(scene, &[Rule::ExtendIsMax]);
}

#[test]
fn the_receipt_lies_above_every_id_and_is_complete() {
    fn scene(rule: Option<Rule>) {
        let old = snowflake(rule, 0, 10, 10);
        let parts = [ids(&old, at(0), 2), ids(&old, at(0), 1)];
        let ended = old.end().unwrap();
        let mut all = join(parts);
        below(&all, &ended);
        // Nothing was dropped below it either: all of it was issued.
        let used = (ended.floor().unix_ms - T) * 4 + ended.floor().sequence;
        assert_eq!(used, all.len() as u64, "the receipt skips numbers");
        assert_eq!(old.next_id(&at(0)), Err(Refusal::Ended));
        let lease = WorkerLease::resume(ended, &Renewal::assume(1, T + 10)).unwrap();
        let heir = Snowflake::new(&LAYOUT, lease).unwrap();
        all.extend((0..2).map(|_| heir.next_id(&at(0)).unwrap()));
        unique(&all);
    }
    holds(scene, &[Rule::EndIsOneOr, Rule::EndedBitCompared, Rule::ClaimIsOneAdd]);
}

#[test]
fn a_block_lies_below_the_receipt_or_is_refused() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        let taker = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || block(&snowflake, &at(1), 3)
        });
        let parts = [taker, ids(&snowflake, at(1), 1)];
        let ended = snowflake.end().unwrap();
        let all = join(parts);
        unique(&all);
        below(&all, &ended);
    }
    holds(scene, &[Rule::EndIsOneOr, Rule::SlowIsOneExchange]);
}

#[test]
fn one_ender_is_elected() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 10);
        let end = || {
            let snowflake = Arc::clone(&snowflake);
            thread::spawn(move || usize::from(snowflake.end().is_some()))
        };
        let (a, b) = (end(), end());
        let all = join([ids(&snowflake, at(0), 1)]);
        assert!(all.len() <= 1);
        assert_eq!(a.join().unwrap() + b.join().unwrap(), 1, "not exactly one receipt");
        assert!(snowflake.is_ended());
    }
    holds(scene, &[Rule::OneEnder, Rule::EndIsOneOr]);
}

#[test]
fn an_extension_races_the_end() {
    fn scene(rule: Option<Rule>) {
        let old = snowflake(rule, 0, 3, 10);
        drop(block(&old, &at(2), 3));
        let extender = thread::spawn({
            let old = Arc::clone(&old);
            move || {
                // Whatever comes first: the record has the horizon already.
                let _ = old.extend(&Renewal::assume(1, T + 6));
                Vec::new()
            }
        });
        let claimer = ids(&old, at(2), 2);
        let ended = old.end().unwrap();
        let mut all = join([extender, claimer]);
        below(&all, &ended);
        within(&all, 6);
        let lease = WorkerLease::resume(ended, &Renewal::assume(1, T + 9)).unwrap();
        let heir = Snowflake::new(&LAYOUT, lease).unwrap();
        all.extend(heir.next_id(&at(2)));
        unique(&all);
    }
    holds(scene, &[Rule::RawReceipt, Rule::EndIsOneOr]);
}

#[test]
fn a_foreign_renewal_opens_nothing() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let stranger = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || {
                assert!(snowflake.extend(&Renewal::assume(2, T + 9)).is_err());
                Vec::new()
            }
        });
        let all = join([stranger, ids(&snowflake, at(4), 1)]);
        within(&all, 3);
    }
    holds(scene, &[Rule::SameLease]);
}

#[test]
fn refused_calls_do_not_push_the_word() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        drop(block(&snowflake, &at(0), 4));
        let parts = [ids(&snowflake, at(0), 3), ids(&snowflake, at(0), 3)];
        assert!(join(parts).is_empty());
        let floor = snowflake.end().unwrap().floor();
        assert!(floor <= Floor { unix_ms: T + 1, sequence: 2 }, "overshoot above threads");
    }
    holds(scene, &[Rule::GateRises]);
}

#[test]
fn a_clock_steps_back_within_and_beyond_the_window() {
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &WIDE, lease(Floor::at(T), 20), 2).unwrap();
        let snowflake = Arc::new(made);
        let tick = |id: u64| number_in(&WIDE, id).0;
        let parts =
            [ids(&snowflake, at(6), 1), ids(&snowflake, at(4), 2), ids(&snowflake, at(1), 1)];
        let [ahead, near, far] = parts.map(|part| part.join().unwrap());
        assert_eq!(ahead.len() + near.len(), 3, "a step back within the window shows");
        let mut all = ahead;
        assert!(near.iter().all(|&id| (4..=6).contains(&tick(id))), "outside its window");
        assert!(far.iter().all(|&id| (1..=3).contains(&tick(id))), "outside its window");
        all.extend(near.into_iter().chain(far));
        unique(&all);
        assert_eq!(snowflake.next_id(&at(3)), Err(Refusal::NotYet { wait_ms: 1 }));
    }
    holds(scene, &[Rule::WindowTest, Rule::SlowIsOneExchange]);
}

#[test]
fn hint_and_exact_time_disagree() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 1);
        let parked = Clocks { hint: 0, exact: T + 2 };
        let lagging = Clocks { hint: T, exact: T + 2 };
        let all = join([ids(&snowflake, parked, 2), ids(&snowflake, lagging, 2)]);
        unique(&all);
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|&id| number(id).0 <= 3), "ahead of every window");
    }
    holds(scene, &[Rule::SlowIsOneExchange]);
}

#[test]
fn a_wild_clock_stays_in_the_lease() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let parts = [ids(&snowflake, At(u64::MAX), 2), ids(&snowflake, at(90), 2)];
        let mut all = join(parts);
        // One number of the last tick is lost by the thread that had not seen the gate.
        assert!(all.len() >= 3, "the last tick does not serve a clock past the horizon");
        all.extend(snowflake.next_id(&At(u64::MAX)));
        unique(&all);
        within(&all, 3);
    }
    holds(scene, &[Rule::HorizonTest, Rule::SlowIsOneExchange, Rule::GateRises]);
}

#[test]
fn blocks_do_not_cross_a_tick() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 1, 4, 2);
        let taker = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || {
                let first = block(&snowflake, &at(0), 3);
                let start = first.first().map(|&id| number(id));
                for &id in &first {
                    assert_eq!(Some(number(id).0), start.map(|(tick, _)| tick), "two ticks");
                }
                first
            }
        });
        let all = join([taker, ids(&snowflake, at(0), 2)]);
        unique(&all);
    }
    holds(scene, &[Rule::BlockInTick, Rule::SlowIsOneExchange]);
}

#[test]
fn handles_end_below_the_receipt() {
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &WIDE, lease(Floor::at(T), 20), 2).unwrap();
        let snowflake = std::sync::Arc::new(made);
        let mut handle = SnowflakeHandle::new(std::sync::Arc::clone(&snowflake));
        let user = thread::spawn(move || {
            let early: Vec<u64> = (0..2).filter_map(|_| handle.next_id(&at(0)).ok()).collect();
            let late: Vec<u64> = handle.next_id(&at(3)).into_iter().collect();
            assert!(late.iter().all(|&id| number_in(&WIDE, id).0 >= 3), "a block of old time");
            [early, late].concat()
        });
        let direct: Vec<u64> = snowflake.next_id(&at(0)).into_iter().collect();
        let floor = snowflake.end().unwrap().floor();
        let all = [user.join().unwrap(), direct].concat();
        unique(&all);
        for &id in &all {
            let (tick, sequence) = number_in(&WIDE, id);
            assert!(Floor { unix_ms: T + tick, sequence } < floor, "at or above the receipt");
        }
    }
    holds(scene, &[Rule::BlockGoesWithTick, Rule::SlowIsOneExchange, Rule::EndIsOneOr]);
}

#[test]
fn buckets_end_as_one() {
    fn scene(rule: Option<Rule>) {
        let lease = lease(Floor::at(T), 10);
        let buckets = Arc::new(Buckets::without(rule, &BUCKETED, lease, 10).unwrap());
        let end = |buckets: &Arc<Buckets>| {
            let buckets = Arc::clone(buckets);
            thread::spawn(move || buckets.end())
        };
        let claimer = thread::spawn({
            let buckets = Arc::clone(&buckets);
            move || {
                let bucket = buckets.bucket(1).unwrap();
                (0..2).filter_map(|_| bucket.next_id(&at(0)).ok()).collect::<Vec<u64>>()
            }
        });
        let (a, b) = (end(&buckets), end(&buckets));
        let all = claimer.join().unwrap();
        let receipts: Vec<Ended> =
            [a, b].into_iter().filter_map(|ender| ender.join().unwrap()).collect();
        assert_eq!(receipts.len(), 1, "not exactly one receipt");
        for &id in &all {
            let (tick, sequence) = number_in(&BUCKETED, id);
            let floor = Floor { unix_ms: T + tick, sequence };
            assert!(floor < receipts[0].floor(), "at or above the receipt");
        }
        assert_eq!(buckets.bucket(1).unwrap().next_id(&at(0)), Err(Refusal::Ended));
    }
    holds(scene, &[Rule::AllBucketsEnd, Rule::GreatestReceipt, Rule::OneEnder]);
}
