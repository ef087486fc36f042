//! Processes that outlive the command which started them.
//!
//! A process is known by its id *and* the time it started at, in clock ticks since the system
//! booted: a process id alone comes back. Nothing is signalled that does not match both.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use crate::suite;

/// The user and group that servers run as when this runs as root: several refuse to be root.
/// `nobody` by Debian's numbers.
pub(super) const NOBODY: u32 = 65_534;

/// How long a process may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// One process, and no later one with the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// Clock ticks from the start of the system to that of the process.
    pub(super) started: u64,
}

impl Identity {
    /// That of a process that runs now.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self { pid, started: started(&stat)? })
    }

    pub(super) fn is_running(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal (`TERM`, `KILL`, ...) and waits for the end; kills what does not end in time.
    ///
    /// # Errors
    ///
    /// The process still runs although it was killed.
    pub(super) fn end(self, signal: &str) -> Result<(), String> {
        for signal in [signal, "KILL"] {
            if !self.is_running() {
                return Ok(());
            }
            send(self.pid, signal);
            if waits(PATIENCE, || !self.is_running()) {
                return Ok(());
            }
        }
        Err(format!("process {} does not end; see `ps -p {0}`, end it by hand", self.pid))
    }
}

/// The start time in a line of `/proc/PID/stat`, if the process is more than a corpse that nobody
/// has waited for.
fn started(stat: &str) -> Option<u64> {
    // The name of the program stands in brackets and may hold blanks and brackets.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    // Field 22 of the line; the state is field 3.
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

/// Whether `kill` could send it is seen in what happens to the process. It is built into every
/// shell, while the program is in a package of its own.
fn send(pid: u32, signal: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid.to_string()]);
    let _ = shell.stderr(Stdio::null()).status();
}

/// Waits until something holds; tells whether it came to hold in time.
pub(super) fn waits(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Words as a command of the unprivileged user, if this runs as root, in the given folder.
fn unprivileged(words: &[String], folder: &Path) -> Command {
    let (program, arguments) = words.split_first().expect("a command has a program");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    if suite::is_root() {
        command.uid(NOBODY).gid(NOBODY).env("HOME", folder);
    }
    command
}

/// Starts the words behind it, tells their process, and stays to see the end, which it notes.
const KEEPER: &str = "\"$@\" >&2 & echo $!; exec >&2; wait $!; echo \"ended with status $?\"";

/// Starts a server apart from this command's terminal; what it prints is added to `log`.
///
/// Its parent is a shell that waits for it. Without one a killed server would be a corpse until
/// the first process of the system looks, and PostgreSQL does not start beside its own corpse.
///
/// # Errors
///
/// The program does not start or ends at once, or its log cannot be written.
pub(super) fn spawn(words: &[String], folder: &Path, log: &Path) -> Result<Identity, String> {
    let file = File::options().create(true).append(true).open(log);
    let file = file.map_err(|error| format!("{}: {error}", log.display()))?;
    let mut shell = ["sh", "-c", KEEPER, "keeper"].map(str::to_owned).to_vec();
    shell.extend_from_slice(words);
    let mut command = unprivileged(&shell, folder);
    command.stdout(Stdio::piped()).stderr(file).process_group(0);
    let mut keeper = command.spawn().map_err(|error| format!("sh does not start: {error}"))?;
    let mut told = String::new();
    if let Some(output) = keeper.stdout.take() {
        let _ = BufReader::new(output).read_line(&mut told);
    }
    let identity = told.trim().parse().ok().and_then(Identity::of);
    identity.ok_or_else(|| format!("{} ended at once; {}", words[0], end_of(log)))
}

/// The end of a log, in words.
pub(super) fn end_of(log: &Path) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    format!("the end of its log:\n  {}", tail(&String::from_utf8_lossy(&said)))
}

/// Runs a command to its end, with `input` as its standard input.
///
/// # Errors
///
/// The command fails: its name and what it said.
pub(super) fn complete(words: &[String], folder: &Path, input: &Path) -> Result<(), String> {
    let mut command = unprivileged(words, folder);
    let opened = File::open(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let ran = command.stdin(opened).output();
    said(&words[0], &ran.map_err(|error| format!("{} does not start: {error}", words[0]))?)
}

fn said(program: &str, output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    Err(format!("{program} failed ({}): {}", output.status, tail(&String::from_utf8_lossy(&all))))
}

/// The last lines of a log, where the reason of an end is.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    #[test]
    fn reads_the_start_behind_any_name() {
        let rest = "S 1 9 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 10";
        assert_eq!(started(&format!("9 (redis) {rest}")), Some(4711));
        assert_eq!(started(&format!("9 (a) Z 1) (b) {rest}")), Some(4711));
        assert_eq!(started(&format!("9 (redis) {}", rest.replace('S', "Z"))), None, "a corpse");
        for broken in ["", "9 (redis", "9 (redis) S 1 2"] {
            assert_eq!(started(broken), None, "{broken}");
        }
    }

    #[test]
    fn ends_what_it_knows_and_nothing_with_the_same_id() {
        let mut child = sleeper();
        let known = Identity::of(child.id()).unwrap();
        let recycled = Identity { started: known.started + 1, ..known };
        assert!(known.is_running() && !recycled.is_running());
        recycled.end("KILL").unwrap();
        assert_eq!(child.try_wait().unwrap(), None, "another process was hit");
        known.end("TERM").unwrap();
        assert!(!known.is_running(), "a corpse counts as ended");
        assert!(!child.wait().unwrap().success());
        assert_eq!(Identity::of(known.pid), None);
    }

    #[test]
    fn kills_what_is_deaf_to_a_signal() {
        let mut child = sleeper();
        let known = Identity::of(child.id()).unwrap();
        send(known.pid, "CONT");
        assert!(known.is_running(), "that signal ends nothing");
        known.end("KILL").unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_spawned_server_leaves_no_corpse_and_its_end_is_noted() {
        let folder = std::env::temp_dir();
        let log = folder.join(format!("idgen-spawn-{}.log", std::process::id()));
        let words = |script: &str| ["sh", "-c", script].map(str::to_owned);
        let server = spawn(&words("echo out; echo err >&2; exec sleep 60"), &folder, &log).unwrap();
        assert!(server.is_running());
        server.end("KILL").unwrap();
        let stat = format!("/proc/{}/stat", server.pid);
        assert!(waits(PATIENCE, || !Path::new(&stat).exists()), "a corpse is left");
        assert!(waits(PATIENCE, || end_of(&log).contains("status 137")), "{}", end_of(&log));
        assert!(end_of(&log).contains("out") && end_of(&log).contains("err"));
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn what_fails_says_why() {
        let words = ["sh", "-c", "cat; echo the reason >&2; exit 3"].map(str::to_owned);
        let empty = Path::new("/dev/null");
        let error = complete(&words, Path::new("/"), empty).unwrap_err();
        assert!(error.contains("sh failed") && error.contains("the reason"), "{error}");
        let words = ["no-such-program-of-idgen".to_owned()];
        assert!(complete(&words, Path::new("/"), empty).unwrap_err().contains("does not start"));
    }
}
