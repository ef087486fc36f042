//! Threads that run samples together: they start at a spin barrier, and the span from the first
//! start to the last end is the sample's time.
//!
//! # Orderings
//!
//! The barrier's counter is raised with AcqRel and watched with Acquire: whoever leaves it sees
//! all that the others wrote before they came to it. So everything else here is Relaxed: it is
//! written on one side of a barrier and read on the other. The alarm is Relaxed as well: it stands
//! for itself, and whoever waits looks again and again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use idgen_core::atomics::CacheLine;

use crate::waits::Waits;

/// Tries before a waiting thread lets another one run; none for teams larger than the machine.
const SPINS: u32 = 1 << 14;

/// Which of the two subjects a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Candidate,
    Reference,
}

/// What a sample took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// From the first thread's start to the last one's end.
    pub(crate) ns: u64,
    /// What all threads together waited for a processor, and how far their starts lie apart.
    pub(crate) lost_ns: u64,
}

/// What the threads of one comparison share.
#[derive(Debug)]
pub(crate) struct Team {
    threads: u64,
    spins: u32,
    arrivals: CacheLine<AtomicU64>,
    is_broken: AtomicBool,
    epoch: Instant,
    /// Calls of each thread, shifted left by one above the side; 0: go home.
    order: AtomicU64,
    begun_ns: AtomicU64,
    last_begun_ns: AtomicU64,
    ended_ns: AtomicU64,
    waited_ns: AtomicU64,
}

impl Team {
    pub(crate) fn new(threads: u64) -> Self {
        Self::spinning(threads, SPINS)
    }

    /// A team larger than the machine: who waits lets another one run at once.
    pub(crate) fn crowded(threads: u64) -> Self {
        Self::spinning(threads, 0)
    }

    fn spinning(threads: u64, spins: u32) -> Self {
        assert!(threads > 0, "a team has a thread at least");
        Self {
            threads,
            spins,
            arrivals: CacheLine::new(AtomicU64::new(0)),
            is_broken: AtomicBool::new(false),
            epoch: Instant::now(),
            order: AtomicU64::new(0),
            begun_ns: AtomicU64::new(0),
            last_begun_ns: AtomicU64::new(0),
            ended_ns: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
        }
    }

    fn meet(&self) {
        // AcqRel: releases what this thread wrote, acquires what those before it did.
        let ticket = self.arrivals.fetch_add(1, Ordering::AcqRel);
        let full = (ticket / self.threads + 1) * self.threads;
        let mut tries = 0;
        // Acquire: pairs with the last arrival's AcqRel.
        while self.arrivals.load(Ordering::Acquire) < full {
            tries += 1;
            if tries < self.spins {
                std::hint::spin_loop();
                continue;
            }
            // Relaxed: stands for itself.
            assert!(!self.is_broken.load(Ordering::Relaxed), "another thread's subject panicked");
            std::thread::yield_now();
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).expect("a bench ends within 500 years")
    }
}

/// Held by every thread of a team: if its subject panics, the others fail too instead of waiting
/// for it for ever.
pub(crate) struct Alarm<'a>(pub(crate) &'a Team);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_broken.store(true, Ordering::Relaxed); // stands for itself
        }
    }
}

/// One thread of a team with its own subjects.
pub(crate) struct Member<'a, A, B> {
    team: &'a Team,
    candidate: A,
    reference: B,
    waits: Waits,
}

impl<'a, A: FnMut() -> u64, B: FnMut() -> u64> Member<'a, A, B> {
    pub(crate) fn new(team: &'a Team, candidate: A, reference: B) -> Self {
        Self { team, candidate, reference, waits: Waits::of_this_thread() }
    }

    /// Follows the leader's orders until there are no more.
    pub(crate) fn follow(mut self) {
        loop {
            let waited_ns = self.meet();
            // Relaxed: written before the barrier.
            let order = self.team.order.load(Ordering::Relaxed);
            if order == 0 {
                return;
            }
            let side = if order & 1 == 0 { Side::Candidate } else { Side::Reference };
            self = self.share(side, order >> 1, waited_ns);
        }
    }

