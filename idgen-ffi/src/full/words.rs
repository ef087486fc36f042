//! Strings of the caller's.

use core::ffi::c_char;
use core::slice;
use core::str;

use idgen_store::Name;

use super::failure::{Failure, Told};
use crate::seal::check;
use crate::status::Status;

/// A string that ends after at most `most` bytes and is UTF-8; else `flaw`.
///
/// # Safety
///
/// What is not NULL must be readable up to its NUL, or `most + 1` bytes of it.
pub(super) unsafe fn text<'a>(pointer: *const c_char, most: usize, flaw: Status) -> Told<&'a str> {
    check(pointer)?;
    let refused = || Failure::new(flaw, format!("a text is no UTF-8 of at most {most} bytes"));
    // SAFETY: the caller's promise; nothing is read behind the NUL.
    let is_end = |&at: &usize| unsafe { pointer.add(at).read() } == 0;
    let len = (0..=most).find(is_end).ok_or_else(refused)?;
    // SAFETY: so many bytes were read just now.
    let bytes = unsafe { slice::from_raw_parts(pointer.cast::<u8>(), len) };
    str::from_utf8(bytes).map_err(|_| refused())
}

/// The name of a sequence or an id space.
///
/// # Safety
///
/// As for [`text`].
pub(super) unsafe fn name(pointer: *const c_char) -> Told<Name> {
    // SAFETY: the caller's promise is ours.
    let text = unsafe { text(pointer, Name::MAX_BYTES, Status::BadName)? };
    Ok(Name::new(text)?)
}
