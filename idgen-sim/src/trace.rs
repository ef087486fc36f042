//! What is counted of a run, and told of one that is looked at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::engine::Engine;

/// What happened how often, by what it is called.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Counts, and prints if the run is traced, each line with its time; clones are the same trace.
#[derive(Clone)]
pub(crate) struct Trace {
    engine: Engine,
    is_told: bool,
    counts: Arc<Mutex<Counts>>,
}

impl Trace {
    pub(crate) fn new(engine: &Engine, is_told: bool) -> Self {
        Self { engine: engine.clone(), is_told, counts: Arc::default() }
    }

    /// Counts what happened, and tells it.
    pub(crate) fn note(&self, what: &str, more: impl FnOnce() -> String) {
        let mut counts = self.counts.lock().expect("no holder of this lock panics");
        match counts.get_mut(what) {
            Some(times) => *times += 1,
            None => drop(counts.insert(what.to_owned(), 1)),
        }
        drop(counts);
        self.tell(|| format!("{what} {}", more()));
    }

    #[expect(clippy::print_stdout, reason = "the trace is this command's output")]
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.is_told {
            println!("{:>12.6} {}", self.engine.now().as_secs_f64(), line());
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.lock().expect("no holder of this lock panics").clone()
    }
}
