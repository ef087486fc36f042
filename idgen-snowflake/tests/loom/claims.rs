//! Numbers are claimed once, in open ticks and across a raise.

use idgen_core::Floor;
use idgen_snowflake::{Layout, Rule, Snowflake};
use loom::sync::Arc;
use loom::thread;

use crate::scene::{
    Clocks, T, at, block, holds, ids, join, lease, number, number_in, snowflake, unique,
};

#[test]
fn claims_are_disjoint() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 20, 10);
        let parts = [ids(&snowflake, at(0), 2), ids(&snowflake, at(0), 1)];
        let all = join(parts);
        unique(&all);
        assert_eq!(all.len(), 3);
    }
    holds(scene, &[Rule::ClaimIsOneAdd]);
}

#[test]
fn claims_of_a_layout_that_is_not_plain_are_disjoint() {
    const TWOS: Layout =
        Layout::builder(20).epoch_unix_ms(T - 100).tick_ms(2).sequence(2).node("worker", 2).build();
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &TWOS, lease(Floor::at(T), 6), 2).unwrap();
        let snowflake = Arc::new(made);
        let parts = [ids(&snowflake, at(3), 3), ids(&snowflake, at(5), 1)];
        let ended = snowflake.end();
        let all = join(parts);
        unique(&all);
        let floor = ended.unwrap().floor();
        for &id in &all {
            let (ms, sequence) = number_in(&TWOS, id);
            assert!((2..6).contains(&ms), "outside window or lease");
            assert!(Floor { unix_ms: T + ms, sequence } < floor, "at or above the receipt");
        }
    }
    holds(scene, &[Rule::ClaimIsOneAdd, Rule::SlowIsOneExchange, Rule::EndIsOneOr]);
}

#[test]
fn raises_agree() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        let parts = [ids(&snowflake, at(3), 2), ids(&snowflake, at(3), 1)];
        let all = join(parts);
        unique(&all);
        // A raise to the same tick by both starts it once.
        assert!(all.iter().all(|&id| number(id).0 == 3));
    }
    holds(scene, &[Rule::SlowIsOneExchange, Rule::ClaimIsOneAdd, Rule::LowerBound]);
}

#[test]
fn a_raise_meets_claims_of_the_tick_before() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 1);
        let parts = [ids(&snowflake, at(1), 2), ids(&snowflake, at(2), 2)];
        let all = join(parts);
        unique(&all);
        assert!(all.iter().all(|&id| (1..=3).contains(&number(id).0)), "outside both windows");
    }
    holds(scene, &[Rule::SlowIsOneExchange, Rule::LowerBound]);
}

#[test]
fn blocks_do_not_cross_a_tick() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 1, 4, 2);
        let taker = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || {
                let first = block(&snowflake, &at(0), 3);
                let start = first.first().map(|&id| number(id));
                for &id in &first {
                    assert_eq!(Some(number(id).0), start.map(|(tick, _)| tick), "two ticks");
                }
                first
            }
        });
        let all = join([taker, ids(&snowflake, at(0), 2)]);
        unique(&all);
    }
    holds(scene, &[Rule::BlockInTick, Rule::SlowIsOneExchange]);
}

#[test]
fn a_fill_by_the_hint_meets_claims() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 1, 9, 2);
        let filler = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || {
                let mut buffer = [0; 4];
                let filled = snowflake.fill(&Clocks { hint: T, exact: T + 1 }, &mut buffer);
                buffer[..filled].to_vec()
            }
        });
        let all = join([filler, ids(&snowflake, at(0), 2)]);
        unique(&all);
        assert!(all.len() >= 5, "the fill is not full");
        assert!(all.iter().all(|&id| number(id).0 <= 3), "ahead of both windows");
    }
    holds(scene, &[Rule::SlowIsOneExchange]);
}

#[test]
fn refused_calls_do_not_push_the_word() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 0);
        drop(block(&snowflake, &at(0), 4));
        let parts = [ids(&snowflake, at(0), 3), ids(&snowflake, at(0), 3)];
        assert!(join(parts).is_empty());
        let floor = snowflake.end().unwrap().floor();
        assert!(floor <= Floor { unix_ms: T + 1, sequence: 2 }, "overshoot above threads");
    }
    holds(scene, &[Rule::GateRises]);
}
