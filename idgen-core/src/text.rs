//! Text forms of an id, without allocation.
//!
//! | form | alphabet | length | sorts like the number |
//! |---|---|---|---|
//! | [`Form::Decimal`] | `0-9` | 1 to 20 | no |
//! | [`Form::Base32`] | [Crockford's], upper case | 13 | yes |
//! | [`Form::Base62`] | `0-9A-Za-z` | 11 | yes, by bytes |
//! | [`Form::Hex`] | `0-9a-f` | 16 | yes |
//!
//! Decoding is strict: it accepts exactly what encoding writes, so that one id has one text in
//! each form. Signs, blanks, leading zeros of a decimal, other letter case and Crockford's
//! look-alikes (`O` for `0`) are refused with the offending character named.
//!
//! [Crockford's]: https://www.crockford.com/base32.html

use core::ops::Deref;

/// One of the four text forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Decimal, 1 to 20 digits.
    Decimal,
    /// Crockford base32, 13 characters.
    Base32,
    /// Base62 in the order of ASCII, 11 characters.
    Base62,
    /// Lower-case hexadecimal, 16 digits.
    Hex,
}

impl Form {
    /// The form's name as the command line and the native API spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decimal => "dec",
            Self::Base32 => "base32",
            Self::Base62 => "base62",
            Self::Hex => "hex",
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Decimal => 20,
            Self::Base32 => 13,
            Self::Base62 => 11,
            Self::Hex => 16,
        }
    }
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text is too short or too long for its form.
    #[error("an id in {} has {} characters, this text has {found}", form.name(), Length(*form))]
    Length {
        /// The form that was asked for.
        form: Form,
        /// The text's length in bytes.
        found: usize,
    },
    /// A character that the form does not have.
    #[error("byte {byte:#04x} at {at} is no digit of {}", form.name())]
    Character {
        /// The form that was asked for.
        form: Form,
        /// The first byte that is no digit.
        byte: u8,
        /// Where it stands, counted from 0.
        at: usize,
    },
    /// A decimal with needless zeros in front.
    #[error("an id in decimal has no leading zeros; write it without them")]
    LeadingZero,
    /// A number above 2^64 - 1.
    #[error("the number is above 2^64-1 and no id; check where the text came from")]
    TooLarge,
}

struct Length(Form);

impl core::fmt::Display for Length {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Form::Decimal => f.write_str("1 to 20"),
            form => write!(f, "{}", form.len()),
        }
    }
}

/// The text of one id on the stack; dereferences to `str`.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; 20],
    from: u8,
    to: u8,
}

impl IdText {
    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[usize::from(self.from)..usize::from(self.to)];
        // Only ASCII digits are ever written, so the empty text never shows.
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Deref for IdText {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl core::fmt::Display for IdText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self)
    }
}

impl core::fmt::Debug for IdText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";
const NO_DIGIT: u8 = 0xff;

static CROCKFORD_VALUES: [u8; 256] = values(CROCKFORD);
static BASE62_VALUES: [u8; 256] = values(BASE62);
static HEX_VALUES: [u8; 256] = values(HEX);
static DECIMAL_PAIRS: [u8; 200] = decimal_pairs();

#[expect(clippy::cast_possible_truncation, reason = "alphabets have at most 62 letters")]
const fn values(alphabet: &[u8]) -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table
}

#[expect(clippy::cast_possible_truncation, reason = "two digits of a number below 100")]
const fn decimal_pairs() -> [u8; 200] {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
}

/// Writes `id` in a form.
///
/// # Examples
///
/// ```
/// use idgen_core::text::{Form, encode};
/// assert_eq!(&*encode(0, Form::Decimal), "0");
/// assert_eq!(&*encode(u64::MAX, Form::Base32), "FZZZZZZZZZZZZ");
/// assert_eq!(&*encode(u64::MAX, Form::Base62), "LygHa16AHYF");
/// assert_eq!(&*encode(255, Form::Hex), "00000000000000ff");
/// ```
#[inline]
pub fn encode(id: u64, form: Form) -> IdText {
    match form {
        Form::Decimal => encode_decimal(id),
        Form::Base32 => encode_bits::<13, 5>(id, CROCKFORD),
        Form::Base62 => encode_base62(id),
        Form::Hex => encode_bits::<16, 4>(id, HEX),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "remainders below 100 and the length 20")]
fn encode_decimal(id: u64) -> IdText {
    let mut bytes = [0; 20];
    let mut from = bytes.len();
    let mut rest = id;
    while rest >= 100 {
        let pair = 2 * (rest % 100) as usize;
        rest /= 100;
        from -= 2;
        bytes[from..from + 2].copy_from_slice(&DECIMAL_PAIRS[pair..pair + 2]);
    }
    let pair = 2 * rest as usize;
    if rest >= 10 {
        from -= 1;
        bytes[from] = DECIMAL_PAIRS[pair + 1];
    }
    from -= 1;
    bytes[from] = DECIMAL_PAIRS[pair + usize::from(rest < 10)];
    IdText { bytes, from: from as u8, to: 20 }
}

/// Alphabets of 2^BITS letters: every digit is a shift and a mask, so the loop unrolls.
#[expect(clippy::cast_possible_truncation, reason = "LEN is 13 or 16")]
fn encode_bits<const LEN: usize, const BITS: u32>(id: u64, alphabet: &[u8]) -> IdText {
    let mut bytes = [0; 20];
    for (place, byte) in (0_u32..).zip(bytes[..LEN].iter_mut()) {
        let shift = BITS * (LEN as u32 - 1 - place);
        *byte = alphabet[(id >> shift) as usize & (alphabet.len() - 1)];
    }
    IdText { bytes, from: 0, to: LEN as u8 }
}

