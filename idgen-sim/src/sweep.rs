//! Many seeds, on as many threads as there are processors: each seed on one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::books::{Breach, Finding};
use crate::breakage::Breakage;
use crate::run::{Report, run};

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Sum {
    /// How many seeds ran to their end.
    pub seeds: u64,
    /// How many ids callers got.
    pub ids: u64,
    /// Seeds that broke a promise, in their order, each with what it broke.
    pub broken: BTreeMap<u64, Vec<Finding>>,
    /// Seeds that ended in a panic, in their order.
    pub panicked: Vec<u64>,
    /// What happened how often.
    pub counts: BTreeMap<String, u64>,
}

impl Sum {
    /// Whether every seed ran to its end and kept all promises.
    pub fn is_fine(&self) -> bool {
        self.broken.is_empty() && self.panicked.is_empty()
    }

    /// How many findings are of this kind; of one seed only the first few are kept.
    pub fn found(&self, breach: Breach) -> usize {
        let all = self.broken.values().flatten();
        all.filter(|finding| finding.breach == breach).count()
    }

    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.ids += report.ids;
        if !report.findings.is_empty() {
            self.broken.insert(report.seed, report.findings);
        }
        for (what, times) in report.counts {
            *self.counts.entry(what).or_default() += times;
        }
    }
}

/// Runs seeds until all are done or `is_enough` of what has come so far.
///
/// With more than one thread some seeds beyond the first that is enough may have run.
pub fn sweep(
    seeds: Range<u64>,
    threads: usize,
    breakage: Option<Breakage>,
    is_enough: impl Fn(&Sum) -> bool + Sync,
) -> Sum {
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let work = || {
        loop {
            // Relaxed: a counter; each number is drawn once.
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let came = catch_unwind(AssertUnwindSafe(|| run(seed, breakage, false)));
            let mut sum = sum.lock().expect("no holder of this lock panics");
            match came {
                Ok(report) => sum.add(report),
                Err(_told_by_the_hook) => sum.panicked.push(seed),
            }
            if is_enough(&sum) {
                // Relaxed: as above; whoever draws next is done.
                next.store(seeds.end, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut sum = sum.into_inner().expect("no holder of this lock panics");
    sum.panicked.sort_unstable();
    sum
}
