//! The one thread of the runtime's own, on which leases are fetched and renewed.
//!
//! Everything that waits for a store or for time runs there, so that the faces of the runtime
//! work under any executor and under none. With the feature `tokio` (default) the thread runs a
//! current-thread tokio runtime, which store drivers may need; with `smol` alone it runs a small
//! executor. Under the feature `simulated` a world may stand in its place: then there is no thread,
//! and time and randomness are the world's.

use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::fork::Process;

#[cfg(all(feature = "smol", not(feature = "tokio")))]
pub(crate) use smol_engine as engine;
#[cfg(feature = "tokio")]
pub(crate) use tokio_engine as engine;

#[cfg(not(any(feature = "tokio", feature = "smol")))]
compile_error!("idgen-runtime needs an executor: enable the feature `tokio` or `smol`");

/// Where the work in the background is done, and whose time and randomness it goes by.
pub(crate) enum Background {
    Thread(OwnThread),
    #[cfg(feature = "simulated")]
    World(std::sync::Arc<dyn crate::simulated::World>),
}

pub(crate) struct OwnThread {
    process: Process,
    spawner: engine::Spawner,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl OwnThread {
    fn start() -> io::Result<Self> {
        let process = Process::this()?;
        let (engine, spawner) = engine::new()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("idgen-runtime".into()).spawn(move || {
            engine.block_on(async {
                // A dropped sender stops the thread as well.
                stopped.await.ok();
            });
        })?;
        let (stop, thread) = (Mutex::new(Some(stop)), Mutex::new(Some(thread)));
        Ok(Self { process, spawner, stop, thread })
    }

    fn stop(&self) {
        drop(lock(&self.stop).take());
        let Some(thread) = lock(&self.thread).take() else { return };
        // A child has no such thread to wait for.
        let is_here = !self.process.is_gone();
        if is_here && thread.thread().id() != std::thread::current().id() {
            // A panic in a background future has been reported by the panic hook.
            thread.join().ok();
        }
    }
}

impl Background {
    pub(crate) fn start() -> io::Result<Self> {
        OwnThread::start().map(Self::Thread)
    }

    /// Whether this is a fork of the process that has the thread: then nothing is done any more,
    /// and nothing that was leased may be issued.
    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        match self {
            Self::Thread(thread) => thread.process.is_gone(),
            #[cfg(feature = "simulated")]
            Self::World(_) => false,
        }
    }

    /// Runs a future on the thread; it is dropped unfinished when the thread stops.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Thread(thread) if thread.process.is_gone() => drop(future),
            Self::Thread(thread) => thread.spawner.spawn(future),
            #[cfg(feature = "simulated")]
            Self::World(world) => world.spawn(Box::pin(future)),
        }
    }

    /// Runs a future on the thread and hands its output over; `None` if the thread has stopped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, output) = oneshot::channel();
        self.spawn(async move {
            // The caller may have gone away; then nobody wants the output.
            done.send(future.await).ok();
        });
        output.await.ok()
    }

    /// Whether time and work are a simulation's.
    pub(crate) fn is_simulated(&self) -> bool {
        !matches!(self, Self::Thread(_))
    }

    /// The time by which deadlines and pauses are meant.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Thread(_) => Instant::now(),
            #[cfg(feature = "simulated")]
            Self::World(world) => world.now(),
        }
    }

    /// Any number. An error is that of the system's randomness.
    pub(crate) fn random(&self) -> Result<u64, getrandom::Error> {
        match self {
            Self::Thread(_) => getrandom::u64(),
            #[cfg(feature = "simulated")]
            Self::World(world) => Ok(world.random()),
        }
    }

    /// Waits; only in futures that run on the thread.
    pub(crate) fn nap(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        #[cfg(feature = "simulated")]
        let simulated = match self {
            Self::Thread(_) => None,
            Self::World(world) => Some(world.sleep(duration)),
        };
        async move {
            #[cfg(feature = "simulated")]
            if let Some(slept) = simulated {
                return slept.await;
            }
            engine::sleep(duration).await;
        }
    }

    /// Waits, whatever executor the caller runs under. Whoever gives up waiting leaves no timer
    /// behind: deadlines may be a century away.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let (mut done, slept) = oneshot::channel();
        let nap = self.nap(duration);
        self.spawn(async move {
            futures_lite::future::or(nap, done.cancellation()).await;
            done.send(()).ok();
        });
        if slept.await.is_err() {
            // The thread has stopped: there is nothing left to wait for.
            futures_lite::future::yield_now().await;
        }
    }

    /// `future`'s output, or `None` at the deadline.
    pub(crate) async fn until<T>(
        &self,
        deadline: Instant,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let left = deadline.saturating_duration_since(self.now());
        let output = async { Some(future.await) };
        let late = async {
            self.sleep(left).await;
            None
        };
        futures_lite::future::or(output, late).await
    }

    /// Ends the thread; unfinished futures are dropped.
    pub(crate) fn stop(&self) {
        match self {
            Self::Thread(thread) => thread.stop(),
            #[cfg(feature = "simulated")]
            Self::World(world) => world.stop(),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Locks a mutex whose data stays sound even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(feature = "tokio")]
pub(crate) mod tokio_engine {
    use std::future::Future;
    use std::io;
    use std::time::Duration;

    pub(crate) struct Engine(tokio::runtime::Runtime);
    pub(crate) struct Spawner(tokio::runtime::Handle);

    pub(crate) fn new() -> io::Result<(Engine, Spawner)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let spawner = Spawner(runtime.handle().clone());
        Ok((Engine(runtime), spawner))
    }

    impl Engine {
        pub(crate) fn block_on(self, future: impl Future<Output = ()>) {
            self.0.block_on(future);
        }
    }

    impl Spawner {
        pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
            self.0.spawn(future);
        }

        #[cfg(test)]
        pub(crate) fn tasks(&self) -> usize {
            self.0.metrics().num_alive_tasks()
        }
    }

    /// Waits; only on the background thread.
    pub(crate) async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(all(feature = "smol", not(feature = "tokio")))]
