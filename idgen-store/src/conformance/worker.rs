//! The laws of leased time, W1 to W11.

use std::sync::Arc;

use idgen_core::{Ended, Floor, LeaseToken, WorkerLease};

use super::{Verdict, Violation, WorkerSubject, at_once, ensure, ensure_eq, name, wait};
use crate::{Claim, Claimed, Name, RegistryError, Renewed, Wish, WorkerInfo, WorkerRegistry};

mod time;

pub use time::{
    w02_floors_lie_above_horizons, w04_horizons_never_shrink, w05_a_release_sets_the_next_floor,
    w06_far_horizons_are_cut, w10_recycled_ids_never_overlap,
};

/// One law.
pub type Law = fn(&dyn WorkerSubject) -> Verdict;

/// Every law with its name.
pub const LAWS: [(&str, Law); 11] = [
    ("W1", w01_one_holder_per_worker_id),
    ("W2", w02_floors_lie_above_horizons),
    ("W3", w03_only_the_current_token_acts),
    ("W4", w04_horizons_never_shrink),
    ("W5", w05_a_release_sets_the_next_floor),
    ("W6", w06_far_horizons_are_cut),
    ("W7", w07_all_taken_is_counted),
    ("W8", w08_held_for_one_lease),
    ("W9", w09_survives_a_reopen),
    ("W10", w10_recycled_ids_never_overlap),
    ("W11", w11_a_nonce_is_one_lease),
];

/// A registry under test and one id space.
struct Scene<'a> {
    subject: &'a dyn WorkerSubject,
    registry: Arc<dyn WorkerRegistry>,
    space: Name,
    lease_ms: u64,
}

impl<'a> Scene<'a> {
    fn new(subject: &'a dyn WorkerSubject) -> Result<Self, Violation> {
        let (registry, lease_ms) = (subject.open()?, subject.lease_ms());
        Ok(Self { subject, registry, space: name("parcels"), lease_ms })
    }

    /// A claim to one of four ids, on the claimer's right clock.
    fn asking(&self, nonce: u128, wish: Wish) -> Claim {
        Claim {
            ids: 0..=3,
            wish,
            nonce,
            holder: format!("holder {nonce}"),
            published: format!("layout {nonce}"),
            lease_ms: self.lease_ms,
            now_unix_ms: self.subject.now_unix_ms(),
            proof: None,
        }
    }

    fn send(&self, claim: &Claim) -> Result<Claimed, RegistryError> {
        wait(self.subject, self.registry.claim(&self.space, claim))
    }

    fn claim(&self, nonce: u128, wish: Wish) -> Result<WorkerLease, RegistryError> {
        self.send(&self.asking(nonce, wish)).map(|claimed| claimed.lease)
    }

    fn renew(
        &self,
        worker: u64,
        token: LeaseToken,
        now_unix_ms: u64,
    ) -> Result<Renewed, RegistryError> {
        wait(self.subject, self.registry.renew(&self.space, worker, token, now_unix_ms))
    }

    fn renew_now(&self, lease: &WorkerLease) -> Result<u64, RegistryError> {
        let renewed = self.renew(lease.worker(), lease.token(), self.subject.now_unix_ms())?;
        Ok(renewed.renewal.horizon_unix_ms())
    }

    fn release(&self, lease: &WorkerLease, floor: Floor) -> Result<(), RegistryError> {
        let ended = Ended::receipt(lease.worker(), lease.token(), floor);
        wait(self.subject, self.registry.release(&self.space, ended))
    }

    fn is_released(&self, worker: u64) -> Result<bool, RegistryError> {
        wait(self.subject, self.registry.is_released(&self.space, worker))
    }

    fn list(&self) -> Result<Vec<WorkerInfo>, RegistryError> {
        wait(self.subject, self.registry.list(&self.space))
    }

    /// Claims worker id 3 for the `round`th time, by another way each.
    fn claim_when_free(&self, round: u64) -> Result<WorkerLease, Violation> {
        let nonce = u128::from(round);
        let wishes = [Wish::Exactly(3), Wish::Prefer(3), Wish::Any];
        let wish = wishes[usize::try_from(round % 3).expect("below 3")];
        for _ in 0..8 {
            let mut claim = Claim { ids: 3..=3, ..self.asking(nonce, wish) };
            claim.now_unix_ms -= 100 * (round % 4);
            match self.send(&claim) {
                Ok(claimed) => return Ok(claimed.lease),
                Err(
                    RegistryError::Held { retry_ms, .. } | RegistryError::AllTaken { retry_ms, .. },
                ) => {
                    self.subject.pass(retry_ms);
                }
                Err(RegistryError::FloorAhead { wait_ms, .. }) => self.subject.pass(wait_ms),
                Err(other) => return Err(other.into()),
            }
        }
        Err(Violation(format!("round {round}: never free, though its waits were waited")))
    }

