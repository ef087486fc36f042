//! Row 15: the slowest calls of a cursor whose segments come from a slow source.
//!
//! A thread of its own fetches, each time sleeping 1 to 10 ms first, whenever the cursor turns;
//! [`Pace`] decides how much. The caller takes ids as fast as it can time them, in turn with an
//! empty call, so that whatever befalls the machine befalls both.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use idgen_benches::plot::Series;
use idgen_benches::{Histogram, TOLERANCE, as_f64};
use idgen_core::IdRange;
use idgen_segment::{OnTurn, Pace, PaceLimits, SegmentCursor};

const CALLS: u32 = 1_000_000;
/// Calls of one kind before those of the other.
const BLOCK: u32 = 500;
const WARM_UP: Duration = Duration::from_millis(300);
const ALLOWED_NS: u64 = 30;
const RUNS: usize = 9;

/// Wakes who fetches.
#[derive(Default)]
struct Wake(OnceLock<Thread>);

impl OnTurn for Wake {
    fn on_turn(&self) {
        if let Some(source) = self.0.get() {
            source.unpark();
        }
    }
}

/// A source of 1 to 10 ms latency, in no order.
#[derive(Default)]
struct Slow {
    granted: u64,
    fetches: u64,
}

impl Slow {
    fn fetch(&mut self, len: u64) -> IdRange {
        self.fetches += 1;
        thread::sleep(Duration::from_millis(1 + self.fetches * 7 % 10));
        let range = IdRange::new(self.granted + 1, 1, len).expect("far from the end");
        self.granted = range.last();
        range
    }
}

fn supply(cursor: &SegmentCursor<Wake>, stop: &AtomicBool) {
    let limits = PaceLimits { min_len: 1 << 16, reserve_ms: 100, ..PaceLimits::default() };
    let mut pace = Pace::new(limits).expect("the limits agree");
    let (mut source, mut last_begun, mut held) = (Slow::default(), Instant::now(), 0);
    // Relaxed: a sign to stop, no more.
    while !stop.load(Ordering::Relaxed) {
        let Some(refill) = cursor.begin_refill() else {
            thread::park();
            continue;
        };
        let begun = Instant::now();
        let range = source.fetch(pace.step());
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        refill.supply(range).expect("each lies above the last");
        // What went since the last fetch is about the segment of which the turn took leave.
        pace.observe(held, millis(begun - last_begun), millis(begun.elapsed()));
        (last_begun, held) = (begun, range.len());
    }
}

struct Tail {
    empty: Histogram,
    cursor: Histogram,
    /// Calls that found no id, after the warm-up.
    waits: u64,
}

fn run() -> Tail {
    let (cursor, stop) = (SegmentCursor::with_on_turn(Wake::default()), AtomicBool::new(false));
    thread::scope(|scope| {
        let source = scope.spawn(|| supply(&cursor, &stop));
        cursor.hook().0.set(source.thread().clone()).expect("set once");
        let tail = measure(&cursor);
        stop.store(true, Ordering::Relaxed); // a sign, no more: `unpark` orders it
        source.thread().unpark();
        tail
    })
}

fn measure(cursor: &SegmentCursor<Wake>) -> Tail {
    let mut tail = Tail { empty: Histogram::new(), cursor: Histogram::new(), waits: 0 };
    let begun = Instant::now();
    while begun.elapsed() < WARM_UP {
        let _refused_while_cold = black_box(cursor.next_id());
    }
    for _ in 0..CALLS / BLOCK {
        timed(&mut tail.empty, || black_box(0));
        timed(&mut tail.cursor, || {
            let mut id = cursor.next_id();
            while id.is_err() {
                tail.waits += 1;
                thread::yield_now();
                id = cursor.next_id();
            }
            id.unwrap_or_default()
        });
    }
    tail
}

fn timed(histogram: &mut Histogram, mut call: impl FnMut() -> u64) {
    for _ in 0..BLOCK {
        let begun = Instant::now();
        black_box(call());
        histogram.add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
}

/// The middle run's p99.99 beside the empty loop's, and calls that waited in any run.
pub(crate) fn find() -> (String, bool) {
    let mut tails: Vec<Tail> = (0..RUNS).map(|_| run()).collect();
    let waits: u64 = tails.iter().map(|tail| tail.waits).sum();
    let at = |histogram: &Histogram| histogram.quantile(0.9999);
    tails.sort_by_key(|tail| at(&tail.cursor).saturating_sub(at(&tail.empty)));
    let middle = &tails[RUNS / 2];
    let (empty, cursor) = (at(&middle.empty), at(&middle.cursor));
    let result = format!("{cursor} ns to {empty} ns, {waits} calls waited");
    let is_met = as_f64(cursor) <= as_f64(empty + ALLOWED_NS) * (1.0 + TOLERANCE);
    (result, is_met && waits == 0)
}

/// The same with nobody in the background: whoever finds the cursor empty fetches.
fn fetched_by_caller() -> Histogram {
    let (cursor, mut source) = (SegmentCursor::new(), Slow::default());
    let mut histogram = Histogram::new();
    for _ in 0..CALLS / BLOCK {
        timed(&mut histogram, || {
            loop {
                if let Ok(id) = cursor.next_id() {
                    return id;
                }
                let refill = cursor.begin_refill().expect("nobody else refills");
                refill.supply(source.fetch(1 << 16)).expect("each lies above the last");
            }
        });
    }
    histogram
}

/// Nanoseconds below which all but one call in ten, a hundred, ... stay.
pub(crate) fn curves() -> Vec<Series> {
    let curve = |name: &str, histogram: &Histogram| {
        let nines = [1.0, 2.0, 3.0, 4.0, 5.0];
        let point = |one_in: f64| {
            let part = 1.0 - 0.1_f64.powf(one_in);
            (one_in, as_f64(histogram.quantile(part).max(1)))
        };
        Series { name: name.to_owned(), points: nines.map(point).to_vec() }
    };
    let tail = run();
    vec![
        curve("an empty call", &tail.empty),
        curve("fetched in the background", &tail.cursor),
        curve("fetched by the caller", &fetched_by_caller()),
    ]
}
