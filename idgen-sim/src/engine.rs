//! Virtual time, and an executor whose every choice comes from the seed.
//!
//! One thread polls all futures of a run. Which of those that are ready goes first is drawn, and
//! time moves only when none is: then straight to the next timer. So a run is a function of its
//! seed, and an hour passes as fast as there is nothing to do in it.
//!
//! Futures belong to *groups*, which are what can be stopped: a stalled group is not polled until
//! it is resumed, and a dead one is dropped. [`Engine::pass`] runs the others from within a poll:
//! to the future that calls it, it is what being preempted is to a thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use fastrand::Rng;

/// A future of the simulation.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is stalled, resumed and dropped together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(usize);

/// A seed that needs more polls than this runs in circles.
const MOST_POLLS: u64 = 50_000_000;
/// As timers of the runtime's executors, those here do not tell shorter pauses apart.
const LEAST_SLEEP: Duration = Duration::from_micros(200);

/// A handle; clones are the same engine.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Shared>);

struct Shared {
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    /// Since the beginning.
    now: Duration,
    /// Nobody, preempted or not, sees a later time.
    end: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    groups: Vec<Members>,
    rng: Rng,
    /// Numbers tasks and timers.
    next: u64,
    polls: u64,
}

struct Task {
    group: Group,
    /// Absent while it is polled.
    future: Option<Work>,
    waker: Waker,
    is_queued: bool,
}

#[derive(Default)]
struct Members {
    is_stalled: bool,
    is_dead: bool,
    /// Woken during the stall.
    parked: Vec<u64>,
}

struct Alarm {
    shared: Weak<Shared>,
    task: u64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.state().queue(self.task);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug of the simulation")
    }
}

impl State {
    fn queue(&mut self, id: u64) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if std::mem::replace(&mut task.is_queued, true) {
            return;
        }
        let members = &mut self.groups[task.group.0];
        if members.is_stalled { members.parked.push(id) } else { self.ready.push(id) }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Takes out a future that is ready, drawn from all.
    fn draw(&mut self) -> Option<(u64, Work, Waker)> {
        while !self.ready.is_empty() {
            let at = self.rng.usize(..self.ready.len());
            let id = self.ready.swap_remove(at);
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            let members = &mut self.groups[task.group.0];
            if members.is_stalled {
                members.parked.push(id);
                continue;
            }
            // One that is being polled stays queued, for when it is back.
            let Some(future) = task.future.take() else { continue };
            task.is_queued = false;
            self.polls += 1;
            return Some((id, future, task.waker.clone()));
        }
        None
    }

    /// Moves the time to the next timer, if it is not later than `end`, and takes that out.
    fn ring(&mut self, end: Duration) -> Option<Waker> {
        let first = self.timers.first_entry()?;
        if first.key().0 > end {
            return None;
        }
        let ((at, _), waker) = first.remove_entry();
        self.now = self.now.max(at);
        Some(waker)
    }
}

impl Engine {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            now: Duration::ZERO,
            end: Duration::MAX,
            timers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            groups: Vec::new(),
            rng: Rng::with_seed(seed),
            next: 0,
            polls: 0,
        };
        Self(Arc::new(Shared { begun: Instant::now(), state: Mutex::new(state) }))
    }

    pub(crate) fn group(&self) -> Group {
        let mut state = self.0.state();
        state.groups.push(Members::default());
        Group(state.groups.len() - 1)
    }

    /// The time since the beginning.
    pub(crate) fn now(&self) -> Duration {
        self.0.state().now
    }

    /// The same as a moment, which differs from run to run by where it began.
    pub(crate) fn instant(&self) -> Instant {
        self.0.begun + self.now()
    }

    pub(crate) fn spawn(&self, group: Group, work: Work) {
        let mut state = self.0.state();
        if state.groups[group.0].is_dead {
            drop(state);
            return drop(work);
        }
        let id = state.number();
        let waker = Waker::from(Arc::new(Alarm { shared: Arc::downgrade(&self.0), task: id }));
        let task = Task { group, future: Some(work), waker, is_queued: false };
        state.tasks.insert(id, task);
        state.queue(id);
    }

    /// Waits in virtual time.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        let at = self.now().saturating_add(duration.max(LEAST_SLEEP));
        Sleep { engine: self.clone(), at, timer: None }
    }

    /// Stops polling a group's futures.
    pub(crate) fn stall(&self, group: Group) {
        self.0.state().groups[group.0].is_stalled = true;
    }

    /// Goes on with a stalled group.
    pub(crate) fn resume(&self, group: Group) {
        let mut state = self.0.state();
        let members = &mut state.groups[group.0];
        members.is_stalled = false;
        let parked = std::mem::take(&mut members.parked);
        state.ready.extend(parked);
    }

    /// Drops a group's futures, for good.
    pub(crate) fn kill(&self, group: Group) {
        let mut state = self.0.state();
        state.groups[group.0].is_dead = true;
        let dead = state.tasks.extract_if(.., |_, task| task.group == group);
        let dead: Vec<Task> = dead.map(|(_, task)| task).collect();
        drop(state);
        // Outside of the lock: what is dropped may wake or spawn.
        drop(dead);
    }

    pub(crate) fn is_dead(&self, group: Group) -> bool {
        self.0.state().groups[group.0].is_dead
    }

    /// Lets the world go on for a while; also from within a poll, for everybody else.
    pub(crate) fn pass(&self, duration: Duration) {
        let last = self.0.state().end;
        self.run_until(self.now().saturating_add(duration).min(last));
    }

    /// Lets the world go on until its end.
    pub(crate) fn run_to(&self, end: Duration) {
        self.0.state().end = end;
        self.run_until(end);
    }

    /// Lets the world go on until `end`, or until nothing is left to happen.
    fn run_until(&self, end: Duration) {
        loop {
            let mut state = self.0.state();
            assert!(state.polls < MOST_POLLS, "this seed runs in circles");
            if let Some((id, future, waker)) = state.draw() {
                drop(state);
                self.poll(id, future, &waker);
            } else if let Some(waker) = state.ring(end) {
                drop(state);
                waker.wake();
            } else {
                state.now = state.now.max(end);
                return;
            }
        }
    }

    fn poll(&self, id: u64, mut future: Work, waker: &Waker) {
        let polled = future.as_mut().poll(&mut Context::from_waker(waker));
        let mut state = self.0.state();
        if polled.is_ready() {
            state.tasks.remove(&id);
        } else if let Some(task) = state.tasks.get_mut(&id) {
            task.future = Some(future);
            if task.is_queued {
                // Woken while it was away, and perhaps passed over.
                task.is_queued = false;
                state.ready.retain(|&ready| ready != id);
                state.queue(id);
            }
            return;
        }
        drop(state);
        // Done, or dead since: dropped outside of the lock.
        drop(future);
    }
}

