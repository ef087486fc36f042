//! No panic crosses into C.
//!
//! A panic is a defect of this library. On paths that are not hot it becomes a status; on the hot
//! ones, which have none by construction, `extern "C"` ends the process instead of unwinding.

use crate::status::{Answer, Status, said};

/// Runs a call of the header.
#[cfg(feature = "std")]
pub(crate) fn guard(call: impl FnOnce() -> Answer) -> Status {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
    caught.map_or(Status::Internal, said)
}

#[cfg(not(feature = "std"))]
pub(crate) fn guard(call: impl FnOnce() -> Answer) -> Status {
    said(call())
}

#[cfg(all(not(feature = "std"), target_os = "none"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("planted")), Status::Internal);
        assert_eq!(guard(|| Err(Status::Ended)), Status::Ended);
        assert_eq!(guard(|| Ok(())), Status::Ok);
    }
}
