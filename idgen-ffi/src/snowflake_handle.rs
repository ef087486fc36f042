//! Time-ordered ids for one thread, from a block of its own.

use core::ops::Deref;
use core::ptr::NonNull;

use idgen_snowflake::{Snowflake as Generator, SnowflakeHandle as Inner};

use crate::clock::Time;
use crate::guard::guard;
use crate::pointer::{output, output_if_wanted};
use crate::seal::{Block, Sealed, close, init, open, open_alone};
use crate::snowflake::{Snowflake, refused};
use crate::status::{Answer, Status};

/// A handle: one thread's own block of a generator's numbers, several times faster than the
/// generator under contention.
///
/// Opaque memory of yours, as a cursor is. One thread at a time may use it. Its generator must stay
/// where it is until the handle has ended.
#[repr(C, align(128))]
pub struct SnowflakeHandle {
    opaque: [u64; 32],
}

impl Block for SnowflakeHandle {
    type Body = Body;
    const KIND: u64 = 0x27F5_81AC_B34E_690D;
}

pub(crate) struct Body {
    handle: Inner<Lender>,
    snowflake: *const Snowflake,
    snowflake_birth: u64,
}

/// Lends the generator to the handle.
struct Lender(NonNull<Generator>);

impl Deref for Lender {
    type Target = Generator;

    fn deref(&self) -> &Generator {
        // SAFETY: `Body::snowflake_is_there` has looked, and the header asks for it to stay.
        unsafe { self.0.as_ref() }
    }
}

impl Body {
    /// Refuses when the generator is not the one that this handle was made for.
    #[inline(always)]
    fn snowflake_is_there(&self) -> Answer {
        // SAFETY: the generator stays where it is until the handle has ended, says the header.
        let sealed = unsafe { open(self.snowflake)? };
        if sealed.birth() == self.snowflake_birth { Ok(()) } else { Err(Status::BadState) }
    }
}

/// Makes a handle of your memory. No block is claimed yet. What handle was there must have ended,
/// or its generator counts it as live for ever.
///
///     idgen_snowflake_handle mine;
///     idgen_snowflake_handle_init(&mine, &ids);
///     uint64_t id;
///     if (idgen_snowflake_handle_next(&mine, now, &id, NULL) == IDGEN_STATUS_OK)
///         printf("%" PRIu64 "\n", id);
///     idgen_snowflake_handle_end(&mine);
///
/// The more handles of one generator live, the smaller their blocks: end those you need no more,
/// and one before you make another of its memory, or it counts as live for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_handle_init(
    handle: *mut SnowflakeHandle,
    snowflake: *mut Snowflake,
) -> Status {
    guard(|| {
        let make = || {
            // SAFETY: the caller's promise.
            let sealed: &Sealed<Snowflake> = unsafe { open(snowflake)? };
            let handle = Inner::new(Lender(NonNull::from(&sealed.body)));
            Ok(Body { handle, snowflake, snowflake_birth: sealed.birth() })
        };
        // SAFETY: the caller's promise.
        unsafe { init(handle, make) }
    })
}

/// Writes the next id to `id`, of the handle's block while its tick may be stamped, else of a new
/// one. Ids of one handle rise. The time and the answers are those of `idgen_snowflake_next`.
///
/// BAD_STATE: the handle or its generator is not there any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_handle_next(
    handle: *mut SnowflakeHandle,
    now_unix_ms: u64,
    id: *mut u64,
    wait_ms: *mut u64,
) -> Status {
    // SAFETY: the caller's promise.
    let (sealed, id, time) =
        match unsafe { (open_alone(handle), output(id), Time::of(now_unix_ms)) } {
            (Ok(sealed), Ok(id), Ok(time)) => (sealed, id, time),
            (Err(status), _, _) | (_, Err(status), _) | (_, _, Err(status)) => return status,
        };
    if let Err(status) = sealed.body.snowflake_is_there() {
        return status;
    }
    match sealed.body.handle.next_id(&time) {
        Ok(next) => id.set(next),
        // SAFETY: the caller's promise.
        Err(refusal) => match unsafe { output_if_wanted(wait_ms) } {
            Ok(wait_ms) => refused(refusal, wait_ms),
            Err(status) => status,
        },
    }
}

/// Ends the handle; the numbers left in its block are dropped, a gap. The memory is no handle from
/// then on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idgen_snowflake_handle_end(handle: *mut SnowflakeHandle) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let body = unsafe { close(handle)? };
        if body.snowflake_is_there().is_err() {
            // Its `Drop` would discount it at the generator that is gone; it holds nothing to free.
            core::mem::forget(body);
        }
        Ok(())
    })
}
