//! Row 16: eight threads on the processors there are. They wait for one another's turns, so such
//! waiting is part of the figure.

use idgen_benches::bare::{Bare, Locked};
use idgen_benches::subjects::{WIDE, cursor, insist, snowflake};
use idgen_benches::{Method, Run};

use crate::snowflakes::tick;

const CROWD: u64 = 8;

pub(crate) fn cursor_to_bare(method: &Method) -> Run {
    let (cursor, bare) = (cursor(), Bare::default());
    let candidate = || || cursor.next_id().expect("2^32 ids are in hand");
    method.crowded().compare(CROWD, candidate, || || bare.next_id())
}

pub(crate) fn cursor_to_mutex(method: &Method) -> Run {
    let (cursor, locked) = (cursor(), Locked::default());
    let candidate = || || cursor.next_id().expect("2^32 ids are in hand");
    method.crowded().compare(CROWD, candidate, || || locked.next_id())
}

pub(crate) fn snowflake_to_bare(method: &Method) -> Run {
    let (clock, bare) = (tick(), Bare::default());
    let snowflake = snowflake(&WIDE, &clock);
    let candidate = || || insist(|| snowflake.next_id(&clock));
    method.crowded().compare(CROWD, candidate, || || bare.next_id())
}
