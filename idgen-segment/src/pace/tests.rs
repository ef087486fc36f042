use super::*;
use proptest::prelude::*;

fn limits() -> PaceLimits {
    PaceLimits { min_len: 10, max_len: 1_000_000, reserve_ms: 1000, safety: 4 }
}

#[test]
fn follows_a_burst_at_once_and_idle_by_halves() {
    let mut pace = Pace::new(limits()).unwrap();
    pace.observe(100, 10, 1);
    assert_eq!(pace.step(), 10_000, "10 a millisecond for one second");
    pace.observe(0, 10, 1);
    assert_eq!(pace.step(), 5000);
    pace.observe(0, 3000, 1);
    assert_eq!(pace.step(), 625);
    pace.observe(0, u64::MAX, 1);
    assert_eq!(pace.step(), 10);
}

#[test]
fn a_slow_fetch_counts_more_than_the_reserve_and_is_forgotten() {
    let mut pace = Pace::new(limits()).unwrap();
    pace.observe(100, 100, 800);
    assert_eq!(pace.step(), 3200, "four fetches of 800 ms");
    for _ in 0..60 {
        pace.observe(100, 100, 0);
    }
    assert_eq!(pace.step(), 1000);
}

#[test]
fn limits_that_contradict_one_another_are_refused() {
    let len = |min_len, max_len| Pace::new(PaceLimits { min_len, max_len, ..limits() }).err();
    assert_eq!(len(0, 5), Some(PaceError::Len { min_len: 0, max_len: 5 }));
    assert_eq!(len(6, 5), Some(PaceError::Len { min_len: 6, max_len: 5 }));
    let beyond = crate::MAX_SEGMENT_LEN + 1;
    assert_eq!(len(1, beyond), Some(PaceError::Len { min_len: 1, max_len: beyond }));
    assert!(len(1, beyond - 1).is_none());
    let safety = Pace::new(PaceLimits { safety: 0, ..limits() }).err();
    assert_eq!(safety, Some(PaceError::Safety));
}

proptest! {
    #[test]
    fn never_leaves_its_bounds_and_never_starves(
        seen in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 1..20)
    ) {
        let mut pace = Pace::new(limits()).unwrap();
        for (issued, elapsed_ms, fetch_ms) in seen {
            pace.observe(issued, elapsed_ms, fetch_ms);
            let needed = u128::from(issued) * 1000 / u128::from(elapsed_ms.max(1));
            prop_assert!((10..=1_000_000).contains(&pace.step()));
            prop_assert!(u128::from(pace.step()) >= needed.min(1_000_000));
        }
    }
}
