//! The receipt: everything issued lies below it, and there is one.

use idgen_core::{Ended, Floor, Refusal, Renewal, WorkerLease};
use idgen_snowflake::{Buckets, Layout, Rule, Snowflake, SnowflakeHandle};
use loom::sync::Arc;
use loom::thread;

use crate::scene::{
    LAYOUT, T, WIDE, at, below, block, holds, ids, join, lease, number_in, snowflake, unique,
};

const BUCKETED: Layout = Layout::builder(20)
    .epoch_unix_ms(T - 100)
    .node("worker", 2)
    .bucket("bucket", 1)
    .sequence(2)
    .build();

#[test]
fn the_receipt_lies_above_every_id_and_is_complete() {
    fn scene(rule: Option<Rule>) {
        let old = snowflake(rule, 0, 20, 10);
        let parts = [ids(&old, at(0), 2), ids(&old, at(0), 1)];
        let ended = old.end().unwrap();
        let mut all = join(parts);
        below(&all, &ended);
        // Nothing was dropped below it either: all of it was issued.
        let used = (ended.floor().unix_ms - T) * 4 + ended.floor().sequence;
        assert_eq!(used, all.len() as u64, "the receipt skips numbers");
        assert_eq!(old.next_id(&at(0)), Err(Refusal::Ended));
        let lease = WorkerLease::resume(ended, &Renewal::assume(1, T + 20)).unwrap();
        let heir = Snowflake::new(&LAYOUT, lease).unwrap();
        all.extend((0..2).map(|_| heir.next_id(&at(0)).unwrap()));
        unique(&all);
    }
    holds(scene, &[Rule::EndIsOneOr, Rule::EndedBitCompared, Rule::ClaimIsOneAdd]);
}

#[test]
fn a_block_lies_below_the_receipt_or_is_refused() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        let taker = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || block(&snowflake, &at(1), 3)
        });
        let parts = [taker, ids(&snowflake, at(1), 1)];
        let ended = snowflake.end().unwrap();
        let all = join(parts);
        unique(&all);
        below(&all, &ended);
    }
    holds(scene, &[Rule::EndIsOneOr, Rule::SlowIsOneExchange]);
}

#[test]
fn one_ender_is_elected() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 20, 10);
        let end = || {
            let snowflake = Arc::clone(&snowflake);
            thread::spawn(move || usize::from(snowflake.end().is_some()))
        };
        let (a, b) = (end(), end());
        let all = join([ids(&snowflake, at(0), 1)]);
        assert!(all.len() <= 1);
        assert_eq!(a.join().unwrap() + b.join().unwrap(), 1, "not exactly one receipt");
        assert!(snowflake.is_ended());
    }
    holds(scene, &[Rule::OneEnder, Rule::EndIsOneOr]);
}

#[test]
fn handles_end_below_the_receipt() {
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &WIDE, lease(Floor::at(T), 20), 2).unwrap();
        let snowflake = std::sync::Arc::new(made);
        let mut handle = SnowflakeHandle::new(std::sync::Arc::clone(&snowflake));
        let user = thread::spawn(move || {
            let early: Vec<u64> = (0..2).filter_map(|_| handle.next_id(&at(0)).ok()).collect();
            let late: Vec<u64> = handle.next_id(&at(3)).into_iter().collect();
            assert!(late.iter().all(|&id| number_in(&WIDE, id).0 >= 3), "a block of old time");
            [early, late].concat()
        });
        let direct: Vec<u64> = snowflake.next_id(&at(0)).into_iter().collect();
        let floor = snowflake.end().unwrap().floor();
        let all = [user.join().unwrap(), direct].concat();
        unique(&all);
        for &id in &all {
            let (tick, sequence) = number_in(&WIDE, id);
            assert!(Floor { unix_ms: T + tick, sequence } < floor, "at or above the receipt");
        }
    }
    holds(scene, &[Rule::BlockGoesWithTick, Rule::SlowIsOneExchange, Rule::EndIsOneOr]);
}

#[test]
fn buckets_end_as_one() {
    fn scene(rule: Option<Rule>) {
        let lease = lease(Floor::at(T), 10);
        let buckets = Arc::new(Buckets::without(rule, &BUCKETED, lease, 10).unwrap());
        let end = |buckets: &Arc<Buckets>| {
            let buckets = Arc::clone(buckets);
            thread::spawn(move || buckets.end())
        };
        let claimer = thread::spawn({
            let buckets = Arc::clone(&buckets);
            move || {
                let bucket = buckets.bucket(1).unwrap();
                (0..2).filter_map(|_| bucket.next_id(&at(0)).ok()).collect::<Vec<u64>>()
            }
        });
        let (a, b) = (end(&buckets), end(&buckets));
        let all = claimer.join().unwrap();
        let receipts: Vec<Ended> =
            [a, b].into_iter().filter_map(|ender| ender.join().unwrap()).collect();
        assert_eq!(receipts.len(), 1, "not exactly one receipt");
        for &id in &all {
            let (tick, sequence) = number_in(&BUCKETED, id);
            let floor = Floor { unix_ms: T + tick, sequence };
            assert!(floor < receipts[0].floor(), "at or above the receipt");
        }
        assert_eq!(buckets.bucket(1).unwrap().next_id(&at(0)), Err(Refusal::Ended));
    }
    holds(scene, &[Rule::AllBucketsEnd, Rule::GreatestReceipt, Rule::OneEnder]);
}
