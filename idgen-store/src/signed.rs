//! Unsigned numbers for columns of 64 signed bits: `n` stands as `n - 2^63`, which keeps the order.

const HALF: u64 = 1 << 63;

/// What stands for a number.
pub(crate) fn to_signed(number: u64) -> i64 {
    // Flipping the top bit subtracts 2^63 in two's complement.
    (number ^ HALF).cast_signed()
}

/// The number that something stands for.
pub(crate) fn from_signed(stored: i64) -> u64 {
    stored.cast_unsigned() ^ HALF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_from_end_to_end() {
        let numbers = [0, 1, HALF - 1, HALF, HALF + 1, u64::MAX];
        let stored = numbers.map(to_signed);
        assert!(stored.is_sorted() && stored[0] == i64::MIN && stored[5] == i64::MAX);
        assert_eq!(stored.map(from_signed), numbers);
    }
}
