//! Row 9: buffers of 1024 ids, filled at once.

use std::cell::Cell;
use std::hint::black_box;

use idgen_benches::subjects::{WIDE, cursor, snowflake, snowflake_me, snowid_wide};
use idgen_benches::{Method, Run};
use idgen_runtime::CoarseClock;

/// Ids of a call.
pub(crate) const BULK: usize = 1024;

/// A loop that writes rising numbers from where the last call ended: what any fill must do.
#[inline(never)]
fn plain_fill(next: &Cell<u64>, ids: &mut [u64]) -> usize {
    let first = next.get();
    let mut id = first;
    for place in &mut *ids {
        *place = id;
        id += 1;
    }
    next.set(id);
    ids.len()
}

/// A subject that fills a buffer of its own and returns how many ids there were.
///
/// The buffer begins on a cache line: where the allocator puts one, wide stores may cross lines,
/// in one run of the candidate and in another of the reference.
pub(crate) fn filling(mut fill: impl FnMut(&mut [u64]) -> usize) -> impl FnMut() -> u64 {
    const LINE: usize = 8;
    let mut ids = vec![0; BULK + LINE];
    let begin = ids.as_ptr().align_offset(LINE * size_of::<u64>());
    move || {
        let filled = fill(black_box(&mut ids[begin..begin + BULK]));
        assert_eq!(filled, BULK, "there is room for a bulk");
        filled as u64
    }
}

fn plain() -> impl FnMut() -> u64 {
    let next = Cell::new(1);
    filling(move |ids| plain_fill(&next, ids))
}

pub(crate) fn segment(method: &Method) -> Run {
    let cursor = cursor();
    method.compare(1, || filling(|ids| cursor.fill(ids)), plain)
}

/// What is left of a tick may be less than a buffer: then the next one fills the rest.
fn of_snowflake() -> impl FnMut() -> u64 {
    let clock = CoarseClock;
    let snowflake = snowflake(&WIDE, &clock);
    filling(move |ids| {
        let mut filled = snowflake.fill(&clock, ids);
        while filled < ids.len() {
            filled += snowflake.fill(&clock, &mut ids[filled..]);
        }
        filled
    })
}

pub(crate) fn of_snowflake_to_plain(method: &Method) -> Run {
    method.compare(1, of_snowflake, plain)
}

pub(crate) fn of_snowflake_to_snowid(method: &Method) -> Run {
    let reference = || {
        let snowid = snowid_wide();
        filling(move |ids| {
            snowid.generate_batch(ids);
            ids.len()
        })
    };
    method.compare(1, of_snowflake, reference)
}

pub(crate) fn of_snowflake_to_snowflake_me(method: &Method) -> Run {
    let reference = || {
        let (snowflake_me, mut ids) = (snowflake_me(22), Vec::with_capacity(BULK));
        move || {
            ids.clear();
            snowflake_me.next_ids_into(BULK, black_box(&mut ids)).expect("the clock stands well");
            ids.len() as u64
        }
    };
    method.compare(1, of_snowflake, reference)
}

/// Nanoseconds of an id in bulk, segments' and snowflakes', in the build at hand.
#[cfg(target_feature = "avx2")]
pub(crate) fn nanos() -> (String, bool) {
    const GOAL_NS: f64 = 0.05;
    let method = Method::default();
    let per_id = |run: Run| run.nanos().0 / f64::from(u32::try_from(BULK).unwrap_or(u32::MAX));
    let (segment, of_snowflake) =
        (per_id(segment(&method)), per_id(of_snowflake_to_plain(&method)));
    let is_met = segment.max(of_snowflake) <= GOAL_NS * (1.0 + idgen_benches::TOLERANCE);
    (format!("{segment:.3} segment, {of_snowflake:.3} snowflake"), is_met)
}
