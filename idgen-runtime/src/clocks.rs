//! The clocks of the runtime: exact, coarse, and a published tick that parks when nobody asks.
//!
//! A wrong clock costs refusals and gaps, never a duplicate: see [`idgen_core::Clock`].
//!
//! # Orderings
//!
//! The published tick is one word that stands for itself: a reader needs no other memory of the
//! publisher, so it is stored and loaded Relaxed. Parking uses the thread's own token, which an
//! `unpark` that came first leaves behind: a wake is never lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use idgen_core::Clock;
use idgen_core::atomics::CacheLine;

/// The system clock, read at each call.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactClock;

impl Clock for ExactClock {
    fn unix_ms(&self) -> u64 {
        // A clock before 1970 reads 0: the generator answers *not yet*.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The system clock as of the last timer interrupt (cheaper, up to 10 ms behind); exact where
/// the system has no such clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    fn unix_ms(&self) -> u64 {
        ExactClock.unix_ms()
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline]
    fn hint_unix_ms(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
    }
}

/// A tick that a thread of its own publishes every millisecond; reading it is one load.
///
/// The publisher parks after [`PublishedTick::AWAKE_MS`] and stores 0. The next reader then takes
/// the exact clock and wakes it, so an idle process has no wake-ups.
#[derive(Debug)]
pub struct PublishedTick {
    shared: Arc<Shared>,
    publisher: Option<JoinHandle<()>>,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    tick: CacheLine<AtomicU64>,
    stop: AtomicBool,
    wakes: AtomicU64,
}

impl PublishedTick {
    /// How long the publisher goes on after it was last woken, in milliseconds.
    pub const AWAKE_MS: u64 = 200;

    /// Starts the publisher, parked.
    ///
    /// # Errors
    ///
    /// Those of starting a thread.
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            tick: CacheLine::new(AtomicU64::new(0)),
            stop: AtomicBool::new(false),
            wakes: AtomicU64::new(0),
        });
        let publisher = std::thread::Builder::new().name("idgen-tick".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.publish()
        })?;
        let thread = publisher.thread().clone();
        Ok(Self { shared, publisher: Some(publisher), thread })
    }

    /// How often the publisher's thread has come round: stands still while nobody asks.
    pub fn wakes(&self) -> u64 {
        // Relaxed: a statistic.
        self.shared.wakes.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn publish(&self) {
        loop {
            std::thread::park();
            // Relaxed: the flag stands for itself; `unpark` orders what matters.
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            for _ in 0..PublishedTick::AWAKE_MS {
                // Relaxed: the tick stands for itself.
                self.tick.store(ExactClock.unix_ms(), Ordering::Relaxed);
                // Relaxed: a statistic.
                self.wakes.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
            // Relaxed: the tick stands for itself; 0 sends readers to the exact clock.
            self.tick.store(0, Ordering::Relaxed);
        }
    }
}

impl Clock for PublishedTick {
    fn unix_ms(&self) -> u64 {
        // Relaxed: a stale 0 wakes a publisher that is awake, which costs nothing.
        if self.shared.tick.load(Ordering::Relaxed) == 0 {
            self.thread.unpark();
        }
        ExactClock.unix_ms()
    }

    #[inline(always)]
    fn hint_unix_ms(&self) -> u64 {
        // Relaxed: the tick stands for itself.
        self.shared.tick.load(Ordering::Relaxed)
    }
}

impl Drop for PublishedTick {
    fn drop(&mut self) {
        // Relaxed: `unpark` orders the flag before the publisher's next look.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
        if let Some(publisher) = self.publisher.take() {
            // The publisher cannot panic.
            publisher.join().ok();
        }
    }
}

/// Which clock a runtime reads.
#[derive(Clone, Default)]
pub enum ClockKind {
    /// [`ExactClock`].
    #[default]
    Exact,
    /// [`CoarseClock`].
    Coarse,
    /// A [`PublishedTick`] of the runtime's own.
    Published,
    /// A clock of the caller's.
    Custom(Arc<dyn Clock + Send + Sync>),
}

impl std::fmt::Debug for ClockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Exact => "Exact",
            Self::Coarse => "Coarse",
            Self::Published => "Published",
            Self::Custom(_) => "Custom",
        })
    }
}

/// A started [`ClockKind`].
pub(crate) enum AnyClock {
    Exact,
    Coarse,
    Published(PublishedTick),
    Custom(Arc<dyn Clock + Send + Sync>),
}

impl AnyClock {
    pub(crate) fn start(kind: &ClockKind) -> std::io::Result<Self> {
        Ok(match kind {
            ClockKind::Exact => Self::Exact,
            ClockKind::Coarse => Self::Coarse,
            ClockKind::Published => Self::Published(PublishedTick::start()?),
            ClockKind::Custom(clock) => Self::Custom(Arc::clone(clock)),
        })
    }
}

impl Clock for AnyClock {
    fn unix_ms(&self) -> u64 {
        match self {
            Self::Exact => ExactClock.unix_ms(),
            Self::Coarse => CoarseClock.unix_ms(),
            Self::Published(clock) => clock.unix_ms(),
            Self::Custom(clock) => clock.unix_ms(),
        }
    }

    #[inline]
    fn hint_unix_ms(&self) -> u64 {
        match self {
            Self::Exact => ExactClock.hint_unix_ms(),
            Self::Coarse => CoarseClock.hint_unix_ms(),
            Self::Published(clock) => clock.hint_unix_ms(),
            Self::Custom(clock) => clock.hint_unix_ms(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree() {
        let exact = ExactClock.unix_ms();
        assert!(CoarseClock.hint_unix_ms().abs_diff(exact) < 1000);
    }

    #[test]
    fn an_unread_tick_parks() {
        let clock = PublishedTick::start().unwrap();
        assert_eq!(clock.hint_unix_ms(), 0);
        clock.unix_ms();
        let published = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            Some(clock.hint_unix_ms()).filter(|&tick| tick != 0)
        });
        assert!(published.unwrap().abs_diff(ExactClock.unix_ms()) < 1000);
        while clock.hint_unix_ms() != 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let wakes = clock.wakes();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(clock.wakes(), wakes);
    }
}
