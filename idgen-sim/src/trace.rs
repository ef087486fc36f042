//! What is told of a run that is looked at.

use crate::engine::Engine;

/// Prints, if the run is traced, each line with the time of the run; clones are the same trace.
#[derive(Clone)]
pub(crate) struct Trace {
    engine: Engine,
    is_told: bool,
}

impl Trace {
    pub(crate) fn new(engine: &Engine, is_told: bool) -> Self {
        Self { engine: engine.clone(), is_told }
    }

    #[expect(clippy::print_stdout, reason = "the trace is this command's output")]
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.is_told {
            println!("{:>12.6} {}", self.engine.now().as_secs_f64(), line());
        }
    }
}
