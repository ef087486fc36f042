//! Crockford base32: thirteen letters of five bits, the first of four.
//!
//! Written by pairs: ten bits choose two letters at once, and four pairs make a word in a register.
//! Stored pair by pair, the text would not be there when the check for UTF-8 loads it by words.
//!
//! Read by groups of four letters and a last one. For each place in a group there is a table in
//! which the letters' values stand shifted already, so that a letter costs a load and an OR; a
//! chain of shifts would take as long as its thirteen links. What is no letter has a bit of its own
//! above the group's twenty, which is looked at once, after all letters.

use super::{Form, IdText, TextError, stranger};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text of each ten bits, the first letter in the lower byte.
static PAIRS: [u16; 1024] = pairs();

const fn pairs() -> [u16; 1024] {
    let mut table = [0; 1024];
    let mut bits = 0;
    while bits < table.len() {
        table[bits] = u16::from_le_bytes([ALPHABET[bits >> 5], ALPHABET[bits & 31]]);
        bits += 1;
    }
    table
}

/// Two words of eight letters; the last three of the sixteen are not part of the text.
#[inline]
pub(super) fn encode(id: u64) -> IdText {
    let text = u128::from(eight_letters(id << 15)) << 64 | u128::from(eight_letters(id >> 25));
    IdText::front(text.to_le_bytes(), 13)
}

/// The letters of the lower forty bits, the first in the lowest byte.
#[inline(always)]
fn eight_letters(bits: u64) -> u64 {
    let pair = |place: u32| u64::from(PAIRS[(bits >> place & 1023) as usize]);
    pair(30) | pair(20) << 16 | pair(10) << 32 | pair(0) << 48
}

/// The letters' values where they stand in a group: five places, the first one first.
static PLACES: [[u32; 256]; 5] =
    [values_at(20), values_at(15), values_at(10), values_at(5), values_at(0)];

/// What every byte has that is no letter.
const STRANGER: u32 = 1 << 31;

const fn values_at(place: u32) -> [u32; 256] {
    let mut table = [STRANGER; 256];
    let mut value = 0;
    while value < 32 {
        table[ALPHABET[value as usize] as usize] = value << place;
        value += 1;
    }
    table
}

#[inline]
pub(super) fn decode(text: &[u8]) -> Result<u64, TextError> {
    let form = Form::Base32;
    let Ok(text) = <&[u8; 13]>::try_from(text) else {
        return Err(TextError::Length { form, found: text.len() });
    };
    let value = |at: usize, place: usize| PLACES[place][usize::from(text[at])];
    let four = |at: usize| value(at, 1) | value(at + 1, 2) | value(at + 2, 3) | value(at + 3, 4);
    let (upper, middle, lower) = (four(0), four(4), value(8, 0) | four(9));
    if (upper | middle | lower) & STRANGER != 0 {
        return Err(stranger(text, ALPHABET, form));
    }
    // Thirteen base32 digits are 65 bits, of which an id has 64: the first digit is below 16.
    if upper >> 19 != 0 {
        return Err(TextError::TooLarge);
    }
    Ok(u64::from(upper) << 45 | u64::from(middle) << 25 | u64::from(lower))
}
