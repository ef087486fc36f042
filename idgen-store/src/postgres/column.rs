//! Unsigned numbers in columns of type `numeric`, in the binary form of PostgreSQL's protocol.
//!
//! Four 16-bit words (count of digits, weight of the first, sign, digits behind the point), then
//! the digits to the base 10,000. Digits that are zero at the end may be left out.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

const BASE: u128 = 10_000;

/// A `u64` as a column holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Num(pub(super) u64);

/// What a numeric column holds that idgen never writes.
#[derive(Debug, thiserror::Error)]
#[error("a number is none of 0 to 2^64-1")]
struct NoU64;

impl ToSql for Num {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mut digits = Vec::with_capacity(5);
        let mut rest = u128::from(self.0);
        while rest > 0 {
            digits.push(i16::try_from(rest % BASE)?);
            rest /= BASE;
        }
        let count = i16::try_from(digits.len())?;
        out.put_i16(count);
        // Of zero there are no digits, and any weight will do.
        out.put_i16(count - 1);
        out.put_i16(0);
        out.put_i16(0);
        digits.iter().rev().for_each(|digit| out.put_i16(*digit));
        Ok(IsNull::No)
    }

    accepts!(NUMERIC);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Num {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(decode(raw).map(Self).ok_or(NoU64)?)
    }

    accepts!(NUMERIC);
}

fn decode(raw: &[u8]) -> Option<u64> {
    let (words, []) = raw.as_chunks::<2>() else { return None };
    let mut words = words.iter().map(|word| i16::from_be_bytes(*word));
    let (count, weight) = (words.next()?, words.next()?);
    let (sign, _scale) = (words.next()?, words.next()?);
    if sign != 0 || words.len() != usize::try_from(count).ok()? {
        return None;
    }
    let mut number = 0;
    let mut places = usize::try_from(weight.checked_add(1)?).ok().filter(|places| *places <= 5)?;
    for digit in words {
        let digit = u128::try_from(digit).ok().filter(|digit| *digit < BASE)?;
        places = places.checked_sub(1)?;
        number = number * BASE + digit;
    }
    for _ in 0..places {
        number *= BASE;
    }
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(number: u64) -> Option<u64> {
        let mut bytes = BytesMut::new();
        Num(number).to_sql(&Type::NUMERIC, &mut bytes).unwrap();
        decode(&bytes)
    }

    #[test]
    fn edges_come_back() {
        for number in [0, 1, 9_999, 10_000, 100_000_000, 1 << 63, u64::MAX - 1, u64::MAX] {
            assert_eq!(there_and_back(number), Some(number));
        }
    }

    #[test]
    fn what_is_no_u64_is_refused() {
        let words = |words: &[i16]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        };
        assert_eq!(decode(&words(&[1, 1, 0, 0, 7])), Some(70_000), "zeros left out");
        assert_eq!(decode(&words(&[1, 0, 0x4000, 0, 7])), None, "negative");
        assert_eq!(decode(&words(&[0, 0, i16::MIN, 0])), None, "infinite or no number");
        assert_eq!(decode(&words(&[2, 0, 0, 1, 7, 5000])), None, "a fraction");
        assert_eq!(decode(&words(&[1, 4, 0, 0, 9999])), None, "above 2^64-1");
        assert_eq!(decode(&words(&[1, 5, 0, 0, 1])), None, "far above");
        assert_eq!(decode(&words(&[2, 1, 0, 0, 1])), None, "cut off");
        assert_eq!(decode(&[0]), None);
    }

    proptest! {
        #[test]
        fn all_numbers_come_back(number: u64, shift in 0_u32..64) {
            prop_assert_eq!(there_and_back(number >> shift), Some(number >> shift));
        }
    }
}
