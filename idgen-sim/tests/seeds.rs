//! Seeds keep all promises. `IDGEN_FULL=1` runs as many as the README states.

use idgen_sim::run;
use idgen_sim::sweep::sweep;

fn is_full() -> bool {
    std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1")
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn no_promise_is_broken() {
    let seeds = if is_full() { 0..100_000 } else { 0..1_000 };
    let sum = sweep(seeds.clone(), processors(), None, |_| false);
    assert!(sum.is_fine(), "{:?} {:?}", sum.broken, sum.panicked);
    assert_eq!(sum.seeds, seeds.end - seeds.start);
    eprintln!("{} seeds, {} ids", sum.seeds, sum.ids);
    assert!(sum.ids >= 10_000 * sum.seeds, "{} ids are too few for {}", sum.ids, sum.seeds);
}

/// What does not happen is not tried.
#[test]
fn everything_happens() {
    let sum = sweep(1_000_000..1_000_100, processors(), None, |_| false);
    let happens = [
        "ClockStep",
        "ClockRight",
        "ClockFreeze",
        "ClockRate",
        "HostStep",
        "HostBoot",
        "Stall",
        "KeeperStall",
        "LoadStall",
        "Crash",
        "Stop",
        "CutOff",
        "Outage",
        "Evict",
        "Advance",
        "GoBack",
        "start",
        "stopped",
        "advanced",
        "went back",
        "thawed",
        "lease",
        "preemption",
        "renewal",
        "refused renewal",
        "release",
        "tail",
        "sequence: frozen",
        "sequence: draining",
        "sequence: store_down",
        "id space: clock_hold",
        "id space: store_down",
        "id space: lease_lost",
        "id space: draining",
    ];
    for what in happens {
        assert!(sum.counts.get(what).is_some_and(|&times| times >= 10), "{what}: {:?}", sum.counts);
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 0..20 {
        let (first, second) = (run(seed, None, false), run(seed, None, false));
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        assert_eq!((first.ids, first.counts), (second.ids, second.counts), "seed {seed}");
    }
    assert_ne!(run(0, None, false).fingerprint, run(1, None, false).fingerprint);
}
