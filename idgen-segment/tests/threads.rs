//! Eight real threads claim, refill and retire at once; every id is recorded in a bitmap of
//! atomics, one bit an id, so that recording does not queue the threads up behind a lock.
//!
//! No id may come out twice, and every supplied id must come out: issued, skipped, in a handle's
//! rest, in tail or standby, in a refused supply, or within the counted gaps. A slice by default;
//! `IDGEN_FULL=1` runs 20 times as long, `IDGEN_SLICE=small` a tenth: for emulated machines.
#![cfg(not(idgen_loom))]

use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;

use idgen_core::atomics::{AtomicU64, Ordering};
use idgen_core::{IdRange, Refusal};
use idgen_segment::{OnTurn, Refill, Retired, SegmentCursor, SegmentHandle};

/// Test-side atomics are sequentially consistent: the plainest.
const ORDER: Ordering = Ordering::SeqCst; // the test's own, nothing hangs on its speed

struct Bitmap(Vec<AtomicU64>);

impl Bitmap {
    fn new(ids: u64) -> Self {
        Self((0..=ids / 64).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, id: u64) {
        let word = &self.0[usize::try_from(id / 64).unwrap()];
        let before = word.fetch_or(1 << (id % 64), ORDER);
        assert_eq!(before >> (id % 64) & 1, 0, "id {id} came out twice");
    }

    fn set_all(&self, ids: impl IntoIterator<Item = u64>) {
        ids.into_iter().for_each(|id| self.set(id));
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(ORDER).count_ones())).sum()
    }
}

#[derive(Default)]
struct Turns(AtomicU64);

impl OnTurn for Turns {
    fn on_turn(&self) {
        self.0.fetch_add(1, ORDER);
    }
}

type Cursor = SegmentCursor<Turns>;

struct Scene {
    cursor: Arc<Cursor>,
    out: Bitmap,
    /// The source's bound: ids below it were granted.
    bound: AtomicU64,
    segments: AtomicU64,
    limit: u64,
    max_len: u64,
    retire_at: u64,
}

impl Scene {
    fn new(limit: u64, max_len: u64, retire_at: u64) -> Self {
        Self {
            cursor: Arc::new(SegmentCursor::default()),
            out: Bitmap::new(limit),
            bound: AtomicU64::new(0),
            segments: AtomicU64::new(0),
            limit,
            max_len,
            retire_at,
        }
    }

    /// Refills until the cursor has ended; retires it when the source has granted enough.
    fn refill(&self, seed: u64) {
        let mut random = seed;
        loop {
            if self.bound.load(ORDER) >= self.retire_at {
                return self.retire();
            }
            let Some(refill) = Refill::begin(Arc::clone(&self.cursor)) else {
                if self.next_id_is_over() {
                    return;
                }
                continue;
            };
            random = next_random(random);
            if random.is_multiple_of(8) {
                continue;
            }
            let len = 1 + random % self.max_len;
            let start = self.bound.fetch_add(len, ORDER);
            if start + len > self.limit {
                self.bound.fetch_sub(len, ORDER);
                drop(refill);
                return self.retire();
            }
            let range = IdRange::new(start, 1, len).unwrap();
            assert!(self.cursor.highest_supplied().is_none_or(|highest| highest < start));
            match refill.supply(range) {
                Ok(()) => {
                    self.segments.fetch_add(1, ORDER);
                }
                Err(error) => self.out.set_all(error.range()),
            }
        }
    }

    /// Claims one id while waiting for the permit; true once the cursor has ended.
    fn next_id_is_over(&self) -> bool {
        match self.cursor.next_id() {
            Ok(id) => self.out.set(id),
            Err(refusal) => return refusal == Refusal::Ended,
        }
        false
    }

    fn retire(&self) {
        if let Some(Retired { tail, standby }) = self.cursor.retire() {
            self.out.set_all(tail.into_iter().chain(standby).flatten());
        }
    }

