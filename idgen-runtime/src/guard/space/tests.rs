use super::super::tests::{identity, may_lose};
use super::super::thaw_space_beside;
use super::*;
use idgen_core::{Floor, LeaseToken};
use idgen_store::Durability;
use std::path::Path;

const LEASE_MS: u64 = 10_000;

fn token(serial: u64) -> LeaseToken {
    LeaseToken { serial, nonce: 7 }
}

fn lease(serial: u64, floor_ms: u64) -> WorkerLease {
    let horizon_ms = floor_ms + LEASE_MS;
    WorkerLease::granted(3, token(serial), Floor::at(floor_ms), horizon_ms).unwrap()
}

#[test]
fn generators_that_claim_at_once_freeze_nothing() {
    let journal = Arc::new(Journal::open(None).unwrap());
    let space = || Name::new("parcels").unwrap();
    let [mut one, mut other] = [(); 2].map(|()| SpaceGuard::new(Arc::clone(&journal), space()));
    for guard in [&mut one, &mut other] {
        guard.claiming();
        guard.keep(&identity("a", "1", Durability::Keeps), 0, LEASE_MS);
    }
    // The second is answered first.
    other.check(&lease(2, 2000)).unwrap();
    one.check(&lease(1, 1000)).unwrap();
    one.renewed(&renewal(1, 11_500), 11_000).unwrap();
    let mark = one.mark();
    assert_eq!((mark.serial, mark.end), (2, 12_000), "the newer lease stays marked");
    one.claiming();
    assert!(one.check(&lease(2, 3000)).is_err(), "what was marked before the claim counts");
}

fn renewal(serial: u64, horizon_ms: u64) -> Renewal {
    Renewal::granted(3, token(serial), horizon_ms)
}

fn guard_in(dir: Option<&Path>) -> SpaceGuard {
    SpaceGuard::new(Arc::new(Journal::open(dir).unwrap()), Name::new("events").unwrap())
}

/// A guard that was granted lease 5 up to 110,000 ms by this registry.
fn guard_of(identity: &StoreIdentity) -> SpaceGuard {
    let mut guard = guard_in(None);
    guard.keep(identity, 100_000, LEASE_MS);
    assert_eq!(guard.check(&lease(5, 100_000)).unwrap(), 0);
    guard
}

fn kept() -> StoreIdentity {
    identity("a", "1", Durability::Keeps)
}

#[test]
fn a_registry_that_counts_lower_freezes_for_good() {
    let mut guard = guard_of(&kept());
    let refused = guard.check(&lease(5, 130_000)).unwrap_err();
    assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    assert!(refused.to_string().contains("lease 5 after lease 5"), "{refused}");
    assert_eq!(guard.frozen(), Some(refused.clone()));
    assert_eq!(guard.check(&lease(6, 130_000)).unwrap_err(), refused, "others have claimed");
}

/// A registry that counted lease 9 and counts from 3 on; restarts, or others, bring it to 10.
#[test]
fn a_freeze_outlives_the_process_however_far_the_registry_counts_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut guard = guard_in(Some(dir.path()));
    guard.keep(&kept(), 100_000, LEASE_MS);
    guard.check(&lease(9, 100_000)).unwrap();
    assert_eq!(guard.frozen(), None);
    guard.check(&lease(3, 120_000)).unwrap_err();
    drop(guard);

    let mut guard = guard_in(Some(dir.path()));
    let frozen = guard.frozen().expect("not forgotten");
    assert_eq!(frozen.cause(), Cause::Frozen);
    assert!(frozen.to_string().contains("thaw SPACE --above 110000"), "{frozen}");
    guard.keep(&kept(), 130_000, LEASE_MS);
    assert_eq!(guard.check(&lease(10, 130_000)).unwrap_err(), frozen);
}

fn thaw(dir: &Path, space: &str, above: u64) -> Result<(), String> {
    thaw_space_beside(dir, &Name::new(space).unwrap(), above).map_err(|it| it.to_string())
}

