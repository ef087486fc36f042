//! The checks on a microcontroller: reports over semihosting as a test binary does, and ends the
//! emulator with 0 if all hold.
//!
//! A check that fails panics; the panic is told, and the emulator ends with 1.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use proof::{CHECKS, Check};

#[cfg(feature = "interrupt")]
mod interrupt;

/// Checks that take a microcontroller.
const OWN: &[Check] = &[
    #[cfg(feature = "interrupt")]
    Check { name: "mints_in_an_interrupt_too", run: interrupt::mints_in_an_interrupt_too },
];

#[entry]
fn main() -> ! {
    let (mut ids, mut passed) = (0, 0);
    hprintln!("running {} tests", CHECKS.len() + OWN.len());
    for check in CHECKS.iter().chain(OWN) {
        let looked_at = (check.run)();
        assert!(looked_at > 0, "{} looked at nothing", check.name);
        ids += looked_at;
        passed += 1;
        hprintln!("test {} ... ok", check.name);
    }
    hprintln!("test result: ok. {} passed; 0 failed; 0 ignored; {} ids", passed, ids);
    end(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(debug::EXIT_FAILURE)
}

/// Ends the emulator; a board without a debugger stays here.
fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}
