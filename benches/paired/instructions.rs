//! Row 14: instructions per id, counted by callgrind. Exact, so the one gate noise cannot touch.
//!
//! The program runs itself under valgrind with N ids and with 2 N; the difference by N is the
//! price of an id, three instructions of it the loop's. What comes before the loop cancels out.
//! `--budgets` counts them as a gate: the program fails if one is past its budget.

use std::num::NonZeroU64;
use std::process::{Command, Stdio};

use idgen_benches::subjects::{WIDE, cursor};
use idgen_benches::{Budget, batch};
use idgen_core::atomics::{AtomicU64, Ordering};
use idgen_core::{Clock, Floor, WorkerLease};
use idgen_segment::SegmentHandle;
use idgen_snowflake::{Snowflake, SnowflakeHandle};

/// The row's number in the targets.
pub(crate) const NUMBER: u8 = 14;

struct Count {
    budget: Budget,
    run: fn(u64),
}

const fn count(what: &'static str, most: f64, run: fn(u64)) -> Count {
    Count { budget: Budget { what, most }, run }
}

/// Half the stores where they are twice as wide, and a loop half as long.
const BULK_BUDGET: f64 = if cfg!(target_feature = "avx2") { 1.0 } else { 2.6 };

const COUNTS: [Count; 6] = [
    count("segment-handle", 8.0, segment_handle),
    count("segment-cursor", 25.0, segment_cursor),
    count("shared-snowflake", 18.0, shared_snowflake),
    count("snowflake-handle", 11.0, snowflake_handle),
    count("segment-bulk", BULK_BUDGET, segment_bulk),
    count("snowflake-bulk", BULK_BUDGET, snowflake_bulk),
];

const IDS: u64 = 1 << 18;
const BULK: usize = 1024;
const NOW_MS: u64 = 1_800_000_000_000;

/// A clock of one load, as a published tick is.
struct Still(AtomicU64);

impl Clock for Still {
    fn unix_ms(&self) -> u64 {
        self.hint_unix_ms()
    }

    #[inline(always)]
    fn hint_unix_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed) // the time stands for itself
    }
}

fn still() -> Still {
    Still(AtomicU64::new(NOW_MS))
}

fn snowflake() -> Snowflake {
    let lease = WorkerLease::assume(1, Floor::at(NOW_MS), NOW_MS + 10_000);
    Snowflake::new(&WIDE, lease.expect("ten seconds are a lease")).expect("the layout takes it")
}

fn segment_handle(ids: u64) {
    let cursor = cursor();
    let block = NonZeroU64::new(1024).expect("1024 is not 0");
    let mut handle = SegmentHandle::new(&cursor, block);
    count_of(move || handle.next_id().expect("2^32 ids are in hand"), ids);
}

fn segment_cursor(ids: u64) {
    let cursor = cursor();
    count_of(|| cursor.next_id().expect("2^32 ids are in hand"), ids);
}

fn segment_bulk(ids: u64) {
    let (cursor, mut buffer) = (cursor(), [0; BULK]);
    count_of(|| cursor.fill(std::hint::black_box(&mut buffer)) as u64, ids / BULK as u64);
}

fn shared_snowflake(ids: u64) {
    let (clock, snowflake) = (still(), snowflake());
    count_of(|| snowflake.next_id(&clock).expect("the clock stands in the lease"), ids);
}

fn snowflake_handle(ids: u64) {
    let (clock, snowflake) = (still(), snowflake());
    let mut handle = SnowflakeHandle::new(&snowflake);
    let clock = &clock;
    count_of(move || handle.next_id(clock).expect("the clock stands in the lease"), ids);
}

fn snowflake_bulk(ids: u64) {
    let (clock, snowflake, mut buffer) = (still(), snowflake(), [0; BULK]);
    let fill = || snowflake.fill(&clock, std::hint::black_box(&mut buffer)) as u64;
    count_of(fill, ids / BULK as u64);
}

/// Runs the measured loop alone.
fn count_of(subject: impl FnMut() -> u64, ids: u64) {
    let _subject = batch(subject, ids);
}

/// Runs one subject; what valgrind looks at.
pub(crate) fn run(what: &str, ids: u64) -> Result<(), String> {
    let count = COUNTS.iter().find(|count| count.budget.what == what).ok_or(what)?;
    (count.run)(ids);
    Ok(())
}

/// Counts all subjects, gives `see` the table's lines and returns what a gate has against them.
pub(crate) fn table(mut see: impl FnMut(&str)) -> Vec<String> {
    see("|  # | instructions per id | budget |  count | goal   |\n\
         |----|---------------------|--------|--------|--------|");
    let mut objections = Vec::new();
    for Count { budget, .. } in COUNTS {
        let Budget { what, most } = budget;
        let counted = per_id(what);
        see(&match &counted {
            Ok(count) => {
                let verdict = if budget.holds(*count) { "ok" } else { "MISSED" };
                format!("| {NUMBER} | {what:<19} | {most:>6} | {count:>6.2} | {verdict:<6} |")
            }
            Err(reason) => {
                format!("| {NUMBER} | {what:<19} | {most:>6} | not counted: {reason} |")
            }
        });
        objections.extend(budget.check(&counted).err());
    }
    objections
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
fn per_id(what: &str) -> Result<f64, String> {
    let (once, twice) = (collected(what, IDS)?, collected(what, 2 * IDS)?);
    Ok(twice.saturating_sub(once) as f64 / IDS as f64)
}

/// Instructions of a whole run, from callgrind's last word.
fn collected(what: &str, ids: u64) -> Result<u64, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(own);
    let output = command
        .args(["--count", what, &ids.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind does not start: {error}; install it"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("valgrind ended with {} and no count", output.status))
}
