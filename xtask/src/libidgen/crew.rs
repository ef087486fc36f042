//! Jobs of a few commands each, on all processors at once.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::suite::{Outcome, Tally};

/// What has to show that a job went well, beside that each command succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// The line `test result:` of a program that passed a test at least.
    Tests,
    /// Anything at all: it counts as one test.
    Words,
}

/// Commands that follow one another, each only if the one before succeeded.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) commands: Vec<Command>,
    pub(super) shows: Shows,
}

/// How a job went.
struct Done {
    outcome: Outcome,
    said: String,
}

/// Does all jobs and returns how they went together, and all that they said.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(super) fn work(jobs: Vec<Job>) -> (Outcome, String) {
    let (queue, results) = (Mutex::new(VecDeque::from(jobs)), Mutex::new(Vec::new()));
    let hands = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                while let Some(job) = next(&queue) {
                    let name = job.name.clone();
                    let done = perform(job);
                    println!("{name}: {}", done.outcome);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((name, done));
                }
            });
        }
    });
    let (mut total, mut failed, mut said) = (Tally::default(), Vec::new(), String::new());
    for (name, done) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        total.add(done.outcome.tally);
        said += &done.said;
        if done.outcome.reason.is_some() {
            println!("\n{name} said:\n{}", done.said);
            failed.push(name);
        }
    }
    let outcome = match failed.is_empty() {
        true => Outcome { tally: total, reason: None },
        false => Outcome::failed(total, failed.join(", ")),
    };
    (outcome, said)
}

fn next(queue: &Mutex<VecDeque<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn perform(job: Job) -> Done {
    let (mut said, mut tally) = (String::new(), Tally::default());
    for mut command in job.commands {
        let output = match command.stdin(Stdio::null()).output() {
            Ok(output) => output,
            Err(error) => {
                let program = command.get_program().to_string_lossy();
                let reason = format!("{program} does not start: {error}; is it installed?");
                return Done { outcome: Outcome::failed(tally, reason), said };
            }
        };
        let told = String::from_utf8_lossy(&output.stdout);
        for line in told.lines() {
            tally.add(Tally::of_line(line));
        }
        said += &told;
        said += &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || tally.failed > 0 {
            let reason = format!("{command:?} ended with {}", output.status);
            return Done { outcome: Outcome::failed(tally, reason), said };
        }
    }
    let outcome = match job.shows {
        Shows::Tests if tally.passed == 0 => {
            Outcome::failed(tally, "it reported no test".to_owned())
        }
        Shows::Words if said.trim().is_empty() => {
            Outcome::failed(tally, "it showed nothing".to_owned())
        }
        Shows::Tests => Outcome { tally, reason: None },
        Shows::Words => {
            Outcome { tally: Tally { passed: tally.passed + 1, ..tally }, reason: None }
        }
    };
    Done { outcome, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(shows: Shows, scripts: &[&str]) -> Job {
        let shell = |script: &&str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        Job { name: "planted".to_owned(), commands: scripts.iter().map(shell).collect(), shows }
    }

    const PASSES: &str = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";

    #[test]
    fn tests_are_counted_and_what_was_said_is_kept() {
        let jobs = vec![job(Shows::Tests, &["true", PASSES]), job(Shows::Words, &["echo id 7"])];
        let (outcome, said) = work(jobs);
        assert_eq!(outcome.tally, Tally { passed: 3, ..Tally::default() });
        assert!(outcome.is_ok() && said.contains("id 7"), "{said}");
    }

    #[test]
    fn a_job_that_fails_or_shows_nothing_is_told() {
        let failing = "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 1";
        let lying = "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'";
        for scripts in
            [&[failing][..], &[lying], &["false", PASSES], &[PASSES, "exit 9"], &["true"]]
        {
            let (outcome, _) = work(vec![job(Shows::Tests, scripts)]);
            assert!(!outcome.is_ok(), "{scripts:?}");
            assert_eq!(outcome.reason.as_deref(), Some("planted"));
        }
        assert!(!work(vec![job(Shows::Words, &["true"])]).0.is_ok());
        let absent = Command::new("no-such-program-of-idgen");
        let absent = Job { commands: vec![absent], ..job(Shows::Words, &[]) };
        assert!(!work(vec![absent]).0.is_ok());
    }
}
