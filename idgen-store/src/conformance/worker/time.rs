//! The laws about the leased time itself: floors, horizons, receipts.

use idgen_core::{Floor, LeaseToken, WorkerLease};

use super::Scene;
use crate::conformance::{Verdict, WorkerSubject, ensure, ensure_eq};
use crate::{Claim, RegistryError, SoftProof, Wish};

fn ensure_above(what: &str, floor: Floor, horizon_unix_ms: u64) -> Verdict {
    ensure(floor.unix_ms >= horizon_unix_ms, || {
        format!("{what}: floor {} ms below horizon {horizon_unix_ms} ms", floor.unix_ms)
    })
}

/// W2: a claim's floor lies at or above every horizon granted on its id and not released; a proven
/// soft horizon stands in for the last one, clamped to the lease it belongs to.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the registry breaks the law.
pub fn w02_floors_lie_above_horizons(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let first = scene.claim(1, Wish::Exactly(2))?;
    subject.pass(scene.lease_ms / 2);
    let renewed = scene.renew_now(&first)?;
    ensure(renewed > first.horizon_unix_ms(), || "a renewal moved no horizon".to_owned())?;
    scene.pass_leases(1);
    let mut slow = scene.asking(2, Wish::Exactly(2));
    slow.now_unix_ms -= scene.lease_ms / 10;
    let second = scene.send(&slow)?;
    ensure_above("claimed by a slow clock", second.lease.floor(), renewed)?;
    let wait_ms = second.lease.floor().unix_ms.saturating_sub(slow.now_unix_ms);
    ensure_eq("the wait", &second.wait_ms, &wait_ms)?;
    soft_proofs_are_clamped(&scene, second.lease)
}