#[test]
fn after_a_thaw_leases_begin_where_all_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut guard = guard_in(Some(dir.path()));
    guard.keep(&kept(), 100_000, LEASE_MS);
    guard.check(&lease(5, 100_000)).unwrap();
    let refused = thaw(dir.path(), "events", 110_000).unwrap_err();
    assert!(refused.contains("is not frozen"), "{refused}");
    guard.check(&lease(4, 120_000)).unwrap_err();
    assert!(thaw(dir.path(), "others", 200_000).unwrap_err().contains("is not frozen"));
    let refused = thaw(dir.path(), "events", 109_999).unwrap_err();
    assert!(refused.contains("up to 110000 ms"), "{refused}");
    thaw(dir.path(), "events", 900_000).unwrap();
    let refused = thaw(dir.path(), "events", 109_999).unwrap_err();
    assert!(refused.contains("up to 110000 ms"), "{refused}");
    thaw(dir.path(), "events", 110_000).expect("a slip can be mended until the first lease");

    assert_eq!(guard.frozen(), None, "a process that runs follows");
    // Others may hold what the registry forgot.
    guard.keep(&kept(), 121_000, LEASE_MS);
    assert_eq!(guard.check(&lease(6, 125_000)).unwrap(), 133_000);
    assert!(thaw(dir.path(), "events", 110_000).unwrap_err().contains("is not frozen"));
    let mut other = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
    other.keep(&kept(), 122_000, LEASE_MS);
    assert_eq!(other.check(&lease(7, 125_000)).unwrap(), 133_000, "another generator");
    drop((guard, other));
    let mut guard = guard_in(Some(dir.path()));
    assert_eq!(guard.frozen(), None, "a restart neither");
    guard.keep(&kept(), 123_000, LEASE_MS);
    assert_eq!(guard.check(&lease(8, 125_000)).unwrap(), 133_000, "nor before it is over");
    assert_eq!(guard.check(&lease(8, 135_000)).unwrap_err().cause(), Cause::Frozen, "anew");
    thaw(dir.path(), "events", 140_000).unwrap();
    assert_eq!(guard.frozen(), None);
    guard.keep(&kept(), 140_000, LEASE_MS);
    assert_eq!(guard.check(&lease(9, 145_000)).unwrap(), 152_000, "each thaw is waited for");
}

#[test]
fn after_a_thaw_leases_begin_above_the_time_that_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut guard = guard_in(Some(dir.path()));
    guard.keep(&kept(), 100_000, LEASE_MS);
    guard.check(&lease(5, 100_000)).unwrap();
    guard.check(&lease(4, 120_000)).unwrap_err();
    // A node had a clock that was ahead.
    thaw(dir.path(), "events", 500_000).unwrap();
    assert_eq!(guard.frozen(), None);
    guard.keep(&kept(), 121_000, LEASE_MS);
    let refused = guard.check(&lease(5, 125_000)).unwrap_err();
    assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(365_001)));
    assert!(refused.to_string().contains("thawed above 500000 ms"), "{refused}");
    assert_eq!(guard.check(&lease(6, 495_000)).unwrap(), 500_000);
    let mut other = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
    other.keep(&kept(), 496_000, LEASE_MS);
    assert_eq!(other.check(&lease(7, 496_000)).unwrap(), 500_000, "another generator");
    drop((guard, other));
    let mut guard = guard_in(Some(dir.path()));
    guard.keep(&kept(), 497_000, LEASE_MS);
    assert_eq!(guard.check(&lease(8, 497_000)).unwrap(), 500_000, "after a restart");
}

/// Two generators of one id space that hold leases 5 and 6 of a registry; then it goes back, which
/// the first one sees.
fn one_of_two_sees_it(dir: &Path) -> [SpaceGuard; 2] {
    let mut one = guard_in(Some(dir));
    let mut other = SpaceGuard::new(Arc::clone(&one.journal), one.space.clone());
    for (guard, serial) in [(&mut one, 5), (&mut other, 6)] {
        guard.keep(&kept(), 100_000, LEASE_MS);
        guard.check(&lease(serial, 100_000)).unwrap();
    }
    assert_eq!(one.check(&lease(4, 120_000)).unwrap_err().cause(), Cause::Frozen);
    [one, other]
}

