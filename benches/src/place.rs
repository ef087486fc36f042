//! A processor for each thread of a team.
//!
//! Two threads of a team that the system has put on one processor, while a stranger has the other,
//! may stay there for seconds: no pair of that run is quiet.

/// Keeps the present thread on the `nth` processor that it may use, counted round.
#[cfg(target_os = "linux")]
pub(crate) fn place(nth: u64) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(nth) = nth.checked_rem(u64::from(allowed.count())) else { return };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&at| allowed.is_set(at));
    let Some(own) = usize::try_from(nth).ok().and_then(|nth| processors.nth(nth)) else { return };
    let mut set = CpuSet::new();
    set.set(own);
    // Where it is refused, threads stand where the system puts them.
    sched_setaffinity(None, &set).ok();
}

/// Threads stand where the system puts them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn place(_nth: u64) {}