    /// Leads one sample: `calls` of each thread.
    pub(crate) fn lead(self, side: Side, calls: u64) -> (Self, Span) {
        let team = self.team;
        let order = (calls.max(1) << 1) | u64::from(side == Side::Reference);
        team.order.store(order, Ordering::Relaxed); // the barrier publishes it
        team.begun_ns.store(u64::MAX, Ordering::Relaxed); // the barrier publishes it
        team.last_begun_ns.store(0, Ordering::Relaxed); // the barrier publishes it
        team.ended_ns.store(0, Ordering::Relaxed); // the barrier publishes it
        team.waited_ns.store(0, Ordering::Relaxed); // the barrier publishes it
        let waited_ns = self.meet();
        let own = self.share(side, calls.max(1), waited_ns);
        // Relaxed, all four: written before the barrier at the sample's end.
        let begun_ns = team.begun_ns.load(Ordering::Relaxed);
        let last_begun_ns = team.last_begun_ns.load(Ordering::Relaxed); // as above
        let ended_ns = team.ended_ns.load(Ordering::Relaxed); // as above
        let waited_ns = team.waited_ns.load(Ordering::Relaxed); // as above
        let lost_ns = waited_ns + (last_begun_ns - begun_ns);
        (own, Span { ns: ended_ns - begun_ns, lost_ns })
    }

    /// Sends all others home.
    pub(crate) fn dismiss(self) {
        self.team.order.store(0, Ordering::Relaxed); // the barrier publishes it
        self.team.meet();
    }

    /// Waits at the barrier and answers what this thread had waited for a processor before.
    fn meet(&self) -> u64 {
        let waited_ns = self.waits.nanos();
        self.team.meet();
        waited_ns
    }

    fn share(mut self, side: Side, calls: u64, waited_ns: u64) -> Self {
        let begun_ns = self.team.now_ns();
        match side {
            Side::Candidate => self.candidate = batch(self.candidate, calls),
            Side::Reference => self.reference = batch(self.reference, calls),
        }
        let ended_ns = self.team.now_ns();
        let team = self.team;
        team.begun_ns.fetch_min(begun_ns, Ordering::Relaxed); // the barrier publishes it
        team.last_begun_ns.fetch_max(begun_ns, Ordering::Relaxed); // the barrier publishes it
        team.ended_ns.fetch_max(ended_ns, Ordering::Relaxed); // the barrier publishes it
        let waited_ns = self.waits.nanos() - waited_ns;
        team.waited_ns.fetch_add(waited_ns, Ordering::Relaxed); // the barrier publishes it
        team.meet();
        self
    }
}

/// The measured loop: adds up what `calls` calls return, and hands the subject back.
///
/// The subject is a local of it, as a thread's own handle is of its loop.
#[inline(never)]
pub fn batch<F: FnMut() -> u64>(subject: F, calls: u64) -> F {
    let mut subject = subject;
    let mut sum = 0_u64;
    for _ in 0..calls {
        sum = sum.wrapping_add(subject());
    }
    std::hint::black_box(sum);
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_runs_every_call_of_the_side_that_was_asked_for() {
        let (candidates, references) = (AtomicU64::new(0), AtomicU64::new(0));
        let team = Team::new(3);
        let member = || {
            let candidate = || candidates.fetch_add(1, Ordering::SeqCst);
            let reference = || references.fetch_add(1, Ordering::SeqCst);
            Member::new(&team, candidate, reference)
        };
        std::thread::scope(|scope| {
            for _ in 1..3 {
                scope.spawn(|| member().follow());
            }
            let (leader, span) = member().lead(Side::Candidate, 100);
            assert!(span.ns > 0);
            assert_eq!(candidates.load(Ordering::SeqCst), 300);
            assert_eq!(references.load(Ordering::SeqCst), 0);
            let (leader, _) = leader.lead(Side::Reference, 7);
            leader.dismiss();
        });
        assert_eq!(candidates.load(Ordering::SeqCst), 300);
        assert_eq!(references.load(Ordering::SeqCst), 21);
    }

    #[test]
    fn a_sample_spans_the_slowest_thread() {
        let sleep = || {
            std::thread::sleep(std::time::Duration::from_millis(5));
            0
        };
        let team = Team::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| Member::new(&team, sleep, || 0).follow());
            let (leader, span) = Member::new(&team, || 0, || 0).lead(Side::Candidate, 1);
            assert!(span.ns >= 5_000_000, "{span:?}");
            leader.dismiss();
        });
    }
}
