//! Which library this is.

use core::ffi::{CStr, c_char};

/// The number of the binary interface. It rises when a program built for the old one would break.
pub const IDGEN_ABI_VERSION: u32 = 0;

/// The interface that the library at hand has, to be compared with `IDGEN_ABI_VERSION` of the
/// header: if they differ, the program was built for another library.
#[unsafe(no_mangle)]
pub extern "C" fn idgen_abi_version() -> u32 {
    IDGEN_ABI_VERSION
}

/// The library's version, such as "0.1.0". The text lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn idgen_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    const TEXT: &CStr = match CStr::from_bytes_with_nul(VERSION.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the version holds a NUL"),
    };
    TEXT.as_ptr()
}
