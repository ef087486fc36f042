//! Crockford base32: thirteen letters of five bits, the first of four.
//!
//! Written without a table, sixteen lanes at a time: two words of forty bits are spread to a byte
//! for each five bits, and each byte becomes its letter by comparisons, which compilers turn into
//! vector instructions. Read with a table, every letter shifted to its place by itself: a chain of
//! shifts would take as long as its thirteen links.

use super::{Form, IdText, TextError, stranger, values};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static VALUES: [u8; 256] = values(ALPHABET);

/// Two words of eight digits; the last three of the sixteen are not part of the text.
#[inline]
pub(super) fn encode(id: u64) -> IdText {
    let (first, second) = (spread(id >> 25), spread(id << 15 & FORTY_BITS));
    let mut half = (u128::from(first) << 64 | u128::from(second)).to_be_bytes();
    for byte in &mut half {
        *byte = crockford(*byte);
    }
    IdText::front(half, 13)
}

const FORTY_BITS: u64 = (1 << 40) - 1;

/// Forty bits as eight bytes of five.
#[inline(always)]
fn spread(bits: u64) -> u64 {
    let twenties = bits & 0x000f_ffff | (bits & 0x00ff_fff0_0000) << 12;
    let tens = twenties & 0x0000_03ff_0000_03ff | (twenties & 0x000f_fc00_000f_fc00) << 6;
    tens & 0x001f_001f_001f_001f | (tens & 0x03e0_03e0_03e0_03e0) << 3
}

/// The letter of a value below 32: compared, not looked up, so that sixteen take one step.
#[inline(always)]
fn crockford(value: u8) -> u8 {
    // The alphabet leaves out what lies between 9 and A, and then I, L, O and U.
    let letters = u8::from(value > 9) * (b'A' - b'9' - 1);
    let left_out = [17, 19, 21, 26].map(|last| u8::from(value > last));
    value + b'0' + letters + left_out[0] + left_out[1] + left_out[2] + left_out[3]
}

#[inline]
pub(super) fn decode(text: &[u8]) -> Result<u64, TextError> {
    let form = Form::Base32;
    let Ok(text) = <&[u8; 13]>::try_from(text) else {
        return Err(TextError::Length { form, found: text.len() });
    };
    let value = |at: usize| u64::from(VALUES[usize::from(text[at])]);
    let (mut id, mut seen) = (0, 0);
    for at in 0..13 {
        seen |= value(at);
        id |= value(at) << (60 - 5 * at);
    }
    // A digit is below 32; the mark of a stranger has every bit set.
    if seen > 31 {
        return Err(stranger(text, &VALUES, form));
    }
    // Thirteen base32 digits are 65 bits, of which an id has 64: the first digit is below 16.
    if value(0) > 15 {
        return Err(TextError::TooLarge);
    }
    Ok(id)
}
