//! What lies between a process and a server: requests and answers are late, lost and doubled.
//!
//! The other end's work is done by a task of the net, not of the process that asked: it happens, or
//! not, whether that process is stalled, dead or has given up waiting.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use futures_channel::oneshot;

use crate::engine::{Engine, Group};

/// How bad the net is; shares are of a thousand messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost_requests: u32,
    pub(crate) lost_answers: u32,
    pub(crate) late: u32,
    pub(crate) doubled: u32,
    pub(crate) refused: u32,
    pub(crate) latest_ms: u64,
}

/// The net that all processes share.
#[derive(Clone)]
pub(crate) struct Net {
    engine: Engine,
    group: Group,
    state: Arc<Mutex<State>>,
}

struct State {
    rng: Rng,
    faults: Faults,
    /// Nodes that reach no server.
    cut_off: BTreeSet<usize>,
    is_out: bool,
}

/// Why a request has no answer.
pub(crate) struct Silence(pub(crate) &'static str);

/// What becomes of one request.
struct Fate {
    is_lost: bool,
    is_refused: bool,
    arrives: Duration,
    again_after: Option<Duration>,
    answer_is_lost: bool,
    answer_takes: Duration,
    /// A lost message is noticed (a connection breaks), or only by the answer that never comes.
    is_noticed: bool,
}

/// By then everybody has given up.
const NEVER: Duration = Duration::from_secs(100);

impl Net {
    pub(crate) fn new(engine: &Engine, group: Group, faults: Faults, rng: Rng) -> Self {
        let state = State { rng, faults, cut_off: BTreeSet::new(), is_out: false };
        Self { engine: engine.clone(), group, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Runs a future beside all processes.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.engine.spawn(self.group, Box::pin(work));
    }

    /// Drops all that is on its way.
    pub(crate) fn end(&self) {
        self.engine.kill(self.group);
    }

    pub(crate) fn cut_off(&self, node: usize, is_cut_off: bool) {
        let mut state = self.state();
        if is_cut_off {
            state.cut_off.insert(node)
        } else {
            state.cut_off.remove(&node)
        };
    }

    /// Whether the servers are out for all.
    pub(crate) fn out(&self, is_out: bool) {
        self.state().is_out = is_out;
    }

    fn reaches(&self, node: usize) -> bool {
        let state = self.state();
        !state.is_out && !state.cut_off.contains(&node)
    }

    fn fate(&self) -> Fate {
        let State { rng, faults, .. } = &mut *self.state();
        let mut one_of = |share: u32| rng.u32(..1000) < share;
        let (is_lost, answer_is_lost) = (one_of(faults.lost_requests), one_of(faults.lost_answers));
        let (is_refused, is_doubled) = (one_of(faults.refused), one_of(faults.doubled));
        let (is_late, answer_is_late) = (one_of(faults.late), one_of(faults.late));
        let mut takes = |is_late: bool| {
            let most_us = if is_late { faults.latest_ms * 1000 } else { 3000 };
            Duration::from_micros(rng.u64(100..=most_us.max(3000)))
        };
        let (arrives, answer_takes, again) = (takes(is_late), takes(answer_is_late), takes(true));
        let again_after = is_doubled.then_some(again);
        let is_noticed = rng.bool();
        Fate { is_lost, is_refused, arrives, again_after, answer_is_lost, answer_takes, is_noticed }
    }

    /// Has the other end do `effect` for a request of `node`, once, twice or not at all, and hands
    /// the first answer over if it comes through.
    pub(crate) async fn call<T, F>(
        &self,
        node: usize,
        effect: impl Fn() -> F + Send + 'static,
    ) -> Result<T, Silence>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send,
    {
        let (fate, net) = (self.fate(), self.clone());
        let (answer, answered) = oneshot::channel();
        self.spawn(async move {
            net.engine.sleep(fate.arrives).await;
            if fate.is_refused {
                return;
            }
            if fate.is_lost || !net.reaches(node) {
                return net.lose(answer, fate.is_noticed).await;
            }
            let first = effect().await;
            if let Some(pause) = fate.again_after {
                let (again, engine) = (net.clone(), net.engine.clone());
                again.spawn(async move {
                    engine.sleep(pause).await;
                    effect().await;
                });
            }
            net.engine.sleep(fate.answer_takes).await;
            if fate.answer_is_lost || !net.reaches(node) {
                return net.lose(answer, fate.is_noticed).await;
            }
            // Nobody may wait any more.
            answer.send(first).ok();
        });
        answered.await.map_err(|_| Silence("the connection broke"))
    }

    async fn lose<T>(&self, answer: oneshot::Sender<T>, is_noticed: bool) {
        if !is_noticed {
            self.engine.sleep(NEVER).await;
        }
        drop(answer);
    }
}
