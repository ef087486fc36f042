//! The targets' rows, each candidate paired with its reference.
//!
//! `cargo xtask bench [ROW...]` builds and runs this and keeps the table. A row is one entry of
//! [`ROWS`] and one function that measures one run.

use std::path::PathBuf;
use std::process::ExitCode;

use idgen_benches::{Fact, Method, Row, facts, table};

mod bulks;
mod bursts;
mod calls;
mod charts;
mod crowds;
mod idles;
mod instructions;
mod segments;
mod snowflakes;
mod tails;
mod texts;

const fn row(
    number: u8,
    what: &'static str,
    against: &'static str,
    goal: f64,
    run: fn(&Method) -> idgen_benches::Run,
) -> Row {
    Row { number, what, against, goal, ids_per_call: 1, run }
}

const F1: &str = "fetch_add x 1";
const F2: &str = "fetch_add x 2";

const ROWS: &[Row] = &[
    row(1, "shared segment cursor, 1 thread", F1, 1.05, segments::shared_by_one),
    row(2, "shared segment cursor, 2 threads", F2, 1.12, segments::shared_by_two),
    row(2, "shared segment cursor, 2 threads", "CAS cursor", 0.5, segments::shared_by_two_to_cas),
    row(3, "segment handle, 1 thread", F1, 0.08, segments::handle_alone),
    row(4, "segment handles, 2 threads", F2, 0.04, segments::handles_of_two),
    row(5, "shared snowflake, published tick, 1 thread", F1, 1.06, snowflakes::shared_by_one),
    row(6, "shared snowflake, published tick, 2 threads", F2, 1.2, snowflakes::shared_by_two),
    row(
        6,
        "shared snowflake, published tick, 2 threads",
        "ferroid Atomic",
        0.65,
        snowflakes::shared_by_two_to_ferroid,
    ),
    row(7, "shared snowflake, coarse clock, 1 thread", F1, 1.45, snowflakes::coarse),
    row(
        7,
        "shared snowflake, coarse clock, 1 thread",
        "snowid",
        0.35,
        snowflakes::coarse_to_snowid,
    ),
    row(8, "snowflake handle, published tick, 1 thread", F1, 0.12, snowflakes::handle_alone),
    row(
        8,
        "snowflake handle, published tick, 1 thread",
        "ferroid Basic",
        0.55,
        snowflakes::handle_to_ferroid,
    ),
    row(9, "segment cursor, 1024 at once", "plain loop", 1.15, bulks::segment).of_many(1024),
    row(9, "snowflake, 1024 at once", "plain loop", 1.15, bulks::of_snowflake_to_plain)
        .of_many(1024),
    row(9, "snowflake, 1024 at once", "snowid", 1.0, bulks::of_snowflake_to_snowid).of_many(1024),
    row(9, "snowflake, 1024 at once", "snowflake_me", 1.0, bulks::of_snowflake_to_snowflake_me)
        .of_many(1024),
    row(10, "burst of 40,000 in the borrow window", F1, 1.25, bursts::in_window)
        .of_many(bursts::BURST),
    row(16, "shared segment cursor, 8 threads", "fetch_add x 8", 1.3, crowds::cursor_to_bare),
    row(16, "shared segment cursor, 8 threads", "std Mutex", 0.3, crowds::cursor_to_mutex),
    row(16, "shared snowflake, 8 threads", "fetch_add x 8", 1.3, crowds::snowflake_to_bare),
    row(17, "decimal, as bytes", "itoa", 1.0, texts::decimal),
    row(17, "decimal, as str", "itoa", 1.0, texts::decimal_str),
    row(17, "base32 encoding, as bytes", "ferroid", 0.6, texts::base32_encode),
    row(17, "base32 encoding, as str", "ferroid", 0.6, texts::base32_encode_str),
    row(17, "base32 decoding", "ferroid", 0.6, texts::base32_decode),
];

const fn fact(
    number: u8,
    what: &'static str,
    goal: &'static str,
    find: fn() -> (String, bool),
) -> Fact {
    Fact { number, what, goal, find }
}

