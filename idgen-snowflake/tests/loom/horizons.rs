//! Where issuing stops, and what moves that.

use idgen_core::{Refusal, Renewal, WorkerLease};
use idgen_snowflake::{Rule, Snowflake};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::scene::{LAYOUT, T, at, below, block, holds, ids, join, snowflake, unique, within};

#[test]
fn claims_stop_at_the_horizon() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        drop(block(&snowflake, &at(2), 3));
        let parts = [ids(&snowflake, at(2), 2), ids(&snowflake, at(1), 2)];
        let all = join(parts);
        unique(&all);
        within(&all, 3);
        assert_eq!(snowflake.next_id(&at(2)), Err(Refusal::Exhausted));
    }
    holds(scene, &[Rule::HorizonTest, Rule::WindowTest]);
}

#[test]
fn an_extension_opens_ground_once() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        drop(block(&snowflake, &at(2), 4));
        let recorded = Arc::new(AtomicBool::new(false));
        let extender = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                recorded.store(true, Ordering::Relaxed);
                snowflake.extend(&Renewal::assume(1, T + 6)).unwrap();
                Vec::new()
            }
        });
        let claimer = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                let all: Vec<u64> = (0..2).filter_map(|_| snowflake.next_id(&at(2)).ok()).collect();
                let seen = recorded.load(Ordering::Relaxed);
                assert!(all.is_empty() || seen, "issued before the lease was on record");
                all
            }
        });
        let mut all = join([extender, claimer]);
        within(&all, 6);
        all.extend(snowflake.next_id(&at(2)));
        unique(&all);
        assert!(!all.is_empty(), "the extended ground is not issued");
    }
    holds(scene, &[Rule::HorizonOrdered]);
}

/// The short path, opened by one thread, hands the extension on to another.
#[test]
fn an_opened_path_hands_the_extension_on() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 1);
        drop(block(&snowflake, &at(2), 4));
        let recorded = Arc::new(AtomicBool::new(false));
        let extender = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                recorded.store(true, Ordering::Relaxed);
                snowflake.extend(&Renewal::assume(1, T + 6)).unwrap();
                snowflake.next_id(&at(3)).into_iter().collect()
            }
        });
        let claimer = thread::spawn({
            let (snowflake, recorded) = (Arc::clone(&snowflake), Arc::clone(&recorded));
            move || {
                let id = snowflake.next_id(&at(3));
                let seen = recorded.load(Ordering::Relaxed);
                assert!(id.is_err() || seen, "issued before the lease was on record");
                id.into_iter().collect()
            }
        });
        let all = join([extender, claimer]);
        unique(&all);
        within(&all, 6);
    }
    holds(scene, &[Rule::HorizonOrdered]);
}

#[test]
fn horizons_only_rise() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let extend = |to: u64| {
            let snowflake = Arc::clone(&snowflake);
            thread::spawn(move || {
                snowflake.extend(&Renewal::assume(1, T + to)).unwrap();
                assert!(snowflake.horizon_unix_ms() >= T + to, "the horizon fell back");
                Vec::new()
            })
        };
        join([extend(5), extend(8)]);
        assert_eq!(snowflake.horizon_unix_ms(), T + 8);
    }
    holds(scene, &[Rule::ExtendIsMax]);
}

#[test]
fn a_foreign_renewal_opens_nothing() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let stranger = thread::spawn({
            let snowflake = Arc::clone(&snowflake);
            move || {
                assert!(snowflake.extend(&Renewal::assume(2, T + 9)).is_err());
                Vec::new()
            }
        });
        let all = join([stranger, ids(&snowflake, at(4), 1)]);
        within(&all, 3);
    }
    holds(scene, &[Rule::SameLease]);
}

#[test]
fn an_extension_races_the_end() {
    fn scene(rule: Option<Rule>) {
        let old = snowflake(rule, 0, 3, 10);
        drop(block(&old, &at(2), 3));
        let extender = thread::spawn({
            let old = Arc::clone(&old);
            move || {
                // Whatever comes first: the record has the horizon already.
                let _ = old.extend(&Renewal::assume(1, T + 6));
                Vec::new()
            }
        });
        let claimer = ids(&old, at(2), 2);
        let ended = old.end().unwrap();
        let mut all = join([extender, claimer]);
        below(&all, &ended);
        within(&all, 6);
        let lease = WorkerLease::resume(ended, &Renewal::assume(1, T + 9)).unwrap();
        let heir = Snowflake::new(&LAYOUT, lease).unwrap();
        all.extend(heir.next_id(&at(2)));
        unique(&all);
    }
    holds(scene, &[Rule::RawReceipt, Rule::EndIsOneOr]);
}