pub(crate) mod smol_engine {
    use std::future::Future;
    use std::io;
    use std::sync::{Arc, Weak};
    use std::time::Duration;

    use async_executor::Executor;

    pub(crate) struct Engine(Arc<Executor<'static>>);
    /// Weak, so that the tasks are dropped with the engine.
    pub(crate) struct Spawner(Weak<Executor<'static>>);

    #[expect(clippy::unnecessary_wraps, reason = "the other engine can fail")]
    pub(crate) fn new() -> io::Result<(Engine, Spawner)> {
        let executor = Arc::new(Executor::new());
        let spawner = Spawner(Arc::downgrade(&executor));
        Ok((Engine(executor), spawner))
    }

    impl Engine {
        pub(crate) fn block_on(self, future: impl Future<Output = ()>) {
            async_io::block_on(self.0.run(future));
        }
    }

    impl Spawner {
        pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
            if let Some(executor) = self.0.upgrade() {
                executor.spawn(future).detach();
            }
        }
    }

    /// Waits; only on the background thread.
    pub(crate) async fn sleep(duration: Duration) {
        async_io::Timer::after(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;

    #[test]
    fn runs_sleeps_and_stops() {
        let background = Background::start().unwrap();
        assert_eq!(block_on(background.run(async { 7 })), Some(7));
        let begun = Instant::now();
        block_on(background.sleep(Duration::from_millis(20)));
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let never = std::future::pending::<()>();
        let deadline = Instant::now() + Duration::from_millis(10);
        assert_eq!(block_on(background.until(deadline, never)), None);
        background.stop();
        assert_eq!(block_on(background.run(async { 7 })), None);
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn who_gives_up_waiting_leaves_nothing_behind() {
        let background = Background::start().unwrap();
        let century = Instant::now() + Duration::from_secs(100 * 365 * 86_400);
        for _ in 0..100 {
            assert_eq!(block_on(background.until(century, async { 7 })), Some(7));
        }
        let begun = Instant::now();
        let tasks = || match &background {
            Background::Thread(thread) => thread.spawner.tasks(),
            #[cfg(feature = "simulated")]
            Background::World(_) => unreachable!("it was started with a thread"),
        };
        while tasks() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "timers are left");
            std::thread::yield_now();
        }
    }

    #[test]
    fn many_sleepers_wake_in_time() {
        let background = Background::start().unwrap();
        let begun = Instant::now();
        block_on(async {
            let mut sleeps = Vec::new();
            for wait_ms in [30, 10, 20] {
                sleeps.push(background.run(engine::sleep(Duration::from_millis(wait_ms))));
            }
            for sleep in sleeps {
                sleep.await;
            }
        });
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
