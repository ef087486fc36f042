//! Clocks that are wrong: they drift, step, stand still and run at other rates.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use idgen_core::Clock;
use idgen_store::HostClock;

use crate::engine::Engine;
use crate::trace::Trace;

/// When every run begins, in Unix milliseconds.
pub(crate) const BEGIN_UNIX_MS: u64 = 1_780_000_000_000;

/// A wall clock: what it showed when it was last touched, and how fast it has run since.
#[derive(Clone, Copy)]
struct Hand {
    touched: Duration,
    shown_us: i128,
    /// In millionths of true time; 0 for a clock that stands.
    rate: i128,
}

impl Hand {
    fn us(&self, now: Duration) -> i128 {
        let passed = now.saturating_sub(self.touched).as_micros();
        self.shown_us + passed.cast_signed() * self.rate / 1_000_000
    }
}

/// The wall clock of one machine; clones are the same clock.
#[derive(Clone)]
pub(crate) struct Wall {
    engine: Engine,
    hand: Arc<Mutex<Hand>>,
}

impl Wall {
    /// A clock that is wrong by up to a second.
    pub(crate) fn new(engine: &Engine, rng: &mut Rng) -> Self {
        let shown_us =
            i128::from(BEGIN_UNIX_MS) * 1000 + i128::from(rng.i64(-1_000_000..=1_000_000));
        let rate = 1_000_000 + i128::from(rng.i64(-200..=200));
        let hand = Hand { touched: engine.now(), shown_us, rate };
        Self { engine: engine.clone(), hand: Arc::new(Mutex::new(hand)) }
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().expect("no holder of this lock panics")
    }

    fn touch(&self, change: impl FnOnce(&mut Hand)) {
        let now = self.engine.now();
        let mut hand = self.hand();
        hand.shown_us = hand.us(now);
        hand.touched = now;
        change(&mut hand);
    }

    /// Sets the clock forward or back.
    pub(crate) fn step_ms(&self, by_ms: i64) {
        self.touch(|hand| hand.shown_us += i128::from(by_ms) * 1000);
    }

    /// Sets the clock right, but for some milliseconds.
    pub(crate) fn set_right(&self, off_ms: i64) {
        let true_us =
            (self.engine.now().as_micros() + u128::from(BEGIN_UNIX_MS) * 1000).cast_signed();
        self.touch(|hand| hand.shown_us = true_us + i128::from(off_ms) * 1000);
    }

    /// From here on it runs at this rate, in millionths of the true one.
    pub(crate) fn run_at(&self, millionths: i64) {
        self.touch(|hand| hand.rate = i128::from(millionths));
    }

    /// A clock set before 1970 shows 1970.
    pub(crate) fn unix_ms(&self) -> u64 {
        let us = self.hand().us(self.engine.now());
        u64::try_from(us / 1000).unwrap_or(0)
    }
}

thread_local! {
    /// Whether the code that runs may be preempted where it reads the clock, and how deep in
    /// preempted code this thread is.
    static PREEMPTIBLE: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Preempted code may be preempted once more, but no deeper.
const DEEPEST: u32 = 2;

/// Forgets what a run that ended in a panic left behind.
pub(crate) fn begin() {
    PREEMPTIBLE.set(false);
    DEPTH.set(0);
}

/// Runs code that stands for a thread of its own: it may be preempted where it reads the clock.
pub(crate) fn preemptible<T>(code: impl FnOnce() -> T) -> T {
    let before = PREEMPTIBLE.replace(true);
    let output = code();
    PREEMPTIBLE.set(before);
    output
}

/// How a process reads the wall clock of its machine: now and then a thread is taken from the
/// processor just after it has, and goes on with what it read when all else has moved on.
pub(crate) struct Reading {
    wall: Wall,
    rng: Mutex<Rng>,
    /// One reading of so many.
    rarity: u32,
    longest: Duration,
    trace: Trace,
}

impl Reading {
    pub(crate) fn new(wall: &Wall, rng: Rng, rarity: u32, longest: Duration, trace: Trace) -> Self {
        Self { wall: wall.clone(), rng: Mutex::new(rng), rarity, longest, trace }
    }

    /// For how long the reader is preempted, if it is.
    fn preemption(&self) -> Option<Duration> {
        if !PREEMPTIBLE.get() || DEPTH.get() >= DEEPEST {
            return None;
        }
        let mut rng = self.rng.lock().expect("no holder of this lock panics");
        if rng.u32(..self.rarity) != 0 {
            return None;
        }
        // Mostly a few milliseconds, for which others contend; sometimes longer than a lease.
        let longest_ms = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        let most_ms = if rng.u32(..4) == 0 { longest_ms } else { 20 };
        Some(Duration::from_millis(rng.u64(0..=most_ms)))
    }
}

impl Clock for Reading {
    fn unix_ms(&self) -> u64 {
        let shown = self.wall.unix_ms();
        if let Some(duration) = self.preemption() {
            self.trace.note("preemption", || format!("for {duration:?} at {shown}"));
            let before = PREEMPTIBLE.replace(false);
            DEPTH.set(DEPTH.get() + 1);
            self.wall.engine.pass(duration);
            DEPTH.set(DEPTH.get() - 1);
            PREEMPTIBLE.set(before);
        }
        shown
    }
}

/// The clocks of the machine that the registry runs on.
#[derive(Clone)]
pub(crate) struct Host {
    wall: Wall,
    boot: Arc<Mutex<Boot>>,
}

struct Boot {
    number: u32,
    begun: Duration,
}

impl Host {
    pub(crate) fn new(wall: Wall) -> Self {
        Self { wall, boot: Arc::new(Mutex::new(Boot { number: 1, begun: Duration::ZERO })) }
    }

    pub(crate) fn wall(&self) -> &Wall {
        &self.wall
    }

    fn boot(&self) -> MutexGuard<'_, Boot> {
        self.boot.lock().expect("no holder of this lock panics")
    }

    /// Starts the machine anew: another boot, whose clock begins at nothing.
    pub(crate) fn reboot(&self) {
        let begun = self.wall.engine.now();
        let mut boot = self.boot();
        *boot = Boot { number: boot.number + 1, begun };
    }
}

impl HostClock for Host {
    fn unix_ms(&self) -> u64 {
        self.wall.unix_ms()
    }

    fn boot_ms(&self) -> u64 {
        let up = self.wall.engine.now().saturating_sub(self.boot().begun);
        u64::try_from(up.as_millis()).unwrap_or(u64::MAX)
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.boot().number)
    }
}