    fn pass_leases(&self, leases: u64) {
        self.subject.pass(self.lease_ms * leases);
    }
}

fn ensure_lost(what: &str, answer: &Result<(), RegistryError>) -> Verdict {
    let lost = matches!(answer, Err(RegistryError::Lost { .. }));
    ensure(lost, || format!("{what}: {answer:?} instead of lost"))
}

/// W1: one holder per worker id, under 8 concurrent callers with a connection each.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w01_one_holder_per_worker_id(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let claim = |caller: u64, claim: Claim| {
        let own = Scene { registry: subject.open()?, space: scene.space.clone(), ..scene };
        own.send(&Claim { ids: 0..=99, nonce: u128::from(caller) + 1, ..claim })
    };
    let spread = at_once(|caller| claim(caller, scene.asking(0, Wish::Any)));
    let mut workers = Vec::new();
    for claimed in spread {
        workers.push(claimed?.lease.worker());
    }
    workers.sort_unstable();
    ensure_eq("worker ids of 8 callers", &workers, &(0..8).collect())?;
    let pinned = at_once(|caller| claim(100 + caller, scene.asking(0, Wish::Exactly(50))));
    let mut holders = 0;
    for answer in pinned {
        match answer {
            Ok(_) => holders += 1,
            Err(RegistryError::Held { worker: 50, .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    ensure_eq("holders of one worker id", &holders, &1)
}

/// W3: renewing or releasing with any token but the current one is *lost* and changes nothing.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w03_only_the_current_token_acts(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let old = scene.claim(1, Wish::Exactly(1))?;
    scene.pass_leases(1);
    let current = scene.claim(2, Wish::Exactly(1))?;
    let before = scene.list()?;
    let LeaseToken { serial, nonce } = current.token();
    let wrong = [
        old.token(),
        LeaseToken { serial, nonce: 1 },
        LeaseToken { serial: serial + 1, nonce },
        LeaseToken { serial: 0, nonce: 0 },
    ];
    for token in wrong {
        let renewed = scene.renew(1, token, subject.now_unix_ms() + 500).map(|_| ());
        ensure_lost("renewed by a wrong token", &renewed)?;
        let ended = Ended::receipt(1, token, current.floor());
        let released = wait(subject, scene.registry.release(&scene.space, ended));
        ensure_lost("released by a wrong token", &released)?;
    }
    let unused = scene.renew(3, current.token(), subject.now_unix_ms()).map(|_| ());
    ensure_lost("renewed on another id", &unused)?;
    ensure_eq("the ids after it", &scene.list()?, &before)?;
    scene.renew_now(&current)?;
    scene.release(&current, current.floor())?;
    ensure_lost("released twice", &scene.release(&current, current.floor()))?;
    ensure_lost("renewed after its release", &scene.renew_now(&current).map(|_| ()))
}

/// W7: all ids taken is an error that names the count and when to ask again.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w07_all_taken_is_counted(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    for nonce in 1..=4 {
        scene.claim(nonce, Wish::Prefer(3))?;
    }
    match scene.claim(5, Wish::Any) {
        Err(RegistryError::AllTaken { count: 4, retry_ms, .. })
            if (1..=scene.lease_ms).contains(&retry_ms) => {}
        other => return Err(Violation(format!("a fifth claim to four ids: {other:?}"))),
    }
    let elsewhere = Scene { space: name("letters"), ..scene };
    ensure_eq("the first id of another space", &elsewhere.claim(6, Wish::Any)?.worker(), &0)
}

/// W8: a holder holds until release or one lease after its last renewal; of the free ids the lowest
/// whose floor has passed is granted, else the earliest, and the wait is told.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w08_held_for_one_lease(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let leases = (0..4_u64)
        .map(|worker| scene.claim(u128::from(worker) + 1, Wish::Any))
        .collect::<Result<Vec<_>, _>>()?;
    let workers: Vec<u64> = leases.iter().map(WorkerLease::worker).collect();
    ensure_eq("four claims", &workers, &vec![0, 1, 2, 3])?;
    subject.pass(scene.lease_ms / 2);
    scene.renew_now(&leases[1])?;
    subject.pass(scene.lease_ms / 4);
    let early = scene.claim(10, Wish::Exactly(0));
    let held = matches!(&early, Err(RegistryError::Held { holder, .. }) if holder == "holder 1");
    ensure(held, || format!("three quarters of a lease after the claim: {early:?}"))?;
    subject.pass(scene.lease_ms / 2);
    let renewed = scene.claim(11, Wish::Exactly(1));
    let held = matches!(renewed, Err(RegistryError::Held { .. }));
    ensure(held, || format!("three quarters of a lease after a renewal: {renewed:?}"))?;
    ensure_eq("a lapsed id", &scene.claim(12, Wish::Prefer(2))?.worker(), &2)?;
    ensure_eq("the lowest lapsed id", &scene.claim(13, Wish::Any)?.worker(), &0)?;
    earliest_floor_is_chosen(subject)
}