#[test]
fn all_generators_of_a_frozen_id_space_end() {
    let dir = tempfile::tempdir().unwrap();
    let [_, mut other] = one_of_two_sees_it(dir.path());
    let refused = other.renewed(&renewal(6, 121_000), 110_000).unwrap_err();
    assert_eq!(refused.cause(), Cause::Frozen);
    assert_eq!(other.frozen().map(|it| it.cause()), Some(Cause::Frozen));
}

#[test]
fn after_a_thaw_every_generator_meets_the_registry_anew() {
    for other_looked in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let [mut one, mut other] = one_of_two_sees_it(dir.path());
        if other_looked {
            other.frozen().unwrap();
        }
        thaw(dir.path(), "events", 120_000).unwrap();
        assert_eq!(one.frozen(), None);
        one.keep(&kept(), 121_000, LEASE_MS);
        assert_eq!(one.check(&lease(7, 125_000)).unwrap(), 133_000);
        assert_eq!(other.frozen(), None);
        other.claiming();
        other.keep(&kept(), 122_000, LEASE_MS);
        assert_eq!(other.check(&lease(8, 125_000)).unwrap(), 133_000);
    }
}

/// The other one held on over freeze and thaw, under a lease that the registry still knows.
#[test]
fn a_renewal_after_a_thaw_lets_nobody_begin_earlier() {
    let dir = tempfile::tempdir().unwrap();
    let [mut one, mut other] = one_of_two_sees_it(dir.path());
    thaw(dir.path(), "events", 134_000).unwrap();
    assert_eq!(one.frozen(), None);
    other.renewed(&renewal(6, 130_000), 110_000).unwrap();
    one.claiming();
    one.keep(&kept(), 121_000, LEASE_MS);
    assert_eq!(one.clear_ms, 133_000, "met anew");
    assert_eq!(one.check(&lease(7, 125_000)).unwrap(), 134_000, "above the time named");
}

#[test]
fn a_lease_asked_for_before_a_thaw_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let [mut one, mut other] = one_of_two_sees_it(dir.path());
    other.claiming();
    other.keep(&kept(), 121_000, LEASE_MS);
    thaw(dir.path(), "events", 120_000).unwrap();
    // Only here it learns of freeze and thaw.
    let refused = other.check(&lease(7, 125_000)).unwrap_err();
    assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(1)));
    assert_eq!(one.frozen(), None);
    other.claiming();
    other.keep(&kept(), 122_000, LEASE_MS);
    assert_eq!(other.check(&lease(8, 125_000)).unwrap(), 134_000);
}

/// It refused at first, so nothing of it is marked but that it was met.
#[test]
fn a_registry_that_changes_during_the_wait_is_waited_for_anew() {
    let replaced = || identity("b", "1", Durability::Keeps);
    for next in [may_lose("a", "2"), replaced()] {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = guard_in(Some(dir.path()));
        guard.keep(&may_lose("a", "1"), 100_000, LEASE_MS);
        guard.check(&lease(5, 100_000)).unwrap();
        guard.check(&lease(4, 120_000)).unwrap_err();
        thaw(dir.path(), "events", 110_000).unwrap();
        assert_eq!(guard.frozen(), None);
        guard.keep(&may_lose("a", "1"), 121_000, LEASE_MS);
        guard.check(&lease(6, 121_000)).unwrap_err();
        guard.keep(&next, 125_000, LEASE_MS);
        assert_eq!(guard.check(&lease(1, 130_000)).unwrap(), 137_000);
        // Back to the first one: it may have forgotten what the second granted.
        guard.keep(&may_lose("a", "1"), 131_000, LEASE_MS);
        assert!(guard.clear_ms >= 137_000, "{}", guard.clear_ms);
    }
}