    /// Claims in every way until the cursor has ended.
    fn claim(&self, seed: u64) {
        let block = NonZeroU64::new(1 + seed % 37).unwrap();
        let mut handle = SegmentHandle::new(Arc::clone(&self.cursor), block);
        let mut random = seed;
        let mut buffer = [0; 64];
        loop {
            random = next_random(random);
            let n = NonZeroU64::new(1 + random % 50).unwrap();
            let refusal = match random >> 16 & 7 {
                0 => self.cursor.take(n).map(|range| self.out.set_all(range)).err(),
                1 => self.exact(n),
                2 => {
                    let filled = self.cursor.fill(&mut buffer);
                    self.out.set_all(buffer[..filled].iter().copied());
                    None
                }
                3 => handle.take(n).map(|range| self.out.set_all(range)).err(),
                4 => handle.next_id().map(|id| self.out.set(id)).err(),
                5 => {
                    let rest = handle.give_back();
                    self.out.set_all(rest.into_iter().flatten());
                    handle = SegmentHandle::new(Arc::clone(&self.cursor), block);
                    None
                }
                _ => self.cursor.next_id().map(|id| self.out.set(id)).err(),
            };
            match refusal {
                Some(Refusal::Ended) => break,
                Some(Refusal::Exhausted) => thread::yield_now(),
                Some(other) => panic!("a cursor never answers {other}"),
                None => {}
            }
        }
        self.out.set_all(handle.finish().into_iter().flatten());
    }

    fn exact(&self, n: NonZeroU64) -> Option<Refusal> {
        match self.cursor.take_exact(n) {
            Ok(exact) => {
                assert_eq!(exact.range.len(), n.get());
                self.out
                    .set_all(exact.range.into_iter().chain(exact.skipped.into_iter().flatten()));
                None
            }
            Err(refusal) => Some(refusal),
        }
    }

    fn assert_complete(&self) {
        let (granted, out) = (self.bound.load(ORDER), self.out.count());
        let gaps = self.cursor.gaps();
        assert!(granted - out <= gaps, "{granted} granted, {out} came out, {gaps} gaps");
        // Each segment but the last standby was turned to; a give-back may ring once more.
        let rung = self.cursor.hook().0.load(ORDER);
        let segments = self.segments.load(ORDER);
        assert!(rung + 1 >= segments, "{segments} segments, {rung} turns told");
        assert_eq!((self.cursor.remaining(), self.cursor.retire()), (0, None));
    }
}

/// Marsaglia's xorshift64.
fn next_random(mut random: u64) -> u64 {
    random ^= random << 13;
    random ^= random >> 7;
    random ^ random << 17
}

fn run(limit: u64, max_len: u64, retire_at: u64, seed: u64) {
    let scene = Scene::new(limit, max_len, retire_at);
    thread::scope(|scope| {
        for thread in 1..=8 {
            let (scene, seed) = (&scene, seed * 8 + thread);
            let seed = next_random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            scope.spawn(move || if thread <= 2 { scene.refill(seed) } else { scene.claim(seed) });
        }
    });
    scene.assert_complete();
}

/// How long to run, in tenths of a slice.
fn tenths() -> u64 {
    let says = |name, word| std::env::var(name).is_ok_and(|value| value == word);
    match () {
        () if says("IDGEN_FULL", "1") => 200,
        () if says("IDGEN_SLICE", "small") => 1,
        () => 10,
    }
}

#[test]
fn long_segments_come_out_once_each() {
    let ids = 3_000_000 * tenths();
    run(ids, 100_000, ids, 1);
}

#[test]
fn short_segments_come_out_once_each() {
    let ids = 800_000 * tenths();
    run(ids, 100, ids, 2);
}

/// Many cursors, each retired in the middle of everything.
#[test]
fn a_retired_cursor_loses_nothing() {
    for round in 0..60 * tenths() {
        run(40_000, 1 + 20 * (round % 40), 500 + 97 * (round % 300), 3 + round);
    }
}
