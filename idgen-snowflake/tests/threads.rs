//! Real threads on one generator after another, every id marked in a bitmap.
//!
//! While claimers run, an extender raises the horizon and an ender ends the generator; the
//! successor goes on in the tick of the receipt. `IDGEN_FULL=1` runs a hundred times longer.
#![cfg(not(idgen_loom))]

use std::num::NonZeroU64;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::thread;

use idgen_core::atomics::{AtomicU64, Ordering};
use idgen_core::{At, Clock, Ended, Floor, Renewal, WorkerLease};
use idgen_snowflake::{Buckets, Layout, Snowflake, SnowflakeHandle, preset};

const T: u64 = 1_750_000_000_000;
const LAYOUT: Layout =
    Layout::builder(41).epoch_unix_ms(T - 1000).node("worker", 2).sequence(6).build();

/// Time that the test itself moves; the hint lags by what the claimer says.
struct Shared<'a> {
    unix_ms: &'a AtomicU64,
    lag_ms: u64,
}

impl Clock for Shared<'_> {
    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::Relaxed) // Relaxed: any reading will do.
    }

    fn hint_unix_ms(&self) -> u64 {
        if self.lag_ms == 9 { 0 } else { self.unix_ms() - self.lag_ms }
    }
}

/// One bit for each number from T on.
struct Bitmap(Vec<AtomicU64>);

impl Bitmap {
    fn new(ticks: u64) -> Self {
        Self((0..ticks).map(|_| AtomicU64::new(0)).collect())
    }

    /// Marks an id of [`LAYOUT`]: a word per tick, a bit per sequence number.
    fn mark(&self, id: u64) -> Floor {
        let decoded = LAYOUT.decode(id).unwrap();
        assert_eq!(decoded.worker(), 1);
        let tick = usize::try_from(decoded.unix_ms() - T).unwrap();
        let bit = 1 << decoded.sequence();
        // Relaxed: the bit alone counts.
        let before = self.0[tick].fetch_or(bit, Ordering::Relaxed);
        assert_eq!(before & bit, 0, "{id} twice");
        Floor { unix_ms: decoded.unix_ms(), sequence: decoded.sequence() }
    }

    fn count(&self) -> u64 {
        let ones = |word: &AtomicU64| u64::from(word.load(Ordering::Relaxed).count_ones());
        self.0.iter().map(ones).sum() // Relaxed above: all threads are joined.
    }
}

fn rounds() -> u64 {
    if std::env::var_os("IDGEN_FULL").is_some() { 20_000 } else { 200 }
}

/// Claims by every way there is until the generator has ended; the greatest and the count.
fn claim(snowflake: &Snowflake, clock: &Shared<'_>, bitmap: &Bitmap, way: usize) -> (Floor, u64) {
    let mut handle = SnowflakeHandle::new(snowflake);
    let mut buffer = [0; 40];
    let (mut greatest, mut count) = (Floor::default(), 0);
    while !snowflake.is_ended() {
        let had = match way {
            0 => snowflake.next_id(clock).map_or(0, |id| {
                buffer[0] = id;
                1
            }),
            1 => handle.next_id(clock).map_or(0, |id| {
                buffer[0] = id;
                1
            }),
            2 => snowflake.take(clock, NonZeroU64::new(7).unwrap()).map_or(0, |range| {
                buffer.iter_mut().zip(range).map(|(slot, id)| *slot = id).count()
            }),
            _ => snowflake.fill(clock, &mut buffer),
        };
        for &id in &buffer[..had] {
            greatest = greatest.max(bitmap.mark(id));
            count += 1;
        }
        if had == 0 {
            thread::yield_now();
        }
    }
    (greatest, count)
}

/// One generator's life: claimers, a moving clock, extensions, an end by two at once.
fn live(lease: WorkerLease, clock_ms: &AtomicU64, bitmap: &Bitmap, round: u64) -> (Ended, u64) {
    let (worker, floor) = (lease.worker(), lease.floor());
    let snowflake = &Snowflake::with_borrow(&LAYOUT, lease, round % 11).unwrap();
    let start = &Barrier::new(5);
    thread::scope(|scope| {
        let claimers: Vec<_> = (0..4)
            .map(|way| {
                let lag_ms = [0, 3, 9, 1][(way + usize::try_from(round).unwrap()) % 4];
                let clock = Shared { unix_ms: clock_ms, lag_ms };
                scope.spawn(move || {
                    start.wait();
                    claim(snowflake, &clock, bitmap, way)
                })
            })
            .collect();
        start.wait();
        for step in 1..=6 {
            // Forwards, then back a little, then on: never in step with the horizon.
            let to_ms = floor.unix_ms + [2, 9, 5, 14, 11, 20][step - 1];
            clock_ms.store(to_ms, Ordering::Relaxed); // Relaxed: any reading will do.
            thread::yield_now();
            let horizon_ms = floor.unix_ms + 3 + 4 * step as u64;
            snowflake.extend(&Renewal::assume(worker, horizon_ms)).unwrap();
        }
        let other = scope.spawn(|| snowflake.end());
        let ended = [snowflake.end(), other.join().unwrap()];
        let found: Vec<_> = claimers.into_iter().map(|claimer| claimer.join().unwrap()).collect();
        let mut receipts = ended.into_iter().flatten();
        let receipt = receipts.next().expect("one ender");
        assert!(receipts.next().is_none(), "two enders");
        for (greatest, _) in &found {
            assert!(*greatest < receipt.floor(), "an id at or above the receipt");
        }
        (receipt, found.iter().map(|(_, count)| count).sum())
    })
}

