//! Pairs, runs and their medians.

use crate::place::place;
use crate::team::{Alarm, Member, Side, Span, Team};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Runs of a row; their median is the row's result.
    pub runs: usize,
    /// Quiet pairs of a run; their median is the run's result.
    pub pairs: usize,
    /// About how long a sample takes, in nanoseconds.
    pub sample_ns: u64,
    /// Threads may outnumber processors: waiting for one belongs to what is measured, and no pair
    /// is disturbed.
    pub is_crowded: bool,
}

impl Default for Method {
    fn default() -> Self {
        Self { runs: 5, pairs: 201, sample_ns: 250_000, is_crowded: false }
    }
}

/// A pair is disturbed if its threads lost more than one such part of its time.
const DISTURBED_PARTS: u64 = 50;
/// How many times the wished number of pairs is tried.
const PATIENCE: usize = 6;
/// A run in which fewer than one such part of the wished pairs was quiet tells nothing.
const ENOUGH_PARTS: usize = 4;
/// Samples of a length before the next length is tried.
const CALIBRATIONS: usize = 5;

/// What one run found.
#[derive(Clone, Debug)]
pub struct Run {
    /// Candidate by reference, per call, ascending.
    ratios: Vec<f64>,
    /// Pairs that were set aside.
    disturbed: usize,
    is_usable: bool,
    /// Median nanoseconds of a call: the span by all threads' calls.
    candidate_ns: f64,
    reference_ns: f64,
}

impl Run {
    /// The median of the pairs' ratios.
    pub fn median(&self) -> f64 {
        quantile(&self.ratios, 0.5)
    }

    /// All ratios that count, ascending.
    pub fn ratios(&self) -> &[f64] {
        &self.ratios
    }

    /// Whether enough pairs were quiet; else the machine had no time for this run.
    pub fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// The part of all pairs that counts, 0 to 1.
    pub fn quiet(&self) -> f64 {
        let counted = self.ratios.len();
        as_f64(counted as u64) / as_f64((counted + self.disturbed) as u64)
    }

    /// Nanoseconds of a call of candidate and reference, for information.
    pub fn nanos(&self) -> (f64, f64) {
        (self.candidate_ns, self.reference_ns)
    }
}

impl Method {
    /// The same for more threads than processors: fewer samples, each of several turns of every
    /// thread at a processor.
    #[must_use]
    pub fn crowded(self) -> Self {
        let pairs = self.pairs.div_ceil(8);
        Self { pairs, sample_ns: 16_000_000, is_crowded: true, ..self }
    }