fn encode_base62(id: u64) -> IdText {
    let mut bytes = [0; 20];
    let mut rest = id;
    for byte in bytes[..11].iter_mut().rev() {
        *byte = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    IdText { bytes, from: 0, to: 11 }
}

/// Reads an id from exactly what [`encode`] writes.
///
/// # Errors
///
/// [`TextError`] names the first thing that is wrong.
///
/// # Examples
///
/// ```
/// use idgen_core::text::{Form, TextError, decode};
/// assert_eq!(decode("FZZZZZZZZZZZZ", Form::Base32), Ok(u64::MAX));
/// assert_eq!(decode("007", Form::Decimal), Err(TextError::LeadingZero));
/// ```
#[inline]
pub fn decode(text: &str, form: Form) -> Result<u64, TextError> {
    match form {
        Form::Decimal => decode_decimal(text.as_bytes()),
        Form::Base32 => decode_bits::<13, 5>(text.as_bytes(), &CROCKFORD_VALUES, form),
        Form::Base62 => decode_base62(text.as_bytes()),
        Form::Hex => decode_bits::<16, 4>(text.as_bytes(), &HEX_VALUES, form),
    }
}

fn decode_decimal(text: &[u8]) -> Result<u64, TextError> {
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

fn decode_bits<const LEN: usize, const BITS: u32>(
    text: &[u8],
    values: &[u8; 256],
    form: Form,
) -> Result<u64, TextError> {
    let Ok(text) = <&[u8; LEN]>::try_from(text) else {
        return Err(TextError::Length { form, found: text.len() });
    };
    let mut id = 0_u64;
    let mut seen = 0;
    for &byte in text {
        let value = values[usize::from(byte)];
        seen |= value;
        id = (id << BITS) | u64::from(value & !(NO_DIGIT << BITS));
    }
    // A digit is below 2^BITS; the mark of a stranger has every bit set.
    if seen >> BITS != 0 {
        return Err(stranger(text, values, form));
    }
    // Thirteen base32 digits are 65 bits, of which an id has 64: the first digit is below 16.
    if values[usize::from(text[0])] >= 16 {
        return Err(TextError::TooLarge);
    }
    Ok(id)
}

#[cold]
fn stranger(text: &[u8], values: &[u8; 256], form: Form) -> TextError {
    let at = text.iter().position(|&byte| values[usize::from(byte)] == NO_DIGIT).unwrap_or(0);
    TextError::Character { form, byte: text[at], at }
}

fn decode_base62(text: &[u8]) -> Result<u64, TextError> {
    let form = Form::Base62;
    let Ok(text) = <&[u8; 11]>::try_from(text) else {
        return Err(TextError::Length { form, found: text.len() });
    };
    let mut id = 0_u64;
    for (at, &byte) in text.iter().enumerate() {
        let value = BASE62_VALUES[usize::from(byte)];
        if value == NO_DIGIT {
            return Err(TextError::Character { form, byte, at });
        }
        id = push_digit(id, 62, value)?;
    }
    Ok(id)
}

#[inline]
fn push_digit(id: u64, base: u64, digit: u8) -> Result<u64, TextError> {
    let shifted = id.checked_mul(base).ok_or(TextError::TooLarge)?;
    shifted.checked_add(u64::from(digit)).ok_or(TextError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::ToString;

    const FORMS: [Form; 4] = [Form::Decimal, Form::Base32, Form::Base62, Form::Hex];

    fn edges() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), (0_u32..64).prop_map(|bit| 1_u64 << bit), 0_u64..2000]
    }

    proptest! {
        #[test]
        fn one_id_one_text(id in edges()) {
            for form in FORMS {
                let text = encode(id, form);
                prop_assert_eq!(decode(&text, form), Ok(id));
            }
            prop_assert_eq!(&*encode(id, Form::Decimal), id.to_string());
            prop_assert_eq!(&*encode(id, Form::Hex), format!("{id:016x}"));
        }

        #[test]
        fn fixed_forms_sort_like_numbers(a in any::<u64>(), b in any::<u64>()) {
            for form in [Form::Base32, Form::Base62, Form::Hex] {
                let (text_a, text_b) = (encode(a, form), encode(b, form));
                prop_assert_eq!(a.cmp(&b), text_a.as_bytes().cmp(text_b.as_bytes()));
            }
        }

        #[test]
        fn strict_whatever_comes(text in "[0-9A-Za-z +-]{0,21}") {
            for form in FORMS {
                if let Ok(id) = decode(&text, form) {
                    prop_assert_eq!(&*encode(id, form), &text);
                }
            }
        }
    }

    #[test]
    fn the_first_number_too_large_is_refused() {
        let max_plus_one = [
            ("18446744073709551616", Form::Decimal),
            ("G000000000000", Form::Base32),
            ("LygHa16AHYG", Form::Base62),
        ];
        for (text, form) in max_plus_one {
            assert_eq!(decode(text, form), Err(TextError::TooLarge), "{text}");
        }
        assert_eq!(decode("ffffffffffffffff", Form::Hex), Ok(u64::MAX));
    }

    #[test]
    fn errors_name_the_cause() {
        let error = decode("00000000000O0", Form::Base32).unwrap_err();
        assert_eq!(error, TextError::Character { form: Form::Base32, byte: b'O', at: 11 });
        assert_eq!(error.to_string(), "byte 0x4f at 11 is no digit of base32");
        let error = decode("", Form::Decimal).unwrap_err();
        assert_eq!(error.to_string(), "an id in dec has 1 to 20 characters, this text has 0");
        let error = decode("abc", Form::Hex).unwrap_err();
        assert_eq!(error.to_string(), "an id in hex has 16 characters, this text has 3");
    }
}
