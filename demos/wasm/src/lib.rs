//! The checks, and two generators, for JavaScript. See `mint.mjs` for how they are called.
//!
//! An id is never overloaded with a refusal: a call answers with a status, and `last_id` gives the
//! id of the last call that answered `OK`.

mod exports;

use std::cell::RefCell;

use idgen_core::{At, Floor, IdRange, RangeError, Refusal, WorkerLease};
use idgen_segment::SegmentCursor;
use idgen_snowflake::{Snowflake, preset};

const OK: u32 = 0;
const EXHAUSTED: u32 = 1;
const NOT_YET: u32 = 2;
const ENDED: u32 = 3;
/// No lease yet, or one that makes no generator.
const NO_LEASE: u32 = 4;

/// What a page has; a module's memory belongs to one thread.
#[derive(Debug, Default)]
struct Mint {
    cursor: SegmentCursor,
    granted: u64,
    snowflake: Option<Snowflake>,
    last_id: u64,
}

thread_local! {
    static MINT: RefCell<Mint> = RefCell::default();
}

impl Mint {
    fn answer(&mut self, answer: Result<u64, Refusal>) -> u32 {
        match answer {
            Ok(id) => {
                self.last_id = id;
                OK
            }
            Err(Refusal::Exhausted) => EXHAUSTED,
            Err(Refusal::NotYet { .. }) => NOT_YET,
            Err(Refusal::Ended) => ENDED,
        }
    }

    /// Leases the next segment from a counter of its own, in place of a store.
    fn refill(&mut self, len: u64) -> u32 {
        let granted = &mut self.granted;
        let mut grant = |len: u64, _above: Option<u64>| -> Result<IdRange, RangeError> {
            let segment = IdRange::new(*granted + 1, 1, len)?;
            *granted = segment.last();
            Ok(segment)
        };
        match self.cursor.refill_from(&mut grant, len) {
            Ok(_) => OK,
            Err(_) => EXHAUSTED,
        }
    }

    fn next_segment_id(&mut self) -> u32 {
        let answer = self.cursor.next_id();
        self.answer(answer)
    }

    fn lease(&mut self, worker: u64, floor_ms: u64, horizon_ms: u64) -> u32 {
        let layout = preset("js-safe").expect("a known name");
        let lease = WorkerLease::assume(worker, Floor::at(floor_ms), horizon_ms).ok();
        self.snowflake = lease.and_then(|lease| Snowflake::new(layout, lease).ok());
        if self.snowflake.is_some() { OK } else { NO_LEASE }
    }

    fn next_snowflake(&mut self, now_ms: u64) -> u32 {
        let Some(snowflake) = &self.snowflake else { return NO_LEASE };
        let answer = snowflake.next_id(&At(now_ms));
        self.answer(answer)
    }
}