    /// One run: `threads` threads, each with a candidate and a reference of its own making.
    ///
    /// # Panics
    ///
    /// If a subject does, on whichever thread.
    pub fn compare<A, B>(
        &self,
        threads: u64,
        candidate: impl Fn() -> A + Sync,
        reference: impl Fn() -> B + Sync,
    ) -> Run
    where
        A: FnMut() -> u64,
        B: FnMut() -> u64,
    {
        let team = if self.is_crowded { Team::crowded(threads) } else { Team::new(threads) };
        let member = || Member::new(&team, candidate(), reference());
        std::thread::scope(|scope| {
            let member = &member;
            for nth in 1..threads {
                let team = &team;
                scope.spawn(move || {
                    let _alarm = Alarm(team);
                    place(nth);
                    member().follow();
                });
            }
            // Not on the caller's thread: whatever that starts later would stay in this place.
            let team = &team;
            let leader = scope.spawn(move || {
                let _alarm = Alarm(team);
                if threads > 1 {
                    place(0);
                }
                let (leader, run) = self.pairs_of(member(), threads);
                leader.dismiss();
                run
            });
            leader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn pairs_of<'a, A: FnMut() -> u64, B: FnMut() -> u64>(
        &self,
        leader: Member<'a, A, B>,
        threads: u64,
    ) -> (Member<'a, A, B>, Run) {
        let (leader, candidate_calls) = self.calibrate(leader, Side::Candidate);
        let (mut leader, reference_calls) = self.calibrate(leader, Side::Reference);
        let (mut quiet, mut disturbed) = (Vec::new(), 0);
        for index in 0..self.pairs * PATIENCE {
            let (candidate, reference);
            if index % 2 == 0 {
                (leader, candidate) = leader.lead(Side::Candidate, candidate_calls);
                (leader, reference) = leader.lead(Side::Reference, reference_calls);
            } else {
                (leader, reference) = leader.lead(Side::Reference, reference_calls);
                (leader, candidate) = leader.lead(Side::Candidate, candidate_calls);
            }
            let pair = Pair {
                candidate_ns: per_call(candidate, candidate_calls * threads),
                reference_ns: per_call(reference, reference_calls * threads),
            };
            if self.is_crowded || is_quiet(candidate, reference) {
                quiet.push(pair);
            } else {
                disturbed += 1;
            }
            if quiet.len() == self.pairs {
                break;
            }
        }
        (leader, Run::of(&quiet, disturbed, self.pairs))
    }

    /// How many calls a sample needs to take its time.
    fn calibrate<'a, A: FnMut() -> u64, B: FnMut() -> u64>(
        &self,
        leader: Member<'a, A, B>,
        side: Side,
    ) -> (Member<'a, A, B>, u64) {
        let (mut leader, mut calls) = (leader, 16);
        loop {
            // The shortest of a few: a stall would make all later samples too short.
            let mut best_ns = u64::MAX;
            for _ in 0..CALIBRATIONS {
                let span;
                (leader, span) = leader.lead(side, calls);
                best_ns = best_ns.min(span.ns);
            }
            if best_ns > self.sample_ns / 4 {
                let wanted = u128::from(calls) * u128::from(self.sample_ns) / u128::from(best_ns);
                return (leader, u64::try_from(wanted).unwrap_or(calls).max(1));
            }
            calls *= 2;
        }
    }
}

#[derive(Clone, Copy)]
struct Pair {
    candidate_ns: f64,
    reference_ns: f64,
}

impl Run {
    fn of(quiet: &[Pair], disturbed: usize, wished: usize) -> Self {
        let sorted = |of: fn(&Pair) -> f64| {
            let mut values: Vec<f64> = quiet.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        Self {
            ratios: sorted(|pair| pair.candidate_ns / pair.reference_ns),
            disturbed,
            is_usable: quiet.len() > wished / ENOUGH_PARTS,
            candidate_ns: quantile(&sorted(|pair| pair.candidate_ns), 0.5),
            reference_ns: quantile(&sorted(|pair| pair.reference_ns), 0.5),
        }
    }
}

fn is_quiet(a: Span, b: Span) -> bool {
    (a.lost_ns + b.lost_ns) * DISTURBED_PARTS <= a.ns + b.ns
}

fn per_call(span: Span, calls: u64) -> f64 {
    as_f64(span.ns) / as_f64(calls)
}

/// A count as a ratio's part; exact for what is counted here, which is far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and spans below 2^53")]
pub fn as_f64(number: u64) -> f64 {
    number as f64
}

/// The value below which `part` of the ascending values lie; NaN of none.
pub(crate) fn quantile(ascending: &[f64], part: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let at = as_f64(last as u64) * part;
    let (low, high) = (index(at.floor(), last), index(at.ceil(), last));
    ascending[low] + (ascending[high] - ascending[low]) * (at - at.floor())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the last index")]
fn index(at: f64, last: usize) -> usize {
    (at as usize).min(last)
}

#[cfg(test)]
impl Run {
    /// A run that found these nanoseconds of candidate and reference, undisturbed.
    pub(crate) fn planted(pairs: &[(f64, f64)]) -> Self {
        let pair = |&(candidate_ns, reference_ns): &(f64, f64)| Pair { candidate_ns, reference_ns };
        let pairs: Vec<Pair> = pairs.iter().map(pair).collect();
        Self::of(&pairs, 0, pairs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_ratio_is_candidate_by_reference_per_call() {
        assert_eq!(per_call(Span { ns: 800, lost_ns: 0 }, 200), 4.0);
        let run = Run::planted(&[(3.0, 1.0), (8.0, 2.0), (1.0, 2.0)]);
        assert_eq!(run.ratios(), [0.5, 3.0, 4.0]);
        assert_eq!((run.median(), run.nanos()), (3.0, (3.0, 2.0)));
    }

    /// How long calls take is not looked at: tests run on machines that have no time.
    #[test]
    fn every_pair_is_counted_or_set_aside() {
        let method = Method { pairs: 9, sample_ns: 1_000, ..Method::default() };
        for threads in [1, 2] {
            let (candidates, references) = (AtomicU64::new(0), AtomicU64::new(0));
            let run = method.compare(
                threads,
                || || candidates.fetch_add(1, Ordering::SeqCst),
                || || references.fetch_add(1, Ordering::SeqCst),
            );
            let (counted, all) = (run.ratios().len(), run.ratios().len() + run.disturbed);
            assert!(counted == method.pairs || all == method.pairs * PATIENCE, "{run:?}");
            let samples = all as u64 * threads;
            assert!(candidates.load(Ordering::SeqCst) >= samples);
            assert!(references.load(Ordering::SeqCst) >= samples);
        }
    }

    #[test]
    fn a_crowd_is_never_disturbed() {
        let method = Method { pairs: 3, sample_ns: 1_000, ..Method::default() };
        let method = Method { sample_ns: 1_000, ..method.crowded() };
        let run = method.compare(8, || || 1, || || 2);
        assert_eq!((run.ratios().len(), run.disturbed), (1, 0), "{run:?}");
    }

    #[test]
    fn a_panic_on_one_thread_ends_all() {
        let method = Method { pairs: 3, sample_ns: 1_000, ..Method::default() };
        for threads in [1, 2, 3] {
            for crowded in [false, true] {
                let method = Method { is_crowded: crowded, ..method };
                let calls = AtomicU64::new(0);
                let subject = || {
                    || {
                        assert!(calls.fetch_add(1, Ordering::SeqCst) != 100, "planted");
                        0
                    }
                };
                let compare = || method.compare(threads, subject, || || 0);
                let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(compare));
                assert!(end.is_err(), "{threads} threads");
            }
        }
    }

    #[test]
    fn quantiles_lie_between_the_values() {
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[7.0], 0.25), 7.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 10.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.75), 4.0);
    }

    #[test]
    fn waiting_for_a_processor_disturbs() {
        let span = |lost_ns| Span { ns: 100_000, lost_ns };
        assert!(is_quiet(span(0), span(4_000)));
        assert!(!is_quiet(span(3_000), span(1_001)));
    }

    #[test]
    fn a_run_with_hardly_a_quiet_pair_is_of_no_use() {
        let pairs = [Pair { candidate_ns: 2.0, reference_ns: 1.0 }; 2];
        let run = Run::of(&pairs, 6, 7);
        assert_eq!((run.median(), run.quiet(), run.is_usable()), (2.0, 0.25, true));
        assert!(!Run::of(&pairs, 6, 8).is_usable());
        assert!(!Run::of(&[], 6, 1).is_usable());
    }
}
