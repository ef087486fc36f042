//! Notices that this process is a fork of the one that holds the leases.
//!
//! A child has its parent's generators and segments in memory, and what it issued of them its
//! parent would issue again. It has none of its parent's threads, so nothing is renewed either. So
//! a handler counts forks in each child, and a runtime that was started before the last one refuses
//! everything. This is the one file of the crate with unsafe code.
#![cfg_attr(unix, expect(unsafe_code, reason = "the system calls a function of ours in a child"))]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Cause, IssueError};

/// How many forks lie between the first process and this one, since they were first counted.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// The process that something was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u64);

impl Process {
    /// This process, whose forks are noticed from now on.
    pub(crate) fn this() -> io::Result<Self> {
        watch()?;
        Ok(Self::now())
    }

    fn now() -> Self {
        // Relaxed: a child has one thread, which forked with the handler behind it.
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is another process by now.
    #[inline]
    pub(crate) fn is_gone(self) -> bool {
        self != Self::now()
    }
}

/// What a child is told that asks its parent's runtime.
pub(crate) fn refused() -> IssueError {
    IssueError::new(
        Cause::LeaseLost,
        "this process was forked from the one that holds the leases; start a runtime of its own \
         in it, after the fork",
    )
}

#[cfg(unix)]
fn watch() -> io::Result<()> {
    use std::sync::OnceLock;

    /// What the system said to the handler: 0, or the number of an error.
    static WATCHED: OnceLock<i32> = OnceLock::new();

    extern "C" fn forked() {
        // Relaxed: as in `now`.
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    // SAFETY: the handler adds to a number, which is allowed in the child of any fork.
    let register = || unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    match *WATCHED.get_or_init(register) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where there are forks this can fail")]
fn watch() -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::num::NonZeroU64;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{Runtime, Settings, SnowflakeSettings};
    use idgen_snowflake::preset;
    use idgen_store::Definition;

    /// Runs `child` in a fork, which ends without a word of the test program's.
    fn in_a_fork(child: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child calls functions that take no lock another thread may have held.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "no fork: {}", io::Error::last_os_error());
        if pid == 0 {
            let status = if child() { 7 } else { 1 };
            // SAFETY: ends this process, and runs nothing that the parent has registered.
            unsafe { libc::_exit(status) }
        }
        let mut status = 0;
        // SAFETY: waits for the child just made; `status` is there to be written to.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7
    }

    #[test]
    fn a_child_is_refused_by_its_parents_runtime() {
        let store = idgen_store::open("memory:").unwrap();
        let runtime = Runtime::start(store, Settings::default()).unwrap();
        let orders = runtime.create_blocking("orders", &Definition::default()).unwrap();
        let space = SnowflakeSettings::new("parcels", preset("standard").unwrap()).unwrap();
        let parcels = runtime.snowflakes_blocking(space).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let (order, parcel) =
            (orders.next_id_blocking(deadline), parcels.next_id_blocking(deadline));
        let (order, parcel) = (order.unwrap(), parcel.unwrap());
        let refused = in_a_fork(|| {
            let lost = |answer: Result<u64, IssueError>| {
                answer.is_err_and(|error| error.cause() == Cause::LeaseLost)
            };
            orders.take_at_hand(NonZeroU64::MIN).is_none()
                && parcels.take_at_hand(0, NonZeroU64::MIN).is_none()
                && lost(orders.next_id_blocking(deadline))
                && lost(parcels.next_id_blocking(deadline))
        });
        assert!(
            refused,
            "a child was given ids of its parent's, or waited for a thread it has not"
        );
        assert_eq!(orders.next_id_blocking(deadline).unwrap(), order + 1, "the parent goes on");
        assert!(parcels.next_id_blocking(deadline).unwrap() > parcel);
        runtime.stop_blocking();
    }
}
