//! The laws about moves between stores: tombstones, and sequences that come in.

use idgen_core::IdRange;

use super::{Scene, definition};
use crate::conformance::{
    SequenceSubject, Verdict, Violation, at_once, ensure, ensure_eq, name, wait,
};
use crate::{Alteration, Arrival, Created, Definition, Order, SequenceInfo, StoreError};

/// Where the sequences of these laws go.
const ELSEWHERE: &str = "other://host:1/ids \u{e9}'\"";
const NOWHERE: &str = "other://host:2/ids";

impl Scene<'_> {
    fn move_away(&self, to: &str) -> Result<SequenceInfo, StoreError> {
        wait(self.subject, self.store.move_away(&self.name, to))
    }

    fn move_in(
        &self,
        definition: Definition,
        bound: u64,
        from: &str,
    ) -> Result<SequenceInfo, StoreError> {
        let arrival = Arrival { definition, bound, from: from.to_owned() };
        wait(self.subject, self.store.move_in(&self.name, &arrival))
    }

    fn describe(&self) -> Result<SequenceInfo, StoreError> {
        wait(self.subject, self.store.describe(&self.name))
    }

    /// Every request that would go on with the sequence is told where it went.
    fn ensure_moved(&self, definition: &Definition, tail: IdRange, serial: u64) -> Verdict {
        let (store, name, alter) = (&self.store, &self.name, Alteration::default());
        let answers = [
            ("a lease", self.lease(1, 0).map(|_lease| ())),
            ("a hand-back", self.hand_back(tail, serial)),
            ("the same creation", wait(self.subject, store.create(name, definition)).map(|_| ())),
            ("an advance", wait(self.subject, store.advance_to(name, u64::MAX))),
            ("an alteration", wait(self.subject, store.alter(name, &alter)).map(|_| ())),
            ("a deletion", wait(self.subject, store.delete(name))),
            ("a move elsewhere", self.move_away(NOWHERE).map(|_| ())),
            ("an arrival from elsewhere", self.move_in(*definition, 1, NOWHERE).map(|_| ())),
        ];
        for (what, answer) in answers {
            let moved = matches!(&answer, Err(StoreError::Moved { name, to })
                if *name == self.name && to == ELSEWHERE);
            ensure(moved, || format!("{what} of a moved sequence: {answer:?}"))?;
        }
        Ok(())
    }
}

/// S13: a sequence that was moved away leases nothing, says where it went, keeps its bound to be
/// read, and comes back only from there, above what was granted there.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s13_a_moved_sequence_says_where(subject: &dyn SequenceSubject) -> Verdict {
    let was = definition(1, 2, 1, 9_999);
    let mut scene = Scene::new(subject, &was)?;
    let (lease, other) = (scene.lease(10, 0)?, scene.lease(5, 0)?);
    scene.hand_back(other.range, other.serial)?;
    for place in ["", "a\nb", &"x".repeat(1025)] {
        let answer = scene.move_away(place);
        let refused = matches!(answer, Err(StoreError::Refused(_)));
        ensure(refused, || format!("moved to a place that is none: {answer:?}"))?;
    }
    let before = scene.describe()?;
    let info = scene.move_away(ELSEWHERE)?;
    let due = SequenceInfo { returned: 0, moved_to: Some(ELSEWHERE.to_owned()), ..before };
    ensure_eq("the tombstone", &info, &due)?;
    ensure_eq("the same move again", &scene.move_away(ELSEWHERE)?, &due)?;
    scene.ensure_moved(&was, lease.range, lease.serial)?;
    scene.store = subject.reopen()?;
    scene.ensure_moved(&was, lease.range, lease.serial)?;
    ensure_eq("described as", &scene.describe()?, &due)?;
    ensure_eq("listed as", &wait(subject, scene.store.list())?, &vec![due])?;
    ensure_eq("the bound", &scene.last()?, &29)?;
    let back = scene.move_in(was, 501, ELSEWHERE)?;
    ensure_eq("come back with", &(back.bound, back.moved_to), &(501, None))?;
    ensure_eq("the first id after it", &scene.lease(1, 0)?.range.start(), &503)?;
    let next = scene.lease(1, 0)?;
    ensure(next.serial > other.serial, || "serials started over".to_owned())?;
    ends_once_for_all_callers(&scene)
}

/// What others lease while the tombstone is set lies at or below its bound.
fn ends_once_for_all_callers(scene: &Scene<'_>) -> Verdict {
    let seen = at_once(|caller| {
        if caller == 0 {
            return scene.move_away(ELSEWHERE).map(|info| info.bound);
        }
        let mut last = 0;
        loop {
            match scene.lease(1, 0) {
                Ok(lease) => last = lease.range.last(),
                Err(StoreError::Moved { .. }) => return Ok(last),
                Err(error) => return Err(error),
            }
        }
    });
    let seen = seen.into_iter().collect::<Result<Vec<u64>, _>>()?;
    let [bound, lasts @ ..] = &seen[..] else { return Err(Violation("no callers".to_owned())) };
    for last in lasts {
        ensure(last <= bound, || format!("{last} was granted behind the tombstone at {bound}"))?;
    }
    Ok(())
}

/// S14: a sequence that comes in goes on above the other store's bound and no lower than its own;
/// again it changes nothing; with another progression, end or order it is *conflict*.
///
/// # Errors
///
/// [`Violation`] if the store breaks the law.
pub fn s14_a_sequence_comes_in_above(subject: &dyn SequenceSubject) -> Verdict {
    let was = definition(5, 3, 2, 1_000);
    let scene = Scene { subject, store: subject.open()?, name: name("orders") };
    ensure_eq("come in at", &scene.move_in(was, 100, ELSEWHERE)?.bound, &100)?;
    ensure_eq("the first id", &scene.lease(2, 0)?.range.start(), &101)?;
    let before = scene.describe()?;
    for lower in [0, 100, before.bound] {
        ensure_eq("the same again", &scene.move_in(was, lower, ELSEWHERE)?, &before)?;
    }
    ensure_eq(
        "created again",
        &wait(subject, scene.store.create(&scene.name, &was))?,
        &Created::Unchanged,
    )?;
    ensure_eq("raised to", &scene.move_in(was, 200, NOWHERE)?.bound, &200)?;
    ensure_eq("the id after it", &scene.lease(1, 0)?.range.start(), &203)?;
    let strict = Definition::new(5, 3, 2, 1_000, Order::Strict).expect("the laws' numbers fit");
    for other in
        [definition(5, 4, 2, 1_000), definition(5, 3, 1, 1_000), definition(5, 3, 2, 999), strict]
    {
        match scene.move_in(other, 300, ELSEWHERE) {
            Err(StoreError::Conflict { existing, .. }) if existing == was => {}
            answer => return Err(Violation(format!("come in as {other}: {answer:?}"))),
        }
    }
    wait(subject, scene.store.delete(&scene.name))?;
    ensure_eq("come in again at", &scene.move_in(was, 50, ELSEWHERE)?.bound, &203)?;
    ensure_eq("at its end", &scene.move_in(was, 1_000, ELSEWHERE)?.bound, &1_000)?;
    scene.ensure_exhausted()
}
