//! An interrupt that mints from the same cursor as the code it interrupts.
//!
//! The handler only looks up the cursor and notes its id with interrupts held off; it mints like
//! any other caller, in the middle of whatever the main program was doing with the cursor.

use core::cell::{Cell, RefCell};

use cortex_m::interrupt::{Mutex, free};
use cortex_m::peripheral::Peripherals;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use idgen_core::IdRange;
use idgen_segment::SegmentCursor;
use proof::Seen;
use static_cell::StaticCell;

const FROM: u64 = 1 << 40;
/// Cycles from one interrupt to the next: no multiple of a claim's, so that they meet everywhere.
const PERIOD: u32 = 997;

static CURSOR: StaticCell<SegmentCursor> = StaticCell::new();
static SHARED: Mutex<Cell<Option<&'static SegmentCursor>>> = Mutex::new(Cell::new(None));
static SEEN: Mutex<RefCell<Seen>> = Mutex::new(RefCell::new(Seen::from(FROM, 1)));
static IN_HANDLER: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

fn mark(id: u64) {
    free(|token| SEEN.borrow(token).borrow_mut().mark(id));
}

#[exception]
fn SysTick() {
    let Some(cursor) = free(|token| SHARED.borrow(token).get()) else { return };
    if let Ok(id) = cursor.next_id() {
        mark(id);
        free(|token| {
            let count = IN_HANDLER.borrow(token);
            count.set(count.get() + 1);
        });
    }
}

/// Uses up segments in main program and handler at once.
pub(crate) fn mints_in_an_interrupt_too() -> u32 {
    let cursor: &'static SegmentCursor = CURSOR.init(SegmentCursor::new());
    let mut clock = Peripherals::take().expect("the first call").SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(PERIOD);
    clock.clear_current();
    free(|token| SHARED.borrow(token).set(Some(cursor)));
    clock.enable_interrupt();
    clock.enable_counter();
    for segment in 0..Seen::ROOM / 64 {
        let range = IdRange::new(FROM + 64 * segment, 1, 64).expect("a range of ids");
        // None only while both segments are in hand.
        while let Ok(id) = cursor.next_id() {
            mark(id);
        }
        cursor.begin_refill().expect("a bare cursor").supply(range).expect("new ground");
    }
    while let Ok(id) = cursor.next_id() {
        mark(id);
    }
    clock.disable_interrupt();
    let (all, in_handler) =
        free(|token| (SEEN.borrow(token).borrow().count(), IN_HANDLER.borrow(token).get()));
    assert_eq!((u64::from(all), cursor.gaps()), (Seen::ROOM, 0));
    assert!(in_handler > 100 && all - in_handler > 100, "{in_handler} of {all} in the handler");
    all
}
