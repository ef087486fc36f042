//! The cursor against a dull twin behind a mutex, one operation after the other.
#![cfg(not(idgen_loom))]

#[path = "twin/dull.rs"]
mod dull;

use std::num::NonZeroU64;

use idgen_core::IdRange;
use idgen_segment::{Retired, SegmentCursor, SegmentHandle, SupplyError};
use proptest::prelude::*;

use dull::{DullCursor, DullHandle};

const BLOCK: u64 = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    Next,
    Take(u64),
    Fill(usize),
    Exact(u64),
    Supply { above: u64, step: u64, len: u64 },
    SupplyBelow { below: u64, len: u64 },
    DropPermit,
    HandleNext(usize),
    HandleTake(usize, u64),
    HandleFill(usize, usize),
    GiveBack(usize),
    Finish(usize),
    DropHandle(usize),
    Retire,
}

fn op() -> impl Strategy<Value = Op> {
    let supply = (0_u64..9, 1_u64..4, 1_u64..30).prop_map(|(above, step, len)| Op::Supply {
        above,
        step,
        len,
    });
    prop_oneof![
        8 => Just(Op::Next),
        4 => (1_u64..30).prop_map(Op::Take),
        2 => (0_usize..40).prop_map(Op::Fill),
        3 => (1_u64..30).prop_map(Op::Exact),
        8 => supply,
        1 => (0_u64..40, 1_u64..9).prop_map(|(below, len)| Op::SupplyBelow { below, len }),
        1 => Just(Op::DropPermit),
        6 => (0_usize..2).prop_map(Op::HandleNext),
        2 => (0_usize..2, 1_u64..12).prop_map(|(handle, max)| Op::HandleTake(handle, max)),
        1 => (0_usize..2, 0_usize..20).prop_map(|(handle, len)| Op::HandleFill(handle, len)),
        3 => (0_usize..2).prop_map(Op::GiveBack),
        1 => (0_usize..2).prop_map(Op::Finish),
        1 => (0_usize..2).prop_map(Op::DropHandle),
        1 => Just(Op::Retire),
    ]
}

