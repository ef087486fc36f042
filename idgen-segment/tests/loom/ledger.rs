//! What a model run issued and gave back, and the checker's settings.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use idgen_core::IdRange;
use idgen_segment::flaw::{self, Flaw};
use idgen_segment::{Retired, SegmentCursor};

pub(crate) type Shared = Arc<Scene>;

/// One cursor and everything that came out of it.
pub(crate) struct Scene {
    pub(crate) cursor: SegmentCursor,
    out: Mutex<Vec<u64>>,
}

impl Scene {
    /// A cursor with its first segment, active once an id is asked for.
    pub(crate) fn new(start: u64, len: u64) -> Shared {
        let cursor = SegmentCursor::new();
        assert!(supply(&cursor, start, len));
        Arc::new(Self { cursor, out: Mutex::new(Vec::new()) })
    }

    /// A cursor whose first segment, of one id, is used up and whose second one waits.
    pub(crate) fn at_the_turn(start: u64, len: u64) -> Shared {
        let scene = Self::new(1, 1);
        assert!(scene.next());
        assert!(scene.supply(start, len));
        scene
    }

    /// A cursor whose active segment begins at 1 and which is bare.
    pub(crate) fn bare(len: u64) -> Shared {
        let scene = Self::new(1, len);
        assert!(scene.next());
        scene
    }

    pub(crate) fn record(&self, range: Option<IdRange>) {
        self.out.lock().unwrap().extend(range.into_iter().flatten());
    }

    pub(crate) fn next(&self) -> bool {
        let id = self.cursor.next_id();
        self.record(id.ok().map(IdRange::one));
        id.is_ok()
    }

    pub(crate) fn take(&self, max: u64) -> bool {
        let range = self.cursor.take(max.try_into().unwrap());
        self.record(range.ok());
        range.is_ok()
    }

    pub(crate) fn exact(&self, n: u64) -> bool {
        let Ok(exact) = self.cursor.take_exact(n.try_into().unwrap()) else { return false };
        assert_eq!(exact.range.len(), n);
        self.record(Some(exact.range));
        self.record(exact.skipped);
        true
    }

    pub(crate) fn supply(&self, start: u64, len: u64) -> bool {
        supply(&self.cursor, start, len)
    }

    pub(crate) fn retire(&self) {
        if let Some(Retired { tail, standby }) = self.cursor.retire() {
            self.record(tail);
            self.record(standby);
        }
    }

    /// Nothing came out twice and nothing that was never supplied.
    pub(crate) fn assert_disjoint(&self, supplied: &[(u64, u64)]) {
        let mut out = self.out.lock().unwrap().clone();
        out.sort_unstable();
        assert!(out.windows(2).all(|pair| pair[0] < pair[1]), "twice: {out:?}");
        let known =
            |id: &u64| supplied.iter().any(|(start, len)| (*start..start + len).contains(id));
        assert!(out.iter().all(known), "never supplied: {out:?}");
    }

    /// Retires, if nobody has: every supplied id came out exactly once, or is counted as a gap.
    pub(crate) fn assert_complete(&self, supplied: &[(u64, u64)]) {
        self.retire();
        self.assert_disjoint(supplied);
        let total: u64 = supplied.iter().map(|(_, len)| len).sum();
        let out = self.out.lock().unwrap();
        let missing = total - out.len() as u64;
        assert!(missing <= self.cursor.gaps(), "{missing} lost, came out: {out:?}");
    }
}

fn supply(cursor: &SegmentCursor, start: u64, len: u64) -> bool {
    let range = IdRange::new(start, 1, len).unwrap();
    cursor.begin_refill().is_some_and(|refill| refill.supply(range).is_ok())
}

/// How a model is run: the number of preemptions allowed and the width of the generation field.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) preemptions: usize,
    pub(crate) generation_bits: u32,
}

pub(crate) const TWO_THREADS: Bound = Bound { preemptions: 4, generation_bits: 24 };
pub(crate) const THREE_THREADS: Bound = Bound { preemptions: 3, generation_bits: 24 };

fn run(bound: Bound, model: fn(), planted: Option<Flaw>) {
    flaw::set_generation_bits(bound.generation_bits);
    flaw::plant(planted);
    let mut builder = loom::model::Builder::new();
    let full = std::env::var("IDGEN_LOOM_FULL").is_ok_and(|value| value == "1");
    builder.preemption_bound = Some(bound.preemptions + usize::from(full));
    builder.max_branches = 10_000;
    builder.check(model);
}

/// The model holds, and is seen to break with each of the flaws.
pub(crate) fn holds_but_not_with(bound: Bound, model: fn(), flaws: &[Flaw]) {
    run(bound, model, None);
    for &flaw in flaws {
        let broken = catch_unwind(AssertUnwindSafe(|| run(bound, model, Some(flaw)))).is_err();
        assert!(broken, "the model does not notice {flaw:?}");
    }
    flaw::plant(None);
}

/// Runs one part on a thread of the model.
pub(crate) fn spawn(scene: &Shared, part: fn(&Scene)) -> loom::thread::JoinHandle<()> {
    let scene = Arc::clone(scene);
    loom::thread::spawn(move || part(&scene))
}
