//! `idgen-sim`: runs seeds and tells what they broke.

#![expect(clippy::print_stdout, reason = "the report is this command's output")]

use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use idgen_sim::sweep::{Sum, sweep};
use idgen_sim::{Breach, Breakage, run};

/// Simulates nodes, clocks, registries and stores around the real runtime.
#[derive(Parser)]
struct Arguments {
    /// Run these seeds, A up to and not including B.
    #[arg(long, value_name = "A..B", value_parser = range, required_unless_present = "seed")]
    seeds: Option<Range<u64>>,
    /// Run this seed alone.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Tell what happens in it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plant a defect.
    #[arg(long, value_name = "NAME")]
    breakage: Option<Breakage>,
    /// Run so many seeds at a time, one on each thread; by default as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("'{text}' is no range of seeds; write A..B, for example 0..1000");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let (first, end) = (first.parse().map_err(|_| wrong())?, end.parse().map_err(|_| wrong())?);
    if first < end { Ok(first..end) } else { Err(wrong()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_fine = match (arguments.seed, &arguments.seeds) {
        (Some(seed), _) => one(seed, &arguments),
        (None, Some(seeds)) => many(seeds.clone(), &arguments),
        (None, None) => unreachable!("one of the two is required"),
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, arguments: &Arguments) -> bool {
    let report = run(seed, arguments.breakage, arguments.trace);
    for finding in &report.findings {
        println!("{finding}");
    }
    println!("seed {seed}: {} ids, fingerprint {:016x}", report.ids, report.fingerprint);
    for (what, times) in &report.counts {
        println!("{times:>9} {what}");
    }
    report.findings.is_empty()
}

fn many(seeds: Range<u64>, arguments: &Arguments) -> bool {
    let begun = Instant::now();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or_else(processors, usize::from);
    let sum = sweep(seeds.clone(), jobs, arguments.breakage, tell_progress);
    let seconds = begun.elapsed().as_secs_f64();
    tell_broken(&sum, arguments.breakage);
    for (what, times) in &sum.counts {
        println!("{times:>12} {what}");
    }
    println!(
        "seeds {}..{}: {} seeds, {} ids, {} duplicates, {} other breaches, {} panics; \
         {seconds:.1} s, {:.0} seeds/s on {jobs} threads",
        seeds.start,
        seeds.end,
        sum.seeds,
        sum.ids,
        sum.found(Breach::Duplicate),
        sum.broken.values().flatten().count() - sum.found(Breach::Duplicate),
        sum.panicked.len(),
        sum.seeds as f64 / seconds,
    );
    sum.is_fine()
}

/// A line now and then; none of them is enough.
fn tell_progress(sum: &Sum) -> bool {
    if sum.seeds.is_multiple_of(10_000) {
        println!("{} seeds, {} ids, {} broken so far", sum.seeds, sum.ids, sum.broken.len());
    }
    false
}

/// Of many broken seeds the first few are enough.
const TOLD: usize = 10;

fn tell_broken(sum: &Sum, breakage: Option<Breakage>) {
    use clap::ValueEnum;
    let planted = breakage.and_then(|breakage| breakage.to_possible_value());
    let planted = planted.map_or_else(String::new, |it| format!(" --breakage {}", it.get_name()));
    let replay = |seed| format!("cargo xtask simulate --seed {seed} --trace{planted}");
    for (seed, findings) in sum.broken.iter().take(TOLD) {
        println!("seed {seed} broke a promise; see {}", replay(*seed));
        for finding in findings.iter().take(3) {
            println!("    {finding}");
        }
    }
    for seed in sum.panicked.iter().take(TOLD) {
        println!("seed {seed} panicked; see {}", replay(*seed));
    }
}