#[test]
fn a_thaw_that_is_told_anew_is_followed_until_the_first_lease() {
    let dir = tempfile::tempdir().unwrap();
    let [mut guard, _] = one_of_two_sees_it(dir.path());
    thaw(dir.path(), "events", 120_000).unwrap();
    assert_eq!(guard.frozen(), None);
    guard.claiming();
    guard.keep(&kept(), 121_000, LEASE_MS);
    thaw(dir.path(), "events", 140_000).unwrap();
    let refused = guard.check(&lease(7, 125_000)).unwrap_err();
    assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(1)));
    guard.claiming();
    guard.keep(&kept(), 122_000, LEASE_MS);
    assert_eq!(guard.check(&lease(8, 135_000)).unwrap(), 140_000);
    // It goes back once more: what was told before cannot lift that.
    guard.check(&lease(6, 150_000)).unwrap_err();
    assert!(guard.frozen().is_some());
}

/// There is nothing a thaw could be left in.
#[test]
fn without_a_state_directory_no_thaw_is_promised() {
    let mut guard = guard_of(&kept());
    let refused = guard.check(&lease(4, 130_000)).unwrap_err().to_string();
    assert!(!refused.contains("worker thaw") && refused.contains("start again"), "{refused}");
}

#[test]
fn a_renewal_up_to_less_than_was_granted_freezes() {
    let mut guard = guard_of(&kept());
    guard.renewed(&renewal(5, 110_000), 110_000).unwrap();
    let refused = guard.renewed(&renewal(5, 109_999), 110_000).unwrap_err();
    assert_eq!(refused.cause(), Cause::Frozen, "{refused}");
    assert!(guard.check(&lease(9, 130_000)).is_err());
}

/// What it forgot may be held by another node for one lease and what a clock may be ahead.
#[test]
fn in_another_incarnation_of_one_that_may_forget_leases_begin_where_all_has_ended() {
    let mut guard = guard_of(&may_lose("a", "1"));
    let other = may_lose("a", "2");
    guard.keep(&other, 200_000, LEASE_MS);
    let refused = guard.check(&lease(1, 200_000)).unwrap_err();
    assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(2001)));
    assert!(refused.to_string().contains("may have forgotten leases of others"), "{refused}");
    guard.keep(&other, 202_001, LEASE_MS);
    assert_eq!(guard.check(&lease(2, 202_001)).unwrap(), 212_000, "from when it was met");
    let mut second = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
    second.keep(&other, 203_000, LEASE_MS);
    assert_eq!(second.check(&lease(3, 203_000)).unwrap(), 212_000, "by another generator");
    let mut second = SpaceGuard::new(Arc::clone(&guard.journal), guard.space.clone());
    second.keep(&other, 195_000, LEASE_MS);
    assert_eq!(second.check(&lease(4, 202_001)).unwrap(), 207_000, "the clock was ahead then");
    guard.renewed(&renewal(2, 215_000), 212_001).unwrap();
    guard.keep(&other, 300_000, LEASE_MS);
    assert!(guard.check(&lease(5, 300_000)).unwrap() <= 300_000, "it is over");
}

#[test]
fn one_that_keeps_may_be_started_again() {
    let mut guard = guard_of(&kept());
    guard.keep(&identity("a", "2", Durability::Keeps), 101_000, LEASE_MS);
    assert_eq!(guard.check(&lease(6, 101_000)).unwrap(), 0);
}

#[test]
fn under_another_registry_a_lease_begins_above_what_was_granted() {
    let mut guard = guard_of(&kept());
    guard.keep(&identity("b", "1", Durability::Keeps), 99_000, LEASE_MS);
    let refused = guard.check(&lease(1, 99_000)).unwrap_err();
    assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(1001)));
    assert!(refused.to_string().contains("another registry"), "{refused}");
    assert_eq!(guard.check(&lease(2, 101_000)).unwrap(), 110_000);
    assert_eq!(guard.check(&lease(3, 102_000)).unwrap(), 110_000, "and so do all that follow");
}