fn soft_proofs_are_clamped(scene: &Scene<'_>, lease: WorkerLease) -> Verdict {
    let Some(boot_id) = scene.subject.boot_id() else { return Ok(()) };
    let proof = |lease: &WorkerLease, soft_horizon_unix_ms: u64| SoftProof {
        worker: Some(lease.worker()),
        token: Some(lease.token()),
        nonce: 0,
        boot_id: boot_id.clone(),
        soft_horizon_unix_ms,
    };
    let claim = |nonce, proof| {
        scene.send(&Claim { proof: Some(proof), ..scene.asking(nonce, Wish::Exactly(2)) })
    };
    let soft = lease.floor().unix_ms + 7;
    let foreign = SoftProof { boot_id: "another boot".to_owned(), ..proof(&lease, soft) };
    let answer = claim(3, foreign);
    let held = matches!(answer, Err(RegistryError::Held { .. }));
    ensure(held, || format!("a proof of another boot: {answer:?}"))?;
    let third = claim(4, proof(&lease, soft))?.lease;
    ensure_eq("a proven floor", &third.floor(), &Floor::at(soft))?;
    // The token shown is no longer the last one: its lease is not the one that died.
    let stale = claim(5, proof(&lease, soft));
    let held = matches!(stale, Err(RegistryError::Held { .. }));
    ensure(held, || format!("a proof of the lease before the last: {stale:?}"))?;
    // A registry that was put back grants a serial again, to somebody else.
    let token = LeaseToken { nonce: 999, ..third.token() };
    let again = claim(8, SoftProof { token: Some(token), ..proof(&third, soft) });
    let held = matches!(again, Err(RegistryError::Held { .. }));
    ensure(held, || format!("a proof of another lease with that serial: {again:?}"))?;
    let fourth = claim(6, proof(&third, 0))?.lease;
    ensure_eq("a proof from below the floor", &fourth.floor(), &third.floor())?;
    let by_nonce = SoftProof { token: None, worker: None, nonce: 6, ..proof(&fourth, u64::MAX) };
    let last = fourth.horizon_unix_ms();
    match claim(7, by_nonce) {
        Ok(fifth) => {
            ensure_eq("a proof from above the horizon", &fifth.lease.floor(), &Floor::at(last))
        }
        // A short lease has no room left below what a registry may grant.
        Err(RegistryError::FloorAhead { .. }) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// W4: horizons never shrink but by release.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the registry breaks the law.
pub fn w04_horizons_never_shrink(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let lease = scene.claim(1, Wish::Any)?;
    let mut highest = lease.horizon_unix_ms();
    for back_ms in [0, 1000, 3000, 500, 60_000] {
        let now = subject.now_unix_ms() - back_ms;
        let renewed = scene.renew(lease.worker(), lease.token(), now)?;
        let horizon = renewed.renewal.horizon_unix_ms();
        ensure(horizon >= highest, || format!("a horizon went from {highest} to {horizon} ms"))?;
        highest = horizon;
        subject.pass(20);
    }
    let recorded = scene.list()?.first().map(|worker| worker.horizon_unix_ms);
    ensure_eq("the recorded horizon", &recorded, &Some(highest))?;
    scene.pass_leases(1);
    let next = scene.claim(2, Wish::Exactly(lease.worker()))?;
    ensure(next.horizon_unix_ms() > highest, || "the next lease's horizon is lower".to_owned())
}

/// W5: a release makes the next floor exactly what the receipt says, sequence number included, cut
/// to the recorded horizon; and whoever waits for it is told.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the registry breaks the law.
pub fn w05_a_release_sets_the_next_floor(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let first = scene.claim(1, Wish::Exactly(0))?;
    ensure(!scene.is_released(0)?, || "a lease that was just granted is released".to_owned())?;
    let receipt = Floor { unix_ms: first.floor().unix_ms + 40, sequence: 17 };
    scene.release(&first, receipt)?;
    ensure(scene.is_released(0)?, || "a lease that was just released is not".to_owned())?;
    let second = scene.claim(2, Wish::Exactly(0))?;
    ensure(!scene.is_released(0)?, || "a lease that was granted anew is released".to_owned())?;
    ensure_eq("the floor after a release", &second.floor(), &receipt)?;
    let horizon = second.horizon_unix_ms();
    scene.release(&second, Floor { unix_ms: horizon + 900, sequence: 5 })?;
    let third = scene.claim(3, Wish::Exactly(0))?;
    ensure_eq("the floor after an overshoot", &third.floor(), &Floor::at(horizon))?;
    let edge = Floor { unix_ms: third.horizon_unix_ms(), sequence: 9 };
    let recorded = third.horizon_unix_ms();
    scene.release(&third, edge)?;
    scene.pass_leases(1);
    let fourth = scene.claim(4, Wish::Exactly(0))?;
    ensure_eq("the floor after the last tick", &fourth.floor(), &Floor::at(recorded))?;
    let below = Floor::at(fourth.floor().unix_ms - 1);
    let answer = scene.release(&fourth, below);
    let refused = matches!(answer, Err(RegistryError::Refused(_)));
    ensure(refused, || format!("a receipt below its own lease: {answer:?}"))
}

/// W6: a horizon further than a lease and 2 s ahead of the registry's clock is cut to that, and the
/// answer says so. A wall clock that jumps while a lease is held moves nothing.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the registry breaks the law.
pub fn w06_far_horizons_are_cut(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let honest = scene.send(&scene.asking(1, Wish::Exactly(0)))?;
    ensure(!honest.cut, || "the horizon of a right clock was cut".to_owned())?;
    let mut wild = scene.asking(2, Wish::Exactly(1));
    wild.now_unix_ms += 3_600_000;
    let claimed = scene.send(&wild)?;
    let limit =
        |subject: &dyn WorkerSubject| subject.now_unix_ms() + scene.lease_ms + subject.slack_ms();
    let ensure_cut = |what: &str, cut: bool, horizon: u64, limit: u64| {
        ensure(cut && horizon <= limit, || format!("{what}: horizon {horizon} ms, cut: {cut}"))
    };
    let horizon = claimed.lease.horizon_unix_ms();
    ensure_cut("claimed an hour ahead", claimed.cut, horizon, limit(subject))?;
    let lease = honest.lease;
    let far = subject.now_unix_ms() + 3_600_000;
    let renewed = scene.renew(lease.worker(), lease.token(), far)?;
    let horizon = renewed.renewal.horizon_unix_ms();
    ensure_cut("renewed an hour ahead", renewed.cut, horizon, limit(subject))?;
    let (right, limit) = (subject.now_unix_ms(), limit(subject));
    if !subject.set_unix_ms(far) {
        return Ok(());
    }
    let jumped = scene.renew(lease.worker(), lease.token(), far)?;
    let claimed = scene.send(&scene.asking(3, Wish::Exactly(2)))?;
    let restored = subject.set_unix_ms(right);
    ensure(restored, || "the wall clock can be set only once".to_owned())?;
    let horizon = jumped.renewal.horizon_unix_ms();
    ensure_cut("renewed after a jump", jumped.cut, horizon, limit)?;
    ensure_cut("claimed after a jump", claimed.cut, claimed.lease.horizon_unix_ms(), limit)
}

/// W10: a recycled id is never usable below anything its predecessor could still issue.
///
/// # Errors
///
/// [`Violation`](crate::conformance::Violation) if the registry breaks the law.
pub fn w10_recycled_ids_never_overlap(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let mut used = Floor::default();
    for round in 1..=subject.rounds() {
        let lease = scene.claim_when_free(round)?;
        ensure(lease.floor() >= used, || {
            format!("round {round}: floor {:?} below {used:?}, which was issued", lease.floor())
        })?;
        let mut horizon = lease.horizon_unix_ms();
        if round.is_multiple_of(3) {
            subject.pass(scene.lease_ms / 10);
            horizon = scene.renew_now(&lease)?;
        }
        let receipt = Floor { unix_ms: lease.floor().unix_ms + round, sequence: round };
        used = if round.is_multiple_of(2) {
            scene.release(&lease, receipt)?;
            receipt
        } else {
            Floor::at(horizon)
        };
    }
    Ok(())
}
