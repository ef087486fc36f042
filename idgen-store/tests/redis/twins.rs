//! Memory and Redis, whose common lease is decided by a script, say the same.

use proptest::prelude::*;

use crate::fresh;
use crate::network::wait;
use crate::twin::{compare, step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn twins_say_the_same(steps in prop::collection::vec(step(), 1..60)) {
        let place = fresh();
        wait(compare(&place.store(), &steps))?;
    }
}
