//! libidgen-full: libidgen with its feature `full`, as a library of its own name.
//!
//! A package builds one library for C; this one has the functions of `idgen-ffi` and nothing else.

pub use idgen_ffi::*;
