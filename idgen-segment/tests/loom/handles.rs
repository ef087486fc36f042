//! Handles and their give-back.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use idgen_core::IdRange;
use idgen_segment::flaw::Flaw;
use idgen_segment::{OnTurn, SegmentCursor, SegmentHandle};

use crate::ledger::{Bound, Scene, TWO_THREADS, holds_but_not_with, spawn};

fn block_and_back(scene: &Scene) {
    let mut handle = SegmentHandle::new(&scene.cursor, NonZeroU64::new(2).unwrap());
    scene.record(handle.next_id().ok().map(IdRange::one));
    scene.record(handle.give_back());
}

#[test]
fn give_back_take() {
    fn model() {
        let scene = Scene::bare(5);
        let other = spawn(&scene, block_and_back);
        scene.next();
        other.join().unwrap();
        scene.assert_complete(&[(1, 5)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::GiveBackAnywhere, Flaw::StoreExchange]);
}

#[test]
fn give_back_retire() {
    fn model() {
        let scene = Scene::bare(4);
        let other = spawn(&scene, block_and_back);
        scene.retire();
        other.join().unwrap();
        scene.assert_complete(&[(1, 4)]);
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::GiveBackAnywhere, Flaw::StoreExchange]);
}

/// The giver may sleep before its exchange while two turns bring the word back to what it was,
/// in a field of one bit, unless the permit holds off the supply.
#[test]
fn give_back_sleeper() {
    fn model() {
        let scene = Scene::bare(3);
        let other = spawn(&scene, block_and_back);
        if scene.supply(11, 1) {
            scene.next();
            scene.next();
            if scene.supply(21, 3) {
                scene.take(3);
            }
        }
        other.join().unwrap();
        scene.next();
        scene.assert_disjoint(&[(1, 3), (11, 1), (21, 3)]);
    }
    let bound = Bound { generation_bits: 1, ..TWO_THREADS };
    holds_but_not_with(bound, model, &[Flaw::FreeGiveBack]);
}

#[derive(Default)]
pub(crate) struct Bell(pub(crate) AtomicUsize);

impl OnTurn for Bell {
    fn on_turn(&self) {
        self.0.fetch_add(1, Ordering::Relaxed); // a count of the model's own
    }
}

/// A refill that a give-back kept out is called again, so that a bare cursor is never forgotten.
#[test]
fn give_back_refill() {
    fn model() {
        let cursor = Arc::new(SegmentCursor::with_on_turn(Bell::default()));
        let refill = cursor.begin_refill().unwrap();
        refill.supply(IdRange::new(1, 1, 4).unwrap()).unwrap();
        let mut handle = SegmentHandle::new(Arc::clone(&cursor), NonZeroU64::new(2).unwrap());
        handle.next_id().unwrap();
        let rung = cursor.hook().0.load(Ordering::Relaxed); // the model's own
        let other = loom::thread::spawn(move || handle.give_back());
        let refused = cursor.begin_refill().is_none();
        other.join().unwrap();
        let called = cursor.hook().0.load(Ordering::Relaxed) > rung; // the model's own
        assert_eq!(refused, called);
        assert!(cursor.begin_refill().is_some());
    }
    holds_but_not_with(TWO_THREADS, model, &[Flaw::NoKnock]);
}