/// One generator's life without threads, which ends inside a tick whatever its floor; and how many
/// ids it made.
fn end_inside_a_tick(lease: WorkerLease, bitmap: &Bitmap) -> (Ended, u64) {
    let clock = At(lease.floor().unix_ms);
    let snowflake = Snowflake::new(&LAYOUT, lease).unwrap();
    let mut count = 1;
    // Behind a tick's last number stands the next tick's first.
    while bitmap.mark(snowflake.next_id(&clock).unwrap()).sequence == 63 {
        count += 1;
    }
    (snowflake.end().unwrap(), count)
}

#[test]
fn no_number_twice_over_many_generators() {
    let bitmap = Bitmap::new(rounds() * 40 + 100);
    let clock_ms = AtomicU64::new(T);
    let mut lease = WorkerLease::assume(1, Floor::at(T), T + 3).unwrap();
    let (mut issued, mut in_tick) = (0, 0);
    for round in 0..2 * rounds() {
        let (ended, count) = if round % 2 == 0 {
            live(lease, &clock_ms, &bitmap, round / 2)
        } else {
            end_inside_a_tick(lease, &bitmap)
        };
        issued += count;
        in_tick += u64::from(round % 2 == 1 && ended.floor().sequence > 0);
        let recorded_ms = clock_ms.load(Ordering::Relaxed).max(T) + 30; // Relaxed: own store.
        let horizon_ms = ended.floor().unix_ms.max(recorded_ms) + 3;
        lease = WorkerLease::resume(ended, &Renewal::assume(1, horizon_ms)).unwrap();
    }
    assert_eq!(bitmap.count(), issued, "ids and bits differ");
    assert!(issued > rounds() * 50, "only {issued} ids");
    assert_eq!(in_tick, rounds(), "every second one begins inside a tick");
}

#[test]
fn buckets_end_once_and_above_all() {
    let layout = preset("genid").unwrap();
    for round in 0..rounds() {
        let clock_ms = AtomicU64::new(T + 1000 * round);
        let clock = &Shared { unix_ms: &clock_ms, lag_ms: 0 };
        let now_ms = clock.unix_ms();
        let lease = WorkerLease::assume(5, Floor::at(now_ms), now_ms + 10_000).unwrap();
        let buckets = &Buckets::new(layout, lease).unwrap();
        let stop = &AtomicBool::new(false);
        let (greatest, receipts) = thread::scope(|scope| {
            let claimers: Vec<_> = [0, 1, 31]
                .map(|number| {
                    scope.spawn(move || {
                        let bucket = buckets.bucket(number).unwrap();
                        let ids = core::iter::from_fn(|| bucket.next_id(clock).ok());
                        // Relaxed: a sign to stop, no more.
                        ids.take_while(|_| !stop.load(Ordering::Relaxed)).last()
                    })
                })
                .into_iter()
                .collect();
            thread::yield_now();
            let enders = [(); 2].map(|()| scope.spawn(|| buckets.end()));
            let receipts: Vec<_> =
                enders.into_iter().filter_map(|ender| ender.join().unwrap()).collect();
            stop.store(true, Ordering::Relaxed); // Relaxed: a sign to stop, no more.
            let ids: Vec<_> = claimers.into_iter().filter_map(|c| c.join().unwrap()).collect();
            (ids, receipts)
        });
        assert_eq!(receipts.len(), 1);
        for id in greatest {
            let decoded = layout.decode(id).unwrap();
            let at = Floor { unix_ms: decoded.unix_ms(), sequence: decoded.sequence() };
            assert!(at < receipts[0].floor());
        }
        assert!((0..32).all(|number| buckets.bucket(number).unwrap().next_id(clock).is_err()));
    }
}