struct Pair<'a> {
    real: &'a SegmentCursor,
    dull: &'a DullCursor,
    handles: [SegmentHandle<&'a SegmentCursor>; 2],
    dull_handles: [DullHandle<'a>; 2],
}

fn wish(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap()
}

impl<'a> Pair<'a> {
    fn new(real: &'a SegmentCursor, dull: &'a DullCursor) -> Self {
        Self {
            real,
            dull,
            handles: [0, 1].map(|_| SegmentHandle::new(real, wish(BLOCK))),
            dull_handles: [0, 1].map(|_| DullHandle::new(dull, BLOCK)),
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Next => assert_eq!(self.real.next_id(), self.dull.take(1).map(|ids| ids[0])),
            Op::Take(max) => {
                let real = self.real.take(wish(max)).map(|range| range.iter().collect());
                assert_eq!(real, self.dull.take(max));
            }
            Op::Fill(len) => {
                let mut ids = vec![0; len];
                let filled = self.real.fill(&mut ids);
                assert_eq!(ids[..filled], self.dull.fill(len));
            }
            Op::Exact(n) => {
                let real = self.real.take_exact(wish(n)).map(|exact| {
                    let skipped = exact.skipped.into_iter().flatten().collect();
                    (exact.range.iter().collect(), skipped)
                });
                assert_eq!(real, self.dull.take_exact(n));
            }
            Op::Supply { above, step, len } => {
                let start = self.real.highest_supplied().map_or(above, |id| id + 1 + above);
                self.supply(IdRange::new(start, step, len).unwrap());
            }
            Op::SupplyBelow { below, len } => {
                let start = self.real.highest_supplied().unwrap_or(0).saturating_sub(below);
                self.supply(IdRange::new(start, 1, len).unwrap());
            }
            Op::DropPermit => drop(self.real.begin_refill()),
            Op::Retire => {
                let real = self.real.retire().map(|Retired { tail, standby }| {
                    let list = |range: Option<IdRange>| range.into_iter().flatten().collect();
                    (list(tail), list(standby))
                });
                assert_eq!(real, self.dull.retire());
            }
            handled => self.handle_step(handled),
        }
    }

    fn supply(&self, range: IdRange) {
        let begun = self.real.begin_refill();
        assert_eq!(begun.is_some(), self.dull.needs_refill());
        let Some(refill) = begun else { return };
        assert!(self.real.begin_refill().is_none(), "one permit only");
        let taken = refill.supply(range);
        assert_eq!(taken.is_ok(), self.dull.supply(range.iter().collect()));
        if let Err(error) = taken {
            assert_eq!(error.range(), range);
            let below =
                matches!(error, SupplyError::Overlaps { .. } | SupplyError::NotAbove { .. });
            assert!(below, "{error}");
        }
    }

    fn handle_step(&mut self, op: Op) {
        match op {
            Op::HandleNext(index) => {
                let dull = self.dull_handles[index].take_of_block(1).map(|ids| ids[0]);
                assert_eq!(self.handles[index].next_id(), dull);
            }
            Op::HandleTake(index, max) => {
                let real = self.handles[index].take(wish(max)).map(|ids| ids.iter().collect());
                assert_eq!(real, self.dull_handles[index].take(max));
            }
            Op::HandleFill(index, len) => {
                let mut ids = vec![0; len];
                let filled = self.handles[index].fill(&mut ids);
                assert_eq!(ids[..filled], self.dull_handles[index].fill(len));
            }
            Op::GiveBack(index) => {
                let (handle, dull) = self.replaced(index);
                match handle.give_back() {
                    Some(rest) => assert_eq!(rest.iter().collect::<Vec<_>>(), dull.rest()),
                    None => dull.give_back(),
                }
            }
            Op::Finish(index) => {
                let (handle, dull) = self.replaced(index);
                let rest: Vec<u64> = handle.finish().into_iter().flatten().collect();
                assert_eq!(rest, dull.rest());
            }
            Op::DropHandle(index) => {
                let (handle, dull) = self.replaced(index);
                let gaps = self.real.gaps();
                drop(handle);
                match self.real.gaps() - gaps {
                    0 => dull.give_back(),
                    counted => {
                        assert_eq!(counted, dull.rest().len() as u64);
                        self.dull.count_gap(counted);
                    }
                }
            }
            other => panic!("{other:?} is no step of a handle"),
        }
    }

    fn replaced(&mut self, index: usize) -> (SegmentHandle<&'a SegmentCursor>, DullHandle<'a>) {
        let fresh = SegmentHandle::new(self.real, wish(BLOCK));
        let dull = DullHandle::new(self.dull, BLOCK);
        let handle = std::mem::replace(&mut self.handles[index], fresh);
        (handle, std::mem::replace(&mut self.dull_handles[index], dull))
    }

    fn assert_same(&self) {
        assert_eq!(self.real.remaining(), self.dull.remaining());
        assert_eq!(self.real.highest_supplied(), self.dull.highest());
        assert_eq!(self.real.needs_refill(), self.dull.needs_refill());
        assert_eq!(self.real.gaps(), self.dull.gaps());
        for (handle, dull) in self.handles.iter().zip(&self.dull_handles) {
            assert_eq!(handle.rest().into_iter().flatten().collect::<Vec<_>>(), dull.rest());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn does_what_the_dull_twin_does(ops in proptest::collection::vec(op(), 1..120)) {
        let (real, dull) = (SegmentCursor::new(), DullCursor::default());
        let mut pair = Pair::new(&real, &dull);
        for op in ops {
            pair.step(op);
            pair.assert_same();
        }
    }
}

#[test]
fn a_rest_at_the_words_end_goes_back() {
    let (real, dull) = (SegmentCursor::new(), DullCursor::default());
    let mut pair = Pair::new(&real, &dull);
    pair.step(Op::Supply { above: 1, step: 3, len: 20 });
    pair.step(Op::HandleNext(0));
    assert_eq!(real.remaining(), 15);
    let (handle, _) = pair.replaced(0);
    assert_eq!(handle.give_back(), None);
    assert_eq!((real.remaining(), real.gaps(), real.next_id()), (19, 0, Ok(4)));
}