fn earliest_floor_is_chosen(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene { space: name("letters"), ..Scene::new(subject)? };
    let spent = [(1, 900), (2, 400), (3, 600)];
    let leases = spent.map(|(nonce, ahead_ms)| (scene.claim(nonce, Wish::Any), ahead_ms));
    scene.claim(4, Wish::Exactly(3))?;
    for (lease, ahead_ms) in leases {
        let lease = lease?;
        scene.release(&lease, Floor::at(lease.floor().unix_ms + ahead_ms))?;
    }
    let asked = scene.asking(5, Wish::Any);
    let claimed = scene.send(&asked)?;
    ensure_eq("the id whose floor comes first", &claimed.lease.worker(), &1)?;
    let wait_ms = claimed.lease.floor().unix_ms.saturating_sub(asked.now_unix_ms);
    ensure_eq("the wait", &claimed.wait_ms, &wait_ms)?;
    subject.pass(950);
    ensure_eq("the lowest with a passed floor", &scene.claim(6, Wish::Any)?.worker(), &0)
}

/// W9: leases, tokens, floors and the layout record survive a reopen, and the layout record is
/// compared before it is set.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w09_survives_a_reopen(subject: &dyn WorkerSubject) -> Verdict {
    let mut scene = Scene::new(subject)?;
    let lease = scene.claim(1, Wish::Exactly(2))?;
    let record = wait(subject, scene.registry.put_layout(&scene.space, 0, "41/10/12"))?;
    ensure_eq("the first version", &record.version, &1)?;
    let again = wait(subject, scene.registry.put_layout(&scene.space, 0, "42/10/11"));
    let conflict = matches!(again, Err(RegistryError::LayoutConflict { version: 1, .. }));
    ensure(conflict, || format!("a layout written over another: {again:?}"))?;
    let before = scene.list()?;
    let published = before.first().map(|info| info.published.as_str());
    ensure_eq("what the holder published", &published, &Some("layout 1"))?;
    let Scene { registry, .. } = scene;
    drop(registry);
    scene = Scene::new(subject)?;
    scene.registry = subject.reopen()?;
    ensure_eq("the ids after a reopen", &scene.list()?, &before)?;
    let layout = wait(subject, scene.registry.layout(&scene.space))?;
    ensure_eq("the layout after a reopen", &layout, &Some(record))?;
    let held = scene.claim(2, Wish::Exactly(2));
    let refused = matches!(held, Err(RegistryError::Held { .. }));
    ensure(refused, || format!("an id held before a reopen: {held:?}"))?;
    scene.renew_now(&lease)?;
    let next = scene.claim(3, Wish::Any)?;
    ensure(next.token().serial > lease.token().serial, || "serials started over".to_owned())
}

/// W11: a claim repeated with the same nonce answers the same lease while that lease is current.
///
/// # Errors
///
/// [`Violation`] if the registry breaks the law.
pub fn w11_a_nonce_is_one_lease(subject: &dyn WorkerSubject) -> Verdict {
    let scene = Scene::new(subject)?;
    let asked = scene.asking(77, Wish::Any);
    let first = scene.send(&asked)?;
    ensure_eq("the same claim again", &scene.send(&asked)?, &first)?;
    let answers = at_once(|_| scene.send(&asked));
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    for answer in &answers {
        ensure_eq("the same claim from 8 callers", answer, &first)?;
    }
    ensure_eq("ids granted to one nonce", &scene.list()?.len(), &1)?;
    let lease = &first.lease;
    let other = scene.claim(78, Wish::Any)?;
    ensure(other.worker() != lease.worker(), || "two nonces got one id".to_owned())?;
    scene.release(lease, lease.floor())?;
    let anew = scene.claim(77, Wish::Any)?;
    ensure(anew.token().serial > other.token().serial, || "a released lease came back".to_owned())
}
