//! Claims against claims, turns and refills.

use idgen_segment::flaw::Flaw;

use crate::ledger::{Bound, Scene, THREE_THREADS, TWO_THREADS, holds_but_not_with, spawn};

#[test]
fn take_take() {
    fn model() {
        let scene = Scene::bare(5);
        let other = spawn(&scene, |scene| assert!(scene.take(2)));
        assert!(scene.next());
        other.join().unwrap();
        scene.assert_complete(&[(1, 5)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::SplitAdd]);
}

#[test]
fn take_turn() {
    fn model() {
        let scene = Scene::at_the_turn(11, 3);
        let other = spawn(&scene, |scene| assert!(scene.next()));
        assert!(scene.next());
        other.join().unwrap();
        scene.assert_complete(&[(1, 1), (11, 3)]);
    }
    let flaws = [Flaw::StoreExchange, Flaw::TurnWithoutClaim];
    holds_but_not_with(TWO_THREADS, model, &flaws);
}

#[test]
fn take_turn_by_generation() {
    fn model() {
        let scene = Scene::new(1, 3);
        assert!(scene.next());
        assert!(scene.supply(11, 3));
        let other = spawn(&scene, |scene| {
            scene.take(2);
            scene.next();
        });
        assert!(scene.next());
        other.join().unwrap();
        scene.assert_complete(&[(1, 3), (11, 3)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::IgnoreGeneration]);
}

/// The slot that is supplied has held another segment: who reads it too early reads that one.
#[test]
fn take_refill_turn() {
    fn model() {
        let scene = Scene::new(1, 3);
        assert!(scene.take(3));
        assert!(scene.supply(11, 2));
        assert!(scene.next());
        let refill = spawn(&scene, |scene| assert!(scene.supply(21, 3)));
        let other = spawn(&scene, |scene| {
            scene.take(2);
            scene.next();
        });
        scene.next();
        refill.join().unwrap();
        other.join().unwrap();
        scene.assert_complete(&[(1, 3), (11, 2), (21, 3)]);
    }
    let flaws = [Flaw::RelaxedSupply, Flaw::RelaxedAdd];
    holds_but_not_with(THREE_THREADS, model, &flaws);
}

#[test]
fn take_at_the_edge() {
    fn model() {
        let scene = Scene::bare(3);
        let other = spawn(&scene, |scene| {
            scene.take(2);
        });
        scene.take(2);
        other.join().unwrap();
        assert!(!scene.next());
        scene.assert_complete(&[(1, 3)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::EdgeTooFar, Flaw::SplitAdd]);
}

#[test]
fn early_turn() {
    fn model() {
        let scene = Scene::bare(3);
        assert!(scene.supply(11, 5));
        let other = spawn(&scene, |scene| {
            scene.exact(3);
        });
        assert!(scene.next());
        other.join().unwrap();
        scene.assert_complete(&[(1, 3), (11, 5)]);
    }
    let flaws = [Flaw::StoreExchange, Flaw::TurnWithoutClaim];
    holds_but_not_with(TWO_THREADS, model, &flaws);
}

#[test]
fn exact_exact() {
    fn model() {
        let scene = Scene::bare(5);
        assert!(scene.supply(11, 4));
        let other = spawn(&scene, |scene| assert!(scene.exact(2)));
        assert!(scene.exact(3));
        other.join().unwrap();
        scene.assert_complete(&[(1, 5), (11, 4)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::StoreExchange]);
}

/// One thread may sleep anywhere while the other turns twice, after which a generation field of
/// one bit looks as it did before.
#[test]
fn sleeper_over_two_turns() {
    fn model() {
        let scene = Scene::bare(2);
        assert!(scene.supply(11, 2));
        let other = spawn(&scene, |scene| {
            scene.take(2);
            scene.take(2);
            scene.supply(21, 2);
            scene.next();
            scene.supply(31, 2);
        });
        scene.next();
        other.join().unwrap();
        scene.assert_disjoint(&[(1, 2), (11, 2), (21, 2), (31, 2)]);
    }
    let bound = Bound { generation_bits: 1, ..TWO_THREADS };
    holds_but_not_with(bound, model, &[Flaw::NoGeneration, Flaw::SameChecks]);
}

/// The same with an exchange asleep instead of an addition.
#[test]
fn exact_sleeper_over_two_turns() {
    fn model() {
        let scene = Scene::bare(2);
        assert!(scene.supply(11, 2));
        let other = spawn(&scene, |scene| {
            scene.take(2);
            scene.take(2);
            scene.supply(21, 2);
            scene.next();
            scene.supply(31, 2);
        });
        scene.exact(1);
        other.join().unwrap();
        scene.assert_disjoint(&[(1, 2), (11, 2), (21, 2), (31, 2)]);
    }
    let bound = Bound { generation_bits: 1, ..TWO_THREADS };
    holds_but_not_with(bound, model, &[Flaw::NoGeneration]);
}

/// A turn asleep, which then ends a longer segment than the one that was looked at.
#[test]
fn turn_sleeper_over_two_turns() {
    fn model() {
        let scene = Scene::at_the_turn(11, 1);
        let other = spawn(&scene, |scene| {
            scene.take(1);
            assert!(scene.supply(21, 4));
            scene.take(2);
            scene.supply(31, 2);
        });
        scene.next();
        other.join().unwrap();
        scene.supply(31, 2);
        scene.assert_complete(&[(1, 1), (11, 1), (21, 4), (31, 2)]);
    }
    // The flaw shows with three, and a fourth would take a quarter of a minute.
    let bound = Bound { generation_bits: 1, preemptions: 3 };
    holds_but_not_with(bound, model, &[Flaw::NoGeneration]);
}

/// The same with an early turn.
#[test]
fn early_turn_sleeper_over_two_turns() {
    fn model() {
        let scene = Scene::at_the_turn(11, 1);
        let other = spawn(&scene, |scene| {
            scene.take(1);
            assert!(scene.supply(21, 3));
            scene.take(1);
            scene.supply(31, 2);
        });
        scene.exact(1);
        other.join().unwrap();
        scene.supply(31, 2);
        scene.assert_complete(&[(1, 1), (11, 1), (21, 3), (31, 2)]);
    }
    // The flaw shows with three, and a fourth would take a quarter of a minute.
    let bound = Bound { generation_bits: 1, preemptions: 3 };
    holds_but_not_with(bound, model, &[Flaw::NoGeneration]);
}
