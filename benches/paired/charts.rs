//! The plots, and the peers' table that belongs to one of them.

use std::num::NonZeroU64;
use std::path::Path;

use ferroid::generator::{AtomicSnowflakeGenerator, BasicSnowflakeGenerator};
use idgen_benches::bare::{Bare, CasCursor, Locked};
use idgen_benches::plot::{Axis, Series, bars, lines};
use idgen_benches::subjects::{
    FerroidWide, WIDE, backoff, cursor, ferroid_clock, insist, snowflake, snowflake_me, snowid_wide,
};
use idgen_benches::{Method, as_f64};
use idgen_segment::{MAX_SEGMENT_LEN, SegmentHandle};
use idgen_snowflake::SnowflakeHandle;

use crate::bursts;
use crate::snowflakes::tick;

const BLOCK: NonZeroU64 = NonZeroU64::new(1024).unwrap();

/// Nanoseconds an id of a subject, each thread with one of its own making.
fn nanos<A: FnMut() -> u64>(method: &Method, threads: u64, subject: impl Fn() -> A + Sync) -> f64 {
    let bare = Bare::default();
    method.compare(threads, subject, || || bare.next_id()).nanos().0
}

/// The generators that any number of threads can share or divide.
fn generators(method: &Method, threads: u64) -> Vec<(&'static str, f64)> {
    let (clock, cursor, bare) = (tick(), cursor(), Bare::default());
    let (own, locked) = (snowflake(&WIDE, &clock), Locked::default());
    let cas = CasCursor::new(MAX_SEGMENT_LEN);
    vec![
        ("bare fetch_add", nanos(method, threads, || || bare.next_id())),
        ("segment cursor", nanos(method, threads, || || cursor.next_id().expect("ids in hand"))),
        (
            "segment handles",
            nanos(method, threads, || {
                let mut handle = SegmentHandle::new(&cursor, BLOCK);
                move || handle.next_id().expect("ids in hand")
            }),
        ),
        ("snowflake, published tick", nanos(method, threads, || || insist(|| own.next_id(&clock)))),
        (
            "snowflake handles",
            nanos(method, threads, || {
                let (mut handle, clock) = (SnowflakeHandle::new(&own), &clock);
                move || insist(|| handle.next_id(clock))
            }),
        ),
        (
            "compare-exchange cursor",
            nanos(method, threads, || || cas.next_id().expect("ids in hand")),
        ),
        ("std Mutex", nanos(method, threads, || || locked.next_id())),
    ]
}

fn peers(method: &Method, threads: u64) -> Vec<(&'static str, f64)> {
    let shared = AtomicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
    let atomic = || || shared.next_id(backoff).to_raw();
    let basic = || {
        let basic = BasicSnowflakeGenerator::<FerroidWide, _>::new(1, ferroid_clock());
        move || basic.next_id(backoff).to_raw()
    };
    let (snowid, me) = (snowid_wide(), snowflake_me(22));
    let uuid = || || uuid::Uuid::now_v7().as_u64_pair().1;
    vec![
        ("ferroid Atomic", nanos(method, threads, atomic)),
        ("ferroid Basic, one a thread", nanos(method, threads, basic)),
        ("snowid", nanos(method, threads, || || snowid.generate())),
        (
            "snowflake_me",
            nanos(method, threads, || || me.next_id().expect("the clock stands well").as_u64()),
        ),
        ("uuid v7", nanos(method, threads, uuid)),
    ]
}

/// Draws all plots, the tail's from these curves, into a folder and gives `see` the table of all
/// generators.
///
/// # Errors
///
/// Those of writing the files.
pub(crate) fn draw(
    folder: &Path,
    tail_curves: &[Series],
    mut see: impl FnMut(&str),
) -> std::io::Result<()> {
    let method = Method { runs: 1, pairs: 81, ..Method::default() };
    let of = |threads| [generators(&method, threads), peers(&method, threads)].concat();
    let (alone, two) = (of(1), of(2));
    see("| ns per id, goals or none                      | 1 thread | 2 threads |\n\
         |-----------------------------------------------|----------|-----------|");
    for ((name, alone), (_, two)) in alone.iter().zip(&two) {
        see(&format!("| {name:<45} | {alone:>8.2} | {two:>9.2} |"));
    }
    std::fs::write(folder.join("generators.svg"), generators_svg(&alone, &two))?;
    std::fs::write(folder.join("scaling.svg"), scaling())?;
    std::fs::write(folder.join("tail.svg"), tail(tail_curves))?;
    std::fs::write(folder.join("burst.svg"), burst())
}

fn generators_svg(alone: &[(&str, f64)], two: &[(&str, f64)]) -> String {
    let values = alone.iter().chain(two).map(|(_, ns)| *ns);
    let axis = Axis::decades("nanoseconds per id, all threads together", values);
    let row = |((name, alone), (_, two)): (&(&str, f64), &(&str, f64))| {
        ((*name).to_owned(), vec![Some(*alone), Some(*two)])
    };
    let rows: Vec<_> = alone.iter().zip(two).map(row).collect();
    bars("Nanoseconds per id, by generator", &axis, &["1 thread", "2 threads"], &rows)
}

fn scaling() -> String {
    let method = Method { runs: 1, pairs: 5, sample_ns: 8_000_000, is_crowded: true };
    let counts = [1, 2, 4, 8, 16, 32, 64_u64];
    let found: Vec<_> = counts.iter().map(|&threads| generators(&method, threads)).collect();
    let series: Vec<Series> = (0..found[0].len())
        .map(|at| Series {
            name: found[0][at].0.to_owned(),
            points: counts
                .iter()
                .zip(&found)
                .map(|(&threads, found)| (as_f64(threads), found[at].1))
                .collect(),
        })
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mark = |&threads: &u64| {
        let star = if threads > cores as u64 { "*" } else { "" };
        (as_f64(threads), format!("{threads}{star}"))
    };
    let x = Axis {
        title: "threads".to_owned(),
        marks: counts.iter().map(mark).collect(),
        is_log: true,
    };
    let values = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let y = Axis::decades("ns per id, all threads together", values);
    let note = format!("* oversubscribed: more threads than the {cores} processors");
    lines("Scaling", &x, &y, &series, &note)
}

fn tail(series: &[Series]) -> String {
    let marks =
        [(1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %"), (5.0, "99.999 %")];
    let x = Axis {
        title: "of all calls take no longer than".to_owned(),
        marks: marks.map(|(at, label)| (at, label.to_owned())).to_vec(),
        is_log: false,
    };
    let values = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let y = Axis::decades("ns of a call, the clock's own reading included", values);
    lines("Tail: segments from a source of 1 to 10 ms", &x, &y, series, "")
}

fn burst() -> String {
    let series = bursts::curves();
    let marks = [0.0, 10.0, 20.0, 30.0, 40.0].map(|thousands| (thousands, format!("{thousands}")));
    let x = Axis { title: "thousand ids".to_owned(), marks: marks.to_vec(), is_log: false };
    let values = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let y = Axis::decades("microseconds since the burst began", values);
    lines("A burst of 40,000 ids, layouts of 4096 a millisecond", &x, &y, &series, "")
}
