//! What makes a block of the caller's memory one of ours.
//!
//! A block is opaque memory of the caller's. Its first words are a seal: which kind of block it is,
//! the address it was made at, and how often the process had been forked then. A block that was
//! never initialised has no such words, one that was copied by `memcpy` stands at another address,
//! and one carried over a fork has an older count. Each is refused before its content is looked
//! at: a copy would issue the ids of its original.
//!
//! The kind and the address share a word, `kind + address`: kinds are random numbers, far further
//! apart than any two addresses. Nothing else in the library is global but two counts that only
//! rise: of forks, and of blocks made, which tells a block from a later one at the same address.
//!
//! # Orderings
//!
//! The count of forks is Relaxed: it changes in a child before its only thread returns from
//! `fork`. The count of blocks is Relaxed: each addition has a result of its own, and nothing else
//! hangs on it. Seals are plain memory, written when nobody else may look: see the header.

use core::mem::{align_of, size_of};
use core::ptr;

use idgen_core::atomics::{AtomicU64, Ordering};

use crate::status::{Answer, Status};

/// Where opaque blocks begin, in bytes: a multiple of this.
pub const IDGEN_ALIGNMENT: usize = 128;

static FORKS: AtomicU64 = AtomicU64::new(0);
static BLOCKS: AtomicU64 = AtomicU64::new(0);

/// A type of the header whose memory holds a sealed `Body`.
pub(crate) trait Block: Sized {
    type Body;
    /// A random number of its own.
    const KIND: u64;
}

/// What an initialised block holds.
#[repr(C)]
pub(crate) struct Sealed<T: Block> {
    mark: u64,
    forks: u64,
    birth: u64,
    pub(crate) body: T::Body,
}

impl<T: Block> Sealed<T> {
    /// Tells this block from every other that was ever made in this process.
    pub(crate) fn birth(&self) -> u64 {
        self.birth
    }
}

fn mark_of<T: Block>(block: *const T) -> u64 {
    T::KIND.wrapping_add(block.addr() as u64)
}

/// Refuses NULL and what is not aligned.
#[inline(always)]
pub(crate) fn check<T>(pointer: *const T) -> Answer {
    if pointer.is_null() {
        return Err(Status::Null);
    }
    if !pointer.is_aligned() {
        return Err(Status::Misaligned);
    }
    Ok(())
}

/// The block behind a pointer of the caller's.
///
/// # Safety
///
/// What is not NULL and aligned must be memory of a block's size, and nobody may be initialising
/// it.
#[inline(always)]
pub(crate) unsafe fn open<'a, T: Block>(block: *const T) -> Answer<&'a Sealed<T>> {
    check(block)?;
    let sealed = block.cast::<Sealed<T>>();
    // SAFETY: memory of the caller's, large and aligned enough (see `init`); plain numbers, which
    // any bytes are.
    let (mark, forks) = unsafe { ((*sealed).mark, (*sealed).forks) };
    // Relaxed: see the module's head.
    if mark != mark_of(block) || forks != FORKS.load(Ordering::Relaxed) {
        return Err(Status::BadState);
    }
    // SAFETY: the mark stands only where `init` wrote it, behind a whole body.
    Ok(unsafe { &*sealed })
}

/// The same for a block that one thread at a time may use.
///
/// # Safety
///
/// As for [`open`], and no other thread may use the block.
#[inline(always)]
pub(crate) unsafe fn open_alone<'a, T: Block>(block: *mut T) -> Answer<&'a mut Sealed<T>> {
    // SAFETY: the caller's promise is ours.
    unsafe { open(block.cast_const())? };
    // SAFETY: opened just now, and nobody else has it.
    Ok(unsafe { &mut *block.cast::<Sealed<T>>() })
}

/// Seals what `make` makes into the caller's memory.
///
/// # Safety
///
/// What is not NULL and aligned must be memory of the block's size that nobody else uses.
pub(crate) unsafe fn init<T: Block>(
    block: *mut T,
    make: impl FnOnce() -> Answer<T::Body>,
) -> Answer {
    const {
        assert!(size_of::<Sealed<T>>() <= size_of::<T>(), "the block is too small for its body");
        assert!(align_of::<Sealed<T>>() <= align_of::<T>(), "the block is not aligned enough");
    }
    check(block)?;
    watch_forks()?;
    let sealed = sealed(block, make()?);
    // SAFETY: the caller's own memory, of this size and alignment by the checks above.
    unsafe { block.cast::<Sealed<T>>().write(sealed) };
    Ok(())
}

