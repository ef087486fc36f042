//! The checks on a microcontroller: reports over semihosting as a test binary does, and ends the
//! emulator with 0 if all hold.
//!
//! A check that fails panics; the panic is told, and the emulator ends with 1.
#![no_std]
#![no_main]

// Linked for the critical section that a single core makes by holding interrupts off.
use cortex_m as _;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};

#[entry]
fn main() -> ! {
    let mut ids = 0;
    hprintln!("running {} tests", proof::CHECKS.len());
    for check in proof::CHECKS {
        let looked_at = (check.run)();
        assert!(looked_at > 0, "{} looked at nothing", check.name);
        ids += looked_at;
        hprintln!("test {} ... ok", check.name);
    }
    let passed = proof::CHECKS.len();
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
