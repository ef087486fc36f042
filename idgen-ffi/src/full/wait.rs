//! Waiting for a future on the caller's thread, for so long and no longer.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::failure::{Failure, Told};
use crate::status::Status;

/// In place of a time to wait: as long as it takes.
pub const IDGEN_FOREVER: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// No wait is longer: deadlines are sums.
const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// When a wait of so many milliseconds that begins now is over. More than a century is for ever.
pub(super) fn deadline_after(timeout_ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(timeout_ms).min(A_CENTURY)
}

/// Wakes the thread that waits. Nothing of it is local to the thread: exit handlers, and
/// destructors of static objects in C++, run where such locals are gone already.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    /// Till it rings, for so long at most.
    fn wait(&self, time: Duration) {
        let rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let woken = self.rings.wait_timeout_while(rung, time, |rung| !*rung);
        *woken.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }
}

/// The output of a future that keeps a deadline of its own.
pub(super) fn wait_for_it<T>(future: impl Future<Output = T>) -> Told<T> {
    wait(deadline_after(IDGEN_FOREVER), future)
}

/// The future's output; DEADLINE if it is not there in time.
pub(super) fn wait<T>(deadline: Instant, future: impl Future<Output = T>) -> Told<T> {
    let mut future = pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let words = "the store did not answer in the time given; give more or call again";
            return Err(Failure::new(Status::Deadline, words));
        }
        bell.wait(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[test]
    fn what_comes_in_time_is_handed_over_and_the_deadline_is_kept() {
        assert!(matches!(wait(deadline_after(0), ready(7)), Ok(7)));
        let begun = Instant::now();
        let late = wait(deadline_after(20), pending::<()>());
        assert!(late.is_err_and(|failure| failure.status() == Status::Deadline));
        assert!(begun.elapsed() >= Duration::from_millis(20));
        assert!(deadline_after(IDGEN_FOREVER) > begun + A_CENTURY / 2);
    }
}