const FACTS: &[Fact] = &[
    #[cfg(target_feature = "avx2")]
    fact(9, "1024 at once, ns per id, built for x86-64-v3", "<= 0.05", bulks::nanos),
    fact(10, "full load, layout of 4096 a ms", ">= 99 %, no stall above 1 ms", bursts::sustained),
    fact(12, "published tick, idle", "no wake-ups", idles::tick),
    fact(12, "runtime with a sequence in hand, idle", "no wake-ups", idles::runtime),
    fact(13, "next_id from C, by an empty call + 1.1 F1", "<= 1.0", calls::next),
    fact(13, "handle from C, by an empty call", "<= 1.1", calls::handle),
    fact(13, "fill of 64 from C, per id by an empty call", "<= 0.12", calls::fill),
    fact(15, "p99.99 by an empty call's", "30 ns more, nobody waits", tails::find),
];

const USAGE: &str = "usage: paired [--runs N] [--pairs N] [--plots FOLDER] [ROW...] \
                     | --count WHAT IDS | --budgets";

/// What was asked for on the command line.
#[derive(Default)]
struct Asked {
    method: Method,
    plots: Option<PathBuf>,
    /// All, if there are none.
    numbers: Vec<u8>,
}

impl Asked {
    fn wants(&self, number: u8) -> bool {
        self.numbers.is_empty() || self.numbers.contains(&number)
    }
}

fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let done = match &words[..] {
        [budgets] if budgets == "--budgets" => return hold_to_budgets(),
        [count, what, ids] if count == "--count" => {
            ids.parse().map_err(|_| ids.clone()).and_then(|ids| instructions::run(what, ids))
        }
        _ => read(words.into_iter()).and_then(|asked| measure(&asked)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(word) => {
            eprintln!("{word:?} is no row and no option; {USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The gate: fails if a count is past its budget, or could not be had.
#[expect(clippy::print_stdout, reason = "the tables are this program's output")]
fn hold_to_budgets() -> ExitCode {
    let objections = instructions::table(|line| println!("{line}"));
    for objection in &objections {
        eprintln!("{objection}");
    }
    if objections.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the tables are this program's output")]
fn measure(asked: &Asked) -> Result<(), String> {
    if asked.wants(instructions::NUMBER) {
        // Shown, not judged: the table says which are missed.
        let _objections = instructions::table(|line| println!("{line}"));
        println!();
    }
    // Before any ratio: the clock that ferroid starts then wakes every millisecond for ever.
    let found: Vec<Fact> = FACTS.iter().filter(|fact| asked.wants(fact.number)).copied().collect();
    if !found.is_empty() {
        facts(&found, |line| println!("{line}"));
        println!();
    }
    let tail = asked.plots.is_some().then(tails::curves);
    let rows: Vec<Row> = ROWS.iter().filter(|row| asked.wants(row.number)).copied().collect();
    if !rows.is_empty() {
        table(&rows, &asked.method, |line| println!("{line}"));
    }
    if let (Some(folder), Some(tail)) = (&asked.plots, tail) {
        println!();
        charts::draw(folder, &tail, |line| println!("{line}"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(())
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        match &*word {
            "--runs" => asked.method.runs = count(words.next())?,
            "--pairs" => asked.method.pairs = count(words.next())?,
            "--plots" => asked.plots = Some(words.next().ok_or(word)?.into()),
            number => match number.parse() {
                Ok(number) if is_there(number) => asked.numbers.push(number),
                _ => return Err(word),
            },
        }
    }
    Ok(asked)
}

fn is_there(number: u8) -> bool {
    let numbers = ROWS.iter().map(|row| row.number).chain(FACTS.iter().map(|fact| fact.number));
    numbers.chain([instructions::NUMBER]).any(|there| there == number)
}

fn count(word: Option<String>) -> Result<usize, String> {
    let word = word.unwrap_or_default();
    word.parse().ok().filter(|&count| count > 0).ok_or(word)
}
