//! Each planted defect makes a duplicate within so many seeds.

use idgen_sim::sweep::{Sum, sweep};
use idgen_sim::{Breach, Breakage};

const MOST_SEEDS: u64 = 300;

fn finds(breakage: Breakage) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let is_enough = |sum: &Sum| sum.found(Breach::Duplicate) > 0;
    let sum = sweep(0..MOST_SEEDS, processors, Some(breakage), is_enough);
    assert!(sum.panicked.is_empty(), "{:?}", sum.panicked);
    assert!(is_enough(&sum), "no duplicate in {} seeds", sum.seeds);
    eprintln!("{breakage:?}: a duplicate within {} seeds", sum.seeds);
}

#[test]
fn no_floor() {
    finds(Breakage::NoFloor);
}

#[test]
fn no_horizon_test() {
    finds(Breakage::NoHorizon);
}

#[test]
fn a_release_before_the_end() {
    finds(Breakage::EarlyRelease);
}

#[test]
fn a_renewal_by_an_old_token() {
    finds(Breakage::OldToken);
}

#[test]
fn the_end_as_a_plain_store() {
    finds(Breakage::PlainEnd);
}

#[test]
fn a_hand_back_that_is_sent_again_as_a_new_one() {
    finds(Breakage::SecondHandBack);
}

#[test]
fn a_guard_that_sees_nothing() {
    finds(Breakage::GuardOff);
}
