//! Decimal: twenty digits, less the zeros in front.
//!
//! Written as four digits and twice eight, two digits at a time from a table. Eight digits become a
//! binary fraction by one multiplication: two digits before the point, six behind it. Times a
//! hundred, the next two stand before the point. That hundred is 25 and a point that moves by two
//! bits, since 25 times takes two additions where a multiplication would keep the next one waiting.

use super::{Form, IdText, TextError, push_digit};

/// The digits of each number below 100, the first in the lower byte.
static PAIRS: [u16; 128] = pairs();

const fn pairs() -> [u16; 128] {
    let mut table = [0; 128];
    let mut number: u8 = 0;
    while number < 100 {
        table[number as usize] = u16::from_le_bytes([number / 10, number % 10]);
        number += 1;
    }
    table
}

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

#[inline]
pub(super) fn encode(id: u64) -> IdText {
    const EIGHT: u64 = 100_000_000;
    let (upper, lower) = (id / EIGHT, eight_digits(id % EIGHT));
    let (top, middle) = (four_digits(upper / EIGHT) << 32, eight_digits(upper % EIGHT));
    // The first digit stands in the lowest byte, so zeros in front are trailing ones here.
    let zeros = match (top, middle) {
        (0, 0) => 128 + lower.trailing_zeros().min(56),
        (0, _) => 64 + middle.trailing_zeros(),
        _ => top.trailing_zeros(),
    };
    let mut bytes = [b'0'; 32];
    for (place, digits) in bytes[8..].chunks_exact_mut(8).zip([top, middle, lower]) {
        place.copy_from_slice(&(digits + EACH * u64::from(b'0')).to_le_bytes());
    }
    // 4 to 23 zeros of 24 digits are left out.
    #[expect(clippy::cast_possible_truncation, reason = "at most 31")]
    IdText { bytes, from: 8 + (zeros / 8) as u8, to: 32 }
}

/// The digits of a number below 10^8, one in each byte, the first in the lowest.
///
/// The reciprocal is rounded up by less than 2^-57, which makes the fraction too large by less than
/// 10^8 / 2^57: far below the 10^-6 that would change a digit.
#[inline(always)]
pub(super) fn eight_digits(number: u64) -> u64 {
    const RECIPROCAL: u64 = (1 << 57) / 1_000_000 + 1;
    let first = number * RECIPROCAL;
    let second = next_pair(first, 57);
    let third = next_pair(second, 55);
    let fourth = next_pair(third, 53);
    pair(first >> 57)
        | pair(second >> 55) << 16
        | pair(third >> 53) << 32
        | pair(fourth >> 51) << 48
}

/// The same of a number below 10^4 in the lower four bytes; its fraction is too large by less than
/// 10^4 / 2^32, which is below 10^-2.
#[inline(always)]
pub(super) fn four_digits(number: u64) -> u64 {
    const RECIPROCAL: u64 = (1 << 32) / 100 + 1;
    let first = number * RECIPROCAL;
    pair(first >> 32) | pair(next_pair(first, 32) >> 30) << 16
}

/// What stands behind the point, times a hundred; the point moves down by two bits.
#[inline(always)]
fn next_pair(number: u64, point: u32) -> u64 {
    (number & ((1 << point) - 1)) * 25
}

#[inline(always)]
fn pair(number: u64) -> u64 {
    debug_assert!(number < 100, "two digits stand before the point");
    // Below 128 whatever comes: the index needs no check.
    u64::from(PAIRS[(number & 127) as usize])
}

pub(super) fn decode(text: &[u8]) -> Result<u64, TextError> {
    let form = Form::Decimal;
    if text.is_empty() || text.len() > form.len() {
        return Err(TextError::Length { form, found: text.len() });
    }
    let mut id = 0_u64;
    for (at, &byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(TextError::Character { form, byte, at });
        }
        id = push_digit(id, 10, digit)?;
    }
    if text[0] == b'0' && text.len() > 1 {
        return Err(TextError::LeadingZero);
    }
    Ok(id)
}
