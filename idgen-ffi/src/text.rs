//! Text forms of an id.

use core::ffi::c_char;
use core::str;

use idgen_core::text::{self, Form};

use crate::guard::guard;
use crate::layout::write_text;
use crate::pointer::{items, output};
use crate::status::{Answer, Status};

/// Decimal, 1 to 20 digits.
pub const IDGEN_FORM_DECIMAL: u32 = 0;
/// Crockford's base32 in upper case, 13 characters; sorts as the ids do.
pub const IDGEN_FORM_BASE32: u32 = 1;
/// Base62 in the order of ASCII, 11 characters; sorts as the ids do.
pub const IDGEN_FORM_BASE62: u32 = 2;
/// Hexadecimal in lower case, 16 digits; sorts as the ids do.
pub const IDGEN_FORM_HEX: u32 = 3;

/// The size of a buffer that holds an id in any form, its NUL included.
pub const IDGEN_TEXT_SIZE: usize = 21;

fn form_of(number: u32) -> Answer<Form> {
    match number {
        IDGEN_FORM_DECIMAL => Ok(Form::Decimal),
        IDGEN_FORM_BASE32 => Ok(Form::Base32),
        IDGEN_FORM_BASE62 => Ok(Form::Base62),
        IDGEN_FORM_HEX => Ok(Form::Hex),
        _ => Err(Status::OutOfRange),
    }
}

/// Writes an id as a string into `buffer` of `size` bytes; IDGEN_TEXT_SIZE holds every form.
///
///     char text[IDGEN_TEXT_SIZE];
///     idgen_text_encode(id, IDGEN_FORM_BASE32, text, sizeof text);
///
/// OUT_OF_RANGE: `form` is no form; BUFFER_TOO_SMALL: nothing is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_text_encode(
    id: u64,
    form: u32,
    buffer: *mut c_char,
    size: usize,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { write_text(&text::encode(id, form_of(form)?), buffer, size) }
    })
}

/// Reads an id from `text` of `len` bytes, which need not end with a NUL. Strict: just what
/// encoding writes is read, so one id has one text in each form.
///
/// BAD_TEXT; OUT_OF_RANGE: `form` is no form.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_text_decode(
    text: *const c_char,
    len: usize,
    form: u32,
    id: *mut u64,
) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (bytes, id) = unsafe { (items(text.cast::<u8>(), len)?, output(id)?) };
        let form = form_of(form)?;
        let read = str::from_utf8(bytes).map_err(|_| Status::BadText)?;
        id.put(text::decode(read, form).map_err(|_| Status::BadText)?)
    })
}
