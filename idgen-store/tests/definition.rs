//! The arithmetic of a definition against counting on one's fingers.

use idgen_store::{Definition, DefinitionError, Order};
use proptest::prelude::*;

/// The ids of a definition by looking at every number, where there are few.
fn by_hand(low: u64, high: u64, definition: &Definition) -> Vec<u64> {
    let (increment, offset) = (definition.increment(), definition.offset());
    let bounds = definition.first().max(low)..=definition.end().min(high);
    bounds.filter(|n| n % increment == offset).collect()
}

/// Bounds near 1 and near 2^64 - 1.
fn window() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1_u64), Just(u64::MAX - 250), 2_u64..1000, (1_u64 << 63) - 100..1 << 63]
}

proptest! {
    #[test]
    fn a_range_is_what_counting_finds(
        base in window(),
        skip in 0_u64..120,
        span in 0_u64..130,
        increment in 1_u64..40,
        offset in 0_u64..100,
        bound in 0_u64..250,
        len in 0_u64..60,
    ) {
        let (first, end) = (base + skip, base + skip + span);
        let made = Definition::new(first, increment, offset, end, Order::Leased);
        let Ok(definition) = made else {
            let none = (first..=end).all(|n| n % increment != offset % increment);
            prop_assert!(none, "{made:?} though there are members");
            return Ok(());
        };
        let bound = (base - 1) + bound;
        let above = bound.checked_add(1).map(|low| by_hand(low, u64::MAX, &definition));
        let above = above.unwrap_or_default();
        let due: Vec<u64> = above.iter().copied().take(usize::try_from(len).unwrap()).collect();
        let range = definition.range_after(bound, len);
        let seen: Vec<u64> = range.into_iter().flatten().collect();
        prop_assert_eq!(seen, due);
        prop_assert_eq!(definition.next_after(bound), above.first().copied());
    }

    #[test]
    fn wide_definitions_reach_the_end(
        increment in 1_u64..=u64::MAX,
        offset in any::<u64>(),
        bound in any::<u64>(),
        len in any::<u64>(),
    ) {
        let made = Definition::new(1, increment, offset, u64::MAX, Order::Leased);
        let definition = made.expect("every residue below 2^64 has a member, 0 has the increment");
        if let Some(range) = definition.range_after(bound, len) {
            prop_assert!(range.start() > bound && range.len() <= len);
            prop_assert_eq!(range.start() % increment, offset % increment);
            prop_assert_eq!(range.step(), increment);
            let next = range.last().checked_add(increment);
            prop_assert!(range.len() == len || next.is_none(), "fewer, and not at the end");
        } else {
            let next = (bound / increment).checked_mul(increment)
                .and_then(|low| low.checked_add(offset % increment));
            let after = next.filter(|n| *n > bound)
                .or_else(|| next.and_then(|n| n.checked_add(increment)));
            prop_assert!(len == 0 || after.is_none(), "{after:?} lies above {bound}");
        }
    }
}

#[test]
fn what_defines_no_sequence() {
    let new = |first, increment, offset, end| {
        Definition::new(first, increment, offset, end, Order::Leased)
    };
    assert_eq!(new(0, 1, 0, 9), Err(DefinitionError::FirstZero));
    assert_eq!(new(1, 0, 0, 9), Err(DefinitionError::IncrementZero));
    let error = new(4, 10, 3, 12).unwrap_err();
    assert_eq!(error.to_string(), "no number = 3 mod 10 lies in 4..=12; widen the bounds");
    assert_eq!(
        new(9, 1, 0, 8).unwrap_err(),
        DefinitionError::Empty { first: 9, increment: 1, offset: 0, end: 8 }
    );
    assert_eq!(new(1, 10, 13, 99), new(1, 10, 3, 99), "equal progressions compare equal");
}