/// A wait in virtual time; dropped, it leaves nothing behind.
pub(crate) struct Sleep {
    engine: Engine,
    at: Duration,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let engine = self.engine.clone();
        let mut state = engine.0.state();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.timer.get_or_insert_with(|| state.number());
        state.timers.insert((self.at, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.timer {
            self.engine.0.state().timers.remove(&(self.at, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// What each of three sleepers notes, in order.
    fn order(seed: u64) -> Vec<(u64, Duration)> {
        let engine = Engine::new(seed);
        let group = engine.group();
        let notes = Arc::new(Mutex::new(Vec::new()));
        for wait in [30, 10, 10] {
            let (notes, engine_of_task) = (Arc::clone(&notes), engine.clone());
            engine.spawn(
                group,
                Box::pin(async move {
                    engine_of_task.sleep(ms(wait)).await;
                    notes.lock().unwrap().push((wait, engine_of_task.now()));
                }),
            );
        }
        engine.pass(ms(20));
        assert_eq!(engine.now(), ms(20));
        engine.pass(ms(100));
        let notes = notes.lock().unwrap();
        notes.clone()
    }

    #[test]
    fn time_goes_from_timer_to_timer() {
        assert_eq!(order(1), [(10, ms(10)), (10, ms(10)), (30, ms(30))]);
    }

    #[test]
    fn a_stalled_group_catches_up_and_a_dead_one_is_dropped() {
        let engine = Engine::new(1);
        let (stalled, dead) = (engine.group(), engine.group());
        let held = Arc::new(());
        for group in [stalled, dead] {
            let (held, engine_of_task) = (Arc::clone(&held), engine.clone());
            engine.spawn(
                group,
                Box::pin(async move {
                    engine_of_task.sleep(ms(5)).await;
                    drop(held);
                }),
            );
        }
        engine.stall(stalled);
        engine.pass(ms(1));
        engine.kill(dead);
        assert_eq!(Arc::strong_count(&held), 2, "the dead one's is dropped");
        engine.pass(ms(10));
        assert_eq!(Arc::strong_count(&held), 2, "nothing happens in a stall");
        engine.resume(stalled);
        engine.pass(ms(10));
        assert_eq!(Arc::strong_count(&held), 1);
        engine.spawn(dead, Box::pin(async { unreachable!("the group is dead") }));
        engine.pass(ms(10));
    }

    #[test]
    fn others_go_on_while_one_is_preempted() {
        let engine = Engine::new(1);
        let group = engine.group();
        let other = engine.clone();
        let slept = Arc::new(Mutex::new(None));
        let note = Arc::clone(&slept);
        engine.spawn(
            group,
            Box::pin(async move {
                other.sleep(ms(3)).await;
                *note.lock().unwrap() = Some(other.now());
            }),
        );
        let (preempted, note) = (engine.clone(), Arc::clone(&slept));
        engine.spawn(
            group,
            Box::pin(async move {
                preempted.pass(ms(50));
                assert_eq!(*note.lock().unwrap(), Some(ms(3)));
                assert_eq!(preempted.now(), ms(50));
            }),
        );
        engine.pass(ms(100));
        assert!(slept.lock().unwrap().is_some());
    }
}
