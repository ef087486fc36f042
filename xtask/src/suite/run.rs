//! Running one step: its output streams through and is counted on the way.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use super::tally::Tally;

/// How a step went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// Why the step failed or was not run, in words.
    pub(crate) reason: Option<String>,
}

impl Outcome {
    pub(crate) fn of_check(checked: Result<(), String>) -> Self {
        match checked {
            Ok(()) => Self { tally: Tally::default(), reason: None },
            Err(reason) => Self::failed(Tally::default(), reason),
        }
    }

    pub(crate) fn skipped(reason: String) -> Self {
        Self { tally: Tally { skipped: 1, ..Tally::default() }, reason: Some(reason) }
    }

    /// A failure counts at least once, whatever the step itself has counted.
    pub(crate) fn failed(mut tally: Tally, reason: String) -> Self {
        tally.failed = tally.failed.max(1);
        Self { tally, reason: Some(reason) }
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.tally.failed == 0 && self.reason.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, self.tally) {
            (Some(reason), tally) if tally.failed > 0 => write!(f, "FAILED ({reason}; {tally})"),
            (Some(reason), _) => write!(f, "skipped ({reason})"),
            (None, tally) if tally == Tally::default() => f.write_str("ok"),
            (None, tally) => write!(f, "ok ({tally})"),
        }
    }
}

/// Runs a command, lets its output through line by line and adds up what its tests report.
pub(crate) fn stream(command: Command) -> Outcome {
    announce(&command);
    stream_to(command, &mut std::io::stdout())
}

fn stream_to(mut command: Command, shown: &mut impl Write) -> Outcome {
    let mut child = match command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.get_program().to_string_lossy().into_owned();
            let reason = format!("{program} does not start: {error}; is it installed?");
            return Outcome::failed(Tally::default(), reason);
        }
    };
    let counted =
        child.stdout.take().map_or_else(|| Ok(Tally::default()), |output| through(output, shown));
    let (tally, status) = match (counted, child.wait()) {
        (Ok(tally), Ok(status)) => (tally, status),
        (Err(error), _) | (_, Err(error)) => {
            return Outcome::failed(Tally::default(), format!("its output was lost: {error}"));
        }
    };
    if status.success() && tally.failed == 0 {
        Outcome { tally, reason: None }
    } else {
        Outcome::failed(tally, status.to_string())
    }
}

/// Shows the command so that it can be copied and run alone.
#[expect(clippy::print_stdout, reason = "the report is this command's output")]
pub(crate) fn announce(command: &Command) {
    let mut words = Vec::new();
    for (key, value) in command.get_envs() {
        let value = value.map(|value| value.to_string_lossy().into_owned());
        words.extend(value.map(|value| format!("{}={value:?}", key.to_string_lossy())));
    }
    words.push(command.get_program().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    println!("{}", words.join(" "));
}

fn through(output: impl Read, shown: &mut impl Write) -> std::io::Result<Tally> {
    let (mut tally, mut line) = (Tally::default(), Vec::new());
    let mut output = BufReader::new(output);
    while output.read_until(b'\n', &mut line)? > 0 {
        shown.write_all(&line)?;
        shown.flush()?;
        tally.add(Tally::of_line(String::from_utf8_lossy(&line).trim_end()));
        line.clear();
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script; what it prints is returned, so that no one counts it as ours.
    fn shell(script: &str) -> (Outcome, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut shown = Vec::new();
        let outcome = stream_to(command, &mut shown);
        (outcome, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn counts_what_streams_through() {
        let (outcome, shown) = shell(
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; echo noise; \
             echo 'test result: ok. 3 passed; 0 failed; 1 ignored'",
        );
        assert!(outcome.is_ok());
        assert_eq!(shown.lines().count(), 3, "all of it streams through");
        assert_eq!(outcome.tally, Tally { passed: 5, failed: 0, skipped: 1 });
    }

    #[test]
    fn a_failure_without_counted_tests_counts_once() {
        let (outcome, _) = shell("exit 3");
        assert_eq!(outcome.tally.failed, 1);
        assert!(outcome.to_string().starts_with("FAILED (exit status: 3"), "{outcome}");
        assert_eq!(shell("kill -9 $$").0.tally.failed, 1);
    }

    #[test]
    fn a_crash_after_passing_tests_fails_the_step() {
        let (outcome, _) = shell("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; exit 101");
        assert_eq!(outcome.tally, Tally { passed: 2, failed: 1, skipped: 0 });
    }

    #[test]
    fn failed_tests_are_not_counted_twice() {
        let (outcome, _) =
            shell("echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'; exit 101");
        assert_eq!(outcome.tally, Tally { passed: 1, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_missing_program_fails_and_says_so() {
        let outcome = stream_to(Command::new("no-such-program-of-idgen"), &mut Vec::new());
        assert!(outcome.to_string().contains("is it installed?"), "{outcome}");
        assert_eq!(outcome.tally.failed, 1);
    }

    #[test]
    fn what_is_skipped_is_counted_and_not_ok() {
        let outcome = Outcome::skipped("no such package".to_owned());
        assert_eq!(outcome.tally, Tally { passed: 0, failed: 0, skipped: 1 });
        assert!(!outcome.is_ok());
    }
}
