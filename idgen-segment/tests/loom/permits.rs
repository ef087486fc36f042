//! Refills against refills, and permits that are dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use idgen_core::IdRange;
use idgen_segment::flaw::Flaw;
use idgen_segment::{Refill, SegmentCursor};

use crate::handles::Bell;
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

/// A refill that was told of a turn, and found the permit taken by one that had looked before the
/// turn and had nothing to do, is called again.
#[test]
fn refill_kept_out_by_an_idle_one() {
    fn model() {
        let cursor = Arc::new(SegmentCursor::with_on_turn(Bell::default()));
        for start in [1, 11] {
            cursor.begin_refill().unwrap().supply(IdRange::one(start)).unwrap();
            assert_eq!(cursor.next_id(), Ok(start));
        }
        cursor.begin_refill().unwrap().supply(IdRange::one(21)).unwrap();
        let idle = Arc::clone(&cursor);
        let other = loom::thread::spawn(move || drop(idle.begin_refill()));
        assert_eq!(cursor.next_id(), Ok(21));
        let rung = cursor.hook().0.load(Ordering::Relaxed); // the model's own
        let refused = cursor.begin_refill().is_none();
        other.join().unwrap();
        let called = cursor.hook().0.load(Ordering::Relaxed) > rung; // the model's own
        assert!(called || !refused, "a bare cursor is forgotten");
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::NoKnock]);
}

/// The same with a holder that has just supplied what another turns to at once.
#[test]
fn refill_kept_out_by_a_supplier() {
    fn model() {
        let cursor = Arc::new(SegmentCursor::with_on_turn(Bell::default()));
        // Begun here: loom would not see the supplier's exchange behind its look at the word.
        let refill = Refill::begin(Arc::clone(&cursor)).unwrap();
        let other = loom::thread::spawn(move || refill.supply(IdRange::one(1)).unwrap());
        if cursor.next_id().is_ok() {
            let rung = cursor.hook().0.load(Ordering::Relaxed); // the model's own
            let refused = cursor.begin_refill().is_none();
            other.join().unwrap();
            let called = cursor.hook().0.load(Ordering::Relaxed) > rung; // the model's own
            assert!(called || !refused, "a bare cursor is forgotten");
        } else {
            other.join().unwrap();
        }
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::NoKnock]);
}
