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

mod base32;
mod decimal;

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
///
/// Fixed forms stand at the front of the bytes, decimals at their end. Around them is ASCII too, so
/// that whole words can be checked at once: checked byte by byte, a text costs twice as much.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub struct IdText {
    bytes: [u8; 32],
    from: u8,
    to: u8,
}

impl IdText {
    #[inline(always)]
    fn front(half: [u8; 16], len: u8) -> Self {
        let mut bytes = [b'0'; 32];
        bytes[..16].copy_from_slice(&half);
        Self { bytes, from: 0, to: len }
    }

    /// The text as ASCII bytes: what a socket or a file wants, and the cheapest view.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.from)..usize::from(self.to)]
    }

    /// The text. The standard library checks it for UTF-8, which costs about as much as writing it:
    /// where bytes will do, take [`as_bytes`](Self::as_bytes).
    #[inline]
    pub fn as_str(&self) -> &str {
        let (from, to) = (usize::from(self.from), usize::from(self.to));
        let all = if to <= 16 { &self.bytes[..16] } else { &self.bytes[..] };
        // Only ASCII is ever written, so the empty text never shows.
        core::str::from_utf8(all).ok().and_then(|all| all.get(from..to)).unwrap_or_default()
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

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";
const NO_DIGIT: u8 = 0xff;

static BASE62_VALUES: [u8; 256] = values(BASE62);
static HEX_VALUES: [u8; 256] = values(HEX);

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
        Form::Decimal => decimal::encode(id),
        Form::Base32 => base32::encode(id),
        Form::Base62 => encode_base62(id),
        Form::Hex => encode_hex(id),
    }
}

/// Hexadecimal: every digit is a shift and a mask, so the loop unrolls.
#[expect(clippy::cast_possible_truncation, reason = "masked below 16")]
fn encode_hex(id: u64) -> IdText {
    let mut half = [0; 16];
    for (byte, place) in half.iter_mut().zip((0..64).step_by(4).rev()) {
        *byte = HEX[(id >> place) as usize & 15];
    }
    IdText::front(half, 16)
}

fn encode_base62(id: u64) -> IdText {
    let mut half = [b'0'; 16];
    let mut rest = id;
    for byte in half[..11].iter_mut().rev() {
        *byte = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    IdText::front(half, 11)
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
        Form::Decimal => decimal::decode(text.as_bytes()),
        Form::Base32 => base32::decode(text.as_bytes()),
        Form::Base62 => decode_base62(text.as_bytes()),
        Form::Hex => decode_hex(text.as_bytes()),
    }
}

fn decode_hex(text: &[u8]) -> Result<u64, TextError> {
    let form = Form::Hex;
    let Ok(text) = <&[u8; 16]>::try_from(text) else {
        return Err(TextError::Length { form, found: text.len() });
    };
    let (mut id, mut seen) = (0_u64, 0);
    for (byte, place) in text.iter().zip((0..64).step_by(4).rev()) {
        let value = HEX_VALUES[usize::from(*byte)];
        seen |= value;
        id |= u64::from(value & 15) << place;
    }
    // A digit is below 16; the mark of a stranger has every bit set.
    if seen > 15 { Err(stranger(text, HEX, form)) } else { Ok(id) }
}

#[cold]
fn stranger(text: &[u8], alphabet: &[u8], form: Form) -> TextError {
    let at = text.iter().position(|byte| !alphabet.contains(byte)).unwrap_or(0);
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
mod tests;
