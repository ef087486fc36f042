//! Retiring against claims, supplies and other retirers.

use std::sync::Arc;
use std::sync::Mutex;

use idgen_segment::flaw::Flaw;

use crate::ledger::{Scene, THREE_THREADS, TWO_THREADS, holds_but_not_with, spawn};

#[test]
fn supply_retire() {
    fn model() {
        let scene = Scene::bare(2);
        let supplied = Arc::new(Mutex::new(vec![(1, 2)]));
        let (there, scene_there) = (Arc::clone(&supplied), Arc::clone(&scene));
        let other = loom::thread::spawn(move || {
            if scene_there.supply(11, 2) {
                there.lock().unwrap().push((11, 2));
            }
        });
        scene.retire();
        other.join().unwrap();
        scene.assert_complete(&supplied.lock().unwrap());
    }
    let flaws = [Flaw::ReadinessInSlot, Flaw::SupplyAfterRetire, Flaw::StoreRetire];
    holds_but_not_with(TWO_THREADS, model, &flaws);
}

#[test]
fn take_retire_hand_back() {
    fn model() {
        let scene = Scene::bare(2);
        assert!(scene.supply(11, 3));
        let other = spawn(&scene, |scene| {
            scene.take(2);
            scene.take(2);
        });
        scene.retire();
        other.join().unwrap();
        assert!(!scene.next());
        scene.assert_complete(&[(1, 2), (11, 3)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::StoreRetire, Flaw::TurnWithoutClaim]);
}

#[test]
fn exact_retire() {
    fn model() {
        let scene = Scene::bare(2);
        assert!(scene.supply(11, 3));
        let other = spawn(&scene, |scene| {
            scene.exact(2);
        });
        scene.retire();
        other.join().unwrap();
        scene.assert_complete(&[(1, 2), (11, 3)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::StoreExchange]);
}

#[test]
fn retire_twice() {
    fn model() {
        let scene = Scene::bare(3);
        let first = spawn(&scene, Scene::retire);
        let second = spawn(&scene, Scene::retire);
        scene.next();
        first.join().unwrap();
        second.join().unwrap();
        scene.assert_complete(&[(1, 3)]);
    }
    holds_but_not_with(THREE_THREADS, model, &[Flaw::EveryoneRetires, Flaw::StoreRetire]);
}
