//! The targets' rows, each candidate paired with its reference.
//!
//! `cargo xtask bench [ROW...]` builds and runs this and keeps the table. A row is one entry of
//! [`ROWS`] and one function that measures one run.

use std::process::ExitCode;

use idgen_benches::{Method, Row, table};

mod bulks;
mod crowds;
mod instructions;
mod segments;
mod snowflakes;
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
    row(16, "shared segment cursor, 8 threads", "fetch_add x 8", 1.3, crowds::cursor_to_bare),
    row(16, "shared segment cursor, 8 threads", "std Mutex", 0.3, crowds::cursor_to_mutex),
    row(16, "shared snowflake, 8 threads", "fetch_add x 8", 1.3, crowds::snowflake_to_bare),
    row(17, "decimal", "itoa", 1.0, texts::decimal),
    row(17, "base32, encoding", "ferroid", 0.6, texts::base32_encode),
    row(17, "base32, decoding", "ferroid", 0.6, texts::base32_decode),
];

const USAGE: &str = "usage: paired [--runs N] [--pairs N] [ROW...] | --count WHAT IDS";

#[expect(clippy::print_stdout, reason = "the table is this program's output")]
fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked = match &words[..] {
        [count, what, ids] if count == "--count" => ids
            .parse()
            .map_err(|_| ids.clone())
            .and_then(|ids| instructions::run(what, ids))
            .map(|()| None),
        _ => read(words.into_iter()).map(Some),
    };
    let (method, numbers) = match asked {
        Ok(Some(read)) => read,
        Ok(None) => return ExitCode::SUCCESS,
        Err(word) => {
            eprintln!("{word:?} is no row and no option; {USAGE}");
            return ExitCode::from(2);
        }
    };
    let rows: Vec<Row> = ROWS
        .iter()
        .filter(|row| numbers.is_empty() || numbers.contains(&row.number))
        .copied()
        .collect();
    if numbers.is_empty() || numbers.contains(&instructions::NUMBER) {
        instructions::table(|line| println!("{line}"));
        println!();
    }
    if !rows.is_empty() {
        table(&rows, &method, |line| println!("{line}"));
    }
    ExitCode::SUCCESS
}

fn read(mut words: impl Iterator<Item = String>) -> Result<(Method, Vec<u8>), String> {
    let (mut method, mut numbers) = (Method::default(), Vec::new());
    while let Some(word) = words.next() {
        match &*word {
            "--runs" => method.runs = count(words.next())?,
            "--pairs" => method.pairs = count(words.next())?,
            number => match number.parse() {
                Ok(number) if is_there(number) => numbers.push(number),
                _ => return Err(word),
            },
        }
    }
    Ok((method, numbers))
}

fn is_there(number: u8) -> bool {
    number == instructions::NUMBER || ROWS.iter().any(|row| row.number == number)
}

fn count(word: Option<String>) -> Result<usize, String> {
    let word = word.unwrap_or_default();
    word.parse().ok().filter(|&count| count > 0).ok_or(word)
}
