//! Refills against refills, and permits that are dropped.

use std::sync::Arc;

use idgen_segment::flaw::Flaw;

use crate::ledger::{Scene, TWO_THREADS, holds_but_not_with, spawn};

#[test]
fn refill_refill() {
    fn model() {
        let scene = Scene::bare(2);
        let taken = Arc::new(std::sync::Mutex::new(vec![(1, 2)]));
        let (there, scene_there) = (Arc::clone(&taken), Arc::clone(&scene));
        let other = loom::thread::spawn(move || {
            if scene_there.supply(11, 2) {
                there.lock().unwrap().push((11, 2));
            }
        });
        if scene.supply(21, 2) {
            taken.lock().unwrap().push((21, 2));
        }
        other.join().unwrap();
        let taken = taken.lock().unwrap();
        assert_eq!(taken.len(), 2, "exactly one refill goes in");
        scene.assert_complete(&taken);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::SplitPermit, Flaw::PermitWhileFull]);
}

#[test]
fn dropped_permit() {
    fn model() {
        let scene = Scene::bare(1);
        let other = spawn(&scene, |scene| drop(scene.cursor.begin_refill()));
        let got_it = scene.supply(11, 1);
        other.join().unwrap();
        assert!(got_it || scene.supply(11, 1), "a dropped permit is free again");
        assert!(!scene.supply(21, 1));
        scene.assert_complete(&[(1, 1), (11, 1)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::KeepPermit]);
}
