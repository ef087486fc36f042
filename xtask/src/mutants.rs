//! `cargo xtask mutants`: plants the defects of `xtask/mutants.toml`, one at a time, and demands
//! that the test named there sees each of them.
//!
//! The project is copied once; defects are planted in the copy, which keeps a target folder of its
//! own, so that only the crates that changed are built anew. Before the first defect of a test
//! program its named tests have to pass: a test that fails anyway catches nothing. A defect that
//! does not build is an error of the list. A test that does not end in time counts as caught, for
//! a program that hangs is not released, and is printed so.

mod list;
mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::root;
use crate::suite::{Length, Outcome, Tally};
use list::{Mutant, Target};
use tree::{Ending, Tree};

/// After this long a test hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of one defect.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// These tests failed, or the whole program did.
    Caught(String),
    Hung,
    Survived,
    /// Not run: no test can see it, and why.
    Blind(String),
    /// The list is wrong.
    Broken(String),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(by) => write!(f, "caught by {by}"),
            Self::Hung => write!(f, "caught: hung for {} s", PATIENCE.as_secs()),
            Self::Survived => f.write_str("SURVIVED"),
            Self::Blind(why) => write!(f, "blind: {why}"),
            Self::Broken(why) => write!(f, "BROKEN: {why}"),
        }
    }
}

/// Plants every defect, or those whose names hold one of `words`; true if all were caught.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn run(words: &[&str]) -> bool {
    match plant_all(words) {
        Ok(fates) => {
            println!("{}", closing(&fates));
            tally(&fates).failed == 0
        }
        Err(reason) => {
            eprintln!("mutants: {reason}");
            false
        }
    }
}

/// The same as a step of the whole suite.
pub(crate) fn outcome(_length: Length) -> Outcome {
    match plant_all(&[]) {
        Ok(fates) if tally(&fates).failed == 0 => Outcome { tally: tally(&fates), reason: None },
        Ok(fates) => Outcome::failed(tally(&fates), closing(&fates)),
        Err(reason) => Outcome::failed(Tally::default(), reason),
    }
}

/// Caught is passed, blind is skipped.
fn tally(fates: &[Fate]) -> Tally {
    let mut tally = Tally::default();
    for fate in fates {
        match fate {
            Fate::Caught(_) | Fate::Hung => tally.passed += 1,
            Fate::Blind(_) => tally.skipped += 1,
            Fate::Survived | Fate::Broken(_) => tally.failed += 1,
        }
    }
    tally
}

fn closing(fates: &[Fate]) -> String {
    let count = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
    format!(
        "{} defects: {} caught, {} survived, {} blind, {} broken entries",
        fates.len(),
        count(|fate| matches!(fate, Fate::Caught(_) | Fate::Hung)),
        count(|fate| matches!(fate, Fate::Survived)),
        count(|fate| matches!(fate, Fate::Blind(_))),
        count(|fate| matches!(fate, Fate::Broken(_))),
    )
}

/// A fate for every defect, printed as it becomes known; targets in turn, to build little.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
fn plant_all(words: &[&str]) -> Result<Vec<Fate>, String> {
    let mut mutants = list::read(root())?;
    mutants
        .retain(|mutant| words.is_empty() || words.iter().any(|word| mutant.name.contains(word)));
    if mutants.is_empty() {
        return Err(format!("no name in {} holds any of {words:?}", list::LIST));
    }
    let tree = Tree::copy(root())?;
    let mut fates = Vec::new();
    let targets: BTreeSet<&Target> = mutants.iter().map(|mutant| &mutant.target).collect();
    for target in targets {
        let of_target: Vec<&Mutant> =
            mutants.iter().filter(|mutant| mutant.target == *target).collect();
        println!("\n--> {target}");
        if of_target.iter().any(|mutant| mutant.blind.is_none()) {
            expect_to_pass(&tree, target, &of_target)?;
        }
        for mutant in of_target {
            let begun = Instant::now();
            let fate = plant(&tree, mutant);
            let seconds = begun.elapsed().as_secs_f64();
            println!("{seconds:>6.1} s  {}: {fate}", mutant.name);
            fates.push(fate);
        }
    }
    println!();
    Ok(fates)
}

/// Without a defect the tests named for this target pass, all of them.
fn expect_to_pass(tree: &Tree, target: &Target, mutants: &[&Mutant]) -> Result<(), String> {
    let seen = || mutants.iter().filter(|mutant| mutant.blind.is_none());
    let mut filters: BTreeSet<&str> =
        seen().filter_map(|mutant| mutant.filter.as_deref()).collect();
    if seen().any(|mutant| mutant.filter.is_none()) {
        filters.clear();
    }
    let filters: Vec<&str> = filters.into_iter().collect();
    let program = tree.build(target).map_err(|error| format!("{target} builds not: {error}"))?;
    match tree.test(&program, target, &filters, 4 * PATIENCE)? {
        Ending::Passed(count) if filters.is_empty() && count > 0 => Ok(()),
        Ending::Passed(count) if count == filters.len() && count > 0 => Ok(()),
        Ending::Passed(count) => Err(format!(
            "{target}: {count} tests ran of {filters:?}; correct the filters in {}",
            list::LIST
        )),
        Ending::Failed(by) => Err(format!("{target} fails without a defect: {by}; mend it first")),
        Ending::Hung => Err(format!("{target} hangs without a defect; mend it first")),
    }
}

fn plant(tree: &Tree, mutant: &Mutant) -> Fate {
    if let Some(why) = &mutant.blind {
        return Fate::Blind(why.clone());
    }
    let ending = tree.with(mutant, || {
        let program = tree.build(&mutant.target)?;
        let filters: Vec<&str> = mutant.filter.as_deref().into_iter().collect();
        tree.test(&program, &mutant.target, &filters, PATIENCE)
    });
    match ending {
        Ok(Ending::Failed(by)) => Fate::Caught(by),
        Ok(Ending::Hung) => Fate::Hung,
        Ok(Ending::Passed(0)) => Fate::Broken("no test has its filter's name".to_owned()),
        Ok(Ending::Passed(_)) => Fate::Survived,
        Err(why) => Fate::Broken(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_caught_passes() {
        let fates = [
            Fate::Caught("a".to_owned()),
            Fate::Hung,
            Fate::Blind("b".to_owned()),
            Fate::Survived,
            Fate::Broken("c".to_owned()),
        ];
        assert_eq!(tally(&fates), Tally { passed: 2, failed: 2, skipped: 1 });
        assert_eq!(closing(&fates), "5 defects: 2 caught, 1 survived, 1 blind, 1 broken entries");
    }
}
