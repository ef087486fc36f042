//! Reading and writing what callers' pointers point at.
//!
//! Every function of the header is `unsafe` to Rust for one reason, told here once: what is not
//! NULL and aligned must be readable (or writable) memory of the type named, for the length named,
//! and blocks must be used by the threads that the header allows. Everything else is answered.

use core::mem::align_of;
use core::slice;

use crate::seal::check;
use crate::status::{Answer, Status};

/// What the caller passed by address.
///
/// # Safety
///
/// See the module's head.
#[inline(always)]
pub(crate) unsafe fn input<'a, T>(pointer: *const T) -> Answer<&'a T> {
    check(pointer)?;
    // SAFETY: not NULL and aligned; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Where the caller wants an answer; maybe nowhere.
#[derive(Clone, Copy)]
pub(crate) struct Output<T>(*mut T);

impl<T> Output<T> {
    /// Writes the answer; always OK.
    #[inline(always)]
    pub(crate) fn set(self, value: T) -> Status {
        if !self.0.is_null() {
            // SAFETY: checked when this was made; the rest is the caller's promise there.
            unsafe { self.0.write(value) };
        }
        Status::Ok
    }

    /// The same as the last line of a longer call.
    #[inline(always)]
    pub(crate) fn put(self, value: T) -> Answer {
        self.set(value);
        Ok(())
    }
}

/// # Safety
///
/// See the module's head.
#[inline(always)]
pub(crate) unsafe fn output<T>(pointer: *mut T) -> Answer<Output<T>> {
    check(pointer)?;
    Ok(Output(pointer))
}

/// Where a fill writes how many ids it wrote: none so far, whatever may be wrong with the rest.
///
/// # Safety
///
/// See the module's head.
#[inline(always)]
pub(crate) unsafe fn counter(pointer: *mut usize) -> Answer<Output<usize>> {
    // SAFETY: the caller's promise is ours.
    let filled = unsafe { output(pointer)? };
    filled.set(0);
    Ok(filled)
}

/// The same where NULL means that no answer is wanted.
///
/// # Safety
///
/// See the module's head.
#[inline(always)]
pub(crate) unsafe fn output_if_wanted<T>(pointer: *mut T) -> Answer<Output<T>> {
    if pointer.is_null() {
        return Ok(Output(pointer));
    }
    // SAFETY: the caller's promise is ours.
    unsafe { output(pointer) }
}

/// An array of the caller's; NULL is allowed for none.
///
/// # Safety
///
/// See the module's head.
pub(crate) unsafe fn items<'a, T>(pointer: *const T, len: usize) -> Answer<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer)?;
    fits::<T>(len)?;
    // SAFETY: not NULL, aligned, of a length that memory can have; the rest is the caller's
    // promise.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// An array of the caller's to be filled; NULL is allowed for none.
///
/// # Safety
///
/// See the module's head.
#[inline(always)]
pub(crate) unsafe fn items_mut<'a, T>(pointer: *mut T, len: usize) -> Answer<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(pointer)?;
    fits::<T>(len)?;
    // SAFETY: not NULL, aligned, of a length that memory can have; the rest is the caller's
    // promise.
    Ok(unsafe { slice::from_raw_parts_mut(pointer, len) })
}

#[inline(always)]
fn fits<T>(len: usize) -> Answer {
    const { assert!(align_of::<T>() <= size_of::<T>()) }
    if len > isize::MAX.unsigned_abs() / size_of::<T>() {
        return Err(Status::OutOfRange);
    }
    Ok(())
}

/// The ids that a fill had not got a moment ago, one by one; else why it stops.
#[inline(always)]
pub(crate) fn fill_rest(
    ids: &mut [u64],
    filled: Output<usize>,
    count: usize,
    next_id: impl FnMut() -> Answer<u64>,
) -> Answer {
    match ids.get_mut(count..) {
        None | Some([]) => Ok(()),
        Some(rest) => one_by_one(rest, filled, count, next_id),
    }
}

#[cold]
fn one_by_one(
    rest: &mut [u64],
    filled: Output<usize>,
    count: usize,
    mut next_id: impl FnMut() -> Answer<u64>,
) -> Answer {
    for (at, place) in rest.iter_mut().enumerate() {
        *place = next_id()?;
        filled.set(count + at + 1);
    }
    Ok(())
}
