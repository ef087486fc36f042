//! Waiting for a future on the caller's thread, for so long and no longer.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
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

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The future's output; DEADLINE if it is not there in time.
pub(super) fn wait<T>(deadline: Instant, future: impl Future<Output = T>) -> Told<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
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
        thread::park_timeout(left);
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
