//! Clocks that step back, disagree with their hints or run wild.

use idgen_core::{At, Floor, Refusal};
use idgen_snowflake::{Rule, Snowflake};
use loom::sync::Arc;

use crate::scene::{
    Clocks, T, WIDE, at, holds, ids, join, lease, number, number_in, snowflake, unique, within,
};

#[test]
fn a_clock_steps_back_within_and_beyond_the_window() {
    fn scene(rule: Option<Rule>) {
        let made = Snowflake::without(rule, &WIDE, lease(Floor::at(T), 20), 2).unwrap();
        let snowflake = Arc::new(made);
        let tick = |id: u64| number_in(&WIDE, id).0;
        let parts =
            [ids(&snowflake, at(6), 1), ids(&snowflake, at(4), 2), ids(&snowflake, at(1), 1)];
        let [ahead, near, far] = parts.map(|part| part.join().unwrap());
        assert_eq!(ahead.len() + near.len(), 3, "a step back within the window shows");
        let mut all = ahead;
        assert!(near.iter().all(|&id| (4..=6).contains(&tick(id))), "outside its window");
        assert!(far.iter().all(|&id| (1..=3).contains(&tick(id))), "outside its window");
        all.extend(near.into_iter().chain(far));
        unique(&all);
        assert_eq!(snowflake.next_id(&at(3)), Err(Refusal::NotYet { wait_ms: 1 }));
    }
    holds(scene, &[Rule::WindowTest, Rule::SlowIsOneExchange]);
}

#[test]
fn hint_and_exact_time_disagree() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 10, 1);
        let parked = Clocks { hint: 0, exact: T + 2 };
        let lagging = Clocks { hint: T, exact: T + 2 };
        let all = join([ids(&snowflake, parked, 2), ids(&snowflake, lagging, 2)]);
        unique(&all);
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|&id| number(id).0 <= 3), "ahead of every window");
    }
    holds(scene, &[Rule::SlowIsOneExchange]);
}

#[test]
fn a_wild_clock_stays_in_the_lease() {
    fn scene(rule: Option<Rule>) {
        let snowflake = snowflake(rule, 0, 3, 10);
        let parts = [ids(&snowflake, At(u64::MAX), 2), ids(&snowflake, at(90), 2)];
        let mut all = join(parts);
        assert_eq!(all.len(), 4, "the last tick does not serve a clock past the horizon");
        all.extend(snowflake.next_id(&At(u64::MAX)));
        unique(&all);
        within(&all, 3);
    }
    holds(scene, &[Rule::HorizonTest, Rule::SlowIsOneExchange]);
}
