//! Other processes that lease: this very test program, run again for one test.
//!
//! The test asks [`as_child`] first thing, which leases as the job says when there is one and ends
//! the process. Leases are told on standard output, a line each.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_store::{Name, StoreError};

/// Tells a child what to do: URL, sequence, length of each lease, how many or `MS ms`, by line.
const JOB: &str = "IDGEN_TEST_NETWORK_JOB";

/// How long a child waits after the store was unavailable.
const PAUSE: Duration = Duration::from_millis(20);

/// What a child is to lease.
pub(crate) struct Job<'a> {
    pub(crate) url: &'a str,
    pub(crate) name: &'a Name,
    pub(crate) len: u64,
    pub(crate) until: Until,
}

/// When a child has done its work.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this many leases, each at the first try.
    Leases(u64),
    /// After this time, with pauses while the store is unavailable.
    Elapsed(Duration),
}

/// A child at work, and the thread that listens to it.
pub(crate) struct Process {
    child: Child,
    heard: JoinHandle<Vec<String>>,
}

impl Process {
    /// Runs `test` of this program in another process, with its job in a variable; the end of its
    /// name will do.
    pub(crate) fn start(test: &str, variable: &str, job: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // One at a time: of several whose names fit, the first does the job and ends the process.
        command.args([test, "--test-threads=1", "--nocapture"]).env(variable, job);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let heard = std::thread::spawn(move || out.lines().map_while(Result::ok).collect());
        Self { child, heard }
    }

    /// All lines that the child has told.
    pub(crate) fn finish(mut self) -> Vec<String> {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a child failed: {status}");
        self.heard.join().unwrap()
    }
}

/// A child that leases.
pub(crate) struct Worker(Process);

impl Worker {
    /// Runs `test` of this program in another process; the end of its name will do.
    pub(crate) fn start(test: &str, job: &Job<'_>) -> Self {
        let until = match job.until {
            Until::Leases(count) => count.to_string(),
            Until::Elapsed(time) => format!("{} ms", time.as_millis()),
        };
        let text = format!("{}\n{}\n{}\n{until}", job.url, job.name.as_str(), job.len);
        Self(Process::start(test, JOB, &text))
    }

    /// All that the child has leased.
    pub(crate) fn finish(self) -> Vec<IdRange> {
        self.0.finish().iter().filter_map(|line| lease_in(line)).collect()
    }
}

fn lease_in(line: &str) -> Option<IdRange> {
    let numbers = line.strip_prefix("lease ")?.strip_suffix(" .")?;
    let numbers: Vec<u64> = numbers.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [start, step, len] = numbers[..] else { panic!("not three numbers: {line}") };
    Some(IdRange::new(start, step, len).unwrap())
}

/// Does the job if there is one, and ends the process then.
pub(crate) fn as_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let lines: Vec<&str> = job.lines().collect();
    let [url, name, len, until] = lines[..] else { panic!("a job has four lines: {job}") };
    let (name, len) = (Name::new(name).unwrap(), len.parse().unwrap());
    let until = match until.strip_suffix(" ms") {
        Some(ms) => Until::Elapsed(Duration::from_millis(ms.parse().unwrap())),
        None => Until::Leases(until.parse().unwrap()),
    };
    super::wait(work(&Job { url, name: &name, len, until }));
    std::process::exit(0);
}

async fn work(job: &Job<'_>) {
    let store = idgen_store::open(job.url).unwrap().sequences;
    let (began, mut made) = (Instant::now(), 0);
    let more = |made: u64| match job.until {
        Until::Leases(count) => made < count,
        Until::Elapsed(time) => began.elapsed() < time,
    };
    while more(made) {
        match (store.lease(job.name, job.len, 0).await, job.until) {
            (Ok(lease), _) => {
                tell(&lease.range);
                made += 1;
            }
            (Err(StoreError::Unavailable(_)), Until::Elapsed(_)) => {
                tokio::time::sleep(PAUSE).await;
            }
            (Err(error), _) => panic!("{error}"),
        }
    }
}

fn tell(range: &IdRange) {
    tell_line(&format!("lease {} {} {} .", range.start(), range.step(), range.len()));
}

/// Writes a line of its own, whatever the test harness has left on the last one.
pub(crate) fn tell_line(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}
