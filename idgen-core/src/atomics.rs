//! The atomics shim: the algorithm crates import atomic types from here and from nowhere else.
//!
//! Three worlds stand behind the same names:
//!
//! - ordinary builds: [`portable_atomic`](https://docs.rs/portable-atomic), which is
//!   `core::sync::atomic` where the target has 64-bit atomics and a fallback where it has not
//!   (features `fallback` and `critical-section`). On a microcontroller that has compare-exchange,
//!   a Cortex-M3 for example, the fallback is a lock: an interrupt handler that mints must never
//!   meet one that it has interrupted. Build for such a single core with
//!   `RUSTFLAGS="--cfg portable_atomic_unsafe_assume_single_core"`, which holds interrupts off
//!   instead. `critical-section` does so only where there is no compare-exchange;
//! - `--cfg idgen_loom`: the model checker's types. The name is ours, so that no dependency is
//!   switched into model mode with us.

#[cfg(idgen_loom)]
pub use loom::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
#[cfg(not(idgen_loom))]
pub use portable_atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// A value alone on its cache line, so that writers of a neighbour do not slow its readers.
///
/// 128 bytes on 64-bit targets (x86-64 fetches lines in pairs), 64 on smaller ones with an
/// operating system. Microcontrollers get no lines: their cores do not share caches, and 32 buckets
/// are to fit into 16 KiB.
#[derive(Debug, Default)]
#[cfg_attr(target_pointer_width = "64", repr(align(128)))]
#[cfg_attr(not(any(target_pointer_width = "64", target_os = "none")), repr(align(64)))]
pub struct CacheLine<T>(T);

impl<T> CacheLine<T> {
    /// Puts `value` on a cache line of its own.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> core::ops::Deref for CacheLine<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
