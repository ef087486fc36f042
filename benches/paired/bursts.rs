//! Row 10: a burst into the borrow window, and what a format's ceiling leaves of a generator.

use std::time::{Duration, Instant};

use ferroid::generator::AtomicSnowflakeGenerator;
use idgen_benches::bare::Bare;
use idgen_benches::plot::Series;
use idgen_benches::subjects::{
    FerroidStandard, STANDARD, backoff, ferroid_clock, insist, snowflake, snowflake_me,
    snowid_standard,
};
use idgen_benches::waits::Waits;
use idgen_benches::{Method, Run};
use idgen_core::atomics::{AtomicU64, Ordering};
use idgen_core::{Clock, Refusal};

use crate::snowflakes::tick;

/// Ids of a burst: ten ticks of 4096, almost.
pub(crate) const BURST: u32 = 40_000;
const WINDOW_MS: u64 = 10;
const CEILING_PER_MS: f64 = 4096.0;

/// A clock that stands during a burst, as the real one nearly does.
struct Stepped(AtomicU64);

impl Clock for Stepped {
    fn unix_ms(&self) -> u64 {
        self.hint_unix_ms()
    }

    #[inline(always)]
    fn hint_unix_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed) // the time stands for itself
    }
}

/// A call is a whole burst, and ten milliseconds pass before the next one.
pub(crate) fn in_window(method: &Method) -> Run {
    let bare = Bare::default();
    let candidate = || {
        let clock = Stepped(AtomicU64::new(1_800_000_000_000));
        let snowflake = snowflake(&STANDARD, &clock);
        move || {
            clock.0.fetch_add(WINDOW_MS, Ordering::Relaxed); // the time stands for itself
            let next = || snowflake.next_id(&clock).expect("the window holds the burst");
            (0..BURST).fold(0_u64, |sum, _| sum.wrapping_add(next()))
        }
    };
    let reference = || || (0..BURST).fold(0_u64, |sum, _| sum.wrapping_add(bare.next_id()));
    method.compare(1, candidate, reference)
}

/// Ids a millisecond at full load, and the longest time without one that no other process caused.
pub(crate) fn sustained() -> (String, bool) {
    let clock = tick();
    let snowflake = snowflake(&STANDARD, &clock);
    let waits = Waits::of_this_thread();
    let warm_until = Instant::now() + Duration::from_millis(50);
    while Instant::now() < warm_until {
        insist(|| snowflake.next_id(&clock));
    }
    let (begun, mut ids, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while begun.elapsed() < Duration::from_millis(1000) {
        if snowflake.next_id(&clock).is_err() {
            longest = longest.max(stall(&waits, || snowflake.next_id(&clock)));
        }
        ids += 1;
    }
    let per_ms = idgen_benches::as_f64(ids) / (begun.elapsed().as_secs_f64() * 1000.0);
    let part = per_ms / CEILING_PER_MS;
    let is_met = part >= 0.99 && longest <= Duration::from_millis(1);
    (format!("{:.2} %, stall {:.2} ms", part * 100.0, longest.as_secs_f64() * 1000.0), is_met)
}

/// How long a refused caller stood, less what it waited for a processor.
fn stall(waits: &Waits, mut ask: impl FnMut() -> Result<u64, Refusal>) -> Duration {
    let (waited_ns, begun) = (waits.nanos(), Instant::now());
    insist(&mut ask);
    let stood = begun.elapsed();
    stood.saturating_sub(Duration::from_nanos(waits.nanos() - waited_ns))
}

/// Milliseconds after which so many thousand ids of a burst are there, each on the real clock.
pub(crate) fn curves() -> Vec<Series> {
    let clock = tick();
    let own = snowflake(&STANDARD, &clock);
    let ferroid = AtomicSnowflakeGenerator::<FerroidStandard, _>::new(1, ferroid_clock());
    let (snowid, snowflake_me) = (snowid_standard(), snowflake_me(12));
    vec![
        curve("idgen, published tick", || insist(|| own.next_id(&clock))),
        curve("ferroid Atomic", || ferroid.next_id(backoff).to_raw()),
        curve("snowflake_me", || snowflake_me.next_id().expect("it waits").as_u64()),
        curve("snowid (no bound ahead)", || snowid.generate()),
    ]
}

fn curve(name: &str, mut next: impl FnMut() -> u64) -> Series {
    const STEP: u32 = 500;
    // Woken, and past what was used up.
    std::hint::black_box(next());
    std::thread::sleep(Duration::from_millis(30));
    let begun = Instant::now();
    let points = (1..=BURST / STEP).map(|nth| {
        for _ in 0..STEP {
            std::hint::black_box(next());
        }
        (f64::from(nth * STEP) / 1000.0, begun.elapsed().as_secs_f64() * 1e6)
    });
    Series { name: name.to_owned(), points: points.collect() }
}