fn sealed<T: Block>(block: *const T, body: T::Body) -> Sealed<T> {
    // Relaxed: see the module's head.
    let birth = BLOCKS.fetch_add(1, Ordering::Relaxed);
    let forks = FORKS.load(Ordering::Relaxed); // Relaxed: see the module's head.
    Sealed { mark: mark_of(block), forks, birth, body }
}

/// What lives that a fork would tear apart, and the count of forks when the last was begun.
#[cfg(feature = "full")]
static ALIVE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Counted as alive: a block of our own memory, or a store from before it is opened until it has
/// been closed, which takes longer than its block lives.
#[cfg(feature = "full")]
pub(crate) struct Alive(());

#[cfg(feature = "full")]
impl Alive {
    /// One more, unless [`check_unforked`] refuses.
    pub(crate) fn begin() -> Answer<Self> {
        check_unforked()?;
        let [live, forks] = &ALIVE;
        // Relaxed: see `check_unforked`.
        forks.store(FORKS.load(Ordering::Relaxed), Ordering::Relaxed);
        live.fetch_add(1, Ordering::Relaxed); // Relaxed: see `check_unforked`.
        Ok(Self(()))
    }
}

#[cfg(feature = "full")]
impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE[0].fetch_sub(1, Ordering::Relaxed); // Relaxed: see `check_unforked`.
    }
}

/// Refuses in a process that was forked while anything was alive: what stands behind it, locks of
/// files above all, is half there in the child, and SQLite would trust it.
#[cfg(feature = "full")]
pub(crate) fn check_unforked() -> Answer {
    watch_forks()?;
    let [live, forks] = &ALIVE;
    // Relaxed: a child reads what its parent wrote before the fork; see the module's head.
    let stale = forks.load(Ordering::Relaxed) != FORKS.load(Ordering::Relaxed);
    // Relaxed: as above.
    if stale && live.load(Ordering::Relaxed) > 0 { Err(Status::BadState) } else { Ok(()) }
}

/// Seals what `make` makes into memory of our own, for types that the header does not tell the
/// size of; [`close_boxed`] frees it.
#[cfg(feature = "full")]
pub(crate) fn boxed<T: Block>(make: impl FnOnce() -> T::Body) -> Answer<*mut T> {
    const { assert!(align_of::<T>() <= align_of::<Sealed<T>>()) }
    // Ended by `close_boxed`.
    core::mem::forget(Alive::begin()?);
    let body = make();
    let block = Box::into_raw(Box::<Sealed<T>>::new_uninit());
    let content = sealed(block.cast_const().cast(), body);
    // SAFETY: allocated just now, nobody else has it; `close_boxed` makes a box of it again.
    unsafe { (*block).write(content) };
    Ok(block.cast())
}

/// Takes the body out of a block of our own, which is freed. What was carried over a fork is
/// refused and stays: its threads are the parent's.
///
/// # Safety
///
/// As for [`open_alone`]; the block must come from [`boxed`].
#[cfg(feature = "full")]
pub(crate) unsafe fn close_boxed<T: Block>(block: *mut T) -> Answer<T::Body> {
    // SAFETY: the caller's promise is ours.
    let sealed: *mut Sealed<T> = unsafe { open_alone(block)? };
    // SAFETY: made by `boxed`, and nobody else has it.
    let mut sealed = unsafe { Box::from_raw(sealed) };
    sealed.mark = 0;
    drop(Alive(()));
    Ok(sealed.body)
}

/// Takes the body out of a block, which is none from then on.
///
/// # Safety
///
/// As for [`open_alone`].
pub(crate) unsafe fn close<T: Block>(block: *mut T) -> Answer<T::Body> {
    // SAFETY: the caller's promise is ours.
    let sealed = unsafe { open_alone(block)? };
    sealed.mark = 0;
    // SAFETY: a whole body, and without its mark nobody looks at it again.
    Ok(unsafe { ptr::read(&raw const sealed.body) })
}

/// Counts the forks of this process from now on.
#[cfg(all(feature = "std", unix))]
fn watch_forks() -> Answer {
    use std::sync::OnceLock;

    static WATCHED: OnceLock<bool> = OnceLock::new();

    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed); // Relaxed: see the module's head.
    }

    // SAFETY: the handler adds to a number, which is allowed in the child of any fork.
    let watch = || unsafe { libc::pthread_atfork(None, None, Some(forked)) } == 0;
    if *WATCHED.get_or_init(watch) { Ok(()) } else { Err(Status::Internal) }
}

#[cfg(not(all(feature = "std", unix)))]
fn watch_forks() -> Answer {
    Ok(())
}
